package statedb

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Save writes b in one transaction and returns when it is on disk. After an
// error nothing of b is kept.
func (db *DB) Save(b Batch) error {
	if err := db.usable(); err != nil || b.Empty() {
		return err
	}
	if err := b.check(); err != nil {
		return err
	}
	db.writing.Lock()
	defer db.writing.Unlock()
	err := db.update(func(book *book) error { return book.save(b, db) })
	if err == nil && len(b.Entries) > 0 {
		db.grown.ring()
	}
	return err
}

func (b *book) save(batch Batch, db *DB) error {
	err := b.saveDrops(batch)
	if err == nil {
		err = each(batch.Put, func(r Record) error { return b.put(tableRecords, []byte(r.Name), r.disk()) })
	}
	if err == nil {
		err = each(batch.Specs, b.saveSpec)
	}
	if err == nil {
		err = each(batch.Files, func(f ManifestFile) error { return b.put(tableFiles, []byte(f.Path), f.disk()) })
	}
	if err == nil {
		err = b.saveEntries(batch.Entries, db)
	}
	if err == nil && batch.Brake != nil {
		err = b.put(tableBrake, []byte(keyBrake), batch.Brake.disk())
	}
	return err
}

func each[T any](list []T, do func(T) error) error {
	for _, x := range list {
		if err := do(x); err != nil {
			return err
		}
	}
	return nil
}

func (b *book) saveDrops(batch Batch) error {
	for _, name := range batch.Drop {
		if err := b.drop(tableRecords, []byte(name)); err != nil {
			return err
		}
		if err := each(b.specKeys(name), func(key []byte) error { return b.drop(tableSpecs, key) }); err != nil {
			return err
		}
	}
	return each(batch.DropFiles, func(path string) error { return b.drop(tableFiles, []byte(path)) })
}

func (b *book) saveEntries(entries []Entry, db *DB) error {
	db.indexMu.Lock()
	defer db.indexMu.Unlock()
	return each(entries, func(e Entry) error { return b.appendEntry(db.index, e) })
}

// specPrefix ends in a NUL, which no name holds.
func specPrefix(name string) []byte { return append([]byte(name), 0) }

// specKeys gives the keys of the specs of name, oldest first.
func (b *book) specKeys(name string) (keys [][]byte) {
	prefix := specPrefix(name)
	cursor := b.tx.Bucket([]byte(tableSpecs)).Cursor()
	for k, _ := cursor.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = cursor.Next() {
		keys = append(keys, bytes.Clone(k))
	}
	return keys
}

// saveSpec appends s as the newest of its name, with what was known of it, and
// removes another one if there are too many. What is the newest already keeps
// its number.
func (b *book) saveSpec(s Spec) error {
	prefix, keys := specPrefix(s.Name), b.specKeys(s.Name)
	kept := make([]Spec, len(keys))
	for i, k := range keys {
		var d diskSpec
		if err := decode(tableSpecs, k, b.tx.Bucket([]byte(tableSpecs)).Get(k), &d); err != nil {
			d = diskSpec{} // it cannot be returned to, and makes room like any other
		}
		rest := k[len(prefix):]
		kept[i] = d.spec(s.Name, string(rest[seqBytes:]), binary.BigEndian.Uint64(rest))
	}
	s, gone := place(kept, s)
	if gone >= 0 {
		if err := b.drop(tableSpecs, keys[gone]); err != nil {
			return err
		}
	}
	key := binary.BigEndian.AppendUint64(prefix, s.N-1)
	return b.put(tableSpecs, append(key, s.Revision...), s.disk())
}

// place completes s for its place behind kept, which is sorted by N, and tells
// which of those must go: -1 if none.
func place(kept []Spec, s Spec) (_ Spec, gone int) {
	s.N, gone = 1, slices.IndexFunc(kept, func(k Spec) bool { return k.Revision == s.Revision })
	if n := len(kept); n > 0 {
		s.N = kept[n-1].N + 1
	}
	if gone >= 0 {
		if gone == len(kept)-1 {
			s.N = kept[gone].N
		}
		return s.completed(kept[gone]), gone
	}
	if len(kept) >= MaxSpecs {
		gone = 0
		if i := lastReady(kept); i == 0 {
			gone = 1
		}
	}
	return s, gone
}

// completed takes what is empty in s from what was known before.
func (s Spec) completed(before Spec) Spec {
	if len(s.JSON) == 0 {
		s.JSON = before.JSON
	}
	if len(s.Manifest) == 0 {
		s.Manifest, s.Source = before.Manifest, before.Source
	}
	if s.At.IsZero() {
		s.At = before.At
	}
	if s.ReadyAt.IsZero() {
		s.ReadyAt = before.ReadyAt
	}
	return s
}

// lastReady is the newest that was ready, -1 if none was.
func lastReady(kept []Spec) int {
	for i, k := range slices.Backward(kept) {
		if !k.ReadyAt.IsZero() {
			return i
		}
	}
	return -1
}
