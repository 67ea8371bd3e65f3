package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

var errGone = errors.New("the daemon is gone")

// Size is that of a terminal.
type Size struct{ Rows, Cols uint16 }

// Exec is what a client runs in a container.
type Exec struct {
	driver.Process
	In       io.Reader // read only with Process.Stdin; a Read that blocks is left behind
	Out, Err io.Writer
	Resize   <-chan Size // may be nil
}

// Exec runs a further process in a container until it ends, and returns its
// exit code. When ctx ends, so does the process.
func (c *Client) Exec(ctx context.Context, name string, x Exec) (uint32, error) {
	conn, in, err := c.upgrade(ctx, "/v1/exec/"+url.PathEscape(name)+"?"+encodeExec(x.Process))
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	t := &clientTalk{x: x, out: frameWriter{w: conn}, room: newRoom(), done: make(chan struct{})}
	defer close(t.done)
	defer t.room.close()
	if x.Stdin {
		go t.sendInput() // may hang in a Read for ever
	}
	go t.sendSizes()
	code, err := t.receive(in)
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return code, err
}

// upgrade asks for path and takes the connection over.
func (c *Client) upgrade(ctx context.Context, path string) (net.Conn, io.Reader, error) {
	conn, err := dial(ctx, c.stateDir)
	if err != nil {
		return nil, nil, c.explain(ctx, err)
	}
	in, err := handshake(ctx, conn, path)
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return conn, in, nil
}

func handshake(ctx context.Context, conn net.Conn, path string) (io.Reader, error) {
	if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://daemon"+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", protocol)
	if err := req.Write(conn); err != nil {
		return nil, fmt.Errorf("ask daemon for exec: %w", err)
	}
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, req)
	if err != nil {
		return nil, fmt.Errorf("ask daemon for exec: %w", err)
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		defer res.Body.Close()
		return nil, failureIn(res, req.URL.Path)
	}
	return in, conn.SetDeadline(time.Time{})
}

// clientTalk is the client's side of a talk.
type clientTalk struct {
	x    Exec
	out  frameWriter
	room *room
	done chan struct{}
}

func (t *clientTalk) receive(from io.Reader) (uint32, error) {
	frames := frameReader{r: from}
	for {
		f, err := frames.next()
		if err != nil {
			return 0, fmt.Errorf("exec: %w before the process has ended: %w", errGone, err)
		}
		switch f.kind {
		case frameStdout:
			_, err = t.x.Out.Write(f.data)
		case frameStderr:
			_, err = t.x.Err.Write(f.data)
		case frameAck:
			t.room.give(int(f.number()))
		case frameExit:
			return f.number(), nil
		case frameFailed:
			failure := &Failure{}
			if json.Unmarshal(f.data, failure) != nil {
				failure.Message = "exec: the daemon gives up"
			}
			return 0, failure
		default:
			err = errFrame
		}
		if err != nil {
			return 0, fmt.Errorf("exec: %w", err)
		}
	}
}

// sendInput sends what is read, as far as there is room at the other side.
func (t *clientTalk) sendInput() {
	buf := make([]byte, maxFrame)
	for {
		n, err := t.x.In.Read(buf)
		if n > 0 && (!t.room.take(n) || t.out.write(frameStdin, buf[:n]) != nil) {
			return
		}
		if err != nil {
			_ = t.out.write(frameStdinEnd, nil)
			return
		}
	}
}

func (t *clientTalk) sendSizes() {
	for {
		select {
		case s, ok := <-t.x.Resize:
			if !ok || t.out.size(s.Rows, s.Cols) != nil {
				return
			}
		case <-t.done:
			return
		}
	}
}

// room is what may be sent before more is acknowledged.
type room struct {
	mu     sync.Mutex
	more   *sync.Cond
	left   int
	closed bool
}

func newRoom() *room {
	r := &room{left: window}
	r.more = sync.NewCond(&r.mu)
	return r
}

// take waits until n bytes may be sent; false: nobody takes them any more.
func (r *room) take(n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.left < n && !r.closed {
		r.more.Wait()
	}
	r.left -= n
	return !r.closed
}

func (r *room) give(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left += n
	r.more.Broadcast()
}

func (r *room) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.more.Broadcast()
}
