package statedb

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
)

// all is everything that can be read, or an error.
func all(db *DB) (State, []Entry, map[string][]Spec, error) {
	st, err := db.Load()
	history, err2 := db.History("", 0)
	specs := make(map[string][]Spec)
	for _, r := range st.Records {
		s, err3 := db.Specs(r.Name)
		specs[r.Name], err = s, errors.Join(err, err3)
	}
	return st, history, specs, errors.Join(err, err2)
}

// surviveDamage opens data as a state file and uses it. Whatever is wrong with
// it, the program goes on, and either all is as it was or somebody was told.
func surviveDamage(t testing.TB, path string, data []byte, what string) (told bool) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), path, storedAt)
	if errors.Is(err, ErrNewer) {
		return true
	}
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer db.Close()
	st, history, specs, err := all(db)
	if err != nil {
		t.Fatalf("%s: read: %v", what, err)
	}
	told = db.Recovered() != "" || len(st.Bad) > 0
	if !told {
		wantSample(t, st, history, specs, what)
	}
	if err := db.Save(sample()); err != nil {
		t.Fatalf("%s: Save: %v", what, err)
	}
	again, _, _, err := all(db)
	if err != nil || len(again.Records) < len(sample().Put) {
		t.Fatalf("%s: after a Save got %d records, error %v", what, len(again.Records), err)
	}
	return told
}

func wantSample(t testing.TB, st State, history []Entry, specs map[string][]Spec, what string) {
	t.Helper()
	want := sample()
	wantSpecs := make(map[string][]Spec)
	for _, s := range want.Specs {
		s.N = 1
		wantSpecs[s.Name] = append(wantSpecs[s.Name], s)
	}
	diff := cmp.Diff(State{Records: want.Put, Files: want.Files, Brake: *want.Brake}, st) + cmp.Diff(wantSpecs, specs)
	for i, e := range history {
		last := want.Entries[len(want.Entries)-1-i]
		last.Seq = e.Seq
		diff += cmp.Diff(last, e)
	}
	if diff != "" || len(history) != len(want.Entries) {
		t.Fatalf("%s: nobody was told, and the content differs (-want +got):\n%s", what, diff)
	}
}

func soundFile(t testing.TB) (path string, data []byte) {
	t.Helper()
	path = stored(t, "state-v1.db", makeSchema1)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	im, err := inspect(data)
	if err != nil {
		t.Fatal(err)
	}
	return path, data[:im.high*im.pageSize] // the rest is not in use
}

func TestSurviveDamage(t *testing.T) {
	path, data := soundFile(t)
	random := rand.New(rand.NewPCG(1, 2))
	told, tries := 0, 400
	if testing.Short() {
		tries = 60
	}
	for i := range tries {
		bad, at := bytes.Clone(data), random.IntN(len(data))
		what := ""
		switch i % 4 {
		case 0: // one bit
			bad[at] ^= 1 << random.IntN(8)
			what = fmt.Sprintf("bit flipped at %d", at)
		case 1: // the head of a page
			at = at/4096*4096 + random.IntN(64)
			bad[at] = byte(random.Uint32())
			what = fmt.Sprintf("byte %d set to %d", at, bad[at])
		case 2:
			bad = bad[:at]
			what = fmt.Sprintf("cut to %d bytes", at)
		case 3: // one page over another: a write that went astray
			from := random.IntN(len(data)) / 4096 * 4096
			copy(bad[at/4096*4096:], data[from:from+4096])
			what = fmt.Sprintf("page at %d copied over the one at %d", from, at)
		}
		if surviveDamage(t, path, bad, what) {
			told++
		}
		clean(t, path)
	}
	// Much of the file is in use, so most damage must have been seen.
	if told < tries/3 {
		t.Errorf("only %d of %d damages were told", told, tries)
	}
}

func clean(t testing.TB, path string) {
	names, err := filepath.Glob(path + ".*")
	for _, name := range names {
		err = errors.Join(err, os.Remove(name))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func FuzzSurviveDamage(f *testing.F) {
	path, data := soundFile(f)
	f.Add(uint32(0), byte(0), byte(1), uint32(0), byte(0))
	f.Add(uint32(4096*2+8), byte(1), byte(255), uint32(4096*2+12), byte(3))
	f.Add(uint32(7000), byte(2), byte(0), uint32(0), byte(0))
	f.Fuzz(func(t *testing.T, at uint32, kind, value byte, at2 uint32, value2 byte) {
		bad := bytes.Clone(data)
		i := int(at) % len(bad)
		switch kind % 3 {
		case 0:
			bad[i] ^= value
		case 1:
			bad[i], bad[int(at2)%len(bad)] = value, value2
		case 2:
			bad = bad[:i]
		}
		dir := t.TempDir()
		surviveDamage(t, filepath.Join(dir, filepath.Base(path)), bad, fmt.Sprint("damage at ", i))
	})
}

// TestBadEntries damages entries one by one in a file that is sound to bbolt.
func TestBadEntries(t *testing.T) {
	wrongType := []byte(`{"fails":"many"}`)
	for _, c := range []struct {
		table, key, err string
		value           []byte
	}{
		{tableRecords, "c07", "checksum", []byte("\x00\x00\x00\x00{}")},
		{tableRecords, "c07", "checksum", []byte("x")},
		{tableRecords, "c07", "cannot unmarshal", seal(tableRecords, []byte("c07"), wrongType)},
		{tableFiles, "web.yaml", "checksum", []byte("\x00\x00\x00\x00{}")},
		{tableBrake, keyBrake, "unexpected end", seal(tableBrake, []byte(keyBrake), nil)},
		{tableHistory, string(historyKey(5, "c04")), "checksum", nil},
		{tableSpecs, "c09\x00\x00\x00\x00\x00\x00\x00\x00\x00r1", "checksum", []byte("{}")},
		{tableMeta, keyLedger, "ledger", []byte("{}")},
	} {
		t.Run(c.table+" "+c.err, func(t *testing.T) {
			path, _ := soundFile(t)
			boltUpdate(t, path, func(tx *bbolt.Tx) error { return putRaw(tx, c.table, []byte(c.key), c.value) })
			db := reopen(t, path)
			st := loaded(t, db)
			if len(st.Bad) != 1 || st.Bad[0].Bucket != c.table || st.Bad[0].Key != c.key || !strings.Contains(st.Bad[0].Err.Error(), c.err) {
				t.Fatalf("got bad records %v, want %s %q with %q", st.Bad, c.table, c.key, c.err)
			}
			if c.table == tableRecords && len(st.Records) != len(sample().Put)-1 {
				t.Errorf("got %d records", len(st.Records))
			}
			wantAside(t, db, c.table+"/"+c.key, c.value)
			if err := errors.Join(db.Save(sample()), db.Close()); err != nil {
				t.Fatal(err)
			}
			if bad := loaded(t, reopen(t, path)).Bad; len(bad) > 0 {
				t.Errorf("told again after it was moved aside: %v", bad)
			}
		})
	}
}

// putRaw replaces an entry. The ledger follows only if the seal is good: then
// the program itself has written it.
func putRaw(tx *bbolt.Tx, table string, key, value []byte) error {
	b, err := openBook(tx)
	if err != nil {
		return err
	}
	bucket := tx.Bucket([]byte(table))
	if _, err := unseal(table, key, value); err == nil {
		b.count(table, bucket.Get(key), -1)
		b.count(table, value, 1)
	}
	return errors.Join(b.close(), bucket.Put(key, value))
}

func boltUpdate(t testing.TB, path string, change func(*bbolt.Tx) error) {
	t.Helper()
	bolt, err := bbolt.Open(path, 0o600, nil)
	if err == nil {
		err = errors.Join(bolt.Update(change), bolt.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func wantAside(t *testing.T, db *DB, key string, want []byte) {
	t.Helper()
	err := db.bolt.View(func(tx *bbolt.Tx) error {
		if got := tx.Bucket([]byte(tableBad)).Get([]byte(key)); got == nil || !bytes.Equal(got, want) {
			t.Errorf("set aside as %q: got %q, want %q", key, got, want)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestMissingEntries removes entries without a trace, as a damaged page may.
func TestMissingEntries(t *testing.T) {
	for name, remove := range map[string]func(*bbolt.Tx) error{
		tableRecords: func(tx *bbolt.Tx) error { return tx.Bucket([]byte(tableRecords)).Delete([]byte("c07")) },
		tableSpecs:   func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte(tableSpecs)) },
		tableFiles: func(tx *bbolt.Tx) error { // an older version of an entry
			key := []byte("web.yaml")
			return tx.Bucket([]byte(tableFiles)).Put(key, seal(tableFiles, key, []byte("{}")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, _ := soundFile(t)
			boltUpdate(t, path, remove)
			db := reopen(t, path)
			if bad := loaded(t, db).Bad; len(bad) != 1 || bad[0].Bucket != name || bad[0].Key != "" {
				t.Errorf("got bad records %v, want one of %s without a key", bad, name)
			}
			if err := errors.Join(db.Save(sample()), db.Close()); err != nil {
				t.Fatal(err)
			}
			if bad := loaded(t, reopen(t, path)).Bad; len(bad) > 0 {
				t.Errorf("told again: %v", bad)
			}
		})
	}
}
