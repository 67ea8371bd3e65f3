package logs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Query says what to read. The zero value is everything that is there.
type Query struct {
	Tail   int       // at most so many lines, the newest; 0: all, below 0: none (with Follow: only what is new)
	Since  time.Time // lines of this time or after; zero: from the beginning
	Until  time.Time // lines before this time; zero: to the end
	Source Source    // only this one; "": both
	Follow bool      // go on with what is written later, until the context ends
	// Idle is called, if it is not nil, when there is nothing more to give for
	// now: emit may have buffered. Its error ends the reading.
	Idle func() error
}

// wants tells whether a line of this time and source is asked for.
func (q *Query) wants(at time.Time, from Source) bool {
	return (q.Source == "" || q.Source == from) && !q.tooOld(at) && (q.Until.IsZero() || at.Before(q.Until))
}

func (q *Query) tooOld(at time.Time) bool { return !q.Since.IsZero() && at.Before(q.Since) }

// Line is one line that a program wrote.
type Line struct {
	At      time.Time // when its end was written; zero if that is not known
	From    Source
	Text    []byte // without the newline; valid until emit returns
	Partial bool   // there is no newline (yet): the program may have ended so
	Rest    bool   // goes on with the last line of this source, which was Partial
}

// Read calls emit with the lines of a container's log, oldest first; the parts
// of long lines are joined, up to 1 MiB. With Tail, the files are read from
// their end: it costs what it shows, not what is there.
//
// Rotation and removal of the files while they are read lose and repeat
// nothing, as long as the reader is not slower than all files take to be
// replaced. Lines that are not in the CRI log format are given as they are, as
// of Stdout. A line without its newline in the file is not there yet.
//
// It returns an error that wraps fs.ErrNotExist if there is no log and Follow
// is not set, the error of emit if there was one, and otherwise nil or the
// error of the context.
func Read(ctx context.Context, dir, name string, q Query, emit func(Line) error) error {
	r := &reader{path: Path(dir, name), q: q, emit: emit}
	defer r.close()
	err := r.run(ctx)
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return fmt.Errorf("read log of %s: %w", name, err)
	}
	return err
}

// reader reads one log.
type reader struct {
	path string
	q    Query
	emit func(Line) error

	queue []*scanner // files to be read, oldest first
	skip  int        // so many lines are before those that Tail asks for
	last  time.Time  // timestamp of the newest entry that was read
	held  [2]held    // by source: the line that has begun and not ended
}

// held is a line that has begun and not ended.
type held struct {
	text []byte
	at   time.Time
	rest bool // a part of it was given
}

func (r *reader) close() {
	closeAll(r.queue)
}

func (r *reader) run(ctx context.Context) error {
	files, err := r.openAll(nil)
	if err != nil {
		return err
	}
	if len(files) == 0 && !r.q.Follow {
		return &fs.PathError{Op: "open", Path: r.path, Err: fs.ErrNotExist}
	}
	r.queue = files
	if err := r.seek(); err != nil {
		return err
	}
	for len(r.queue) > 1 {
		if err := r.drain(ctx); err != nil {
			return err
		}
		r.next()
	}
	if r.q.Follow {
		return r.follow(ctx)
	}
	if err := r.drain(ctx); err != nil {
		return err
	}
	if err := r.release(); err != nil {
		return err
	}
	return r.idle()
}

func (r *reader) idle() error {
	if r.q.Idle == nil {
		return nil
	}
	return r.q.Idle()
}

// next goes on with the next file.
func (r *reader) next() {
	_ = r.queue[0].file.Close()
	r.queue = r.queue[1:]
}

// drain gives the lines of the first file, up to its end of now.
func (r *reader) drain(ctx context.Context) error {
	for {
		line, err := r.queue[0].next()
		if err != nil || line == nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.take(parse(line)); err != nil {
			return err
		}
	}
}

// take adds one entry to its line, and gives the line when it has ended.
func (r *reader) take(e entry) error {
	if e.foreign {
		e.at = r.last
	}
	r.last = e.at
	h := &r.held[e.from.index()]
	if e.partial {
		h.text, h.at = append(h.text, e.text...), e.at
		if len(h.text) < maxLine {
			return nil
		}
		return r.part(e.from)
	}
	text := e.text
	if len(h.text) > 0 {
		text = append(h.text, text...)
	}
	line := Line{At: e.at, From: e.from, Text: text, Rest: h.rest}
	h.text, h.rest = h.text[:0], false
	return r.give(line)
}

// part gives what there is of a line that has not ended.
func (r *reader) part(from Source) error {
	h := &r.held[from.index()]
	line := Line{At: h.at, From: from, Text: h.text, Rest: h.rest, Partial: true}
	h.text, h.rest = nil, true
	return r.give(line)
}

// release gives what there is of all lines that have not ended.
func (r *reader) release() error {
	for _, from := range sources {
		if len(r.held[from.index()].text) > 0 {
			if err := r.part(from); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *reader) give(l Line) error {
	if !r.q.wants(l.At, l.From) {
		return nil
	}
	if r.skip > 0 {
		if !l.Partial {
			r.skip--
		}
		return nil
	}
	return r.emit(l)
}
