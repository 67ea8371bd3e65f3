package hcs

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// hang keeps the calls of one name on one container until it is released.
func (m *model) hang(call, name string) (release func()) {
	gate := make(chan struct{})
	m.setFault(func(c, id string) error {
		if c == call && strings.Contains(id, "."+name+".") {
			<-gate
		}
		return nil
	})
	return func() { close(gate) }
}

// Whatever hangs keeps one container, for as long as it hangs, and no other.
func TestHangingCall(t *testing.T) {
	tests := map[string]struct {
		call   string
		before []driver.Action
		action driver.Action
		state  driver.State // once it is released
	}{
		"create": {"create", nil, driver.Create, driver.Created},
		"layer":  {"prepare", nil, driver.Create, ""}, // it sees that nobody waits, and cleans up
		"start":  {"start", []driver.Action{driver.Create}, driver.Start, driver.Created},
		"launch": {"launch", []driver.Action{driver.Create}, driver.Start, driver.Running},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				web, other := sample("web"), sample("other")
				r.must(web, tt.before...)
				release := r.m.hang(tt.call, "web")
				begin := time.Now()
				err := driver.Do(r.within(10*time.Second), r, tt.action, refOf(web), web)
				wantErr(t, err, driver.ErrTimeout)
				if !driver.TimedOut(err) || time.Since(begin) > 11*time.Second {
					t.Errorf("%s returned after %s with %v", tt.action, time.Since(begin), err)
				}
				r.must(other, driver.Create, driver.Start)
				r.want(other, driver.Running)

				err = driver.Do(r.within(time.Second), r, driver.Remove, refOf(web), web)
				if err != nil && !strings.Contains(err.Error(), string(tt.action)+" has been under way") {
					t.Errorf("the next call says %v, want what it waits for", err)
				}
				release()
				time.Sleep(time.Minute)
				r.want(web, tt.state)
				r.must(web, driver.Terminate)
				time.Sleep(time.Minute)
				r.must(web, driver.Remove)
				r.end(other)
			})
		})
	}
}

// Four creates that hang do not take the turns of all others for ever.
func TestHangingCreatesGiveTheirTurnUp(t *testing.T) {
	bubble(t, func(r *rig) {
		release := r.m.hang("create", "web")
		for i := range 2 * DefaultCreates() {
			c := sample("web")
			c.Revision = manifest.Revision(fmt.Sprintf("1-%016x", i))
			go func() { _ = r.Create(r.within(5*time.Second), c) }()
		}
		time.Sleep(time.Second)
		if got := r.m.count("create"); got != DefaultCreates() {
			t.Errorf("%d creates at once, want %d", got, DefaultCreates())
		}
		time.Sleep(10 * time.Second)
		other := sample("other")
		r.must(other, driver.Create)
		release()
		time.Sleep(time.Minute)
	})
}

func TestHangingListing(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		gate := make(chan struct{})
		r.m.setFault(func(call, id string) error {
			if call == "systems" && id == "" {
				<-gate
			}
			return nil
		})
		for range 3 {
			_, err := r.List(r.within(time.Second))
			wantErr(t, err, driver.ErrTimeout)
		}
		if got := r.m.count("systems"); got > 2 {
			t.Errorf("%d listings were begun while one hangs", got)
		}
		r.must(web, driver.Create, driver.Start)
		close(gate)
		time.Sleep(time.Second)
		r.want(web, driver.Running)
		r.end(web)
	})
}

// Terminate helps where Shutdown hangs.
func TestTerminateOvertakesShutdown(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		r.must(web, driver.Create, driver.Start)
		release := r.m.hang("shutdown", "web")
		wantErr(t, r.Shutdown(r.within(time.Second), refOf(web)), driver.ErrTimeout)
		r.must(web, driver.Terminate)
		time.Sleep(time.Second)
		st, err := r.Inspect(r.Context(), refOf(web))
		if err != nil || st.State != driver.Stopped {
			t.Errorf("after Terminate: %v, error %v", st, err)
		}
		release()
		time.Sleep(time.Minute)
		r.end(web)
	})
}

// A system that does not go away although it was terminated is not taken for
// gone, and nothing of it is released.
func TestTerminateWithoutEffect(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web", "exit", "0", "1s")
		r.must(web, driver.Create, driver.Start)
		r.m.setFault(func(call, _ string) error {
			if call == "terminate" {
				return coded(call, 0x6BF)
			}
			return nil
		})
		time.Sleep(10 * time.Second)
		r.want(web, driver.Stopped)
		wantErr(t, r.Remove(r.within(time.Minute), refOf(web)), driver.ErrConnectionLost)
		if len(r.m.systemsBy) != 1 || len(r.m.layers) != 1 {
			t.Errorf("%d systems and %d layers, want the layer to stay with its system", len(r.m.systemsBy), len(r.m.layers))
		}
		r.m.setFault(nil)
		r.must(web, driver.Remove)
		r.m.wantEmpty(t)
	})
}

func TestCloseTellsWhatHangs(t *testing.T) {
	bubble(t, func(r *rig) {
		release := r.m.hang("create", "web")
		_ = r.Create(r.within(time.Second), sample("web"))
		d := r.Driver
		wantErr(t, d.Close(), driver.ErrTimeout)
		release()
		time.Sleep(time.Minute)
		r.m.killAll()
		r.Driver = openModel(t, r.m, r.dir, goldenOwner)
	})
}

func TestPanicsAreErrors(t *testing.T) {
	bubble(t, func(r *rig) {
		r.m.setFault(func(call, _ string) error {
			if call == "create" {
				var nothing *endpoint
				_ = nothing.ID
			}
			return nil
		})
		err := r.Create(context.Background(), sample("web"))
		if err == nil || !strings.Contains(err.Error(), "panicked") {
			t.Errorf("got error %v, want one that tells of a panic", err)
		}
	})
}
