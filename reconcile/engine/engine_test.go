package engine_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is an engine over a fake host and a real store, inside a bubble.
type rig struct {
	t     *testing.T
	host  *fake.Host
	path  string
	store statedb.Store
	want  chan folder.Update
	eng   *engine.Engine
	seen  []reconcile.Event
	end   context.CancelFunc
	ended chan error
	drv   *fake.Driver
}

func newRig(t *testing.T, o fake.Options) *rig {
	o.Owner = "test"
	return &rig{t: t, host: fake.NewHost(o), path: filepath.Join(t.TempDir(), "state.db")}
}

func (r *rig) Observe(ev reconcile.Event) { r.seen = append(r.seen, ev) }

// start begins a life of the daemon.
func (r *rig) start(fc fake.Config, change ...func(*engine.Config)) {
	r.t.Helper()
	if r.store == nil {
		db, err := statedb.Open(r.t.Context(), r.path, time.Now())
		if err != nil {
			r.t.Fatal(err)
		}
		r.store = db
	}
	saved, err := r.store.Load()
	if err != nil {
		r.t.Fatal(err)
	}
	fc.Owner = "test"
	r.drv = r.host.Open(fc)
	r.want = make(chan folder.Update, 16)
	cfg := engine.Config{
		Driver: r.drv, Store: r.store, Saved: saved, Want: r.want,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Observers: []engine.Observer{r},
	}
	for _, f := range change {
		f(&cfg)
	}
	r.eng = engine.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	r.end, r.ended = cancel, make(chan error, 1)
	go func() { r.ended <- r.eng.Run(ctx) }()
	r.t.Cleanup(r.stop)
}

// stop ends the daemon in good order and lets go of everything.
func (r *rig) stop() {
	r.t.Helper()
	if r.store == nil {
		return
	}
	r.end()
	if err := <-r.ended; err != nil {
		r.t.Errorf("run: %v", err)
	}
	if err := r.drv.Close(); err != nil {
		r.t.Error(err)
	}
	if err := r.store.Close(); err != nil {
		r.t.Error(err)
	}
	r.store = nil
}

// ask sends a whole folder.
func (r *rig) ask(cs ...*manifest.Container) {
	u := folder.Update{Full: true, SeenAt: time.Now()}
	for _, c := range cs {
		u.Put = append(u.Put, folder.Wanted{Container: c})
	}
	r.want <- u
}

func (r *rig) view() engine.View {
	r.t.Helper()
	v, err := r.eng.View(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

// states reads "name=State …" by name.
func (r *rig) states() string {
	r.t.Helper()
	var s []string
	for _, c := range r.view().Containers {
		s = append(s, c.Name+"="+string(c.State))
	}
	return strings.Join(s, " ")
}

func (r *rig) journal() string {
	var s []string
	r.host.Do(func(w *fake.World, _ time.Time) {
		for _, e := range w.Journal() {
			s = append(s, e.Verb+" "+e.Ref.Name)
		}
	})
	return strings.Join(s, ", ")
}

// parse makes containers from a short form of YAML documents.
func parse(t *testing.T, specs ...string) []*manifest.Container {
	t.Helper()
	var b strings.Builder
	for _, s := range specs {
		name, spec, _ := strings.Cut(s, ":")
		fmt.Fprintf(&b, "---\napiVersion: hcs-reconcile/v1\nkind: Container\nmetadata: {name: %s}\nspec: {command: [run], %s}\n", name, spec)
	}
	cs, ps := manifest.Parse("test.yaml", []byte(b.String()))
	if len(ps) > 0 {
		t.Fatalf("parse: %v", ps)
	}
	return cs
}

func TestStartsWhatIsAskedForAndSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, fake.Options{})
		r.start(fake.Config{})
		r.ask(parse(t, "db:", "web: dependsOn: [{name: db, condition: Ready}]")...)
		synctest.Wait()
		if got, want := r.states(), "db=Running web=Running"; got != want {
			t.Errorf("states %q, want %q", got, want)
		}
		if got, want := r.journal(), "create db, start db, create web, start web"; got != want {
			t.Errorf("journal %q, want %q", got, want)
		}
		events := len(r.seen)
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if n := len(r.seen) - events; n != 0 {
			t.Errorf("a settled day brought %d events: %v", n, r.seen[events:])
		}
	})
}
