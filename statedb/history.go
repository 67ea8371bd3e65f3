package statedb

import (
	"encoding/binary"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"
)

// An entry's key is its number, so that new ones are appended at the right
// edge of the tree, followed by the container's name, so that the index below
// can be built from the keys alone.

const seqBytes = 8

func historyKey(seq uint64, container string) []byte {
	key := binary.BigEndian.AppendUint64(make([]byte, 0, seqBytes+len(container)), seq)
	return append(key, container...)
}

func seqOf(key []byte) uint64 { return binary.BigEndian.Uint64(key) }

// index knows the numbers of the entries of each container, oldest first. It
// lives in memory only: to find the oldest entry of a container on disk would
// need a second tree, and with it more pages in every transaction.
type index struct {
	byName map[string][]uint64
	total  int
}

func readIndex(tx *bbolt.Tx) *index {
	ix := &index{byName: make(map[string][]uint64)}
	cursor := tx.Bucket([]byte(tableHistory)).Cursor()
	for k, _ := cursor.First(); k != nil; k, _ = cursor.Next() {
		ix.add(string(k[seqBytes:]), seqOf(k))
	}
	return ix
}

func (ix *index) add(name string, seq uint64) {
	ix.byName[name] = append(ix.byName[name], seq)
	ix.total++
}

// pop forgets the oldest entry of name and gives its number.
func (ix *index) pop(name string) uint64 {
	seqs := ix.byName[name]
	seq := seqs[0]
	if len(seqs) == 1 {
		delete(ix.byName, name)
	} else {
		ix.byName[name] = seqs[1:]
	}
	ix.total--
	return seq
}

// appendEntry writes e under the next number and removes what is then too
// much: at most one entry of the same container and one of all.
func (b *book) appendEntry(ix *index, e Entry) error {
	b.ledger.Seq++
	if err := b.put(tableHistory, historyKey(b.ledger.Seq, e.Container), e.disk()); err != nil {
		return err
	}
	ix.add(e.Container, b.ledger.Seq)
	if len(ix.byName[e.Container]) > MaxContainerHistory {
		if err := b.cut(historyKey(ix.pop(e.Container), e.Container)); err != nil {
			return err
		}
	}
	if ix.total <= MaxHistory {
		return nil
	}
	oldest, _ := b.tx.Bucket([]byte(tableHistory)).Cursor().First()
	key := slices.Clone(oldest)
	ix.pop(string(key[seqBytes:]))
	return b.cut(key)
}

// cut removes an entry, and keeps in mind that it was there.
func (b *book) cut(key []byte) error {
	b.ledger.Cut = max(b.ledger.Cut, seqOf(key))
	return b.drop(tableHistory, key)
}

// History gives entries, newest first.
func (db *DB) History(container string, max int) (out []Entry, err error) {
	err = db.view(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket([]byte(tableHistory))
		if container == "" {
			out, err = lastEntries(bucket, max)
			return err
		}
		for _, seq := range db.lastOf(container, max) {
			key := historyKey(seq, container)
			v := bucket.Get(key)
			if v == nil {
				continue // removed since the index was asked
			}
			if out, err = appendDecoded(out, key, v); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// lastOf gives the numbers of the last entries of container, newest first.
func (db *DB) lastOf(container string, max int) []uint64 {
	db.indexMu.Lock()
	defer db.indexMu.Unlock()
	seqs := db.index.byName[container]
	if max > 0 && len(seqs) > max {
		seqs = seqs[len(seqs)-max:]
	}
	seqs = slices.Clone(seqs)
	slices.Reverse(seqs)
	return seqs
}

func lastEntries(bucket *bbolt.Bucket, max int) (out []Entry, err error) {
	cursor := bucket.Cursor()
	for k, v := cursor.Last(); k != nil; k, v = cursor.Prev() {
		if max > 0 && len(out) == max {
			break
		}
		if out, err = appendDecoded(out, k, v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func appendDecoded(out []Entry, key, v []byte) ([]Entry, error) {
	var d diskEntry
	if err := decode(tableHistory, key, v, &d); err != nil {
		return nil, fmt.Errorf("read history entry %d: %w", seqOf(key), err)
	}
	return append(out, d.entry(seqOf(key), string(key[seqBytes:]))), nil
}
