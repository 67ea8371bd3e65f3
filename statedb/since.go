package statedb

import (
	"fmt"
	"sort"
	"sync"

	"go.etcd.io/bbolt"
)

// bell tells many waiters of one thing. Its zero value is ready.
type bell struct {
	mu     sync.Mutex
	next   chan struct{} // nil: nobody waits
	broken bool
}

// wait gives a channel that the next ring closes.
func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
		if b.broken {
			close(b.next)
		}
	}
	return b.next
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil && !b.broken {
		close(b.next)
		b.next = nil
	}
}

// breakOff rings for the last time: nobody waits from now on.
func (b *bell) breakOff() {
	b.ring()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil && !b.broken {
		close(b.next)
	}
	b.broken = true
}

// Grown gives a channel that the next Save with entries closes, or Close.
func (db *DB) Grown() <-chan struct{} { return db.grown.wait() }

// Grown gives a channel that the next Save with entries closes, or Close.
func (m *Mem) Grown() <-chan struct{} { return m.grown.wait() }

// page says where a reader that asked for what comes after seq stands, if last
// is the newest entry and cut the newest that is not kept. A number that was
// never given comes from a history that is lost: it is read from the start.
func page(seq, last, cut uint64) (from uint64, p Page) {
	if seq > last {
		return 0, Page{Next: last, Cut: true}
	}
	return seq, Page{Next: last, Cut: cut > seq}
}

// add takes e unless the page is full, and reports whether it took it.
func (p *Page) add(e Entry, limit int) bool {
	if limit > 0 && len(p.Entries) == limit {
		p.Next = p.Entries[limit-1].Seq
		return false
	}
	p.Entries = append(p.Entries, e)
	return true
}

// Since gives entries, oldest first.
func (db *DB) Since(container string, seq uint64, limit int) (p Page, err error) {
	err = db.view(func(tx *bbolt.Tx) error {
		ledger, err := readLedger(tx)
		if err != nil {
			return err
		}
		cursor, cut := tx.Bucket([]byte(tableHistory)).Cursor(), ledger.Cut
		if k, _ := cursor.First(); k != nil { // a file of an older version does not tell
			cut = max(cut, seqOf(k)-1)
		}
		from, found := page(seq, ledger.Seq, cut)
		p = found
		for k, v := cursor.Seek(historyKey(from+1, "")); k != nil; k, v = cursor.Next() {
			if container != "" && string(k[seqBytes:]) != container {
				continue
			}
			var d diskEntry
			if err := decode(tableHistory, k, v, &d); err != nil {
				return fmt.Errorf("read history entry %d: %w", seqOf(k), err)
			}
			if !p.add(d.entry(seqOf(k), string(k[seqBytes:])), limit) {
				return nil
			}
		}
		return nil
	})
	return p, err
}

// Since gives entries, oldest first.
func (m *Mem) Since(container string, seq uint64, limit int) (Page, error) {
	if m.closed.Load() {
		return Page{}, ErrClosed
	}
	d := m.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	from, p := page(seq, d.seq, d.cut)
	begin := sort.Search(len(d.history), func(i int) bool { return d.history[i].Seq > from })
	for _, e := range d.history[begin:] {
		if (container == "" || e.Container == container) && !p.add(e, limit) {
			break
		}
	}
	return p, nil
}
