package hcs

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// A failed listing is "unknown": nothing is said to be absent, nothing is done.
func TestFailedListing(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		r.must(web, driver.Create, driver.Start)
		before := r.want(web, driver.Running)
		r.m.setFault(func(call, _ string) error {
			if call == "systems" {
				return coded(call, codeAccessDenied)
			}
			return nil
		})
		if l, err := r.List(r.Context()); err == nil || !strings.Contains(err.Error(), hintRights) {
			t.Errorf("List = %+v, error %v; want an error with a hint", l, err)
		}
		r.reopen() // a daemon that starts while the service says nothing
		if _, err := r.Inspect(r.Context(), refOf(web)); err == nil || errors.Is(err, driver.ErrNotFound) {
			t.Errorf("Inspect before the first listing: got error %v, want one that is not %v", err, driver.ErrNotFound)
		}
		if err := r.Create(r.Context(), web); err == nil || errors.Is(err, driver.ErrExists) {
			t.Errorf("Create before the first listing: got error %v", err)
		}
		r.m.setFault(nil)
		if diff := cmp.Diff(before, r.want(web, driver.Running)); diff != "" {
			t.Errorf("adopted later, it differs (-before +after):\n%s", diff)
		}
		if r.m.count("create") != 1 || r.m.count("launch") != 1 {
			t.Errorf("calls: %v, want no second create or launch", r.m.calls)
		}
		r.end(web)
	})
}

// A broken connection is no exit: it is opened again, and nothing restarts.
func TestServiceDisconnect(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web", "exit", "7", "1h")
		r.must(web, driver.Create, driver.Start)
		before := r.want(web, driver.Running)
		r.m.setFault(func(call, _ string) error {
			if call == "open" {
				return coded(call, 0x6BA)
			}
			return nil
		})
		r.m.disconnect()
		time.Sleep(time.Minute)
		if diff := cmp.Diff(before, r.want(web, driver.Running)); diff != "" {
			t.Errorf("a lost connection changed the container (-before +after):\n%s", diff)
		}
		r.m.setFault(nil)
		time.Sleep(2 * time.Hour)
		if st := r.want(web, driver.Stopped); !st.Exit.Known || st.Exit.Code != 7 {
			t.Errorf("the exit after a lost connection is %+v, want code 7", st.Exit)
		}
		r.end(web)
	})
}

// The handles of before are of no use: the driver has to have new ones.
func TestRunsOnAfterServiceDisconnect(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		r.must(web, driver.Create, driver.Start)
		r.m.disconnect()
		time.Sleep(time.Minute)
		r.must(web, driver.Terminate)
		time.Sleep(time.Minute)
		r.want(web, driver.Stopped)
		r.must(web, driver.Start)
		r.want(web, driver.Running)
		r.end(web)
	})
}

func TestLostNotifications(t *testing.T) {
	for name, lose := range map[string]func(*model){
		"of the process":   func(m *model) { m.loseProcessExits = true },
		"of both":          func(m *model) { m.loseProcessExits, m.loseSystemExits = true, true },
		"only of a system": func(m *model) { m.loseSystemExits = true },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				r.m.set(func() { lose(r.m) })
				job, web := sample("job", "exit", "5", "1s"), sample("web")
				r.must(job, driver.Create, driver.Start)
				r.must(web, driver.Create, driver.Start, driver.Terminate)
				time.Sleep(30 * time.Second)
				r.list(job) // a resync sees that something is amiss
				time.Sleep(30 * time.Second)
				if st := r.want(job, driver.Stopped); !st.Exit.Known || st.Exit.Code != 5 {
					t.Errorf("exit is %+v, want code 5 from the process itself", st.Exit)
				}
				r.want(web, driver.Stopped)
				r.must(job, driver.Remove)
				r.must(web, driver.Remove)
				r.m.wantEmpty(t)
			})
		})
	}
}

// Another daemon, or a person, ends a system behind our back.
func TestSystemVanishes(t *testing.T) {
	bubble(t, func(r *rig) {
		made, web := sample("made"), sample("web")
		r.must(made, driver.Create)
		r.must(web, driver.Create, driver.Start)
		r.m.killAll()
		time.Sleep(time.Minute)
		r.list(web)
		time.Sleep(time.Minute)
		r.want(web, driver.Stopped)
		r.want(made, driver.Created)
		r.must(made, driver.Start)
		r.want(made, driver.Running)
		r.must(web, driver.Remove)
		r.end(made)
	})
}

func TestExistsAlready(t *testing.T) {
	tests := map[string]struct {
		owner, state string
		want         error // of Create
		calls        map[string]int
	}{
		"ours, created": {goldenOwner, "Created", nil, map[string]int{"create": 1, "terminate": 0}},
		"ours, running": {goldenOwner, "Running", driver.ErrExists, map[string]int{"create": 1, "terminate": 0}},
		"ours, saved":   {goldenOwner, "SavedAsTemplate", nil, map[string]int{"create": 2, "terminate": 1}},
		"foreign":       {"docker", "Running", driver.ErrForeign, map[string]int{"create": 1, "terminate": 0, "open": 0}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				web := sample("web")
				id := goldenOwner + ".web.1-00000000000000aa"
				s := &mSystem{m: r.m, id: id, state: tt.state, doc: containerConfig{Name: id, Owner: tt.owner}, handles: map[*mHandle]bool{}}
				r.m.set(func() { r.m.systemsBy[id] = s })
				if err := r.Create(r.Context(), web); !errors.Is(err, tt.want) {
					t.Errorf("Create: got error %v, want %v", err, tt.want)
				}
				if st := r.list(web); tt.state == "Running" && tt.want == driver.ErrExists && st.State != driver.Running {
					t.Errorf("what runs is shown as %v", st)
				}
				for call, want := range tt.calls {
					if got := r.m.count(call); got != want {
						t.Errorf("%d calls of %s, want %d", got, call, want)
					}
				}
				if tt.owner != goldenOwner && (s.exited || len(s.handles) > 0) {
					t.Error("a system of another owner was touched")
				}
			})
		})
	}
}

// Both the ID and the Owner must say that a system is ours.
func TestForeignSystems(t *testing.T) {
	bubble(t, func(r *rig) {
		for id, owner := range map[string]string{
			goldenOwner + ".web.1-00": "docker", goldenOwner + ".db.1-00": "", "somebody's": goldenOwner, "other.web.1-00": goldenOwner,
		} {
			r.m.set(func() {
				r.m.systemsBy[id] = &mSystem{m: r.m, id: id, state: "Running", doc: containerConfig{Name: id, Owner: owner}, handles: map[*mHandle]bool{}}
			})
		}
		time.Sleep(time.Minute)
		l, err := r.List(r.Context())
		if err != nil || len(l.Ours) != 0 || len(l.Foreign) != 4 {
			t.Errorf("List = %+v, error %v; want four foreign systems", l, err)
		}
		if r.m.count("open")+r.m.count("terminate") > 0 {
			t.Errorf("calls: %v, want nothing touched", r.m.calls)
		}
	})
}

// The service may say "failed" although it has made the system.
func TestCreateFailsWithEffect(t *testing.T) {
	bubble(t, func(r *rig) {
		r.m.set(func() { r.m.createFails = coded("create", codeAccessDenied) })
		if err := r.Create(r.Context(), sample("web")); err == nil {
			t.Error("Create succeeds")
		}
		r.m.wantEmpty(t)
		r.m.set(func() { r.m.createFails = nil })
		r.must(sample("web"), driver.Create)
		r.end(sample("web"))
	})
}

// That the end of a system was told does not mean that it is gone.
func TestSystemLingersAfterItsEnd(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		r.m.set(func() { r.m.lag = 3 * time.Second })
		r.must(web, driver.Create, driver.Remove)
		r.m.wantEmpty(t)
		r.must(web, driver.Create, driver.Start, driver.Terminate)
		time.Sleep(time.Second)
		r.must(web, driver.Start)
		r.want(web, driver.Running)
		r.end(web)
	})
}

// A listing that was asked for before something was made says nothing of it.
func TestOldListing(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		gate := make(chan struct{})
		r.m.setAfter(func(call string) {
			if call == "systems" {
				<-gate
			}
		})
		go func() { _, _ = r.List(r.Context()) }()
		time.Sleep(time.Second)
		r.must(web, driver.Create)
		r.m.setAfter(nil)
		close(gate)
		time.Sleep(time.Second)
		r.must(web, driver.Start)
		if got := r.m.count("create"); got != 1 {
			t.Errorf("%d creates, want 1: the listing was older than the container", got)
		}
		r.end(web)
	})
}

func TestTransientCreateErrors(t *testing.T) {
	for _, code := range []uint32{0x4C6, 0xA1, 0x800401F3, 0x10D8, codeElementAbsent} {
		bubble(t, func(r *rig) {
			left := 2
			r.m.setFault(func(call, _ string) error {
				if left--; call != "create" || left < 0 {
					if call != "create" {
						left++
					}
					return nil
				}
				return coded(call, code)
			})
			r.must(sample("web"), driver.Create)
			if got := r.m.count("create"); got != 3 {
				t.Errorf("0x%X: %d creates, want 3", code, got)
			}
			r.end(sample("web"))
		})
	}
}

func TestStartFails(t *testing.T) {
	for _, call := range []string{"start", "launch"} {
		bubble(t, func(r *rig) {
			web := sample("web")
			r.must(web, driver.Create)
			r.m.setFault(once(call, 1, coded(call, 0xC0370106)))
			err := r.Start(r.Context(), web)
			var op *driver.OpError
			if !errors.As(err, &op) || op.Hint != hintStart {
				t.Errorf("%s fails: got error %v, want it with the hint for 0xC0370106", call, err)
			}
			r.want(web, driver.Created)
			if len(r.m.systemsBy) > 0 {
				t.Errorf("%s fails: the system is left", call)
			}
			r.must(web, driver.Start)
			r.want(web, driver.Running)
			r.end(web)
		})
	}
}

func TestProgramIsMissing(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web", "missing.exe")
		r.must(web, driver.Create)
		wantErr(t, r.Start(r.Context(), web), driver.ErrInvalid)
		r.end(web)
	})
}

// One container that fails must not spoil a scrape of the others.
func TestStatsFailForOne(t *testing.T) {
	bubble(t, func(r *rig) {
		web, bad := sample("web"), sample("bad")
		r.must(web, driver.Create, driver.Start)
		r.must(bad, driver.Create, driver.Start)
		r.m.setFault(func(call, id string) error {
			if call == "statistics" && strings.Contains(id, ".bad.") {
				return coded(call, codeInvalidState)
			}
			return nil
		})
		_, err := r.Stats(r.Context(), refOf(bad))
		wantErr(t, err, driver.ErrNotRunning)
		st, err := r.Stats(r.Context(), refOf(web))
		if err != nil || *st.CPU != time.Second || *st.MemoryBytes != 1<<20 || *st.Processes != 3 || st.Network[0].TransmitDropped != 1 {
			t.Errorf("Stats = %+v, error %v", st, err)
		}
	})
}
