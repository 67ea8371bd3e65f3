package logs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// scanner reads the lines of one file, which may be growing.
type scanner struct {
	file *os.File
	info fs.FileInfo
	off  int64  // of what is in buf
	buf  []byte // read, and not given yet
	mem  []byte
}

// readBlock is how much is read at once.
const readBlock = 64 << 10

func newScanner(f *os.File) (*scanner, error) {
	info, err := f.Stat()
	return &scanner{file: f, info: info}, err
}

// next returns the next line without its newline, or nil if no line has ended
// yet; a line longer than maxLine comes in pieces. It is valid until the next
// call. What follows the last newline is read again each time: a writer may
// take it back.
func (s *scanner) next() ([]byte, error) {
	for want := readBlock; ; want *= 2 {
		if end := bytes.IndexByte(s.buf, '\n'); end >= 0 {
			line := s.buf[:end:end]
			s.buf, s.off = s.buf[end+1:], s.off+int64(end+1)
			return line, nil
		}
		if len(s.buf) >= maxLine {
			line := s.buf
			s.off, s.buf = s.off+int64(len(line)), nil
			return line, nil
		}
		full := len(s.buf)
		if cap(s.mem) < want {
			s.mem = make([]byte, want)
		}
		n, err := s.file.ReadAt(s.mem[:want], s.off)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		s.buf = s.mem[:n]
		if n <= full && bytes.IndexByte(s.buf, '\n') < 0 {
			s.buf = nil
			if sizeOf(s.file) < s.off { // somebody has truncated it
				s.off = 0
			}
			return nil, nil
		}
	}
}

// first is the timestamp of the first entry, zero if there is none.
func (s *scanner) first() (at time.Time) {
	var b [len(timeFormat)]byte
	n, _ := s.file.ReadAt(b[:], 0)
	if stamp, _, ok := bytes.Cut(b[:n], []byte{' '}); ok {
		at, _ = parseTime(stamp)
	}
	return at
}
