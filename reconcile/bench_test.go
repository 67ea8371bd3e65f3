package reconcile_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// settled is a core and a world with n containers that run as wanted.
func settled(tb testing.TB, n int) (*reconcile.Core, *fake.World) {
	tb.Helper()
	w := fake.NewWorld(fake.Options{Owner: "bench"})
	c := reconcile.NewCore(noon, reconcile.Config{Brake: reconcile.DefaultBrake()}, nil, statedb.Brake{})
	ch := reconcile.Change{Full: true}
	for i := range n {
		text := fmt.Sprintf("apiVersion: hcs-reconcile/v1\nkind: Container\nmetadata: {name: c%05d}\nspec: {command: [run]}\n", i)
		cs, ps := manifest.Parse("bench.yaml", []byte(text))
		if len(ps) > 0 {
			tb.Fatal(ps)
		}
		ch.Put = append(ch.Put, reconcile.Wanted{Container: cs[0]})
	}
	c.Want(ch)
	c.Have(noon, w.List(noon))
	for {
		t := c.Next(noon, n)
		if len(t.Ops) == 0 {
			break
		}
		for _, op := range t.Ops {
			err := driver.Settle(op.Action, w.Apply(noon, op.Action, op.Ref, op.Container))
			st, lerr := w.Inspect(noon, op.Ref)
			c.Done(noon, op, reconcile.Look{Known: true, Found: lerr == nil, Status: st}, err)
		}
	}
	return c, w
}

// BenchmarkSettledTurn is one resync of 10,000 containers that are all as
// wanted: a listing is compared, nothing is decided, saved or done.
func BenchmarkSettledTurn(b *testing.B) {
	c, w := settled(b, 10_000)
	now := noon
	l := w.List(now)
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Minute)
		c.Have(now, l)
		if t := c.Next(now, 32); len(t.Ops)+len(t.Put)+len(t.Events) > 0 {
			b.Fatalf("not settled: %+v", t)
		}
	}
}

// BenchmarkOneChange is one changed manifest among 10,000.
func BenchmarkOneChange(b *testing.B) {
	c, _ := settled(b, 10_000)
	cs, _ := manifest.Parse("bench.yaml", []byte("apiVersion: hcs-reconcile/v1\nkind: Container\nmetadata: {name: c05000, labels: {a: b}}\nspec: {command: [run]}\n"))
	ch := reconcile.Change{Put: []reconcile.Wanted{{Container: cs[0]}}}
	b.ReportAllocs()
	for b.Loop() {
		c.Want(ch)
		c.Next(noon, 32)
	}
}

func BenchmarkDecide(b *testing.B) {
	cs, _ := manifest.Parse("bench.yaml", []byte("apiVersion: hcs-reconcile/v1\nkind: Container\nmetadata: {name: c}\nspec: {command: [run]}\n"))
	v := reconcile.View{
		Now: noon, Want: cs[0], Record: statedb.Record{Name: "c"},
		Have: []driver.Status{{Ref: driver.Ref{Name: "c", Revision: cs[0].Revision}, State: driver.Running, PID: 1, Started: noon}},
	}
	v.Record = reconcile.Decide(v).Record
	b.ReportAllocs()
	for b.Loop() {
		reconcile.Decide(v)
	}
}
