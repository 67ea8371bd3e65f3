package statedb

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
)

// A stored file is written once, by the program of its time, and then kept.
var write = flag.Bool("write-missing", false, "write the files of testdata that do not exist")

var storedAt = time.Date(2026, 11, 20, 6, 30, 0, 5, time.UTC)

// stored copies testdata/name.gz to a new folder and gives its path.
func stored(t testing.TB, name string, create func(path string) error) string {
	t.Helper()
	packed, path := filepath.Join("testdata", name+".gz"), filepath.Join(t.TempDir(), "state.db")
	if _, err := os.Stat(packed); errors.Is(err, os.ErrNotExist) && *write {
		if err := errors.Join(create(path), pack(path, packed)); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func pack(path, packed string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err = z.Write(data)
	return errors.Join(err, z.Close(), os.WriteFile(packed, out.Bytes(), 0o644))
}

// makeSchema0 writes what the first development versions wrote.
func makeSchema0(path string) error {
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		put := func(table, key, value string) error {
			b, err := tx.CreateBucketIfNotExists([]byte(table))
			if err != nil {
				return err
			}
			return b.Put([]byte(key), []byte(value))
		}
		err := errors.Join(
			put("meta", "version", "0"),
			put("containers", "web", `{"revision":"r-web","source":"shop/web.yaml","ran":true,"failures":2,"restarts":7,"retryAt":"2026-11-20T07:30:00.000000005+01:00","seenExit":"0001-01-01T00:00:00Z","verdict":""}`),
			put("containers", "job", `{"revision":"r-job","source":"job.yaml","ran":false,"failures":0,"restarts":0,"retryAt":"0001-01-01T00:00:00Z","seenExit":"2026-11-20T06:30:00.000000005Z","verdict":"completed"}`),
			put("containers", "torn", `{"revision":"r-to`),
			put("manifests", "job.yaml", "kind: Container\n"),
			put("manifests", "shop/web.yaml", "# web\nkind: Container\n"),
		)
		for i := range 300 {
			name := []string{"web", "job"}[i/250]
			key := string(binary.BigEndian.AppendUint64(nil, uint64(i+1)))
			value := fmt.Sprintf(`{"time":"2026-11-20T06:30:00.000000005Z","container":%q,"type":"Normal","action":"start","reason":"Exited","message":"event %d"}`, name, i)
			err = errors.Join(err, put("events", key, value))
		}
		return err
	})
	return errors.Join(err, db.Close())
}

func reopen(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(t.Context(), path, storedAt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func loaded(t testing.TB, s Store) State {
	t.Helper()
	st, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestMigrateSchema0(t *testing.T) {
	path := stored(t, "state-v0.db", makeSchema0)
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	db := reopen(t, path)
	if db.Recovered() != "" {
		t.Fatal(db.Recovered())
	}
	wantSchema0(t, db, true)
	if backup, err := os.ReadFile(path + ".v0.bak"); err != nil || !bytes.Equal(backup, old) {
		t.Errorf("the backup is not the old file: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	wantSchema0(t, reopen(t, path), false)
}

// wantSchema0 wants the content of the stored file. The torn record is told
// once, by the program that moved it aside.
func wantSchema0(t *testing.T, db *DB, torn bool) {
	t.Helper()
	st := loaded(t, db)
	if (len(st.Bad) == 1 && st.Bad[0].Bucket == "containers" && st.Bad[0].Key == "torn") != torn || len(st.Bad) > 1 {
		t.Errorf("got bad records %v, want the torn one: %v", st.Bad, torn)
	}
	want := State{
		Records: []Record{
			{Name: "job", Revision: "r-job", Source: "job.yaml", SeenExit: storedAt, Verdict: Completed},
			{Name: "web", Revision: "r-web", Source: "shop/web.yaml", Ran: true, Failures: 2, Restarts: 7, RetryAt: storedAt},
		},
		Files: []ManifestFile{
			{Path: "job.yaml", Text: []byte("kind: Container\n")},
			{Path: "shop/web.yaml", Text: []byte("# web\nkind: Container\n")},
		},
	}
	st.Bad = nil
	if diff := cmp.Diff(want, st); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	wantMigratedHistory(t, db)
	err := db.bolt.View(func(tx *bbolt.Tx) error {
		if got := tx.Bucket([]byte(tableBad)).Get([]byte("containers/torn")); string(got) != `{"revision":"r-to` {
			t.Errorf("set aside: got %q", got)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func wantMigratedHistory(t *testing.T, db *DB) {
	t.Helper()
	web, err := db.History("web", 0)
	if err != nil || len(web) != MaxContainerHistory {
		t.Fatalf("history of web: got %d entries, error %v", len(web), err)
	}
	all, err := db.History("", 1)
	want := Entry{Seq: 300, At: storedAt, Container: "job", Type: "Normal", Action: "start", Reason: "Exited", Message: "event 299"}
	if diff := cmp.Diff([]Entry{want}, all); err != nil || diff != "" {
		t.Errorf("newest entry, error %v (-want +got):\n%s", err, diff)
	}
}

// TestMigrateAgain interrupts the way up after each step.
func TestMigrateAgain(t *testing.T) {
	path := stored(t, "state-v0.db", makeSchema0)
	bolt, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	power := errors.New("power failed")
	cut := func(tx *bbolt.Tx) ([]BadRecord, error) {
		bad, err := fromSchema0(tx)
		return bad, errors.Join(err, power)
	}
	if _, err := migrate(bolt, []migration{cut}); !errors.Is(err, power) {
		t.Fatalf("got error %v, want %v", err, power)
	}
	if v, err := readVersion(bolt); v != 0 || err != nil {
		t.Fatalf("after a failure the version is %d, error %v", v, err)
	}
	nothing := func(*bbolt.Tx) ([]BadRecord, error) { return nil, nil }
	if _, err := migrate(bolt, []migration{fromSchema0, nothing, cut}); !errors.Is(err, power) {
		t.Fatalf("got error %v, want %v", err, power)
	}
	if v, err := readVersion(bolt); v != 2 || err != nil {
		t.Fatalf("after two steps the version is %d, error %v", v, err)
	}
	// A step that runs on its own outcome changes nothing.
	err = bolt.Update(func(tx *bbolt.Tx) error {
		_, err := fromSchema0(tx)
		return errors.Join(err, setVersion(tx, schema))
	})
	if err := errors.Join(err, bolt.Close()); err != nil {
		t.Fatal(err)
	}
	wantSchema0(t, reopen(t, path), false)
}

// sample is a batch with something of everything.
func sample() Batch {
	b := Batch{
		Brake: &Brake{Removed: []Removal{{Name: "old", At: storedAt}}, Blocked: []string{"db"}, Since: storedAt},
		Files: []ManifestFile{{Path: "web.yaml", Text: []byte("kind: Container\n"), At: storedAt}},
	}
	for i := range 60 {
		name := fmt.Sprintf("c%02d", i)
		b.Put = append(b.Put, Record{
			Name: name, Revision: "r1", Source: "web.yaml", Live: "l1", Grace: 30 * time.Second, Needs: []string{"db"},
			Ran: true, Started: storedAt, Failures: i, Restarts: 9, Recent: []time.Time{storedAt}, RetryAt: storedAt,
			SeenExit: storedAt, LastExit: &Exit{Code: 0xC000013A, Known: true, At: storedAt, Asked: true, Reason: "stop"},
			Verdict: GaveUp, StopAt: storedAt, StopRevision: "r0", StopReason: "changed", Op: "start", OpErrors: 1,
			OpRetryAt: storedAt, LastError: "no such image", Since: storedAt, State: "GaveUp",
		})
		b.Specs = append(b.Specs, Spec{Name: name, Revision: "r1", JSON: []byte(`{"image":"a"}`), At: storedAt})
		b.Entries = append(b.Entries, Entry{At: storedAt, Container: name, Type: "Normal", Action: "start", Reason: "New", Message: "m"})
	}
	return b
}

func makeSchema1(path string) error {
	db, err := Open(context.Background(), path, storedAt)
	if err != nil {
		return err
	}
	return errors.Join(db.Save(sample()), db.Close())
}

// TestReadStoredSchema1 fails when a change of the program makes it read
// another thing from a file of the current schema.
func TestReadStoredSchema1(t *testing.T) {
	db := reopen(t, stored(t, "state-v1.db", makeSchema1))
	want := sample()
	st := loaded(t, db)
	if diff := cmp.Diff(State{Records: want.Put, Files: want.Files, Brake: *want.Brake}, st); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	for i := range want.Put {
		want.Specs[i].N = 1
		specs, err := db.Specs(want.Put[i].Name)
		if diff := cmp.Diff(want.Specs[i:i+1], specs); err != nil || diff != "" {
			t.Errorf("specs, error %v (-want +got):\n%s", err, diff)
		}
		want.Entries[i].Seq = uint64(i + 1)
		entries, err := db.History(want.Put[i].Name, 0)
		if diff := cmp.Diff(want.Entries[i:i+1], entries); err != nil || diff != "" {
			t.Errorf("history, error %v (-want +got):\n%s", err, diff)
		}
	}
}
