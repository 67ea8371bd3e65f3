// Package logs keeps the output of containers in files of the CRI log format,
// and reads it back. It is for whoever holds a container's pipes (the writer),
// and whoever wants to see what came through them (the reader).
//
//	2026-11-26T12:00:00.000000000Z stdout F a line
//	2026-11-26T12:00:00.000000001Z stderr P the first part of a long line
//	2026-11-26T12:00:00.000000001Z stderr F  and its end
//
// The current file of a container is NAME.log in one folder, the older ones
// are NAME.log.1 (the newest), NAME.log.2 and so on. All runs and revisions of
// a name share them. What a program wrote is kept byte for byte: nothing is
// decoded, and what looks like text is not taken for text.
//
// It never fails or holds back the program whose output it keeps: what the
// disk does not take is dropped, counted, and told in the file as soon as the
// disk takes something again. Readers never lock anything: the writer does not
// know of them.
//
// A Log, its Streams and any number of readers may be used at the same time.
// At most one process may write the log of a name.
package logs

import (
	"fmt"
	"path/filepath"
	"time"
)

// Source is where a program wrote a line.
type Source string

// The two sources of the CRI log format.
const (
	Stdout Source = "stdout"
	Stderr Source = "stderr"
)

// sources gives each source a number, for arrays.
var sources = [...]Source{Stdout, Stderr}

func (s Source) index() int {
	if s == Stderr {
		return 1
	}
	return 0
}

// Limits bound the files of one container. The zero value means the defaults.
type Limits struct {
	MaxSize  int64 // bytes of one file; default 10 MiB
	MaxFiles int   // the current one included; default 5
}

// The defaults of Limits.
const (
	DefaultMaxSize  = 10 << 20
	DefaultMaxFiles = 5
)

func (l Limits) orDefault() Limits {
	if l.MaxSize <= 0 {
		l.MaxSize = DefaultMaxSize
	}
	if l.MaxFiles <= 0 {
		l.MaxFiles = DefaultMaxFiles
	}
	return l
}

// Dropped is output that no file took.
type Dropped struct {
	Bytes int64 // as the program wrote them, newlines included
	Lines int64 // newlines among them
}

// Path is the current file of a container's log.
func Path(dir, name string) string { return filepath.Join(dir, name+".log") }

// older is the nth file before the current one; n 0 is the current one.
func older(path string, n int) string {
	if n == 0 {
		return path
	}
	return fmt.Sprintf("%s.%d", path, n)
}

// maxContent is how much of a line stands in one entry; what is longer takes
// several. Kubernetes' runtimes have the same bound.
const maxContent = 16 << 10

// The parts of an entry.
const (
	timeFormat = "2006-01-02T15:04:05.000000000Z07:00"
	tagFull    = 'F' // the line ends here
	tagPartial = 'P' // more of the line follows, or the program ended without a newline
)

// appendHead appends an entry up to its tag.
func appendHead(b []byte, at time.Time, from Source) []byte {
	b = at.UTC().AppendFormat(b, timeFormat)
	b = append(b, ' ')
	b = append(b, from...)
	return append(b, ' ')
}

// appendEntry appends an entry whose content is a and b together.
func appendEntry(buf, head []byte, tag byte, a, b []byte) []byte {
	buf = append(buf, head...)
	buf = append(buf, tag, ' ')
	buf = append(buf, a...)
	buf = append(buf, b...)
	return append(buf, '\n')
}
