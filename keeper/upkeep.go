package keeper

import (
	"os"
	"path/filepath"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/internal/socket"
)

// keepSynced makes safe what was written, soon after it was.
func (k *server) keepSynced() {
	for {
		select {
		case <-k.quit:
			return
		case <-k.book.unsafe:
		}
		wait := syncDelay
		for told := false; ; {
			select {
			case <-k.quit:
				return
			case <-time.After(wait):
			}
			err := k.book.journal.sync(k.book.last())
			if err == nil {
				break
			}
			if !told {
				k.log.Error("runs not safe on disk; tried again", "err", err)
			}
			told, wait = true, syncRetry
		}
	}
}

// look cares for what nobody tells.
func (k *server) look() {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		select {
		case <-k.quit:
			return
		case <-t.C:
			k.book.lookAtLogs()
			k.lookAtSocket()
		}
	}
}

// lookAtLogs tells of output that was dropped.
func (b *book) lookAtLogs() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.runs {
		if n := h.log.dropped(); n > h.run.Dropped {
			h.run.Dropped = n
			b.touch(h)
		}
	}
}

// lookAtSocket opens our socket anew where somebody has removed it, a cleaner
// of old files for instance. With the lock gone too the state folder was
// replaced, and belongs to another keeper.
func (k *server) lookAtSocket() {
	mine, err1 := k.lock.Stat()
	there, err2 := os.Lstat(filepath.Join(dirOf(k.cfg.StateDir), lockFile))
	if err1 != nil || err2 != nil || !os.SameFile(mine, there) || socket.There(k.cfg.StateDir, socketName) {
		return
	}
	l, err := socket.Listen(k.cfg.StateDir, socketName)
	if err != nil {
		k.log.Warn("socket is gone, and not opened again", "err", err)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ending {
		_ = l.Close()
		return
	}
	_ = k.listener.Close()
	k.listener = l
	k.done.Go(func() { k.accept(l) })
	k.log.Warn("socket was removed; opened again")
}
