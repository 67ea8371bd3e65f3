package keeper

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/internal/socket"
)

// Client is one connection to a keeper.
type Client struct {
	conn    net.Conn
	welcome Welcome
	changed func(Run)
	done    chan struct{} // closed when nothing is read any more

	writing sync.Mutex
	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan message
	err     error // why the connection ended
}

// Dial connects to the keeper of a state folder and says hello; versions and
// process are filled in. changed is told every change of a run once Watch was
// called, one after the other, by the goroutine that also reads answers: it
// must not call the client. ErrNoKeeper if nobody listens; ErrVersion and
// ErrOwner as the keeper says.
func Dial(ctx context.Context, stateDir string, h Hello, changed func(Run)) (*Client, error) {
	conn, err := socket.Dial(ctx, stateDir, socketName)
	switch {
	case err == nil:
	case ctx.Err() == nil && socket.NobodyThere(err):
		return nil, fmt.Errorf("%w on %s", ErrNoKeeper, Address(stateDir))
	default:
		return nil, fmt.Errorf("connect to keeper on %s: %w", Address(stateDir), err)
	}
	c, err := newClient(ctx, conn, h, changed)
	if err != nil {
		return nil, fmt.Errorf("greet keeper on %s: %w", Address(stateDir), err)
	}
	return c, nil
}

func newClient(ctx context.Context, conn net.Conn, h Hello, changed func(Run)) (*Client, error) {
	c := &Client{conn: conn, changed: changed, done: make(chan struct{}), waiting: map[uint64]chan message{}}
	if h.Max == 0 {
		h.Min, h.Max = minVersion, maxVersion
	}
	h.PID = os.Getpid()
	go c.read()
	ctx, cancel := context.WithTimeout(ctx, helloLimit)
	defer cancel()
	// Nobody may be at the other end, and writing waits there too.
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	m, err := c.call(ctx, message{Op: opHello, Hello: &h})
	if m.Welcome != nil {
		c.welcome = *m.Welcome
	}
	if err == nil && m.Welcome == nil {
		err = fmt.Errorf("%w: no welcome", errFrame)
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Welcome is what the keeper said of itself.
func (c *Client) Welcome() Welcome { return c.welcome }

// Done is closed when the connection has ended, for whatever reason.
func (c *Client) Done() <-chan struct{} { return c.done }

// Close ends the connection, and returns when nothing is told any more.
func (c *Client) Close() error {
	err := c.conn.Close()
	<-c.done
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// read passes answers to those who wait for them, and events to changed.
func (c *Client) read() {
	defer close(c.done)
	for {
		m, err := readFrame(c.conn)
		if err != nil {
			c.fail(err)
			return
		}
		if m.ID == 0 {
			if m.Op == opRun && m.Run != nil && c.changed != nil {
				c.changed(*m.Run)
			}
			continue
		}
		c.mu.Lock()
		answer := c.waiting[m.ID]
		delete(c.waiting, m.ID)
		c.mu.Unlock()
		if answer != nil {
			answer <- m
		}
	}
}

func (c *Client) fail(err error) {
	_ = c.conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = fmt.Errorf("%w: %w", ErrLost, err)
	for _, answer := range c.waiting {
		close(answer)
	}
	c.waiting = nil
}

// call sends a request and waits for its answer.
func (c *Client) call(ctx context.Context, m message) (message, error) {
	answer := make(chan message, 1)
	c.mu.Lock()
	if c.waiting == nil {
		defer c.mu.Unlock()
		return message{}, c.err
	}
	c.last++
	m.ID = c.last
	c.waiting[m.ID] = answer
	c.mu.Unlock()
	if err := c.send(m); err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.waiting, m.ID)
		return message{}, err
	}
	select {
	case a, ok := <-answer:
		if !ok {
			c.mu.Lock()
			defer c.mu.Unlock()
			return message{}, c.err
		}
		if a.Error != nil {
			return a, a.Error
		}
		return a, nil
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.waiting, m.ID)
		return message{}, ctx.Err()
	}
}

func (c *Client) send(m message) error {
	b, err := appendFrame(nil, m)
	if err != nil {
		return err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(writeLimit))
	if _, err := c.conn.Write(b); err != nil {
		_ = c.conn.Close() // a part of a frame may be out
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return nil
}

// Watch returns the runs that changed after seq, oldest change first, and has
// every later change told. It is called once.
func (c *Client) Watch(ctx context.Context, seq uint64) ([]Run, error) {
	m, err := c.call(ctx, message{Op: opWatch, Since: seq})
	return m.Runs, err
}

// Runs returns the runs that changed after seq, oldest change first.
func (c *Client) Runs(ctx context.Context, seq uint64) ([]Run, error) {
	m, err := c.call(ctx, message{Op: opList, Since: seq})
	return m.Runs, err
}

// Launch starts a run and returns it. The ended run of the same container is
// acknowledged by it. If ctx ends first the run may start all the same, and is
// told as a change.
func (c *Client) Launch(ctx context.Context, o Order) (Run, error) {
	return run(c.call(ctx, message{Op: opLaunch, Order: &o}))
}

// Adopt has a process held that runs without the keeper: ID, Kind, Name,
// Revision, PID, Started, Note and Limits are those of r. ErrExists if it is held.
func (c *Client) Adopt(ctx context.Context, r Run) (Run, error) {
	return run(c.call(ctx, message{Op: opAdopt, Run: &r}))
}

func run(m message, err error) (Run, error) {
	switch {
	case err != nil:
		return Run{}, err
	case m.Run == nil:
		return Run{}, fmt.Errorf("%w: answer without a run", errFrame)
	}
	return *m.Run, nil
}

// Signal passes a request on to the process of a run; ErrGone if it has ended.
func (c *Client) Signal(ctx context.Context, id string, s Signal) error {
	_, err := c.call(ctx, message{Op: opSignal, RunID: id, Signal: s})
	return err
}

// Limit changes the limits of the log that a run writes.
func (c *Client) Limit(ctx context.Context, id string, l Limits) error {
	_, err := c.call(ctx, message{Op: opLimit, RunID: id, Limits: &l})
	return err
}

// Forget acknowledges the exit of a run, which the keeper then knows no more;
// ErrExists while it runs.
func (c *Client) Forget(ctx context.Context, id string) error {
	_, err := c.call(ctx, message{Op: opForget, RunID: id})
	return err
}
