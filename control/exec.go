package control

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// exec runs a further process in a container, and hands its streams on until it
// has ended or the client is gone, which ends it.
func (s *server) exec(w http.ResponseWriter, r *http.Request) {
	session, err := s.launch(r)
	if err != nil {
		fail(w, err)
		return
	}
	defer session.Close()
	control := http.NewResponseController(w)
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Upgrade", protocol)
	w.WriteHeader(http.StatusSwitchingProtocols)
	conn, rw, err := control.Hijack()
	if err != nil {
		return // the client has gone
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return
	}
	t := &talk{session: session, conn: conn, out: frameWriter{w: conn}, gone: make(chan struct{})}
	t.run(rw, ending(r.Context()))
}

// launch starts what r asks for, and tells of it.
func (s *server) launch(r *http.Request) (driver.Session, error) {
	name := r.PathValue("name")
	p, err := parseExec(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if r.Header.Get("Upgrade") != protocol {
		return nil, badRequest("exec: the header Upgrade: "+protocol+" is expected", "use `hcs-reconcile exec` of the daemon's version")
	}
	if s.cfg.Exec == nil {
		return nil, fmt.Errorf("exec in %s: the driver of this daemon cannot run a further process: %w", name, driver.ErrUnsupported)
	}
	ref, err := s.running(r.Context(), "exec in", name)
	if err != nil {
		return nil, err
	}
	// Arguments may hold a secret; the program alone is told.
	err = s.cfg.Engine.Record(r.Context(), reconcile.Event{
		Kind: reconcile.Asked, Container: name, Revision: string(ref.Revision), Reason: reconcile.OperatorExec,
		Message: fmt.Sprintf("exec of %.100s by %s", p.Command[0], askedBy(r.Context())),
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	return s.cfg.Exec.Exec(ctx, ref, p)
}

// talk is one session of exec with a client.
type talk struct {
	session driver.Session
	conn    net.Conn
	out     frameWriter
	once    sync.Once
	gone    chan struct{} // closed when the client is
}

// lastOutput is how long those who have the output of a process that has ended
// may go on writing.
const lastOutput = 2 * time.Second

func (t *talk) run(in io.Reader, ending <-chan struct{}) {
	var all sync.WaitGroup
	input := newInbox()
	all.Go(func() { t.receive(in, input) })
	all.Go(func() { t.feed(input) })
	var outputs sync.WaitGroup
	outputs.Go(func() { t.send(frameStdout, t.session.Stdout()) })
	outputs.Go(func() { t.send(frameStderr, t.session.Stderr()) })
	quiet := make(chan struct{})
	all.Go(func() { outputs.Wait(); close(quiet) })
	t.end(quiet, ending)
	_ = t.session.Close()
	_ = t.conn.Close()
	input.close()
	all.Wait()
}

// end waits for the end of the process, the client or the daemon, and says it.
func (t *talk) end(quiet, ending <-chan struct{}) {
	type exit struct {
		code uint32
		err  error
	}
	ended := make(chan exit, 1)
	go func() {
		code, err := t.session.Wait()
		ended <- exit{code, err}
	}()
	select {
	case x := <-ended:
		select {
		case <-quiet:
		case <-t.gone:
		case <-time.After(lastOutput):
		}
		if x.err != nil {
			t.failed(x.err)
			return
		}
		_ = t.out.number(frameExit, x.code) // the client has gone if this fails
	case <-t.gone:
	case <-ending:
		t.failed(&Failure{Status: http.StatusServiceUnavailable, Code: CodeUnavailable, Message: "exec: the daemon ends"})
	}
}

func (t *talk) failed(err error) {
	if text, err := json.Marshal(failureOf(err)); err == nil {
		_ = t.out.write(frameFailed, text[:min(len(text), maxFrame)])
	}
}

func (t *talk) vanished() { t.once.Do(func() { close(t.gone) }) }

// send hands one stream of the process on.
func (t *talk) send(kind frameType, from io.Reader) {
	if from == nil {
		return
	}
	to := stream{&t.out, kind}
	buf := make([]byte, maxFrame)
	for {
		n, err := from.Read(buf)
		if _, werr := to.Write(buf[:n]); werr != nil {
			t.vanished()
			return
		}
		if err != nil {
			return
		}
	}
}

// receive takes what the client sends, until it is gone or speaks nonsense.
func (t *talk) receive(from io.Reader, input *inbox) {
	defer t.vanished()
	frames := frameReader{r: from}
	for {
		f, err := frames.next()
		if err != nil {
			return
		}
		switch f.kind {
		case frameStdin:
			if !input.add(f.data) {
				return // more than the window
			}
		case frameStdinEnd:
			input.close()
		case frameResize:
			_ = t.session.Resize(f.size()) // a process without a terminal has no size
		default:
			return
		}
	}
}

// feed gives the process its input, and the client leave to send more.
func (t *talk) feed(input *inbox) {
	stdin := t.session.Stdin()
	for {
		part, ok := input.next()
		if !ok {
			break
		}
		if stdin != nil {
			if _, err := stdin.Write(part); err != nil {
				_ = stdin.Close()
				stdin = nil // it reads no more; what comes is thrown away
			}
		}
		input.used()                                                      // before the client may know
		if err := t.out.number(frameAck, uint32(len(part))); err != nil { //nolint:gosec // at most the window
			return
		}
	}
	if stdin != nil {
		_ = stdin.Close()
	}
}

// inbox is the input that the process has not taken yet, at most window bytes.
type inbox struct {
	mu     sync.Mutex
	more   *sync.Cond
	data   []byte
	taken  int // handed out by next, and not yet used
	closed bool
}

func newInbox() *inbox {
	b := &inbox{}
	b.more = sync.NewCond(&b.mu)
	return b
}

// add reports whether there was room.
func (b *inbox) add(data []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.taken+len(b.data)+len(data) > window || b.closed {
		return false
	}
	b.data = append(b.data, data...)
	b.more.Signal()
	return true
}

// used makes room for what next gave last.
func (b *inbox) used() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken = 0
}

// next waits for data; false: there is no more.
func (b *inbox) next() ([]byte, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.data) == 0 && !b.closed {
		b.more.Wait()
	}
	part := b.data
	b.data, b.taken = nil, len(part)
	return part, len(part) > 0
}

func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.more.Signal()
}
