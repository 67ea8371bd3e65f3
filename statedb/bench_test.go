package statedb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

// benchRecord is about as large as a busy container's record: 300 bytes.
func benchRecord(i, round int) Record {
	return Record{
		Name: fmt.Sprintf("container-%05d", i), Revision: "v1:5f0c2d9a7e1b4c3d", Source: "shop/web.yaml",
		Live: "v1:77aa0b1c2d3e4f50", Grace: 30e9, Ran: true, Started: storedAt, Failures: round, Restarts: uint64(round),
		LastExit: &Exit{Code: 1, Known: true, At: storedAt, Reason: "Error"}, RetryAt: storedAt, Since: storedAt, State: "Running",
	}
}

// filledDB holds n containers, each with a spec and an entry.
func filledDB(b *testing.B, n int) *DB {
	b.Helper()
	db := reopen(b, filepath.Join(b.TempDir(), "state.db"))
	var batch Batch
	for i := range n {
		r := benchRecord(i, 0)
		batch.Put = append(batch.Put, r)
		batch.Specs = append(batch.Specs, Spec{Name: r.Name, Revision: r.Revision, JSON: make([]byte, 500), At: storedAt})
		batch.Entries = append(batch.Entries, Entry{At: storedAt, Container: r.Name, Type: "Normal", Action: "start", Reason: "New"})
	}
	if err := db.Save(batch); err != nil {
		b.Fatal(err)
	}
	return db
}

// BenchmarkSave writes changed records, each with a history entry, into a file
// of 10,000 containers. Its floors write the same number of bytes to a file
// and sync it: once, and twice as any copy-on-write file must (first the pages,
// then the page that makes them valid).
func BenchmarkSave(b *testing.B) {
	for _, n := range []int{1, 32, 1000} {
		b.Run(fmt.Sprint("records=", n), func(b *testing.B) {
			db := filledDB(b, 10_000)
			b.ReportAllocs()
			b.ResetTimer()
			for round := range b.N {
				if err := db.Save(benchBatch(n, round)); err != nil {
					b.Fatal(err)
				}
			}
		})
		for syncs := 1; syncs <= 2; syncs++ {
			b.Run(fmt.Sprintf("records=%d/floor-syncs=%d", n, syncs), func(b *testing.B) { floor(b, n, syncs) })
		}
	}
}

// benchBatch spreads the changes over all names.
func benchBatch(n, round int) (batch Batch) {
	for i := range n {
		r := benchRecord((round*7919+i*(10_000/n))%10_000, round)
		batch.Put = append(batch.Put, r)
		batch.Entries = append(batch.Entries, Entry{At: storedAt, Container: r.Name, Type: "Normal", Action: "start", Reason: "Exited"})
	}
	return batch
}

func floor(b *testing.B, n, syncs int) {
	f, err := os.Create(filepath.Join(b.TempDir(), "floor"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	data := make([]byte, n*(300+100))
	if _, err := f.Write(make([]byte, 1<<20)); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for range b.N {
		for range syncs {
			if _, err := f.WriteAt(data, 0); err != nil {
				b.Fatal(err)
			}
			if err := syncData(f); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	db := filledDB(b, 10_000)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if st, err := db.Load(); err != nil || len(st.Records) != 10_000 {
			b.Fatal(len(st.Records), err)
		}
	}
}

// BenchmarkOpen opens a file of 10,000 containers, all checks included.
func BenchmarkOpen(b *testing.B) {
	db := filledDB(b, 10_000)
	path := db.bolt.Path()
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB")
	b.ResetTimer()
	for range b.N {
		db, err := Open(context.Background(), path, storedAt)
		if err != nil {
			b.Fatal(err)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHistory(b *testing.B) {
	db := filledDB(b, 10_000)
	for _, name := range []string{"", "container-05000"} {
		b.Run("name="+name, func(b *testing.B) {
			for range b.N {
				if _, err := db.History(name, 50); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOptions compares what bbolt can be told, with Saves of 32 records.
func BenchmarkOptions(b *testing.B) {
	for name, set := range map[string]func(*bbolt.Options){
		"chosen":         func(*bbolt.Options) {},
		"freelist=array": func(o *bbolt.Options) { o.FreelistType = bbolt.FreelistArrayType },
		"freelist=lazy":  func(o *bbolt.Options) { o.NoFreelistSync = true },
		"page=16384":     func(o *bbolt.Options) { o.PageSize = 16384 },
		"mmap=64MiB":     func(o *bbolt.Options) { o.InitialMmapSize = 64 << 20 },
		"statistics":     func(o *bbolt.Options) { o.NoStatistics = false },
	} {
		b.Run(name, func(b *testing.B) {
			options := boltOptions(context.Background())
			set(options)
			path := filepath.Join(b.TempDir(), "state.db")
			db := &DB{index: &index{byName: make(map[string][]uint64)}}
			var err error
			if db.bolt, err = bbolt.Open(path, 0o600, options); err != nil {
				b.Fatal(err)
			}
			defer db.bolt.Close()
			if err := db.bolt.Update(initialise); err != nil {
				b.Fatal(err)
			}
			if err := db.Save(benchBatch(10_000, 0)); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			for round := range b.N {
				if err := db.Save(benchBatch(32, round)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
