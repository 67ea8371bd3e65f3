package hcs

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// converge does what a reconciler does until c runs.
func (r *rig) converge(c *manifest.Container) {
	r.Helper()
	var err error
	for range 20 {
		switch r.list(c).State {
		case driver.Running:
			return
		case "":
			err = driver.Do(r.Context(), r, driver.Create, refOf(c), c)
		default:
			err = driver.Do(r.Context(), r, driver.Start, refOf(c), c)
		}
		time.Sleep(10 * time.Second)
	}
	r.Fatalf("%s does not come to run: %v; last error: %v", c.Name(), r.list(c), err)
}

// living counts the init processes that run.
func (m *model) living() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, p := range m.pids {
		if !p.over {
			n++
		}
	}
	return n
}

// A daemon that dies at any point leaves something that the next one brings to
// its end: one system with one process. What was launched is never launched
// again.
func TestDaemonDiesAnywhere(t *testing.T) {
	points := []struct {
		call     string
		after    bool
		launches int // altogether
	}{
		{"guid", false, 1},
		{"createScratch", false, 1},
		{"activate", false, 1},
		{"prepare", false, 1},
		{"mountPath", false, 1},
		{"createEndpoint", false, 1},
		{"create", false, 1},
		{"create", true, 1},
		{"start", false, 1},
		{"start", true, 1},
		{"ask keeper", false, 1},
		{"ask keeper", true, 1},
		{"launch", false, 1}, // by the keeper, which goes on
		{"launch", true, 1},
		{"stdio", false, 1},
	}
	for _, p := range points {
		t.Run(fmt.Sprintf("%s after=%v", p.call, p.after), func(t *testing.T) {
			bubble(t, func(r *rig) {
				web := sample("web")
				web.Spec.Network.Name = "nat"
				release := r.m.dieAt(p.call, p.after)
				old := r.Driver
				go func() {
					_ = old.Create(r.Context(), web)
					_ = old.Start(r.Context(), web)
				}()
				time.Sleep(time.Second)
				r.m.setFault(nil)
				r.m.setAfter(nil)
				if p.call == "launch" || p.call == "stdio" {
					release()
				}
				r.Driver = openModel(t, r.m, r.dir, goldenOwner)
				time.Sleep(linger + time.Second)
				r.converge(web)
				if got := r.m.living(); got != 1 {
					t.Errorf("%d init processes run, want 1", got)
				}
				if got := r.m.count("launch"); got > p.launches+1 || p.after && got != p.launches {
					t.Errorf("%d launches", got)
				}
				r.end(web)
				release()
				_ = old.Close()
			})
		})
	}
}

// dieAt stops the first call of that name for good, before or after its effect.
func (m *model) dieAt(call string, after bool) (release func()) {
	gate := make(chan struct{})
	stop := func(c string) {
		if c == call {
			<-gate
		}
	}
	if after {
		m.setAfter(stop)
	} else {
		m.setFault(func(c, _ string) error { stop(c); return nil })
	}
	return sync.OnceFunc(func() { close(gate) })
}

func (m *model) setAfter(f func(string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.after = f
}

// A process number that was given to another process meanwhile is not taken
// for the container's.
func TestProcessNumberIsReused(t *testing.T) {
	bubble(t, func(r *rig) {
		web, other := sample("web"), sample("other")
		r.must(web, driver.Create, driver.Start)
		r.must(other, driver.Create, driver.Start)
		before := r.want(web, driver.Running)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		r.m.keeperOf(filepath.Join(r.dir, goldenOwner)).die(false) // it would know
		own := r.m.pids[before.PID]
		own.exit(9)
		time.Sleep(time.Minute)
		stranger := &mProcess{sys: own.sys, number: before.PID, args: []string{"sleep"}, made: time.Now()}
		r.m.mu.Lock()
		r.m.pids[before.PID] = stranger
		r.m.mu.Unlock()
		r.Driver = openModel(t, r.m, r.dir, goldenOwner)
		if st := r.want(web, driver.Stopped); st.Exit.Known {
			t.Errorf("the exit that nobody saw is told as %+v", st.Exit)
		}
		r.want(other, driver.Running)
		time.Sleep(time.Second)
		r.must(web, driver.Remove)
		r.end(other)
	})
}

// The notes are a help, not the truth: without them what runs goes on.
func TestNotesAreLost(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"gone": func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
		"torn": func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(`{"id":"sh`), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(r *rig) {
				web := sample("web")
				r.must(web, driver.Create, driver.Start)
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
				spoil(t, filepath.Join(r.dir, goldenOwner, "hcs", "shop.web.1-00000000000000aa.json"))
				r.Driver = openModel(t, r.m, r.dir, goldenOwner)
				r.want(web, driver.Running)
				r.m.disconnect()
				time.Sleep(time.Minute)
				r.want(web, driver.Running)
				r.must(web, driver.Create, driver.Start)
				if r.m.count("create") != 1 || r.m.count("launch") != 1 {
					t.Errorf("calls: %v, want no second create or launch", r.m.calls)
				}
				r.must(web, driver.Shutdown)
				time.Sleep(time.Minute)
				r.want(web, driver.Stopped)
				r.must(web, driver.Start)
				r.end(web)
			})
		})
	}
}

// After a restart of the host no system is left, but what was made for them is.
func TestHostRestarts(t *testing.T) {
	bubble(t, func(r *rig) {
		made, web := sample("made"), sample("web")
		r.must(made, driver.Create)
		r.must(web, driver.Create, driver.Start)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		r.m.killAll()
		r.m.mu.Lock()
		for _, l := range r.m.layers {
			l.active, l.prepared = false, false
		}
		r.m.mu.Unlock()
		r.Driver = openModel(t, r.m, r.dir, goldenOwner)
		r.want(made, driver.Created)
		r.want(web, driver.Stopped)
		r.m.setFault(once("prepare", 1, coded("prepare", codeAccessDenied)))
		if err := r.Start(r.Context(), made); err == nil {
			t.Error("Start succeeds although the layer cannot be prepared")
		}
		r.must(made, driver.Start)
		r.must(web, driver.Start)
		r.must(made, driver.Terminate)
		time.Sleep(time.Second)
		r.must(made, driver.Remove)
		r.end(web)
	})
}

// What an earlier daemon left behind goes, what others have made stays.
func TestSweep(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		r.must(web, driver.Create, driver.Start)
		layers := filepath.Join(r.dir, goldenOwner, "layers")
		for _, id := range []string{"shop.old.1-00", "other.old.1-00", "by-hand"} {
			if err := r.m.createScratch(filepath.Join(layers, id), nil); err != nil {
				t.Fatal(err)
			}
			r.m.set(func() { r.m.ends["endpoint of "+id] = endpointRequest{Name: id} })
		}
		half := filepath.Join(layers, "shop.half.1-00"+removing)
		if err := os.Mkdir(half, 0o700); err != nil {
			t.Fatal(err)
		}
		r.m.set(func() { r.m.ends["stale"] = endpointRequest{Name: "shop.stale.1-00"} })
		if err := r.notes.save(note{ID: "shop.noted.1-00", Phase: making}); err != nil {
			t.Fatal(err)
		}
		r.reopen()
		time.Sleep(linger + time.Second)
		r.want(web, driver.Running)
		var left []string
		for _, f := range []string{"shop.old.1-00", "other.old.1-00", "by-hand", "shop.half.1-00" + removing, "shop.web.1-00000000000000aa"} {
			if folderExists(filepath.Join(layers, f)) {
				left = append(left, f)
			}
		}
		want := []string{"other.old.1-00", "by-hand", "shop.web.1-00000000000000aa"}
		if diff := cmp.Diff(want, left); diff != "" {
			t.Errorf("layers left (-want +got):\n%s", diff)
		}
		if len(r.m.ends) != 2 || r.m.ends["endpoint of other.old.1-00"].Name == "" || r.m.ends["endpoint of by-hand"].Name == "" {
			t.Errorf("endpoints left: %v", r.m.ends)
		}
		if notes, err := r.notes.load(goldenOwner); err != nil || len(notes) != 1 {
			t.Errorf("notes left: %v, error %v", notes, err)
		}
	})
}

// Property: whatever calls fail, once they no longer do the container can be
// brought to run and be removed, and nothing is left.
func TestAnyFaultsLeaveNothing(t *testing.T) {
	calls := []string{
		"systems", "create", "open", "start", "launch", "terminate", "wait", "stdio", "guid", "createScratch", "activate", "prepare",
		"mountPath", "unprepare", "deactivate", "destroy", "findNetwork", "endpoints", "createEndpoint", "deleteEndpoint",
	}
	codes := []uint32{codeAccessDenied, 0x20, codeElementAbsent, 0xC0370106, 0x6BF, codeInvalidState, 0x80004005}
	dir := tempDir(t)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		sub := filepath.Join(dir, fmt.Sprint(run))
		faults := rapid.MapOfN(rapid.IntRange(1, 60), rapid.SampledFrom(codes), 0, 8).Draw(rt, "fault at call")
		verbs := rapid.SliceOfN(rapid.SampledFrom([]string{"create", "start", "shutdown", "terminate", "remove", "list", "reopen", "wait", "keeper dies", "keeper is gone"}), 1, 15).Draw(rt, "verbs")
		synctest.Test(t, func(t *testing.T) {
			m := newModel()
			n := 0
			m.setFault(func(call, _ string) error {
				m.mu.Lock()
				defer m.mu.Unlock()
				for _, c := range calls {
					if c == call {
						n++
						if code, ok := faults[n]; ok {
							return coded(call, code)
						}
					}
				}
				return nil
			})
			r := &rig{T: t, m: m, dir: sub, Driver: openModel(t, m, sub, goldenOwner)}
			web := sample("web")
			web.Spec.Network.Name = "nat"
			for _, v := range verbs {
				r.try(v, web)
				if m.living() > 1 {
					rt.Fatalf("two init processes run after %s of %v", v, verbs)
				}
			}
			m.setFault(nil)
			time.Sleep(2 * callLimit)
			r.converge(web)
			if m.living() != 1 {
				rt.Errorf("%d init processes run", m.living())
			}
			r.must(web, driver.Terminate)
			time.Sleep(time.Minute)
			r.must(web, driver.Remove)
			if len(m.systemsBy)+len(m.layers)+len(m.ends) > 0 {
				rt.Errorf("left: %v %v %v", m.systemsBy, m.layers, m.ends)
			}
			if err := r.Close(); err != nil {
				rt.Error(err)
			}
			m.killAll()
		})
	})
}

// try carries out one verb whatever comes of it.
func (r *rig) try(verb string, c *manifest.Container) {
	ctx := r.within(time.Minute)
	switch verb {
	case "list":
		_, _ = r.List(ctx)
	case "reopen":
		r.reopen()
	case "keeper dies":
		r.m.keeperOf(filepath.Join(r.dir, goldenOwner)).die(true)
	case "keeper is gone":
		r.m.keeperOf(filepath.Join(r.dir, goldenOwner)).die(false)
	case "wait":
		time.Sleep(time.Minute)
	default:
		_ = driver.Do(ctx, r, driver.Action(verb), refOf(c), c)
	}
}

// An exit that is entered while the container is being removed leaves no note
// behind: the next daemon would find a container in it.
func TestNoNoteAfterRemove(t *testing.T) {
	d := &Driver{notes: noteDir(tempDir(t)), boxes: map[driver.Ref]*box{}}
	b := newBox(driver.Ref{Name: "web", Revision: "1-00"}, "shop.web.1-00")
	d.save(b)
	if notes, err := d.notes.load("shop"); err != nil || len(notes) != 1 {
		t.Fatalf("notes %v, error %v; want one", notes, err)
	}
	if err := d.drop(b); err != nil {
		t.Fatal(err)
	}
	d.save(b)
	if notes, err := d.notes.load("shop"); err != nil || len(notes) != 0 {
		t.Errorf("notes %v, error %v; want none", notes, err)
	}
}

// The file is the format that the next version reads.
func TestNoteFormat(t *testing.T) {
	at := time.Date(2026, 11, 22, 8, 30, 0, 123456700, time.UTC)
	n := note{
		ID: "shop.web.1-00", Phase: ended, VM: true, Booted: true, Program: "web.exe", PID: 7, Born: at, Started: at,
		Exit: driver.Exit{Code: 3221225786, Known: true, At: at}, Endpoint: "e",
	}
	got, err := json.Marshal(n)
	const want = `{"id":"shop.web.1-00","phase":"ended","vm":true,"booted":true,"program":"web.exe","pid":7,` +
		`"born":"2026-11-22T08:30:00.1234567Z","started":"2026-11-22T08:30:00.1234567Z",` +
		`"exit":{"Code":3221225786,"Known":true,"At":"2026-11-22T08:30:00.1234567Z"},"endpoint":"e"}`
	if err != nil || string(got) != want {
		t.Errorf("a note is written as\n%s\nwant\n%s", got, want)
	}
}
