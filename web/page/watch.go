package page

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	lookEvery   = time.Second            // not every change is an event of the engine
	pace        = 250 * time.Millisecond // between two messages, at least
	heartbeat   = 15 * time.Second
	writeLimit  = 5 * time.Second // who does not take a message within it is cut off
	sampleEvery = 5 * time.Second // of the figures, while somebody watches
	maxWatchers = 64
)

// watch sends the mark of the newest change, each time that it moves: a
// server-sent event of some 20 bytes. The browser asks for the change itself,
// at its own pace, so a slow one piles nothing up here.
func (p *Page) watch(w http.ResponseWriter, r *http.Request) {
	select {
	case p.watchers <- struct{}{}:
		defer func() { <-p.watchers }()
	default:
		http.Error(w, "too many browsers watch; reload the page instead", http.StatusServiceUnavailable)
		return
	}
	rc := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(text string) bool {
		if rc.SetWriteDeadline(time.Now().Add(writeLimit)) != nil {
			return false // nobody can be cut off here, so nobody may hang here
		}
		_, err := fmt.Fprint(w, text)
		return err == nil && rc.Flush() == nil
	}
	var done sync.WaitGroup
	defer done.Wait()
	stop := make(chan struct{})
	defer close(stop)
	done.Go(func() { p.sampleUntil(r, stop) })

	tick, quiet := time.NewTicker(lookEvery), time.NewTicker(heartbeat)
	defer tick.Stop()
	defer quiet.Stop()
	for sent := ""; ; {
		poked := p.board.pokes()
		p.board.refresh(r.Context())
		if mark := p.board.newest(); mark != sent {
			if !send("data: " + mark + "\n\n") {
				return
			}
			sent = mark
		}
		select {
		case <-poked:
			if !p.pause(r, pace) {
				return
			}
		case <-tick.C:
		case <-quiet.C:
			if !send(": still here\n\n") {
				return
			}
		case <-r.Context().Done():
			return
		case <-p.closed:
			return
		}
	}
}

// pause reports whether to go on.
func (p *Page) pause(r *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
	case <-p.closed:
	}
	return false
}

// sampleUntil keeps the figures fresh while somebody watches. However many do,
// only one of them samples.
func (p *Page) sampleUntil(r *http.Request, stop <-chan struct{}) {
	if p.Sample == nil {
		return
	}
	ctx := r.Context()
	t := time.NewTicker(sampleEvery)
	defer t.Stop()
	for {
		select {
		case p.sampling <- struct{}{}:
			if v, err := p.View(ctx); err == nil {
				p.Sample(ctx, &v)
			}
			select {
			case <-t.C:
			case <-stop:
			case <-ctx.Done():
			}
			<-p.sampling
		case <-stop:
			return
		case <-ctx.Done():
			return
		}
		select {
		case <-stop:
			return
		default:
		}
	}
}
