package hcs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// limits bound the log files of a container.
type limits struct {
	size  int64 // bytes of one file
	files int   // the current one included
}

var defaultLimits = limits{size: 10 << 20, files: 5}

func limitsOf(c *manifest.Container) limits {
	l := defaultLimits
	if q := c.Spec.Logs.MaxSize; q != nil && q.Value() > 0 {
		l.size = q.Value()
	}
	if n := c.Spec.Logs.MaxFiles; n != nil && *n > 0 {
		l.files = *n
	}
	return l
}

// logDir holds one folder per container name: current.log, and the older
// current.log.1, current.log.2 … All revisions of a name share it.
type logDir struct {
	dir string

	mu    sync.Mutex
	files map[string]*logFile
}

func newLogDir(dir string) *logDir { return &logDir{dir: dir, files: map[string]*logFile{}} }

// logFile is one log that is being written, by one or more runs.
type logFile struct {
	path string

	mu    sync.Mutex
	users int
	lim   limits
	file  *os.File // nil: could not be opened; tried again with the next line
	size  int64
}

// use returns the log of a container name, to be given back by unuse.
func (l *logDir) use(name string, lim limits) *logFile {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.files[name]
	if f == nil {
		f = &logFile{path: filepath.Join(l.dir, name, "current.log")}
		l.files[name] = f
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users++
	f.lim = lim
	return f
}

func (l *logDir) unuse(name string, f *logFile) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users--; f.users > 0 {
		return
	}
	delete(l.files, name)
	f.closeFile()
}

// Write appends to the log. It never fails for the program's sake: what the
// disk does not take is lost, the pipe is drained all the same.
func (f *logFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil && f.size > 0 && f.size+int64(len(p)) > f.lim.size {
		f.closeFile()
		_ = rotate(f.path, f.lim.files) // then the file only grows
	}
	if f.file == nil && f.open() != nil {
		return len(p), nil
	}
	n, _ := f.file.Write(p)
	f.size += int64(n)
	return len(p), nil
}

func (f *logFile) open() error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	st, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	f.file, f.size = file, st.Size()
	return nil
}

func (f *logFile) closeFile() {
	if f.file != nil {
		_ = f.file.Close()
		f.file = nil
	}
}

// rotate moves path to path.1, path.1 to path.2 and so on; with one file only,
// path itself is removed.
func rotate(path string, files int) error {
	old := func(n int) string {
		if n == 0 {
			return path
		}
		return fmt.Sprintf("%s.%d", path, n)
	}
	if err := os.Remove(old(files - 1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for n := files - 2; n >= 0; n-- {
		if err := os.Rename(old(n), old(n+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// output copies the pipes of one run to a log. A nil output has none.
type output struct {
	pipes  []io.Closer
	file   *logFile
	copied chan struct{} // closed when the pipes have been read to their end
}

// capture begins to copy; nil pipes are skipped, in is only held open.
func (l *logDir) capture(d *Driver, name string, lim limits, in io.Closer, pipes ...io.ReadCloser) *output {
	o := &output{file: l.use(name, lim), copied: make(chan struct{})}
	if in != nil {
		o.pipes = append(o.pipes, in)
	}
	var all sync.WaitGroup
	for _, p := range pipes {
		if p == nil {
			continue
		}
		o.pipes = append(o.pipes, p)
		all.Go(func() { _, _ = io.Copy(o.file, p) })
	}
	finish := func() {
		all.Wait()
		l.unuse(name, o.file)
		close(o.copied)
	}
	if !d.spawn(finish) {
		o.close()
		finish()
	}
	return o
}

// drain waits for the rest of the output, but not for ever: a process that is
// left behind may hold the pipe.
func (o *output) drain(limit time.Duration) {
	if o == nil {
		return
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-o.copied:
	case <-t.C:
	}
}

func (o *output) close() {
	if o == nil {
		return
	}
	for _, p := range o.pipes {
		_ = p.Close()
	}
}

// limit changes the limits of the log that r writes, if it does.
func (r *run) limit(lim limits) {
	if r == nil || r.out == nil {
		return
	}
	r.out.file.mu.Lock()
	defer r.out.file.mu.Unlock()
	r.out.file.lim = lim
}
