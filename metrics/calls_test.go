package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/metrics"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

func container(name string) *manifest.Container {
	return &manifest.Container{
		Metadata: manifest.Metadata{Name: name}, Spec: manifest.Spec{DesiredState: manifest.DesiredRunning},
		Revision: "1-00000000000000aa", Live: "live",
	}
}

// counted lists what calls of which came to what, of driver or store.
func counted(t *testing.T, reg prometheus.Gatherer, which string) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	for key, v := range series(gather(t, reg)) {
		key, ok := strings.CutPrefix(key, prefix+which+"_calls_total")
		if ok && v != 0 {
			out[key] = v
		}
	}
	return out
}

// TestDriverIsCountedAndUnchanged takes one container through its life twice,
// with and without the decorator, and wants the same answers.
func TestDriverIsCountedAndUnchanged(t *testing.T) {
	life := func(d driver.Driver) (said []string) {
		ctx, c := t.Context(), container("web")
		ref := driver.Ref{Name: "web", Revision: c.Revision}
		say := func(v any, err error) { said = append(said, fmt.Sprintf("%v, %v", v, err)) }
		list := func() {
			l, err := d.List(ctx)
			say(len(l.Ours), err)
		}
		list()
		say(nil, d.Create(ctx, c))
		say(nil, d.Create(ctx, c))
		say(nil, d.Pause(ctx, ref))
		say(nil, d.Start(ctx, c))
		say(nil, d.Pause(ctx, ref))
		say(nil, d.Resume(ctx, ref))
		say(nil, d.Update(ctx, ref, c))
		st, err := d.Inspect(ctx, ref)
		say(st.State, err)
		figures, err := d.Stats(ctx, ref)
		say(*figures.Processes, err)
		list()
		say(nil, d.Remove(ctx, ref))
		say(nil, d.Shutdown(ctx, ref))
		say(nil, d.Terminate(ctx, ref))
		say(nil, d.Remove(ctx, ref))
		say(nil, d.Remove(ctx, ref))
		list()
		return said
	}
	open := func() *fake.Driver {
		return fake.NewHost(fake.Options{Behave: func(*manifest.Container, int) fake.Behaviour {
			return fake.Behaviour{CanPause: true}
		}}).Open(fake.Config{Owner: "test"})
	}
	plain := open()
	defer plain.Close()
	reg := prometheus.NewPedanticRegistry()
	wrapped := metrics.New(reg, metrics.Options{}).Driver(open())
	defer wrapped.Close()
	if diff := cmp.Diff(life(plain), life(wrapped)); diff != "" {
		t.Errorf("answers (-plain +counted):\n%s", diff)
	}
	want := map[string]float64{
		"{call=list,result=ok}":               3,
		"{call=create,result=ok}":             1,
		"{call=create,result=exists}":         1,
		"{call=pause,result=not_running}":     1,
		"{call=pause,result=ok}":              1,
		"{call=start,result=ok}":              1,
		"{call=resume,result=ok}":             1,
		"{call=update,result=ok}":             1,
		"{call=inspect,result=ok}":            1,
		"{call=stats,result=ok}":              1,
		"{call=remove,result=running}":        1,
		"{call=shutdown,result=pending}":      1,
		"{call=terminate,result=not_running}": 1,
		"{call=remove,result=ok}":             1,
		"{call=remove,result=not_found}":      1,
	}
	if diff := cmp.Diff(want, counted(t, reg, "driver")); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

// scripted is a driver whose List does as it is told.
type scripted struct {
	driver.Driver
	list func() error
}

func (s scripted) List(context.Context) (driver.Listing, error) { return driver.Listing{}, s.list() }

func TestEveryErrorHasItsName(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{nil, "ok"},
		{driver.ErrNotFound, "not_found"},
		{driver.ErrExists, "exists"},
		{driver.ErrRunning, "running"},
		{driver.ErrNotRunning, "not_running"},
		{driver.ErrPending, "pending"},
		{driver.ErrUnsupported, "unsupported"},
		{driver.ErrInvalid, "invalid"},
		{driver.ErrForeign, "foreign"},
		{driver.ErrConnectionLost, "connection_lost"},
		{driver.ErrTimeout, "timeout"},
		{context.DeadlineExceeded, "timeout"},
		{context.Canceled, "canceled"},
		{fmt.Errorf("%w: %w", driver.ErrNotFound, driver.ErrConnectionLost), "connection_lost"},
		{errors.New("code 5"), "error"},
	}
	for _, tc := range tests {
		t.Run(fmt.Sprint(tc.err), func(t *testing.T) {
			reg := prometheus.NewPedanticRegistry()
			d := metrics.New(reg, metrics.Options{}).Driver(scripted{list: func() error { return tc.err }})
			if _, err := d.List(t.Context()); !errors.Is(err, tc.err) {
				t.Errorf("List gives %v", err)
			}
			want := map[string]float64{"{call=list,result=" + tc.want + "}": 1}
			if diff := cmp.Diff(want, counted(t, reg, "driver")); diff != "" {
				t.Errorf("counted (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCallUnderWayAndPanic(t *testing.T) {
	const flying = prefix + "driver_calls_in_flight{call=list}"
	reg := prometheus.NewPedanticRegistry()
	d := metrics.New(reg, metrics.Options{}).Driver(scripted{list: func() error {
		wantSeries(t, series(gather(t, reg)), map[string]float64{flying: 1})
		panic("boo")
	}})
	func() {
		defer func() {
			if p := recover(); p != "boo" {
				t.Errorf("recovered %v", p)
			}
		}()
		_, _ = d.List(t.Context())
	}()
	wantSeries(t, series(gather(t, reg)), map[string]float64{
		flying: 0,
		prefix + "driver_calls_total{call=list,result=panic}": 1,
		prefix + "driver_call_duration_seconds{call=list}":    1,
	})
}

// TestStoreIsUnchanged asks the same of a store with and without the decorator.
func TestStoreIsUnchanged(t *testing.T) {
	mem := statedb.NewMem()
	s := metrics.New(prometheus.NewPedanticRegistry(), metrics.Options{}).Store(mem)
	if err := s.Save(statedb.Batch{
		Put:     []statedb.Record{{Name: "web", Failures: 3}},
		Specs:   []statedb.Spec{{Name: "web", Revision: "1-aa", JSON: []byte("{}")}},
		Entries: []statedb.Entry{{Container: "web", Message: "one"}, {Container: "web", Message: "two"}, {Container: "db"}},
	}); err != nil {
		t.Fatal(err)
	}
	all := func(s statedb.Store) (out []any) {
		state, err := s.Load()
		specs, err2 := s.Specs("web")
		history, err3 := s.History("web", 1)
		if err := errors.Join(err, err2, err3); err != nil {
			t.Fatal(err)
		}
		return []any{state, specs, history}
	}
	if diff := cmp.Diff(all(mem), all(s)); diff != "" {
		t.Errorf("answers (-plain +counted):\n%s", diff)
	}
	if h, err := s.History("web", 1); err != nil || len(h) != 1 || h[0].Message != "two" {
		t.Errorf("history %v, %v", h, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := mem.Load(); !errors.Is(err, statedb.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestStoreIsCounted(t *testing.T) {
	for _, tc := range []struct {
		store  statedb.Store
		result string
	}{{statedb.NewMem(), "ok"}, {statedb.Failing{Err: errors.New("full")}, "error"}} {
		reg := prometheus.NewPedanticRegistry()
		s := metrics.New(reg, metrics.Options{}).Store(tc.store)
		at := statedb.Entry{At: time.Unix(0, 0), Container: "web"}
		errs := []error{s.Save(statedb.Batch{Entries: []statedb.Entry{at}}), s.Save(statedb.Batch{})}
		_, err := s.Load()
		errs = append(errs, err)
		_, err = s.Specs("web")
		errs = append(errs, err)
		_, err = s.History("web", 1)
		for _, err := range append(errs, err) {
			if (err == nil) != (tc.result == "ok") {
				t.Errorf("%s: %v", tc.result, err)
			}
		}
		want := map[string]float64{
			"{call=save,result=" + tc.result + "}": 2, "{call=load,result=" + tc.result + "}": 1,
			"{call=specs,result=" + tc.result + "}": 1, "{call=history,result=" + tc.result + "}": 1,
		}
		if diff := cmp.Diff(want, counted(t, reg, "store")); diff != "" {
			t.Errorf("counted (-want +got):\n%s", diff)
		}
	}
}
