package logs

import (
	"bytes"
	"io"
	"time"
)

// Stream is one output of one run of a container: what is written to it
// becomes lines of the log. It may be used by many goroutines, though the
// order of their bytes is then theirs to care for.
type Stream struct {
	log     *Log
	from    Source
	pending []byte // of a line that has not ended yet; at most maxContent
}

var _ io.Writer = (*Stream)(nil)

// Stream begins one output of a run. End it when the run has ended.
func (l *Log) Stream(from Source) *Stream { return &Stream{log: l, from: from} }

// Write adds output. It never fails: what the disk does not take is dropped
// and counted. A line is in the file when its end has been written, or 16 KiB
// of it; p may be used again when Write returns.
func (s *Stream) Write(p []byte) (int, error) {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	b := s.log.batch(time.Now(), s)
	s.add(b, p)
	b.end()
	return len(p), nil
}

// Flush puts what has been written of an unfinished line into the file, as a
// part of a line. Without it, it waits for the rest of its line.
func (s *Stream) Flush() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.flush()
}

// End flushes. The next run begins a new line, even if this one left its last
// one without a newline. The stream may still be written to, as a new run.
func (s *Stream) End() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.flush()
	s.log.abandon(s)
}

// flush writes the unfinished line as a part; its memory is given back.
func (s *Stream) flush() {
	if len(s.pending) > 0 || s.log.untold.Bytes > 0 {
		b := s.log.batch(time.Now(), s)
		if len(s.pending) > 0 {
			b.entry(tagPartial, s.pending, nil)
		}
		b.end()
	}
	s.pending = nil
}

// maxIdle is how much memory an unfinished line may leave behind.
const maxIdle = 4 << 10

// add cuts p into entries, and keeps what is left of an unfinished line.
func (s *Stream) add(b *batch, p []byte) {
	for {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			break
		}
		s.line(b, p[:end])
		p = p[end+1:]
	}
	for len(s.pending)+len(p) > maxContent {
		n := maxContent - len(s.pending)
		b.entry(tagPartial, s.pending, p[:n])
		s.pending, p = s.pending[:0], p[n:]
	}
	if len(p) == 0 && len(s.pending) == 0 && cap(s.pending) > maxIdle {
		s.pending = nil
	}
	s.pending = append(s.pending, p...)
}

// line writes the unfinished line, which ends with p.
func (s *Stream) line(b *batch, p []byte) {
	for len(s.pending)+len(p) > maxContent {
		n := maxContent - len(s.pending)
		b.entry(tagPartial, s.pending, p[:n])
		s.pending, p = s.pending[:0], p[n:]
	}
	b.entry(tagFull, s.pending, p)
	s.pending = s.pending[:0]
}
