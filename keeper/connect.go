package keeper

import (
	"context"
	"errors"
	"os/exec"
	"sync"
	"time"
)

// connect returns the client; where there is none it makes one, and starts a
// keeper for it if it may.
func (l *Link) connect(ctx context.Context, start bool) (*Client, error) {
	l.connecting.Lock()
	defer l.connecting.Unlock()
	if c := l.connected(); c != nil {
		return c, nil
	}
	if l.ctx.Err() != nil {
		return nil, ErrLost
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	gate := &gate{tell: l.cfg.Changed}
	dial := func(ctx context.Context) (*Client, error) {
		return Dial(ctx, l.cfg.StateDir, Hello{Version: l.cfg.Version, Owner: l.cfg.Owner, Control: true}, gate.changed)
	}
	c, err := dial(ctx)
	var cmd *exec.Cmd
	if start && (errors.Is(err, ErrNoKeeper) || errors.Is(err, ErrLost)) {
		c, cmd, err = l.begin(ctx, dial)
	}
	if err != nil {
		return nil, err
	}
	runs, err := c.Watch(ctx, 0)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	l.entered(c, cmd)
	l.telling.Lock()
	defer l.telling.Unlock()
	l.cfg.Up(c.Welcome(), runs)
	gate.open()
	return c, nil
}

// begin starts a keeper.
func (l *Link) begin(ctx context.Context, dial func(context.Context) (*Client, error)) (*Client, *exec.Cmd, error) {
	if l.cfg.Start == nil {
		return nil, nil, ErrNotStarted
	}
	cmd, err := l.cfg.Start.start(l.cfg.StateDir)
	if err != nil {
		return nil, nil, err
	}
	c, err := awaitAnswer(ctx, cmd, l.cfg.StateDir, dial)
	return c, cmd, err
}

// gate keeps changes back until the list that they change has been told.
type gate struct {
	tell func(Run)

	mu     sync.Mutex
	opened bool
	early  []Run
}

func (g *gate) changed(r Run) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.opened {
		g.early = append(g.early, r)
		return
	}
	g.tell(r)
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.early {
		g.tell(r)
	}
	g.opened, g.early = true, nil
}

// entered makes c the client, and watches it. cmd is the keeper if it was
// started by us.
func (l *Link) entered(c *Client, cmd *exec.Cmd) {
	w := c.Welcome()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ever {
		l.facts.Restarts++
	}
	l.client, l.ever = c, true
	l.facts.Needed = true
	l.facts.Up, l.facts.PID, l.facts.Version, l.facts.Protocol = true, w.PID, w.Version, w.Protocol
	l.facts.Started, l.facts.Problem = w.Started, ""
	l.cfg.Log.Info("keeper connected", "pid", w.PID, "version", w.Version)
	l.done.Go(func() { l.follow(c, cmd) })
}

// follow waits for the end of a connection, and makes another.
func (l *Link) follow(c *Client, cmd *exec.Cmd) {
	began := time.Now()
	<-c.Done()
	if cmd != nil {
		bury(cmd)
	}
	l.mu.Lock()
	l.client, l.facts.Up = nil, false
	if time.Since(began) >= steadyAfter {
		l.wait = 0
	}
	l.mu.Unlock()
	if l.ctx.Err() != nil {
		return
	}
	l.telling.Lock()
	l.cfg.Down(c.err)
	l.telling.Unlock()
	l.reconnect(c.err)
}

// bury takes a dead keeper out of the table of processes: we are its parent.
// One that lives has only closed the connection.
func bury(cmd *exec.Cmd) {
	for range 100 {
		if hasEnded(cmd) {
			return
		}
		time.Sleep(startPoll)
	}
}

// reconnect has a goroutine make a connection, with growing delays, until
// there is one or the link is closed. A keeper that cannot be used is asked
// again too: it may be replaced.
func (l *Link) reconnect(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.facts.Problem, l.facts.Needed = err.Error(), true
	if l.trying || l.ctx.Err() != nil {
		return
	}
	l.trying = true
	l.done.Go(l.retry)
}

func (l *Link) retry() {
	for told := ""; ; {
		l.mu.Lock()
		wait := l.wait
		l.wait = min(max(2*wait, firstRetry), slowestRetry)
		l.mu.Unlock()
		select {
		case <-l.ctx.Done():
			return
		case <-time.After(wait):
		}
		_, err := l.connect(l.ctx, l.cfg.Start != nil)
		l.mu.Lock()
		if l.client != nil || l.ctx.Err() != nil {
			l.trying = false
			l.mu.Unlock()
			return
		}
		if err == nil { // lost again meanwhile
			l.mu.Unlock()
			continue
		}
		l.facts.Problem = err.Error()
		l.mu.Unlock()
		if err.Error() != told {
			told = err.Error()
			l.cfg.Log.Error("no keeper: what runs goes on, but nothing can be started, output waits in its pipes, and exit codes may be lost", "err", err)
		}
	}
}
