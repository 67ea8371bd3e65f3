package logs

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

var hundred = bytes.Repeat(append(bytes.Repeat([]byte("x"), 99), '\n'), 64<<10/100)

// BenchmarkWrite is what formatting and the file system cost together, for
// lines of 100 bytes in reads of 64 KiB.
func BenchmarkWrite(b *testing.B) {
	log := Open(b.TempDir(), "a", Limits{MaxSize: 64 << 20, MaxFiles: 2})
	s := log.Stream(Stdout)
	b.SetBytes(int64(len(hundred)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = s.Write(hundred)
	}
	if d := log.Dropped(); d.Bytes > 0 {
		b.Fatal(d)
	}
}

// BenchmarkWriteNowhere is what formatting alone costs.
func BenchmarkWriteNowhere(b *testing.B) {
	dir := b.TempDir()
	if err := os.Symlink(os.DevNull, Path(dir, "a")); err != nil {
		b.Skip(err)
	}
	s := Open(dir, "a", Limits{}).Stream(Stdout)
	b.SetBytes(int64(len(hundred)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = s.Write(hundred)
	}
}

// BenchmarkCopy is the floor: the same reads, copied to a file as they are.
func BenchmarkCopy(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a")
	var f *os.File
	defer func() { _ = f.Close() }()
	b.SetBytes(int64(len(hundred)))
	size := 64 << 20
	for b.Loop() {
		if size += len(hundred); size > 64<<20 {
			var err error
			if f, err = os.Create(path); err != nil {
				b.Fatal(err)
			}
			size = 0
		}
		_, _ = f.Write(hundred)
	}
}
