package keeper

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

const (
	helloLimit = 10 * time.Second // for a client to say hello
	writeLimit = 10 * time.Second // for a client to take one frame
	fenceLimit = 5 * time.Second  // for what an earlier client asked for
	maxPending = 128              // requests of one client under way
)

// session is one connection of a client.
type session struct {
	k    *server
	conn net.Conn

	under sync.WaitGroup // requests
	slots chan struct{}

	writing sync.Mutex
	buf     []byte
	watch   sync.Once
	over    chan struct{} // closed when nothing is read any more
}

// serve speaks with one client until it goes, or is fenced.
func (k *server) serve(conn net.Conn) {
	s := &session{k: k, conn: conn, slots: make(chan struct{}, maxPending), over: make(chan struct{})}
	defer s.under.Wait()
	defer close(s.over)
	defer conn.Close()
	if err := s.greet(); err != nil {
		if !errors.Is(err, ErrLost) && !errors.Is(err, io.EOF) {
			k.log.Warn("client turned away", "err", err)
		}
		return
	}
	defer k.book.leave(s)
	for {
		m, err := readFrame(conn)
		if err != nil {
			if errors.Is(err, errFrame) {
				k.log.Warn("client does not speak the protocol", "err", err)
			}
			return
		}
		s.slots <- struct{}{}
		s.under.Go(func() {
			defer func() { <-s.slots }()
			out, then := s.answer(m)
			s.send(out)
			if then != nil {
				then()
			}
		})
	}
}

// greet reads the hello and answers it. When it returns to a client that asked
// for control, nothing of an earlier one is under way any more.
func (s *session) greet() error {
	_ = s.conn.SetReadDeadline(time.Now().Add(helloLimit))
	m, err := readFrame(s.conn)
	if err != nil {
		return err
	}
	_ = s.conn.SetReadDeadline(time.Time{})
	if m.Op == opStop { // in whatever version
		s.k.stop()
		return ErrLost
	}
	w, err := s.k.welcome(m)
	if err != nil {
		s.send(message{ID: m.ID, Op: m.Op, Error: failureOf(err), Welcome: &w})
		return err
	}
	if m.Hello.Control {
		s.k.book.takeControl(s)
	}
	w.Seq = s.k.book.last()
	s.send(message{ID: m.ID, Op: m.Op, Welcome: &w})
	return nil
}

// welcome answers a hello. With an error it still tells who answers.
func (k *server) welcome(m message) (Welcome, error) {
	w := k.about
	if m.Op != opHello || m.Hello == nil {
		return w, fmt.Errorf("%w: the first message is %q, hello is expected", errFrame, m.Op)
	}
	v, ok := negotiate(m.Hello.Min, m.Hello.Max)
	if !ok {
		return w, fmt.Errorf("%w: the client speaks %d to %d, this keeper %d to %d", ErrVersion, m.Hello.Min, m.Hello.Max, minVersion, maxVersion)
	}
	if m.Hello.Owner != "" && m.Hello.Owner != w.Owner {
		return w, fmt.Errorf("%w: the keeper of this state folder serves owner %q, not %q", ErrOwner, w.Owner, m.Hello.Owner)
	}
	w.Protocol = v
	return w, nil
}

// takeControl makes s the one that may change something.
func (b *book) takeControl(s *session) {
	b.mu.Lock()
	old := b.control
	b.control = s
	b.mu.Unlock()
	if old == nil {
		return
	}
	_ = old.conn.Close()
	done := make(chan struct{})
	go func() {
		<-old.over
		old.under.Wait()
		close(done)
	}()
	limit := time.NewTimer(fenceLimit)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C: // what is still being launched is listed as such
	}
}

// leave ends the control of a client that has gone.
func (b *book) leave(s *session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.control == s {
		b.control = nil
	}
}

func (b *book) controls(s *session) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.control == s
}

func (b *book) last() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seq
}

// send writes one message. A client that does not take it is given up: it will
// come back and ask for what it missed.
func (s *session) send(ms ...message) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.buf = s.buf[:0]
	for _, m := range ms {
		b, err := appendFrame(s.buf, m)
		if err != nil {
			b, err = appendFrame(s.buf, message{ID: m.ID, Op: m.Op, Error: failureOf(err)})
		}
		if err == nil {
			s.buf = b
		}
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeLimit))
	if _, err := s.conn.Write(s.buf); err != nil {
		_ = s.conn.Close()
	}
	if cap(s.buf) > 64<<10 {
		s.buf = nil
	}
}

// answer does what a request asks for. What then does comes after the answer.
func (s *session) answer(m message) (out message, then func()) {
	out = message{ID: m.ID, Op: m.Op}
	if m.Op == opWatch {
		then = s.follow(m.Since, &out)
		return out, then
	}
	if err := s.do(m, &out); err != nil {
		out = message{ID: m.ID, Op: m.Op, Error: failureOf(err)}
	}
	return out, nil
}

func (s *session) do(m message, out *message) error {
	switch m.Op {
	case opList:
		out.Runs, _, _ = s.k.book.since(m.Since)
		return nil
	case opStop:
		s.k.stop()
		return nil
	}
	if !s.k.book.controls(s) {
		return ErrFenced
	}
	switch m.Op {
	case opLaunch:
		return s.launch(m.Order, out)
	case opAdopt:
		return s.adopt(m.Run, out)
	case opSignal:
		return s.signal(m)
	case opLimit:
		if m.Limits == nil {
			return fmt.Errorf("%w: no limits", ErrInvalid)
		}
		return s.k.book.limit(m.RunID, *m.Limits)
	case opForget:
		return s.k.book.acknowledge(m.RunID)
	}
	return fmt.Errorf("%w: %q", ErrUnsupported, m.Op)
}

func (s *session) launch(o *Order, out *message) error {
	if o == nil {
		return fmt.Errorf("%w: no order", ErrInvalid)
	}
	if err := o.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	l := s.k.launchers[o.Kind]
	if l == nil {
		return fmt.Errorf("%w: this keeper runs nothing of kind %q", ErrUnsupported, o.Kind)
	}
	r, err := s.k.book.launch(s, l, *o)
	out.Run = &r
	return err
}

func (s *session) adopt(r *Run, out *message) error {
	if r == nil {
		return fmt.Errorf("%w: no run", ErrInvalid)
	}
	if err := (Order{ID: r.ID, Name: r.Name}).check(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	held, err := s.k.book.adopt(s, s.k.launchers[r.Kind], *r)
	out.Run = &held
	return err
}

func (s *session) signal(m message) error {
	_, p, err := s.k.book.find(m.RunID)
	if err != nil {
		return err
	}
	return p.Signal(m.Signal)
}

// follow answers with what changed after since; then it tells of every further
// change. A slow client costs one goroutine and no memory: it is told the
// newest state of each run, whatever it missed in between.
func (s *session) follow(since uint64, out *message) (then func()) {
	runs, seq, changed := s.k.book.since(since)
	out.Runs = runs
	return func() {
		s.watch.Do(func() { s.under.Go(func() { s.tell(seq, changed) }) })
	}
}

func (s *session) tell(seq uint64, changed <-chan struct{}) {
	for {
		select {
		case <-s.over:
			return
		case <-changed:
		}
		var runs []Run
		runs, seq, changed = s.k.book.since(seq)
		events := make([]message, len(runs))
		for i := range runs {
			events[i] = message{Op: opRun, Run: &runs[i]}
		}
		s.send(events...)
	}
}
