package keeper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stateDir is short: the path of a socket must be.
func stateDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hcs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// stage is a launcher whose processes are values of the test. They outlive
// keepers, as real ones do.
type stage struct {
	mu     sync.Mutex
	actors map[string]*actor
	block  chan struct{} // not nil: launches wait for it
	begun  chan string   // told when a launch begins; nil: not
}

type actor struct {
	stage   *stage
	id      string
	pid     int
	started time.Time
	over    bool
	sink    Sink // of who holds it now
	signals []Signal
}

func newStage() *stage { return &stage{actors: map[string]*actor{}} }

func (s *stage) Launch(o Order, to Sink) (Process, error) {
	if s.begun != nil {
		s.begun <- o.ID
	}
	if s.block != nil {
		<-s.block
	}
	var spec struct{ Fail, Print string }
	if err := json.Unmarshal(o.Spec, &spec); err != nil {
		return nil, err
	}
	if spec.Fail != "" {
		return nil, fmt.Errorf("%w: %s", ErrInvalid, spec.Fail)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &actor{stage: s, id: o.ID, pid: 100 + len(s.actors), started: time.Now(), sink: to}
	s.actors[o.ID] = a
	_, _ = io.WriteString(to.Stdout(), spec.Print)
	return a, nil
}

func (s *stage) Adopt(r Run, to Sink) (Process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.actors[r.ID]
	if a == nil || a.over || a.pid != r.PID {
		return nil, ErrGone
	}
	a.sink = to
	return a, nil
}

func (a *actor) PID() int              { return a.pid }
func (a *actor) Started() time.Time    { return a.started }
func (a *actor) Note() json.RawMessage { return json.RawMessage(`{"ino":7}`) }

func (a *actor) Signal(s Signal) error {
	a.stage.mu.Lock()
	defer a.stage.mu.Unlock()
	a.signals = append(a.signals, s)
	return nil
}

func (a *actor) Release() {
	a.stage.mu.Lock()
	defer a.stage.mu.Unlock()
	a.sink = nil
}

// exit ends an actor; nobody may be there to see it.
func (s *stage) exit(id string, code uint32) {
	s.mu.Lock()
	a := s.actors[id]
	sink := a.sink
	a.over = true
	s.mu.Unlock()
	if sink != nil {
		sink.Exited(Exit{Code: code, Known: true, At: time.Now()})
	}
}

func quiet(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
}

// keep runs a keeper until the returned function is called.
func keep(t testing.TB, dir string, l Launcher) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, Config{StateDir: dir, Owner: "me", Version: "v1", Launchers: map[string]Launcher{"stage": l}, Log: quiet(t)})
	}()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("Serve: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	eventually(t, "the keeper to answer", func() bool {
		c, err := Dial(context.Background(), dir, Hello{}, nil)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return stop
}

// dial connects a client that is closed with the test.
func dial(t testing.TB, dir string, changed func(Run)) *Client {
	t.Helper()
	c, err := Dial(t.Context(), dir, Hello{Owner: "me", Control: true}, changed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func order(id, name string) Order {
	return Order{ID: id, Kind: "stage", Name: name, Revision: "1-a", Limits: Limits{Size: 1 << 20, Files: 2}, Spec: json.RawMessage(`{}`)}
}

func launch(t testing.TB, c *Client, o Order) Run {
	t.Helper()
	r, err := c.Launch(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// runs are what the keeper tells, by id.
func runs(t testing.TB, c *Client) map[string]Run {
	t.Helper()
	all, err := c.Runs(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]Run{}
	for _, r := range all {
		byID[r.ID] = r
	}
	return byID
}

func awaitState(t testing.TB, c *Client, id string, want State) (r Run) {
	t.Helper()
	eventually(t, id+" to be "+string(want), func() bool {
		r = runs(t, c)[id]
		return r.State == want
	})
	return r
}

func logText(dir, name string) string {
	text, _ := os.ReadFile(filepath.Join(dir, "logs", name+".log"))
	return string(text)
}

// eventually waits until cond holds.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for !cond() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func wantErr(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

// noneHolds wants no file below dir to have text in it.
func noneHolds(t testing.TB, dir, text string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), text) {
			t.Errorf("%s holds %q", path, text)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
