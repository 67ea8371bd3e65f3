package folder

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

const many = 10_000

// bigFolder has many manifests, five to a folder.
func bigFolder(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	for i := range many {
		write(b, dir, fileOf(i), doc(fmt.Sprintf("c%d", i), "1"))
	}
	return dir
}

func fileOf(i int) string { return fmt.Sprintf("team%d/c%d.yaml", i/5, i) }

func BenchmarkFirstRead10000(b *testing.B) {
	dir := bigFolder(b)
	b.Run("Read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if u := Read(dir, Start{}); len(u.Put) != many {
				b.Fatal(len(u.Put))
			}
		}
	})
	b.Run("floor=walk+read", func(b *testing.B) { readAll(b, dir, func(string, []byte) {}) })
	b.Run("floor=walk+read+parse", func(b *testing.B) {
		readAll(b, dir, func(p string, text []byte) { manifest.Parse(p, text) })
	})
}

func readAll(b *testing.B, dir string, use func(string, []byte)) {
	b.ReportAllocs()
	for b.Loop() {
		err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(p)
			use(p, text)
			return err
		})
		must(b, err)
	}
}

// BenchmarkOneChangedFile goes the way of an event to an update, without the
// settling times; ten thousand other files must not be felt.
func BenchmarkOneChangedFile(b *testing.B) {
	dir := bigFolder(b)
	texts := []string{doc("c77", "1", "workingDir: /a"), doc("c77", "1", "workingDir: /b")}
	file := filepath.Join(dir, filepath.FromSlash(fileOf(77)))
	b.Run("event to update", func(b *testing.B) {
		r := settled(b, dir)
		now, i := time.Now(), 0
		b.ReportAllocs()
		for b.Loop() {
			i++
			must(b, os.WriteFile(file, []byte(texts[i%2]), 0o600))
			now = now.Add(time.Minute)
			r.event(file, now)
			r.turn(now.Add(time.Second))
			r.turn(now.Add(2 * time.Second))
			if u, ok := r.update(now.Add(2 * time.Second)); !ok || len(u.Put) != 1 {
				b.Fatalf("update %v: %+v", ok, u)
			}
		}
	})
	b.Run("floor=write+read+parse", func(b *testing.B) {
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			i++
			must(b, os.WriteFile(file, []byte(texts[i%2]), 0o600))
			text, err := os.ReadFile(file)
			must(b, err)
			manifest.Parse(file, text)
		}
	})
	b.Run("whole re-read", func(b *testing.B) {
		r := settled(b, dir)
		b.ReportAllocs()
		for b.Loop() {
			r.scan(".", time.Now())
			if u, ok := r.update(time.Now()); ok {
				b.Fatalf("an update of nothing: %+v", u)
			}
		}
	})
}

func settled(b *testing.B, dir string) *reader {
	b.Helper()
	r, err := openReader(dir, Settle{}, nil, nil)
	must(b, err)
	now := time.Now().Add(time.Hour)
	r.scan(".", now)
	r.turn(now.Add(time.Hour))
	if u, ok := r.update(now.Add(time.Hour)); !ok || len(u.Put) != many {
		b.Fatalf("update %v with %d", ok, len(u.Put))
	}
	return r
}

// BenchmarkDependencies changes one file of a chain that has as many links as
// there are files, and one whose edges change.
func BenchmarkDependencies(b *testing.B) {
	l := newLedger(nil, nil)
	text := func(i, to int, arg string) content {
		var more []string
		if to > 0 {
			more = append(more, fmt.Sprintf("dependsOn: [{name: c%d}]", to))
		}
		c, problems := manifest.Parse(fileOf(i), []byte(doc(fmt.Sprintf("c%d", i), arg, more...)))
		if len(problems) > 0 {
			b.Fatal(problems)
		}
		return content{mark: mark(arg + fmt.Sprint(to)), containers: c}
	}
	for i := range many {
		l.accept(fileOf(i), text(i, max(i-1, 0), "1"), nil, time.Time{})
	}
	l.flush(true)
	for _, same := range []bool{true, false} {
		name := strings.ReplaceAll(fmt.Sprintf("edges change=%v", !same), " ", "-")
		states := []content{text(77, 76, "2"), text(77, 76, "3")}
		if !same {
			states[1] = text(77, 75, "2")
		}
		b.Run(name, func(b *testing.B) {
			i := 0
			for b.Loop() {
				i++
				l.accept(fileOf(77), states[i%2], nil, time.Time{})
				if u := l.flush(false); len(u.Put) != 1 {
					b.Fatal(len(u.Put))
				}
			}
		})
	}
}

// BenchmarkFileDropped is from the end of a write to the update in the hands of
// the consumer, the settling time of 25 ms included.
func BenchmarkFileDropped(b *testing.B) {
	dir := bigFolder(b)
	w := Watcher{Dir: dir}
	out, done := make(chan Update), make(chan error, 1)
	ctx, cancel := context.WithCancel(b.Context())
	go func() { done <- w.Run(ctx, out) }()
	defer func() { cancel(); must(b, <-done) }()
	if u := <-out; len(u.Put) != many {
		b.Fatal(len(u.Put))
	}
	i := 0
	var over []float64
	for b.Loop() {
		i++
		name := fmt.Sprintf("new%d", i)
		write(b, dir, fmt.Sprintf("team%d/%s.yaml", i%100, name), doc(name, "1"))
		start := time.Now()
		if u := <-out; len(u.Put) != 1 || u.Put[0].Container.Name() != name {
			b.Fatalf("%+v", u.Put)
		}
		over = append(over, float64(time.Since(start)-25*time.Millisecond)/1e6)
	}
	slices.Sort(over)
	b.ReportMetric(over[len(over)/2], "ms-p50-over-settle")
}
