package statedb

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
)

// A migration lifts a file by one schema, in one transaction with the new
// version number, so that a crash leaves either schema whole. It may be run
// again on a file that has its outcome already. It gives the entries that it
// could not read and had to move aside. For a new one: raise schema, append
// the function, keep a file of the old schema in testdata.
type migration func(tx *bbolt.Tx) ([]BadRecord, error)

// migrations gives the way up: the function at N lifts schema N to N+1.
func migrations() []migration { return []migration{fromSchema0} }

func migrate(db *bbolt.DB, steps []migration) (bad []BadRecord, err error) {
	version, err := readVersion(db)
	for ; err == nil && version < len(steps); version++ {
		err = db.Update(func(tx *bbolt.Tx) error {
			found, err := steps[version](tx)
			if err != nil {
				return fmt.Errorf("migrate from schema %d: %w", version, err)
			}
			bad = append(bad, found...)
			return setVersion(tx, version+1)
		})
	}
	return bad, err
}

func readVersion(db *bbolt.DB) (version int, err error) {
	err = db.View(func(tx *bbolt.Tx) (err error) {
		meta := tx.Bucket([]byte(tableMeta))
		if meta == nil {
			return damage{errors.New("table meta is missing")}
		}
		version, err = strconv.Atoi(string(meta.Get([]byte(keyVersion))))
		return err
	})
	return version, err
}

// backup writes the file's bytes, read under the lock, beside it.
func backup(path string, version int, data []byte) error {
	name := fmt.Sprintf("%s.v%d.bak", path, version)
	if err := writeSynced(name+".new", data); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	return syncDir(filepath.Dir(name))
}

func writeSynced(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// Schema 0 was the layout of the first development versions: entries had no
// checksum, a manifest was its bare text, and there were no specs and no brake.
//
//	meta        version "0"
//	containers  <name>  JSON of oldRecord
//	manifests   <path>  text
//	events      <seq>   JSON of oldEvent
type (
	oldRecord struct {
		Revision string    `json:"revision"`
		Source   string    `json:"source"`
		Ran      bool      `json:"ran"`
		Failures int       `json:"failures"`
		Restarts uint64    `json:"restarts"`
		RetryAt  time.Time `json:"retryAt"`
		SeenExit time.Time `json:"seenExit"`
		Verdict  Verdict   `json:"verdict"`
	}
	oldEvent struct {
		Time      time.Time `json:"time"`
		Container string    `json:"container"`
		Type      string    `json:"type"`
		Action    string    `json:"action"`
		Reason    string    `json:"reason"`
		Message   string    `json:"message"`
	}
)

func fromSchema0(tx *bbolt.Tx) (bad []BadRecord, err error) {
	if err := createTables(tx); err != nil {
		return nil, err
	}
	b := &book{tx: tx}
	if l, err := readLedger(tx); err == nil { // it ran before
		b.ledger = l
	}
	ix := readIndex(tx)
	for _, old := range []struct {
		table string
		move  func(key, value []byte) error
	}{
		{"containers", b.moveRecord},
		{"manifests", func(key, text []byte) error {
			return b.put(tableFiles, key, ManifestFile{Text: text}.disk())
		}},
		{"events", func(_, value []byte) error { return b.moveEvent(ix, value) }},
	} {
		found, err := b.moveTable(old.table, old.move)
		if err != nil {
			return nil, err
		}
		bad = append(bad, found...)
	}
	return bad, b.close()
}

// unreadable marks an error as one of the entry, not of the file.
type unreadable struct{ error }

// moveTable moves the entries of an old table and removes it.
func (b *book) moveTable(table string, move func(key, value []byte) error) (bad []BadRecord, err error) {
	bucket := b.tx.Bucket([]byte(table))
	if bucket == nil {
		return nil, nil
	}
	err = bucket.ForEach(func(key, value []byte) error {
		err := move(key, value)
		if _, entry := errors.AsType[unreadable](err); entry {
			bad = append(bad, BadRecord{Bucket: table, Key: string(key), Err: err})
			return b.tx.Bucket([]byte(tableBad)).Put([]byte(table+"/"+string(key)), value)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return bad, b.tx.DeleteBucket([]byte(table))
}

func (b *book) moveRecord(name, value []byte) error {
	var old oldRecord
	if err := json.Unmarshal(value, &old); err != nil {
		return unreadable{err}
	}
	return b.put(tableRecords, name, Record{
		Revision: old.Revision, Source: old.Source, Ran: old.Ran, Failures: old.Failures,
		Restarts: old.Restarts, RetryAt: old.RetryAt, SeenExit: old.SeenExit, Verdict: old.Verdict,
	}.disk())
}

func (b *book) moveEvent(ix *index, value []byte) error {
	var old oldEvent
	if err := json.Unmarshal(value, &old); err != nil {
		return unreadable{err}
	}
	return b.appendEntry(ix, Entry{
		At: old.Time, Container: old.Container, Type: old.Type,
		Action: old.Action, Reason: old.Reason, Message: old.Message,
	})
}
