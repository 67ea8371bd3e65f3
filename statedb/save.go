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

// saveSpec appends s as the newest of its name and removes an older one of the
// same revision, or else the oldest if there are too many.
func (b *book) saveSpec(s Spec) error {
	prefix, keys, next := specPrefix(s.Name), b.specKeys(s.Name), uint64(0)
	if n := len(keys); n > 0 {
		next = binary.BigEndian.Uint64(keys[n-1][len(prefix):]) + 1
	}
	old := slices.IndexFunc(keys, func(key []byte) bool { return string(key[len(prefix)+seqBytes:]) == s.Revision })
	if old < 0 && len(keys) >= MaxSpecs {
		old = 0
	}
	if old >= 0 {
		if err := b.drop(tableSpecs, keys[old]); err != nil {
			return err
		}
	}
	key := binary.BigEndian.AppendUint64(prefix, next)
	return b.put(tableSpecs, append(key, s.Revision...), s.disk())
}
