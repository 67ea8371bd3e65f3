package keeper

import (
	"errors"
	"time"
)

// restore enters what an earlier keeper wrote down: ended runs as they are,
// and those that were going on as far as they still do.
func (b *book) restore(launchers map[string]Launcher) {
	for _, r := range bySeq(b.journal.live) {
		if r.State == Ended {
			b.mu.Lock()
			b.runs[r.ID] = &held{book: b, run: r, log: new(logUser)}
			b.mu.Unlock()
			continue
		}
		if _, err := b.takeOver(launchers[r.Kind], r); err != nil {
			b.log.Warn("run of an earlier keeper not taken over", "run", r.ID, "pid", r.PID, "err", err)
		}
	}
}

// takeOver holds a process that runs already. One that has ended is entered
// with an exit that nobody saw.
func (b *book) takeOver(l Launcher, r Run) (Run, error) {
	r.State, r.Adopted, r.Exit, r.Dropped = Launching, true, nil, 0
	b.mu.Lock()
	h := b.enter(r)
	b.mu.Unlock()
	if l == nil {
		// Left to who knows it. The next keeper may.
		b.drop(h)
		return Run{}, ErrUnsupported
	}
	p, err := l.Adopt(r, h)
	switch {
	case errors.Is(err, ErrGone):
		return b.ended(h, Exit{At: time.Now()}), nil
	case err != nil:
		b.drop(h)
		return Run{}, err
	}
	return b.launched(h, p), nil
}

// adopt is the request to hold what runs without a keeper.
func (b *book) adopt(s *session, l Launcher, r Run) (Run, error) {
	b.mu.Lock()
	fenced, known := b.control != s, b.runs[r.ID] != nil
	b.mu.Unlock()
	switch {
	case fenced:
		return Run{}, ErrFenced
	case known:
		return Run{}, ErrExists
	}
	return b.takeOver(l, r)
}

// release lets every process go; they go on.
func (b *book) release() {
	b.mu.Lock()
	var all []*held
	for _, h := range b.runs {
		if h.proc != nil {
			all = append(all, h)
		}
	}
	b.mu.Unlock()
	for _, h := range all {
		h.proc.Release()
		h.log.close()
	}
}
