package hcs

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

func (r *rig) keeper() *mKeeper { return r.m.keeperOf(filepath.Join(r.dir, goldenOwner)) }

func (r *rig) init(c *manifest.Container) *mProcess {
	r.Helper()
	st := r.want(c, driver.Running)
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	return r.m.pids[st.PID]
}

// print has a program print a line; it is read, or nobody has its pipe.
func (p *mProcess) print(line string) error {
	_, err := fmt.Fprintln(p.out, line)
	time.Sleep(time.Millisecond) // until it has been copied
	return err
}

// A daemon that is replaced costs no line and no exit code, whether the program
// ends before, while or after there is none.
func TestDaemonIsReplaced(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		r.must(web, driver.Create, driver.Start)
		p := r.init(web)
		if err := p.print("with the first daemon"); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if err := p.print("without a daemon"); err != nil {
			t.Fatal(err)
		}
		r.Driver = openModel(t, r.m, r.dir, goldenOwner)
		if r.init(web) != p {
			t.Fatal("another process runs")
		}
		if err := p.print("with the second daemon"); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		p.exit(7)
		ended := time.Now()
		time.Sleep(time.Hour)
		r.Driver = openModel(t, r.m, r.dir, goldenOwner)
		st := r.want(web, driver.Stopped)
		if !st.Exit.Known || st.Exit.Code != 7 || st.Exit.At.Sub(ended).Abs() > time.Second {
			t.Errorf("exit %+v, want code 7 at %v", st.Exit, ended)
		}
		r.reopen()
		if again := r.want(web, driver.Stopped); !again.Exit.At.Equal(st.Exit.At) {
			t.Errorf("the same exit is told with another time: %v, then %v", st.Exit, again.Exit)
		}
		want := "with the first daemon\nwithout a daemon\nwith the second daemon\n"
		if got := logOf(filepath.Join(r.dir, goldenOwner), "web"); got != want {
			t.Errorf("log:\n%s\nwant:\n%s", got, want)
		}
		if n := r.m.count("launch"); n != 1 {
			t.Errorf("%d launches", n)
		}
		r.must(web, driver.Start)
		if runs := len(r.keeper().runs); runs != 1 {
			t.Errorf("the keeper has %d runs, want the new one only", runs)
		}
		r.end(web)
		if runs := len(r.keeper().runs); runs != 0 {
			t.Errorf("the keeper has %d runs of what was removed", runs)
		}
	})
}

// A keeper that dies takes the pipes with it, and nothing else.
func TestKeeperDies(t *testing.T) {
	for _, again := range []bool{true, false} {
		t.Run(fmt.Sprintf("another=%v", again), func(t *testing.T) {
			bubble(t, func(r *rig) {
				web, other := sample("web"), sample("other")
				r.must(web, driver.Create, driver.Start)
				r.must(other, driver.Create, driver.Start)
				p, q := r.init(web), r.init(other)
				_ = p.print("before")
				r.keeper().die(again)
				time.Sleep(time.Minute)
				if r.init(web) != p || r.init(other) != q {
					t.Fatal("another process runs")
				}
				if err := p.print("lost"); err == nil {
					t.Error("somebody has the pipe of a keeper that is dead")
				}
				p.exit(5)
				time.Sleep(time.Minute)
				if st := r.want(web, driver.Stopped); !st.Exit.Known || st.Exit.Code != 5 {
					t.Errorf("exit %+v, want code 5", st.Exit)
				}
				r.must(web, driver.Start)
				_ = r.init(web).print("after")
				got := logOf(filepath.Join(r.dir, goldenOwner), "web")
				if !strings.HasPrefix(got, "before\n") || !strings.HasSuffix(got, "after\n") || strings.Contains(got, "the keeper that read what this container prints has died") != again {
					t.Errorf("log:\n%s", got)
				}
				r.must(other, driver.Terminate)
				time.Sleep(time.Minute)
				r.must(other, driver.Remove)
				r.end(web)
			})
		})
	}
}

// Both die, and the container ends meanwhile: its code is not known, and it is
// told as that.
func TestBothDie(t *testing.T) {
	bubble(t, func(r *rig) {
		web, other := sample("web"), sample("other")
		r.must(web, driver.Create, driver.Start)
		r.must(other, driver.Create, driver.Start)
		p := r.init(web)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		r.keeper().die(false)
		p.exit(3)
		r.Driver = openModel(t, r.m, r.dir, goldenOwner)
		if st := r.want(web, driver.Stopped); st.Exit.Known {
			t.Errorf("exit %+v that nobody saw", st.Exit)
		}
		r.want(other, driver.Running)
		r.must(other, driver.Terminate)
		time.Sleep(time.Minute)
		r.must(other, driver.Remove)
		r.end(web)
	})
}

// The keeper finds out about exits that the service does not tell.
func TestKeeperSeesUntoldExits(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		r.must(web, driver.Create, driver.Start)
		p := r.init(web)
		r.m.set(func() { r.m.loseProcessExits = true })
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		p.exit(4)
		time.Sleep(time.Minute)
		r.Driver = openModel(t, r.m, r.dir, goldenOwner)
		if st := r.want(web, driver.Stopped); !st.Exit.Known || st.Exit.Code != 4 {
			t.Errorf("exit %+v, want code 4", st.Exit)
		}
		r.end(web)
	})
}

// The service restarts while the keeper holds containers.
func TestServiceRestartsUnderTheKeeper(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		r.must(web, driver.Create, driver.Start)
		p := r.init(web)
		r.m.disconnect()
		time.Sleep(time.Minute)
		if r.init(web) != p {
			t.Fatal("another process runs")
		}
		if err := p.print("still read"); err != nil {
			t.Error(err)
		}
		p.exit(6)
		time.Sleep(time.Minute)
		if st := r.want(web, driver.Stopped); !st.Exit.Known || st.Exit.Code != 6 {
			t.Errorf("exit %+v, want code 6", st.Exit)
		}
		r.end(web)
	})
}

// What an error means survives the way through the keeper.
func TestErrorsCrossTheSocket(t *testing.T) {
	for _, err := range []error{
		coded("launch", 0x2), coded("launch", 0xC0370109), coded("launch", codeInvalidState), coded("launch", 0x12345),
		&hostError{call: "launch", kind: errLost, text: "gone"}, &hostError{call: "launch", kind: errNoAnswer, text: "late"},
		errors.New("plain [text]"), errors.New("plain"),
	} {
		got := fromWire(asAnswered(toWire(fmt.Errorf("launch init process: %w", err))))
		wantHint, wantIs := explain(err)
		if hint, sentinel := explain(got); hint != wantHint || wantIs != nil && !errors.Is(got, wantIs) && !errors.Is(sentinel, wantIs) {
			t.Errorf("%v arrives as %v: %q, %v; want %q, %v", err, got, hint, sentinel, wantHint, wantIs)
		}
		if codeOf(got) != codeOf(err) {
			t.Errorf("%v arrives with code %x", err, codeOf(got))
		}
		if strings.Contains(got.Error(), "[0x") {
			t.Errorf("the mark is shown: %v", got)
		}
	}
	if err := fromWire(keeper.ErrNotStarted); !errors.Is(err, keeper.ErrNotStarted) {
		t.Error(err)
	}
}
