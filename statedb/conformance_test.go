package statedb_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/hcs-reconcile/hcs-reconcile/statedb"
	"github.com/hcs-reconcile/hcs-reconcile/statedb/statedbtest"
)

var now = time.Date(2026, 11, 22, 7, 48, 29, 0, time.UTC)

// open opens the state at path and closes it at the end of the test.
func open(t testing.TB, path string) *statedb.DB {
	t.Helper()
	db, err := statedb.Open(t.Context(), path, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return db
}

// place gives a path in a new folder, where the file must be sound when all
// who opened it have closed it.
func place(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "state.db")
	t.Cleanup(func() { wantSound(t, path) })
	return path
}

// wantSound lets bbolt check all its invariants.
func wantSound(t testing.TB, path string) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, PreLoadFreelist: true, Timeout: time.Second})
	if err != nil {
		t.Errorf("open %s for its check: %v", path, err)
		return
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("check of %s: %v", path, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestDBConforms(t *testing.T) {
	statedbtest.Run(t, func(t *testing.T) statedbtest.Reopen {
		path := place(t)
		return func() statedb.Store { return open(t, path) }
	})
}

func TestMemConforms(t *testing.T) {
	statedbtest.Run(t, func(*testing.T) statedbtest.Reopen {
		m := statedb.NewMem()
		return func() statedb.Store {
			m = m.Reopen()
			return m
		}
	})
}

func TestFailingConforms(t *testing.T) {
	want := errors.New("disk is gone")
	statedbtest.RunFailing(t, statedb.Failing{Err: want}, want)
}

// genBatch makes batches over few names, so that they meet.
func genBatch() *rapid.Generator[statedb.Batch] {
	name := rapid.SampledFrom([]string{"a", "a-b", "b", "c"})
	return rapid.Custom(func(t *rapid.T) statedb.Batch {
		var b statedb.Batch
		for _, n := range rapid.SliceOfN(name, 0, 3).Draw(t, "put") {
			b.Put = append(b.Put, statedb.Record{Name: n, Failures: rapid.IntRange(0, 9).Draw(t, "failures")})
		}
		b.Drop = rapid.SliceOfN(name, 0, 1).Draw(t, "drop")
		for _, n := range rapid.SliceOfN(name, 0, 4).Draw(t, "specs") {
			b.Specs = append(b.Specs, statedb.Spec{Name: n, Revision: fmt.Sprint(rapid.IntRange(0, 8).Draw(t, "revision"))})
		}
		for _, n := range rapid.SliceOfN(name, 0, 2).Draw(t, "files") {
			b.Files = append(b.Files, statedb.ManifestFile{Path: n, Text: []byte(rapid.String().Draw(t, "text"))})
		}
		b.DropFiles = rapid.SliceOfN(name, 0, 1).Draw(t, "drop files")
		loud := name.Draw(t, "loud")
		for range rapid.IntRange(0, 90).Draw(t, "entries") {
			b.Entries = append(b.Entries, statedb.Entry{Container: loud})
		}
		return b
	})
}

// TestDBEqualsMem wants the same answers from both twins, whatever is saved.
func TestDBEqualsMem(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		path := filepath.Join(t.TempDir(), "state.db")
		db, mem := open(t, path), statedb.NewMem()
		for _, b := range rapid.SliceOfN(genBatch(), 1, 12).Draw(rt, "batches") {
			if err := errors.Join(db.Save(b), mem.Save(b)); err != nil {
				rt.Fatal(err)
			}
		}
		if rapid.Bool().Draw(rt, "reopen") {
			if err := db.Close(); err != nil {
				rt.Fatal(err)
			}
			db = open(t, path)
		}
		if diff := cmp.Diff(everything(rt, mem), everything(rt, db)); diff != "" {
			rt.Fatalf("twins differ (-mem +db):\n%s", diff)
		}
		if err := db.Close(); err != nil {
			rt.Fatal(err)
		}
		wantSound(t, path)
	})
}

// content is all that can be asked of a store.
type content struct {
	State   statedb.State
	Specs   map[string][]statedb.Spec
	History map[string][]statedb.Entry
}

func everything(t interface{ Fatal(...any) }, s statedb.Store) content {
	c := content{Specs: map[string][]statedb.Spec{}, History: map[string][]statedb.Entry{}}
	var err error
	if c.State, err = s.Load(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "a", "a-b", "b", "c"} {
		if c.Specs[name], err = s.Specs(name); err != nil {
			t.Fatal(err)
		}
		if c.History[name], err = s.History(name, 0); err != nil {
			t.Fatal(err)
		}
	}
	return c
}
