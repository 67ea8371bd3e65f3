package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// retryRotate is the pause after a rotation that failed.
const retryRotate = time.Second

// rotate moves the files one place on and begins a new one. If that fails the
// current file is kept, and the same error returned until a moment later.
func (l *Log) rotate(now time.Time) error {
	if l.stuck != nil && now.Before(l.retry) {
		return l.stuck
	}
	if l.file != nil {
		_ = l.mend() // nobody writes to it again; on a full disk it is the rotation that makes room
	}
	if err := shift(l.path, l.lim.MaxFiles); err != nil {
		l.stuck, l.retry = fmt.Errorf("rotate log: %w", plain(err)), now.Add(retryRotate)
		return l.stuck
	}
	l.stuck = nil
	_ = l.closeFile() // what was written stands there
	l.last = time.Time{}
	return l.ready(now)
}

// shift moves path to path.1, path.1 to path.2 and so on. The oldest file goes
// first; what an interrupted shift has left out is filled, not made longer. It
// stops at the first error: at every moment the files that exist are in order.
func shift(path string, files int) error {
	free := 1
	for free < files && exists(older(path, free)) {
		free++
	}
	if free == files {
		free--
		for n := free; exists(older(path, n)); n++ { // more than one if there are fewer files now
			if err := discard(older(path, n)); err != nil {
				return err
			}
		}
	}
	for n := free; n > 0; n-- {
		if err := os.Rename(older(path, n-1), older(path, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
