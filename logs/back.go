package logs

import (
	"bytes"
	"io"
	"os"
	"time"
)

// backBlock is how much is read at once towards the beginning of a file.
const backBlock = 64 << 10

// maxLine bounds what is taken for one line, and so the memory of a reader.
const maxLine = 1 << 20

// backwards calls see with each line of r up to size, from the last to the
// first, without its newline, and with the offset where it begins; the first
// call has what follows the last newline, if anything does. A line longer than
// maxLine comes in pieces. It stops when see returns false.
func backwards(r io.ReaderAt, size int64, see func(line []byte, at int64, ended bool) bool) error {
	var buf []byte // bytes from start on that see has not had
	start, ended := size, false
	for {
		end := bytes.LastIndexByte(buf, '\n')
		if end < 0 && start > 0 && len(buf) < maxLine {
			n := min(start, max(backBlock, int64(len(buf)))) // doubles for long lines
			block := make([]byte, n, n+int64(len(buf)))
			if _, err := r.ReadAt(block, start-n); err != nil {
				return err
			}
			buf, start = append(block, buf...), start-n
			continue
		}
		if line := buf[end+1:]; (ended || len(line) > 0) && !see(line, start+int64(end+1), ended) {
			return nil
		}
		if end < 0 && start == 0 {
			return nil
		}
		buf, ended = buf[:max(end, 0)], true
	}
}

// ending is how a log ends.
type ending struct {
	torn  int64     // bytes of the current file after its last newline
	worth bool      // they may hold some of a program's output
	last  time.Time // timestamp of the last entry of the current file
	open  [2]bool   // by source: the last line has no end
}

// maxLook bounds how far the beginning or end of a line is looked for.
const maxLook = 256 << 10

// lookBack reads the end of a log. What cannot be read is as if it were not
// there.
func lookBack(path string) (e ending) {
	var seen [2]bool
	left := int64(maxLook)
	for n := 0; left > 0 && (!seen[0] || !seen[1]); n++ {
		f, err := openRead(older(path, n))
		if err != nil {
			break
		}
		size := sizeOf(f)
		_ = backwards(f, size, func(line []byte, at int64, ended bool) bool {
			if !ended && n == 0 {
				e.torn, e.worth = size-at, !headless(line)
			}
			entry := parse(line)
			if i := entry.from.index(); !entry.foreign && !seen[i] {
				seen[i], e.open[i] = true, entry.partial
				if n == 0 && e.last.Before(entry.at) {
					e.last = entry.at
				}
			}
			left -= int64(len(line) + 1)
			return left > 0 && (!seen[0] || !seen[1])
		})
		_ = f.Close()
	}
	return e
}

// sizeOf is the size of an open file, 0 if it cannot be had.
func sizeOf(f *os.File) int64 {
	st, err := f.Stat()
	if err != nil {
		return 0
	}
	return st.Size()
}

// headless tells whether a torn line ends within the part that is ours, before
// the program's output, or is a hole that a crash of the system has left.
func headless(line []byte) bool {
	if len(bytes.Trim(line, "\x00")) == 0 {
		return true
	}
	for _, head := range []string{"2006-01-02T15:04:05.000000000Z stdout F ", "2006-01-02T15:04:05.000000000Z stderr P "} {
		if len(line) < len(head) && !parse(append(bytes.Clone(line), head[len(line):]...)).foreign {
			return true
		}
	}
	return false
}
