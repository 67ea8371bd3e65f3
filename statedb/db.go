package statedb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// The file state.db, schema 1:
//
//	meta
//	  version              "1", plain text, so that it can always be read
//	  ledger               sealed {seq, cut, tables: {name: {n, sum}}}
//	records
//	  <name>               sealed diskRecord
//	files
//	  <path>               sealed diskFile
//	specs
//	  <name> 0 <n> <rev>   sealed diskSpec; n is 8 bytes, big end first, ascending
//	history
//	  <seq> <name>         sealed diskEntry; seq is 8 bytes, big end first, ascending
//	brake
//	  brake                sealed diskBrake
//	bad
//	  <table>/<key>        the bytes of an entry that could not be read
//
// Sealed means: a CRC-32C of table, key and JSON (4 bytes), then the JSON.
//
// Beside it: state.db.lock (who has it open), state.db.v<N>.bak (before the
// migration from schema N), state.db.corrupt-<time> (set aside).
const schema = 1

// DB is a Store in one bbolt file. The zero value is not usable; see Open.
type DB struct {
	bolt      *bbolt.DB
	file      *os.File // bolt's own
	lock      *os.File
	recovered string
	bad       []BadRecord // found by Open

	closing sync.Once
	closed  atomic.Bool
	broken  atomic.Pointer[error] // set once the file has failed under us

	writing sync.Mutex // one Save at a time
	indexMu sync.Mutex // guards index; only Save changes it
	index   *index

	grown bell
}

// Recovered says what happened if Open found a damaged file: it was set aside
// and the state began anew. "" otherwise. It must be said loudly.
func (db *DB) Recovered() string { return db.recovered }

// Close gives the file and its lock back; calls after the first do nothing.
func (db *DB) Close() (err error) {
	db.closing.Do(func() {
		db.closed.Store(true)
		db.grown.breakOff()
		if db.broken.Load() == nil {
			err = db.bolt.Close()
		} else { // bbolt may hold its own locks for ever
			err = db.file.Close()
		}
		err = errors.Join(err, db.lock.Close())
	})
	return err
}

// Load reads everything but specs and history. A record that cannot be read is
// moved aside and told in State.Bad, as are those that Open found.
func (db *DB) Load() (State, error) {
	var st State
	if err := db.view(func(tx *bbolt.Tx) error { st = load(tx); return nil }); err != nil {
		return State{}, err
	}
	if len(st.Bad) > 0 {
		if err := db.setAside(st.Bad); err != nil {
			return State{}, err
		}
	}
	st.Bad = append(st.Bad, db.bad...)
	return st, nil
}

func (db *DB) setAside(bad []BadRecord) error {
	db.writing.Lock()
	defer db.writing.Unlock()
	return db.update(func(b *book) error {
		for _, r := range bad {
			b.count(r.Bucket, b.tx.Bucket([]byte(r.Bucket)).Get([]byte(r.Key)), -1)
			if err := b.setAside(r); err != nil {
				return err
			}
		}
		return nil
	})
}

func load(tx *bbolt.Tx) (st State) {
	read(tx, tableRecords, &st, func(name string, d diskRecord) { st.Records = append(st.Records, d.record(name)) })
	read(tx, tableFiles, &st, func(path string, d diskFile) {
		st.Files = append(st.Files, ManifestFile{Path: path, Text: d.Text, At: d.At})
	})
	read(tx, tableBrake, &st, func(_ string, d diskBrake) { st.Brake = d.brake() })
	return st
}

// read decodes all of one table, in the order of the keys.
func read[D any](tx *bbolt.Tx, table string, st *State, take func(key string, d D)) {
	cursor := tx.Bucket([]byte(table)).Cursor()
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		var d D
		if err := decode(table, k, v, &d); err != nil {
			st.Bad = append(st.Bad, BadRecord{Bucket: table, Key: string(k), Err: err})
			continue
		}
		take(string(k), d)
	}
}

// Specs gives the revisions of name that are kept, newest first.
func (db *DB) Specs(name string) (out []Spec, err error) {
	prefix := specPrefix(name)
	err = db.view(func(tx *bbolt.Tx) error {
		cursor := tx.Bucket([]byte(tableSpecs)).Cursor()
		for k, v := cursor.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = cursor.Next() {
			var d diskSpec
			if err := decode(tableSpecs, k, v, &d); err != nil {
				return fmt.Errorf("read spec of %s: %w", name, err)
			}
			rest := k[len(prefix):]
			out = append([]Spec{d.spec(name, string(rest[seqBytes:]), binary.BigEndian.Uint64(rest))}, out...)
		}
		return nil
	})
	return out, err
}

// update runs do in a write transaction. The index follows the file: if the
// transaction fails it is read again. The caller holds writing.
func (db *DB) update(do func(*book) error) error {
	err := db.guard(func() error {
		return db.bolt.Update(func(tx *bbolt.Tx) error {
			b, err := openBook(tx)
			if err == nil {
				err = do(b)
			}
			if err == nil {
				err = b.close()
			}
			return err
		})
	})
	if err != nil && db.broken.Load() == nil {
		err = errors.Join(err, db.view(db.reindex))
	}
	return err
}

func (db *DB) reindex(tx *bbolt.Tx) error {
	db.indexMu.Lock()
	defer db.indexMu.Unlock()
	db.index = readIndex(tx)
	return nil
}

func (db *DB) view(do func(*bbolt.Tx) error) error {
	return db.guard(func() error { return db.bolt.View(do) })
}

func (db *DB) usable() error {
	if db.closed.Load() {
		return ErrClosed
	}
	if broken := db.broken.Load(); broken != nil {
		return *broken
	}
	return nil
}

// guard runs do, turning a panic or a memory fault (the file was cut, the disk
// cannot read it) into an error. After that bbolt's own locks may be held for
// ever, so nobody may enter it again: every later call gives the same error.
func (db *DB) guard(do func() error) (err error) {
	if err := db.usable(); err != nil {
		return err
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("use state %s: the file failed under the program, which must be restarted: %v", db.file.Name(), p)
			db.broken.CompareAndSwap(nil, &err)
		}
	}()
	if err = do(); errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}
