package logs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// batch gathers entries of one moment and one stream, to write them at once.
type batch struct {
	log    *Log
	stream *Stream
	clock  time.Time // what the clock says
	now    time.Time // the timestamp: the clock, unless it was set back
	head   []byte
	buf    []byte
	before [2]*Stream // Log.open as it was before buf
	failed error      // why nothing can be written now
}

// batchSize is how much is written at once.
const batchSize = 128 << 10

var batches = sync.Pool{New: func() any {
	return &batch{buf: make([]byte, 0, batchSize), head: make([]byte, 0, 48)}
}}

// batch begins to write at a moment; what was dropped before is told first.
func (l *Log) batch(now time.Time, s *Stream) *batch {
	b := batches.Get().(*batch)
	b.log, b.stream, b.clock = l, s, now
	b.failed = l.ready(now)
	b.before = l.open
	b.stamp()
	if b.failed == nil && l.untold.Bytes > 0 {
		b.tell()
	}
	return b
}

// stamp sets the timestamp. Within a file it never goes back.
func (b *batch) stamp() {
	b.now = b.clock
	if b.now.Before(b.log.last) {
		b.now = b.log.last
	}
	b.head = appendHead(b.head[:0], b.now, b.stream.from)
}

// end writes what is left, and gives the batch back.
func (b *batch) end() {
	b.flush()
	b.log, b.stream, b.failed, b.before = nil, nil, nil, [2]*Stream{}
	batches.Put(b)
}

// entry adds one entry of the stream, its content in two pieces.
func (b *batch) entry(tag byte, x, y []byte) {
	l, i := b.log, b.stream.from.index()
	if l.open[i] != nil && l.open[i] != b.stream {
		b.finish(b.stream.from)
	}
	need := len(b.head) + 3 + len(x) + len(y)
	b.room(need)
	if len(b.buf)+need > cap(b.buf) {
		b.flush()
	}
	if b.failed != nil {
		l.drop(int64(len(x)+len(y)), tag, b.failed)
		l.abandon(b.stream)
		return
	}
	b.buf = appendEntry(b.buf, b.head, tag, x, y)
	l.open[i] = nil
	if tag == tagPartial {
		l.open[i] = b.stream
	}
}

// room begins a new file if the current one has no room for so many bytes.
func (b *batch) room(need int) {
	l := b.log
	size := l.size + int64(len(b.buf))
	if b.failed != nil || size == 0 || size+int64(need) <= l.lim.MaxSize || !l.mayRotate(size) {
		return
	}
	b.flush()
	if b.failed != nil {
		return
	}
	if err := l.rotate(b.clock); err == nil {
		b.stamp()
	} else if l.file == nil || size+int64(need) > 2*l.lim.MaxSize {
		b.failed = err // a file that cannot be moved away may still not fill the disk
	}
}

// maxExtra bounds how far a file may grow above its size to keep the parts of
// a long line together.
const maxExtra = 1 << 20

// mayRotate tells whether a file may end here: not within a line, if its rest
// may be expected soon.
func (l *Log) mayRotate(size int64) bool {
	for _, s := range l.open {
		if s != nil && s != someone && size < l.lim.MaxSize+min(maxExtra, l.lim.MaxSize/4) {
			return false
		}
	}
	return true
}

// finish ends the line of another run that has no end, so that ours is not
// taken for its rest.
func (b *batch) finish(from Source) {
	b.flush()
	b.own(from, "")
	if b.failed == nil {
		b.log.open[from.index()] = nil
	}
	b.before = b.log.open
}

// own writes a line that is not of the stream, but ours.
func (b *batch) own(from Source, text string) {
	if b.failed == nil {
		entry := appendEntry(nil, appendHead(nil, b.now, from), tagFull, []byte(text), nil)
		_, b.failed = b.write(entry)
	}
}

// tell writes the marker that says what is missing in this place.
func (b *batch) tell() {
	l := b.log
	text := fmt.Sprintf("hcs-reconcile: %d bytes in %d lines of output were not written here: %v", l.untold.Bytes, l.untold.Lines, plain(l.cause))
	b.room(len(text))
	if b.failed == nil && l.stuck != nil && l.size > l.lim.MaxSize {
		b.failed = l.stuck // else each short line that still fits would be told of
	}
	if l.open[Stderr.index()] != nil {
		b.finish(Stderr)
	}
	b.own(Stderr, text)
	if b.failed == nil {
		l.untold, l.cause = Dropped{}, nil
	}
}

// plain is the cause in an error of the file system, without our paths.
func plain(err error) error {
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		return path.Err
	}
	if link := (*os.LinkError)(nil); errors.As(err, &link) {
		return link.Err
	}
	return err
}

// flush writes the entries; those that the disk does not take are dropped.
func (b *batch) flush() {
	if len(b.buf) == 0 {
		return
	}
	if kept, err := b.write(b.buf); err != nil {
		b.lost(kept, err)
		b.failed = err
	}
	b.buf = b.buf[:0]
	b.before = b.log.open
}

// lost counts the entries of the buffer from an offset on, and finds out which
// lines are open in the file now.
func (b *batch) lost(kept int, cause error) {
	l := b.log
	l.open = b.before
	for at := 0; at < len(b.buf); {
		end := at + bytes.IndexByte(b.buf[at:], '\n') + 1
		content := end - at - len(b.head) - 3
		tag := b.buf[at+len(b.head)]
		i := b.stream.from.index()
		switch {
		case at >= kept:
			l.drop(int64(content), tag, cause)
		case tag == tagPartial:
			l.open[i] = b.stream
		default:
			l.open[i] = nil
		}
		at = end
	}
	// The rest of an open line is lost, or comes after what is lost.
	l.abandon(b.stream)
}

// drop counts an entry that was not written.
func (l *Log) drop(content int64, tag byte, cause error) {
	if tag == tagFull {
		content++
		l.dropped.Lines++
		l.untold.Lines++
	}
	l.dropped.Bytes += content
	l.untold.Bytes += content
	l.cause = cause
}

// write appends whole entries to the file, and returns how many bytes of them
// stand there whole. After an error the file still ends with a whole entry, if
// that can be had.
func (b *batch) write(entries []byte) (kept int, err error) {
	l := b.log
	if err := l.mend(); err != nil {
		return 0, err
	}
	n, err := l.file.Write(entries)
	l.size += int64(n)
	if n > 0 {
		l.last = b.now
	}
	kept = bytes.LastIndexByte(entries[:n], '\n') + 1
	if n > kept {
		l.torn = true
		l.truncate(l.size - int64(n-kept))
	}
	return kept, err
}
