package statedb_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

func TestInspect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	look := func() statedb.Health {
		t.Helper()
		h, err := statedb.Inspect(path)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if h := look(); h.Exists || h.LockedBy != "" || h.Damage != nil {
		t.Errorf("of nothing: %+v", h)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) > 0 {
		t.Errorf("looking made %v", files)
	}
	db, err := statedb.Open(context.Background(), path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if h := look(); h.LockedBy != fmt.Sprintf("process %d", os.Getpid()) || h.Schema != h.Known {
		t.Errorf("while it is open: %+v", h)
	}
	if err := db.Save(statedb.Batch{Put: []statedb.Record{{Name: "web"}}}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if h := look(); !h.Exists || h.LockedBy != "" || h.Damage != nil || h.Schema != h.Known || h.Bytes != int64(len(before)) {
		t.Errorf("when it is closed: %+v", h)
	}
	if err := os.Truncate(path, int64(len(before)/2)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".corrupt-20260101T000000Z", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if h := look(); h.Damage == nil || len(h.SetAside) != 1 {
		t.Errorf("cut in half: %+v", h)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != int64(len(before)/2) {
		t.Errorf("looking changed the file: %v", err)
	}
}
