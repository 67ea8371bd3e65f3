package keeper

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLife(t *testing.T) {
	dir, s := stateDir(t), newStage()
	keep(t, dir, s)
	c := dial(t, dir, nil)
	o := order("web.1", "web")
	o.Spec = json.RawMessage(`{"print":"hello\nrest"}`)
	r := launch(t, c, o)
	if r.State != Running || r.PID != 100 || string(r.Note) != `{"ino":7}` || r.Seq == 0 {
		t.Errorf("launched %+v", r)
	}
	if err := errors.Join(c.Signal(t.Context(), "web.1", Ask), c.Signal(t.Context(), "web.1", Kill)); err != nil {
		t.Error(err)
	}
	if got := s.actors["web.1"].signals; cmp.Diff([]Signal{Ask, Kill}, got) != "" {
		t.Errorf("signals %v", got)
	}
	wantErr(t, "forget what runs", c.Forget(t.Context(), "web.1"), ErrExists)
	s.exit("web.1", 3)
	r = awaitState(t, c, "web.1", Ended)
	if r.Exit == nil || r.Exit.Code != 3 || !r.Exit.Known {
		t.Errorf("exit %+v", r.Exit)
	}
	if got := logText(dir, "web"); !strings.Contains(got, " stdout F hello\n") || !strings.Contains(got, " stdout P rest\n") {
		t.Errorf("log is %q", got)
	}
	wantErr(t, "signal what has ended", c.Signal(t.Context(), "web.1", Kill), ErrGone)
	launch(t, c, order("web.2", "web"))
	if all := runs(t, c); len(all) != 1 || all["web.2"].State != Running {
		t.Errorf("after the next launch: %+v", all)
	}
	s.exit("web.2", 0)
	awaitState(t, c, "web.2", Ended)
	if err := errors.Join(c.Forget(t.Context(), "web.2"), c.Forget(t.Context(), "web.2")); err != nil {
		t.Error(err)
	}
	if all := runs(t, c); len(all) != 0 {
		t.Errorf("after Forget: %+v", all)
	}
}

func TestRefusals(t *testing.T) {
	dir := stateDir(t)
	keep(t, dir, newStage())
	c := dial(t, dir, nil)
	launch(t, c, order("web.1", "web"))
	change := func(f func(*Order)) Order {
		o := order("web.2", "other")
		f(&o)
		return o
	}
	for what, tt := range map[string]struct {
		o    Order
		want error
		text string
	}{
		"same run":         {order("web.1", "other"), ErrExists, "run web.1"},
		"same container":   {order("web.2", "web"), ErrExists, "container web"},
		"id with a slash":  {change(func(o *Order) { o.ID = "../x" }), ErrInvalid, "letters, digits"},
		"name with a path": {change(func(o *Order) { o.Name = "../x" }), ErrInvalid, "letters, digits"},
		"unknown kind":     {change(func(o *Order) { o.Kind = "hcs" }), ErrUnsupported, `nothing of kind "hcs"`},
		"bad program":      {change(func(o *Order) { o.Spec = json.RawMessage(`{"fail":"no such file"}`) }), ErrInvalid, "no such file"},
	} {
		_, err := c.Launch(t.Context(), tt.o)
		wantErr(t, what, err, tt.want)
		if err != nil && !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: error %q does not tell %q", what, err, tt.text)
		}
	}
	if all := runs(t, c); len(all) != 1 {
		t.Errorf("what was refused is listed: %+v", all)
	}
	other, err := Dial(t.Context(), dir, Hello{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_, err = other.Launch(t.Context(), order("x.1", "x"))
	wantErr(t, "launch without control", err, ErrFenced)
	_, err = Dial(t.Context(), dir, Hello{Owner: "somebody"}, nil)
	wantErr(t, "hello of another owner", err, ErrOwner)
	_, err = c.call(t.Context(), message{Op: "dance"})
	wantErr(t, "unknown operation", err, ErrUnsupported)
	_, err = Dial(t.Context(), stateDir(t), Hello{}, nil)
	wantErr(t, "no keeper", err, ErrNoKeeper)
}

// TestExitsOutliveEverything covers exits that nobody has acknowledged, over
// any number of clients and keepers.
func TestExitsOutliveEverything(t *testing.T) {
	dir, s := stateDir(t), newStage()
	stop := keep(t, dir, s)
	c := dial(t, dir, nil)
	for _, id := range []string{"a.1", "b.1", "c.1"} {
		launch(t, c, order(id, id[:1]))
	}
	s.exit("a.1", 7)
	awaitState(t, c, "a.1", Ended)
	before := runs(t, c)
	for range 3 {
		stop()
		stop = keep(t, dir, s)
		c = dial(t, dir, nil)
	}
	after := runs(t, c)
	if r := after["a.1"]; r.Exit == nil || r.Exit.Code != 7 || r.Seq != before["a.1"].Seq {
		t.Errorf("a.1 is %+v, want it as before", r)
	}
	if r := after["b.1"]; r.State != Running || !r.Adopted || r.PID != before["b.1"].PID || r.Seq <= before["b.1"].Seq {
		t.Errorf("b.1 is %+v, want it taken over", r)
	}
	s.exit("b.1", 9)
	if r := awaitState(t, c, "b.1", Ended); r.Exit.Code != 9 {
		t.Errorf("b.1 exited with %+v", r.Exit)
	}
	stop()
	s.exit("c.1", 5) // while there is no keeper
	recorded, err := Recorded(dir)
	if err != nil || len(recorded) != 3 {
		t.Errorf("Recorded = %+v, %v", recorded, err)
	}
	keep(t, dir, s)
	c = dial(t, dir, nil)
	if r := runs(t, c)["c.1"]; r.State != Ended || r.Exit.Known {
		t.Errorf("c.1 is %+v, want an exit that nobody saw", r)
	}
	if err := c.Forget(t.Context(), "c.1"); err != nil {
		t.Error(err)
	}
	launch(t, c, order("a.2", "a"))
	recorded, err = Recorded(dir)
	var ids []string
	for _, r := range recorded {
		ids = append(ids, r.ID)
	}
	if err != nil || cmp.Diff([]string{"b.1", "a.2"}, ids) != "" {
		t.Errorf("recorded at last: %v, %v", ids, err)
	}
}

// TestWatch covers a client that is told everything once, in order, whatever
// comes between its list and the first event.
func TestWatch(t *testing.T) {
	dir, s := stateDir(t), newStage()
	keep(t, dir, s)
	c := dial(t, dir, nil)
	launch(t, c, order("early.1", "early"))
	var mu sync.Mutex
	var told []Run
	w, err := Dial(t.Context(), dir, Hello{}, func(r Run) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, r)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	list, err := w.Watch(t.Context(), 0)
	if err != nil || len(list) != 1 || list[0].ID != "early.1" {
		t.Fatalf("Watch = %+v, %v", list, err)
	}
	for _, id := range []string{"x.1", "y.1", "z.1"} {
		launch(t, c, order(id, id[:1]))
		s.exit(id, 4)
	}
	eventually(t, "three exits to be told", func() bool {
		mu.Lock()
		defer mu.Unlock()
		ended := 0
		for i, r := range told {
			if i > 0 && r.Seq <= told[i-1].Seq {
				t.Fatalf("told out of order: %d after %d", r.Seq, told[i-1].Seq)
			}
			if r.State == Ended {
				ended++
			}
		}
		return ended == 3
	})
	since := list[0].Seq
	news, err := w.Runs(t.Context(), since)
	if err != nil || len(news) != 3 {
		t.Errorf("runs since %d: %+v, %v", since, news, err)
	}
}

// TestNewerClientFences covers a daemon that died, or hangs, with launches on
// their way: the next one sees all of them, and none comes later.
func TestNewerClientFences(t *testing.T) {
	dir, s := stateDir(t), newStage()
	s.block, s.begun = make(chan struct{}), make(chan string, 1)
	keep(t, dir, s)
	unblock := sync.OnceFunc(func() { close(s.block) })
	t.Cleanup(unblock)
	old := dial(t, dir, nil)
	launched := make(chan error, 1)
	go func() {
		_, err := old.Launch(context.Background(), order("web.1", "web"))
		launched <- err
	}()
	<-s.begun
	welcomed := make(chan *Client, 1)
	go func() { welcomed <- dial(t, dir, nil) }()
	<-old.Done()
	select {
	case <-welcomed:
		t.Fatal("welcomed while a launch of the older client is under way")
	case <-time.After(20 * time.Millisecond):
	}
	unblock()
	c := <-welcomed
	if r := runs(t, c)["web.1"]; r.State != Running {
		t.Errorf("the newer client sees %+v", r)
	}
	wantErr(t, "the older client", <-launched, ErrLost)
}

// TestOnlyOneKeeper covers two that are started at once, and a socket that a
// dead one left.
func TestOnlyOneKeeper(t *testing.T) {
	dir := stateDir(t)
	if err := os.MkdirAll(dirOf(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	lock, ok, err := tryLock(filepath.Join(dirOf(dir), lockFile))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = Serve(ctx, Config{StateDir: dir, Log: quiet(t)})
	wantErr(t, "a second keeper", err, context.DeadlineExceeded)
	_ = lock.Close()
	if err := os.WriteFile(filepath.Join(dir, "keeper.sock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	keep(t, dir, newStage())
	dial(t, dir, nil)
}

// TestEndsWhenNobodyNeedsIt covers the whole of a keeper's lifetime.
func TestEndsWhenNobodyNeedsIt(t *testing.T) {
	dir, s := stateDir(t), newStage()
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(context.Background(), Config{
			StateDir: dir, Owner: "me", Launchers: map[string]Launcher{"stage": s}, Log: quiet(t), Idle: 30 * time.Millisecond,
		})
	}()
	var c *Client
	eventually(t, "the keeper to answer", func() (ok bool) {
		var err error
		c, err = Dial(t.Context(), dir, Hello{Control: true}, nil)
		return err == nil
	})
	launch(t, c, order("web.1", "web"))
	_ = c.Close()
	select {
	case <-ended:
		t.Fatal("ended although it holds a process")
	case <-time.After(120 * time.Millisecond):
	}
	s.exit("web.1", 1)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if left, err := Recorded(dir); err != nil || len(left) != 1 || left[0].Exit == nil {
		t.Errorf("the exit was not left behind: %+v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "keeper.sock")); err == nil {
		t.Error("the socket was left behind")
	}
}

func TestStop(t *testing.T) {
	dir, s := stateDir(t), newStage()
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(context.Background(), Config{StateDir: dir, Owner: "me", Launchers: map[string]Launcher{"stage": s}, Log: quiet(t)})
	}()
	var c *Client
	eventually(t, "the keeper to answer", func() (ok bool) {
		var err error
		c, err = Dial(t.Context(), dir, Hello{Control: true}, nil)
		return err == nil
	})
	defer c.Close()
	launch(t, c, order("web.1", "web"))
	if err := Stop(t.Context(), dir); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if a := s.actors["web.1"]; a.over || a.sink != nil || len(a.signals) > 0 {
		t.Errorf("after the stop: %+v, want it let go and going on", a)
	}
}
