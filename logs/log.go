package logs

import (
	"io/fs"
	"os"
	"sync"
	"time"
)

// Log writes the files of one container.
type Log struct {
	path string

	mu      sync.Mutex
	lim     Limits
	file    *os.File    // nil: not open; tried again with the next write
	info    fs.FileInfo // of file, to see that it is still the one at path
	size    int64       // of file
	torn    bool        // file may end within an entry
	looked  time.Time   // when size and info were last compared with the disk
	last    time.Time   // timestamp of the newest entry
	open    [2]*Stream  // by source: whose line has begun and not ended in the file
	dropped Dropped
	untold  Dropped   // of dropped, what no marker in the file tells yet
	cause   error     // why
	stuck   error     // why the last rotation failed
	retry   time.Time // when to try the next one
}

// someone stands in Log.open for a stream that has ended, or is of a process
// before this one.
var someone = new(Stream)

// Open prepares the log of a container; dir is made when it is missing. It
// does not touch the disk: as with all of a Log, what the disk refuses is
// tried again, and what could not be written is in Dropped.
func Open(dir, name string, lim Limits) *Log {
	return &Log{path: Path(dir, name), lim: lim.orDefault()}
}

// SetLimits changes the limits. They are kept from the next write on.
func (l *Log) SetLimits(lim Limits) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lim = lim.orDefault()
}

// Dropped is what was lost since Open.
func (l *Log) Dropped() Dropped {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}

// Close closes the file. Streams are to be ended before; what is written to
// one afterwards opens the file again.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closeFile()
}

func (l *Log) closeFile() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file, l.info = nil, nil
	return err
}

// abandon notes that nobody will go on with the line that s has begun.
func (l *Log) abandon(s *Stream) {
	if i := s.from.index(); l.open[i] == s {
		l.open[i] = someone
	}
}

// ready opens the file, or opens it anew if it was removed by somebody.
func (l *Log) ready(now time.Time) error {
	if l.file != nil && now.Sub(l.looked).Abs() >= lookEvery {
		l.look()
		l.looked = now
	}
	if l.file != nil {
		return nil
	}
	l.looked = now
	return l.openFile()
}

// lookEvery is how long output may go to a file that was removed.
const lookEvery = time.Second

// look closes a file that is not at its path any more, and learns the size of
// one that somebody has truncated.
func (l *Log) look() {
	there, err := os.Stat(l.path)
	if err != nil || !os.SameFile(there, l.info) {
		_ = l.closeFile() // nothing is buffered: nothing can be lost
		return
	}
	l.size = there.Size()
}

// openFile opens the current file, and mends its end if the process that wrote
// it was interrupted.
func (l *Log) openFile() error {
	file, err := openAppend(l.path)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return err
	}
	l.file, l.info, l.size = file, info, info.Size()
	end := lookBack(l.path)
	l.torn = end.torn > 0
	if end.torn > 0 && !end.worth {
		l.truncate(l.size - end.torn)
	}
	if end.last.After(l.last) {
		l.last = end.last
	}
	for i, open := range end.open {
		if open && l.open[i] == nil {
			l.open[i] = someone
		}
	}
	return nil
}

// truncate cuts off an entry that was written in part.
func (l *Log) truncate(size int64) {
	if os.Truncate(l.path, size) == nil {
		l.size, l.torn = size, false
	}
}

// mend ends an entry of the open file that was written in part.
func (l *Log) mend() error {
	if !l.torn {
		return nil
	}
	n, err := l.file.Write([]byte("\n"))
	l.size += int64(n)
	l.torn = err != nil
	return err
}
