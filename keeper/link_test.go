package keeper

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/internal/socket"
)

// story is what a Link was told.
type story struct {
	mu    sync.Mutex
	up    [][]Run
	runs  map[string]Run
	downs int
}

func (s *story) config(t testing.TB, dir string) LinkConfig {
	s.runs = map[string]Run{}
	return LinkConfig{
		StateDir: dir, Owner: "me", Log: quiet(t),
		Up: func(_ Welcome, runs []Run) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.up = append(s.up, runs)
			for _, r := range runs {
				s.runs[r.ID] = r
			}
		},
		Changed: func(r Run) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.runs[r.ID] = r
		},
		Down: func(error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.downs++
		},
	}
}

func (s *story) await(t testing.TB, what string, cond func() bool) {
	t.Helper()
	eventually(t, what, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return cond()
	})
}

func openLink(t testing.TB, cfg LinkConfig) (*Link, error) {
	l := NewLink(cfg)
	t.Cleanup(func() { _ = l.Close() })
	return l, l.Open(t.Context())
}

// TestLinkComesBack covers a keeper that is replaced under a driver.
func TestLinkComesBack(t *testing.T) {
	dir, s, told := stateDir(t), newStage(), &story{}
	stop := keep(t, dir, s)
	l, err := openLink(t, told.config(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Launch(t.Context(), order("web.1", "web")); err != nil {
		t.Fatal(err)
	}
	stop()
	told.await(t, "the loss to be told", func() bool { return told.downs == 1 })
	if f := l.Facts(); f.Up || !f.Needed || f.Problem == "" {
		t.Errorf("facts while there is none: %+v", f)
	}
	wantErr(t, "signal while there is none", l.Signal(t.Context(), "web.1", Kill), ErrLost)
	keep(t, dir, s)
	told.await(t, "the next keeper to be told", func() bool { return len(told.up) == 2 && told.up[1][0].Adopted })
	if f := l.Facts(); !f.Up || f.Restarts != 1 || f.Problem != "" {
		t.Errorf("facts afterwards: %+v", f)
	}
	s.exit("web.1", 5)
	told.await(t, "the exit to be told", func() bool { return told.runs["web.1"].State == Ended })
	if err := l.Forget(t.Context(), "web.1"); err != nil {
		t.Error(err)
	}
}

// TestLookingStartsNothing covers plan.
func TestLookingStartsNothing(t *testing.T) {
	dir, s, told := stateDir(t), newStage(), &story{}
	l, err := openLink(t, told.config(t, dir))
	if err != nil || len(told.up) != 0 {
		t.Errorf("without any trace of a keeper: %v, told %v", err, told.up)
	}
	_, err = l.Launch(t.Context(), order("web.1", "web"))
	wantErr(t, "launch", err, ErrNotStarted)
	_ = l.Close()
	stop := keep(t, dir, s)
	launch(t, dial(t, dir, nil), order("web.1", "web"))
	s.exit("web.1", 5)
	eventually(t, "the exit to be written", func() bool {
		runs, err := Recorded(dir)
		return err == nil && len(runs) == 1 && runs[0].State == Ended
	})
	stop()
	if _, err := openLink(t, told.config(t, dir)); err != nil || told.runs["web.1"].Exit == nil {
		t.Errorf("what a keeper has left: %v, told %+v", err, told.runs)
	}
}

// peer is a keeper of another version, written by hand: it answers each
// request with the line that the script has for its operation.
func peer(t *testing.T, dir string, script map[string]string) {
	t.Helper()
	l, err := socket.Listen(dir, socketName)
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			done.Go(func() { recite(conn, script) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		done.Wait()
	})
}

func recite(conn net.Conn, script map[string]string) {
	defer conn.Close()
	for {
		m, err := readFrame(conn)
		if err != nil {
			return
		}
		var answer map[string]any
		if json.Unmarshal([]byte(script[m.Op]), &answer) != nil {
			answer = map[string]any{"error": map[string]any{"code": "unsupported", "message": "no " + m.Op}}
		}
		answer["id"], answer["op"] = m.ID, m.Op
		body, _ := json.Marshal(answer)
		head := []byte{byte(len(body) >> 24), byte(len(body) >> 16), byte(len(body) >> 8), byte(len(body))}
		if _, err := conn.Write(append(head, body...)); err != nil {
			return
		}
	}
}

// firstWelcome is what the first version of the keeper answered, as recorded.
const firstWelcome = `{"welcome":{"protocol":1,"min":1,"max":1,"version":"v0.1.0","pid":77,"started":"2026-11-26T12:00:00Z","owner":"me","kinds":["local"],"epoch":"E","seq":4}}`

// TestOlderKeeper covers a daemon that was upgraded while an older keeper holds
// its containers: the first version as it was recorded, without what came later.
func TestOlderKeeper(t *testing.T) {
	dir, told := stateDir(t), &story{}
	peer(t, dir, map[string]string{
		opHello:  firstWelcome,
		opWatch:  `{"runs":[{"id":"web.1","kind":"local","name":"web","revision":"1-a","state":"running","seq":4,"pid":5,"note":{"born":1}}]}`,
		opLaunch: `{"run":{"id":"db.1","kind":"local","name":"db","revision":"1-a","state":"running","seq":5,"pid":6}}`,
	})
	l, err := openLink(t, told.config(t, dir))
	if err != nil || told.runs["web.1"].PID != 5 || l.Facts().Version != "v0.1.0" {
		t.Fatalf("opened with %v, told %+v, facts %+v", err, told.runs, l.Facts())
	}
	if r, err := l.Launch(t.Context(), order("db.1", "db")); err != nil || r.PID != 6 {
		t.Errorf("launched %+v, %v", r, err)
	}
	wantErr(t, "what it cannot do yet", l.Limit(t.Context(), "web.1", Limits{}), ErrUnsupported)
}

// TestUnknownKeeper covers one of a newer version that speaks none of ours.
func TestUnknownKeeper(t *testing.T) {
	dir, told := stateDir(t), &story{}
	peer(t, dir, map[string]string{
		opHello: `{"error":{"code":"version","message":"version: this keeper speaks 5 to 7"},"welcome":{"min":5,"max":7,"pid":77}}`,
	})
	l, err := openLink(t, told.config(t, dir))
	wantErr(t, "open", err, ErrVersion)
	if err == nil || !strings.Contains(err.Error(), "speaks 5 to 7") || len(told.up) != 0 {
		t.Errorf("error %v, told %v", err, told.up)
	}
	_, err = l.Launch(t.Context(), order("web.1", "web"))
	wantErr(t, "launch", err, ErrVersion)
	if f := l.Facts(); f.Up || f.Problem == "" {
		t.Errorf("facts %+v", f)
	}
}

// TestFutureClient covers the other way round: an older keeper with a client
// that would like more, and sends what is not known yet.
func TestFutureClient(t *testing.T) {
	dir := stateDir(t)
	keep(t, dir, newStage())
	c, err := Dial(t.Context(), dir, Hello{Min: 1, Max: 9}, nil)
	if err != nil || c.Welcome().Protocol != maxVersion {
		t.Fatalf("Dial = %+v, %v", c, err)
	}
	defer c.Close()
	_, err = Dial(t.Context(), dir, Hello{Min: 8, Max: 9}, nil)
	wantErr(t, "a client that is too new", err, ErrVersion)
	conn, err := socket.Dial(t.Context(), dir, socketName)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := `{"id":1,"op":"hello","hello":{"min":1,"max":1,"mood":"good"},"extra":[1,2]}`
	if _, err := conn.Write(append([]byte{0, 0, 0, byte(len(body))}, body...)); err != nil {
		t.Fatal(err)
	}
	if m, err := readFrame(conn); err != nil || m.Welcome == nil {
		t.Errorf("hello with unknown fields: %+v, %v", m, err)
	}
}

// TestSlowClientsHoldNothingBack covers clients that watch and read nothing,
// that vanish, and that send half a frame.
func TestSlowClientsHoldNothingBack(t *testing.T) {
	dir, s := stateDir(t), newStage()
	keep(t, dir, s)
	for i := range 20 {
		conn, err := socket.Dial(t.Context(), dir, socketName)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		switch i % 3 {
		case 0: // watches, and never reads
			b, _ := appendFrame(nil, message{ID: 1, Op: opHello, Hello: &Hello{Min: 1, Max: 1}})
			b, _ = appendFrame(b, message{ID: 2, Op: opWatch})
			_, _ = conn.Write(b)
		case 1: // half a frame
			_, _ = conn.Write([]byte{0, 0, 1})
		default: // vanishes
			_ = conn.Close()
		}
	}
	c := dial(t, dir, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	o := order("x", "x")
	o.Spec = json.RawMessage(`{"print":"` + strings.Repeat("x", 1000) + `\n"}`)
	for i := range 300 {
		o.ID = "x." + strings.Repeat("y", i%100) + string(rune('a'+i/100))
		if _, err := c.Launch(ctx, o); err != nil {
			t.Fatal(err)
		}
		s.exit(o.ID, 0)
		eventually(t, "the exit", func() bool {
			rs, err := c.Runs(ctx, 0)
			return err == nil && len(rs) == 1 && rs[0].State == Ended
		})
	}
}

// TestNoSecretIsWritten looks at everything that a keeper leaves on disk.
func TestNoSecretIsWritten(t *testing.T) {
	dir := stateDir(t)
	stop := keep(t, dir, newStage())
	o := order("web.1", "web")
	o.Spec = json.RawMessage(`{"env":["PASSWORD=swordfish"]}`)
	c := dial(t, dir, nil)
	launch(t, c, o)
	o.ID, o.Name, o.Spec = "bad.1", "bad", json.RawMessage(`{"print":7,"env":["PASSWORD=swordfish"]}`)
	if _, err := c.Launch(t.Context(), o); err == nil || strings.Contains(err.Error(), "swordfish") {
		t.Errorf("a bad order: %v", err)
	}
	stop()
	noneHolds(t, dir, "swordfish")
}
