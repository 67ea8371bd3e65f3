package statedb_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// edit changes the file at path behind the store's back.
func edit(t testing.TB, path string, change func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err == nil {
		err = errors.Join(db.Update(change), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func save(t testing.TB, s statedb.Store, b statedb.Batch) {
	t.Helper()
	if err := s.Save(b); err != nil {
		t.Fatal(err)
	}
}

func closeNow(t testing.TB, s statedb.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenCreatesForOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "state.db")
	db := open(t, path)
	if got := db.Recovered(); got != "" {
		t.Errorf("a new file was recovered: %s", got)
	}
	if runtime.GOOS == "windows" {
		t.Skip("no mode bits")
	}
	for name, want := range map[string]os.FileMode{path: 0o600, path + ".lock": 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s: got mode %o, want %o", name, got, want)
		}
	}
}

func TestOpenLocked(t *testing.T) {
	path := place(t)
	first := open(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := statedb.Open(ctx, path, now)
	want := fmt.Sprintf("open state %s: locked by another process (process %d; is another hcs-reconcile daemon using this state folder?)", path, os.Getpid())
	if !errors.Is(err, statedb.ErrLocked) || err.Error() != want {
		t.Fatalf("got error  %v\nwant error %s", err, want)
	}
	save(t, first, statedb.Batch{Put: []statedb.Record{{Name: "web"}}})
	closeNow(t, first)
	if st, err := open(t, path).Load(); err != nil || len(st.Records) != 1 {
		t.Errorf("after the owner closed it: got %d records, error %v", len(st.Records), err)
	}
}

// TestOpenLockedByOtherProgram has somebody hold bbolt's own lock, who knows
// nothing of ours.
func TestOpenLockedByOtherProgram(t *testing.T) {
	path := place(t)
	closeNow(t, open(t, path))
	other, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	ctx, cancelSoon := context.WithDeadline(ctx, now) // is past: one try
	defer cancelSoon()
	if _, err := statedb.Open(ctx, path, now); !errors.Is(err, statedb.ErrLocked) {
		t.Errorf("got error %v, want %v", err, statedb.ErrLocked)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

func TestOpenRefusesNewer(t *testing.T) {
	path := place(t)
	closeNow(t, open(t, path))
	edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("version"), []byte("3")) })
	before := files(t, path)
	_, err := statedb.Open(t.Context(), path, now)
	want := "was written by a newer version (schema 3, this program knows 1): upgrade the program or move the file away"
	if !errors.Is(err, statedb.ErrNewer) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got error %v, want %s", err, want)
	}
	after := files(t, path)
	delete(before, path+".lock")
	delete(after, path+".lock")
	if fmt.Sprint(before) != fmt.Sprint(after) {
		t.Error("the refusal changed the folder")
	}
}

// files gives the content of every file in the folder of path.
func files(t *testing.T, path string) map[string]string {
	names, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(data)
	}
	return out
}

func TestOpenSetsDamagedAside(t *testing.T) {
	for name, damage := range map[string]func(data []byte) []byte{
		"empty":         func([]byte) []byte { return nil },
		"no bbolt file": func([]byte) []byte { return []byte(strings.Repeat("hello world ", 4096)) },
		"one page":      func(data []byte) []byte { return data[:4096] },
		"half":          func(data []byte) []byte { return data[:os.Getpagesize()*3] },
		"zeros":         func(data []byte) []byte { return make([]byte, len(data)) },
		"no page but 0/1": func(data []byte) []byte {
			clear(data[2*os.Getpagesize():])
			return data
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := place(t)
			db := open(t, path)
			save(t, db, statedb.Batch{Put: []statedb.Record{{Name: "web"}}})
			closeNow(t, db)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			data = damage(data)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			db = open(t, path)
			kept := path + ".corrupt-20261122T074829Z"
			if !strings.Contains(db.Recovered(), kept) {
				t.Errorf("got %q, want a sentence with %s", db.Recovered(), kept)
			}
			if got, err := os.ReadFile(kept); err != nil || string(got) != string(data) {
				t.Errorf("the damaged file was not kept as it was: %v", err)
			}
			save(t, db, statedb.Batch{Put: []statedb.Record{{Name: "new"}}})
			if st, err := db.Load(); err != nil || len(st.Records) != 1 {
				t.Errorf("the new state has %d records, error %v", len(st.Records), err)
			}
		})
	}
}

func TestOpenKeepsEveryDamagedFile(t *testing.T) {
	path := place(t)
	for i := range 3 {
		if err := os.WriteFile(path, fmt.Append(nil, "damaged ", i), 0o600); err != nil {
			t.Fatal(err)
		}
		closeNow(t, open(t, path))
	}
	kept, _ := filepath.Glob(path + ".corrupt-*")
	if len(kept) != 3 {
		t.Errorf("got %v, want 3 files", kept)
	}
}

func TestOpenTellsWhatItCannotDo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := statedb.Open(t.Context(), path, now); err == nil || !strings.HasPrefix(err.Error(), "open state "+path+": ") {
		t.Errorf("a folder in the file's place: got error %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("what is no damage was moved: %v", err)
	}
}

func TestFileCutUnderTheProgram(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a mapped file cannot be cut there")
	}
	path := filepath.Join(t.TempDir(), "state.db")
	db := open(t, path)
	for i := range 300 {
		save(t, db, statedb.Batch{Put: []statedb.Record{{Name: fmt.Sprint("c", i), LastError: strings.Repeat("x", 300)}}})
	}
	if err := os.Truncate(path, int64(2*os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	_, err := db.Load()
	if err == nil || !strings.Contains(err.Error(), "the file failed under the program") {
		t.Fatalf("Load: got error %v", err)
	}
	if again := db.Save(statedb.Batch{Put: []statedb.Record{{Name: "web"}}}); again == nil || again.Error() != err.Error() {
		t.Errorf("Save: got error %v, want the first one again", again)
	}
	if err := db.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if open(t, path).Recovered() == "" {
		t.Error("the next Open did not see the damage")
	}
}
