package statedb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// The tables (bbolt's buckets) and fixed keys; the layout is drawn in db.go.
const (
	tableMeta    = "meta"
	tableRecords = "records"
	tableFiles   = "files"
	tableSpecs   = "specs"
	tableHistory = "history"
	tableBrake   = "brake"
	tableBad     = "bad"

	keyVersion = "version"
	keyLedger  = "ledger"
	keyBrake   = "brake"
)

// sealedTables are those whose entries are sealed and counted in the ledger.
func sealedTables() []string {
	return []string{tableRecords, tableFiles, tableSpecs, tableHistory, tableBrake}
}

// ledger is what the sealed tables must hold. A damaged page can lose entries
// without a trace, so each table's entries are counted and their seals summed.
type ledger struct {
	Seq    uint64           `json:"seq,omitempty"` // last one given in the history
	Cut    uint64           `json:"cut,omitempty"` // last one of the history that is not kept any more
	Tables map[string]tally `json:"tables,omitempty"`
}

type tally struct {
	Count int    `json:"n,omitempty"`
	Sum   uint32 `json:"sum,omitempty"` // of all seals, by exclusive or
}

// book is one write transaction: the tables and the ledger that follows them.
type book struct {
	tx     *bbolt.Tx
	ledger ledger
}

func openBook(tx *bbolt.Tx) (*book, error) {
	b := &book{tx: tx}
	var err error
	b.ledger, err = readLedger(tx)
	return b, err
}

// readLedger gives the ledger; an absent one is an error.
func readLedger(tx *bbolt.Tx) (l ledger, err error) {
	meta := tx.Bucket([]byte(tableMeta))
	if meta == nil {
		return l, errors.New("read ledger: no such table")
	}
	if err := decode(tableMeta, []byte(keyLedger), meta.Get([]byte(keyLedger)), &l); err != nil {
		return l, fmt.Errorf("read ledger: %w", err)
	}
	return l, nil
}

// close writes the ledger; without it the transaction must not be committed.
func (b *book) close() error {
	payload, err := json.Marshal(b.ledger)
	if err != nil {
		return err
	}
	key := []byte(keyLedger)
	return b.tx.Bucket([]byte(tableMeta)).Put(key, seal(tableMeta, key, payload))
}

// put stores d as sealed JSON.
func (b *book) put(table string, key []byte, d any) error {
	payload, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("write %s %q: %w", table, key, err)
	}
	bucket := b.tx.Bucket([]byte(table))
	b.count(table, bucket.Get(key), -1)
	value := seal(table, key, payload)
	if err := bucket.Put(key, value); err != nil {
		return fmt.Errorf("write %s %q: %w", table, key, err)
	}
	b.count(table, value, 1)
	return nil
}

// drop removes key; an absent one is no error.
func (b *book) drop(table string, key []byte) error {
	bucket := b.tx.Bucket([]byte(table))
	b.count(table, bucket.Get(key), -1)
	if err := bucket.Delete(key); err != nil {
		return fmt.Errorf("remove %s %q: %w", table, key, err)
	}
	return nil
}

func (b *book) count(table string, value []byte, n int) {
	if len(value) < sealBytes {
		return
	}
	if b.ledger.Tables == nil {
		b.ledger.Tables = make(map[string]tally)
	}
	t := b.ledger.Tables[table]
	t.Count += n
	t.Sum ^= sealOf(value)
	b.ledger.Tables[table] = t
}

// setAside moves an entry into the table of bad ones, as it was found.
func (b *book) setAside(r BadRecord) error {
	if r.Key == "" {
		return nil
	}
	bucket, key := b.tx.Bucket([]byte(r.Bucket)), []byte(r.Key)
	value := bytes.Clone(bucket.Get(key))
	err := bucket.Delete(key)
	if errors.Is(err, berrors.ErrIncompatibleValue) {
		err = bucket.DeleteBucket(key)
	}
	if err != nil {
		return fmt.Errorf("set aside %s %q: %w", r.Bucket, key, err)
	}
	return b.tx.Bucket([]byte(tableBad)).Put([]byte(r.Bucket+"/"+r.Key), value)
}

// audit reads every sealed entry and gives the ones that are bad or missing,
// and a ledger that fits the good ones.
func audit(tx *bbolt.Tx) (bad []BadRecord, found ledger) {
	want, wantErr := readLedger(tx)
	if wantErr != nil {
		bad = append(bad, BadRecord{Bucket: tableMeta, Key: keyLedger, Err: wantErr})
	}
	b := &book{ledger: ledger{Seq: want.Seq, Cut: want.Cut}}
	for _, table := range sealedTables() {
		bucket := tx.Bucket([]byte(table))
		if bucket == nil {
			bad = append(bad, BadRecord{Bucket: table, Err: errors.New("the table is missing")})
			continue
		}
		broken := b.audit(table, bucket)
		bad = append(bad, broken...)
		if wantErr != nil {
			continue
		}
		if err := compare(want.Tables[table], b.ledger.Tables[table], len(broken)); err != nil {
			bad = append(bad, BadRecord{Bucket: table, Err: err})
		}
	}
	return bad, b.ledger
}

// compare reports entries that are missing besides the broken ones. Beside
// broken ones the sums must differ, so only the counts tell.
func compare(want, got tally, broken int) error {
	if lost := want.Count - got.Count - broken; lost != 0 {
		return fmt.Errorf("%d entries are missing", lost)
	}
	if broken == 0 && want.Sum != got.Sum {
		return errors.New("an entry is not what was written last")
	}
	return nil
}

func (b *book) audit(table string, bucket *bbolt.Bucket) (bad []BadRecord) {
	cursor := bucket.Cursor()
	for k, v := cursor.First(); k != nil; k, v = cursor.Next() {
		_, err := unseal(table, k, v)
		if err == nil && table == tableHistory && len(k) < seqBytes {
			err = errors.New("key is cut short")
		}
		if err != nil {
			bad = append(bad, BadRecord{Bucket: table, Key: string(k), Err: err})
			continue
		}
		b.count(table, v, 1)
		if table == tableHistory {
			b.ledger.Seq = max(b.ledger.Seq, seqOf(k))
		}
	}
	return bad
}
