package folder

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// maxSize is the size above which a manifest is not read.
const maxSize = 10 << 20

// mark tells two readings of a file apart: the digest of its text, or why there
// is none. The zero value is no reading.
type mark string

const gone mark = "gone"

// reading is what a file was found to hold.
type reading struct {
	mark  mark
	text  []byte // nil if it could not be read
	err   error  // why not
	mtime time.Time
}

// readFile reads one file whole. That it is not there is a reading too; the
// caller must know by other means whether the folder around it is.
func readFile(fsys fs.FS, file string) reading {
	text, mtime, err := load(fsys, file)
	if err == nil {
		sum := sha256.Sum256(text)
		return reading{mark: mark(sum[:]), text: text, mtime: mtime}
	}
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := fs.Lstat(fsys, file); errors.Is(err, fs.ErrNotExist) {
			return reading{mark: gone}
		}
		err = errors.New("the link leads nowhere")
	}
	return reading{mark: mark("!" + err.Error()), err: err}
}

// load reads what is surely a plain file of a bearable size: opening a pipe
// would wait for ever, and reading an endless file would take all memory.
func load(fsys fs.FS, file string) ([]byte, time.Time, error) {
	info, err := fs.Stat(fsys, file)
	if err != nil {
		return nil, time.Time{}, cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, time.Time{}, errors.New("it is not a plain file")
	}
	if info.Size() > maxSize {
		return nil, time.Time{}, errTooLarge
	}
	f, err := fsys.Open(file)
	if err != nil {
		return nil, time.Time{}, cause(err)
	}
	defer f.Close()
	text, err := readAtMost(f, info.Size())
	return text, info.ModTime(), err
}

var errTooLarge = fmt.Errorf("it is larger than %d MiB", maxSize>>20)

// readAtMost reads to the end but not past maxSize; size is what to expect.
func readAtMost(f io.Reader, size int64) ([]byte, error) {
	text := make([]byte, 0, size+1) // room to see the end without growing
	for {
		if len(text) == cap(text) {
			text = append(text, 0)[:len(text)]
		}
		n, err := f.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		switch {
		case len(text) > maxSize:
			return nil, errTooLarge
		case err == io.EOF:
			return text, nil
		case err != nil:
			return nil, cause(err)
		}
	}
}

// cause strips the path from an error: the problem says it already.
func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// content is what a reading means.
type content struct {
	mark       mark
	containers []*manifest.Container
	problems   []manifest.Problem // empty: the file is good
}

func (c content) good() bool { return c.mark != gone && len(c.problems) == 0 }

func (r reading) parse(file string) content {
	switch {
	case r.mark == gone:
		return content{mark: gone}
	case r.err != nil:
		return content{mark: r.mark, problems: []manifest.Problem{
			{File: file, Message: fmt.Sprintf("read file: %v", r.err)},
		}}
	}
	containers, problems := manifest.Parse(file, r.text)
	return content{mark: r.mark, containers: containers, problems: problems}
}
