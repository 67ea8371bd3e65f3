package local

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
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

// logDir holds one file per container name, NAME.log, to which the process
// writes itself, and the older NAME.log.1, NAME.log.2 … There is no folder per
// container: to make one takes a file system longer than to start a process.
type logDir string

func (l logDir) current(name string) string {
	return filepath.Join(string(l), name+".log")
}

// open opens the log of a container for a new process. A file that is full is
// moved away first, unless a process of another revision still writes to it.
func (l logDir) open(name string, lim limits, shared func() bool) (logFile, error) {
	path := l.current(name)
	f, err := openLog(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return 0, err
		}
		f, err = openLog(path)
	}
	if err != nil {
		return 0, fmt.Errorf("open log %s: %w", path, err)
	}
	if size, err := f.size(); err != nil || size < lim.size || shared() {
		return f, err
	}
	f.close()
	if err := shift(path, lim.files); err != nil {
		return 0, err
	}
	if err := os.Rename(path, path+".1"); err != nil && lim.files > 1 {
		return 0, err
	}
	return openLog(path)
}

// shift makes room for path.1; with one file only, path itself is removed.
func shift(path string, files int) error {
	old := func(n int) string {
		if n == 0 {
			return path
		}
		return fmt.Sprintf("%s.%d", path, n)
	}
	if err := os.Remove(old(files - 1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("rotate log: %w", err)
	}
	for n := files - 2; n >= 1; n-- {
		if err := os.Rename(old(n), old(n+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotate log: %w", err)
		}
	}
	return nil
}

// trim copies a file that is above its size away and truncates it. Processes
// that have it open write on: they append, so at its new end. It returns the
// size that it found.
func (l logDir) trim(name string, lim limits) (int64, error) {
	path := l.current(name)
	st, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if st.Size() <= lim.size {
		return st.Size(), nil
	}
	if lim.files > 1 {
		if err := shift(path, lim.files); err != nil {
			return st.Size(), err
		}
		if err := copyFile(path, path+".1"); err != nil {
			return st.Size(), fmt.Errorf("rotate log: %w", err)
		}
	}
	return st.Size(), os.Truncate(path, 0)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// watchLogs trims the logs of what runs, until Close.
func (d *Driver) watchLogs() {
	for {
		select {
		case <-d.quit:
			return
		case <-d.ticker.C:
			d.trimLogs()
		}
	}
}

// maxPause is how many ticks the log of a quiet container may go unwatched.
const maxPause = 5

// logWatch is what the watch remembers of one log: the quieter it is, the
// seldomer it is looked at, so that many quiet containers cost nothing.
type logWatch struct {
	size        int64
	pause, wait int // in ticks: between two looks, and until the next
}

// due counts one tick.
func (w *logWatch) due() bool {
	w.wait--
	return w.wait < 0
}

func (w *logWatch) saw(size int64) {
	if size == w.size {
		w.pause = min(2*w.pause+1, maxPause)
	} else {
		w.pause = 0
	}
	w.size, w.wait = size, w.pause
}

func (d *Driver) trimLogs() {
	d.mu.Lock()
	due := make(map[*box]limits)
	for _, b := range d.boxes {
		if b.state == driver.Running && b.watch.due() {
			due[b] = b.limits
		}
	}
	d.mu.Unlock()
	for b, lim := range due {
		size, err := d.logs.trim(b.ref.Name, lim)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			d.log.Warn("log not rotated", "container", b.ref.Name, "err", err)
		}
		d.mu.Lock()
		b.watch.saw(size)
		d.mu.Unlock()
	}
}
