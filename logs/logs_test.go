package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

type stopper interface {
	Helper()
	Fatal(args ...any)
}

// all reads a log as it is now.
func all(t stopper, dir, name string, q Query) (lines []Line) {
	t.Helper()
	err := Read(tContext, dir, name, q, func(l Line) error {
		l.Text = bytes.Clone(l.Text)
		lines = append(lines, l)
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return lines
}

func texts(lines []Line, from Source) (out []string) {
	for _, l := range lines {
		if l.From == from || from == "" {
			out = append(out, string(l.Text))
		}
	}
	return out
}

var entryShape = regexp.MustCompile(`(?s)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) [PF] `)

type complainer interface {
	Helper()
	Errorf(format string, args ...any)
}

// holdFormat holds what every file of ours is: whole entries, none too long,
// in the order of time.
func holdFormat(t complainer, dir string) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "*.log*"))
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("%v", err)
		}
		last := ""
		for line := range bytes.Lines(data) {
			if !entryShape.Match(line) || line[len(line)-1] != '\n' || len(line) > 40+maxContent+1 {
				t.Errorf("%s: not an entry: %.80q", path, line)
			}
			if stamp := string(line[:30]); stamp < last {
				t.Errorf("%s: %s after %s", path, stamp, last)
			} else {
				last = stamp
			}
		}
	}
}

// TestRoundTrip: whatever is written, in whatever pieces, by whatever number
// of runs and processes, comes back byte for byte.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "logs")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		lim := Limits{MaxSize: rapid.SampledFrom([]int64{60, 5000, 40000, 1 << 30}).Draw(t, "size"), MaxFiles: 10000}
		log := Open(dir, "a", lim)
		streams := [2]*Stream{log.Stream(Stdout), log.Stream(Stderr)}
		var want [2][]string
		var line [2][]byte
		end := func(i int) {
			streams[i].End()
			if len(line[i]) > 0 {
				want[i] = append(want[i], string(line[i]))
			}
			line[i] = nil
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			i := rapid.IntRange(0, 1).Draw(t, "source")
			switch rapid.SampledFrom([]string{"write", "write", "write", "long", "flush", "end", "process"}).Draw(t, "what") {
			case "write":
				p := rapid.SliceOf(rapid.SampledFrom([]byte("ab \n\n\r\x00\xff"))).Draw(t, "bytes")
				want[i], line[i] = expect(want[i], line[i], p)
				write(t, streams[i], p)
			case "long":
				n := rapid.SampledFrom([]int{1, 100, maxContent - 1, maxContent, maxContent + 1, 3 * maxContent, 200_000}).Draw(t, "length")
				p := append(bytes.Repeat([]byte("x"), n), rapid.SampledFrom([]string{"", "\n", "y\n"}).Draw(t, "end")...)
				want[i], line[i] = expect(want[i], line[i], p)
				write(t, streams[i], p)
			case "flush":
				streams[i].Flush()
			case "end":
				end(i)
				streams[i] = log.Stream(sources[i])
			case "process":
				end(0)
				end(1)
				if err := log.Close(); err != nil {
					t.Fatal(err)
				}
				log = Open(dir, "a", lim)
				streams = [2]*Stream{log.Stream(Stdout), log.Stream(Stderr)}
			}
		}
		end(0)
		end(1)
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		got := all(t, dir, "a", Query{})
		for i, from := range sources {
			if g := texts(got, from); !slices.Equal(g, want[i]) {
				t.Fatalf("%s:\n got %.200q\nwant %.200q", from, g, want[i])
			}
		}
		n := rapid.IntRange(1, 20).Draw(t, "tail")
		from := rapid.SampledFrom([]Source{"", Stdout, Stderr}).Draw(t, "of")
		holdTail(t, n, ofSource(got, from), all(t, dir, "a", Query{Tail: n, Source: from}))
		if d := log.Dropped(); d != (Dropped{}) {
			t.Fatalf("dropped %v", d)
		}
		holdFormat(t, dir)
	})
}

func ofSource(lines []Line, from Source) []Line {
	return slices.DeleteFunc(slices.Clone(lines), func(l Line) bool { return from != "" && l.From != from })
}

// holdTail holds that tail is the last n lines. Those that were left without an
// end are given last though they may stand far from the end: they may be there
// or not, but whole.
func holdTail(t *rapid.T, n int, whole, tail []Line) {
	ended := func(lines []Line) (out []string) {
		for _, l := range lines {
			if !l.Partial {
				out = append(out, string(l.Text))
			}
		}
		return out
	}
	w, g := ended(whole), ended(tail)
	partials := len(whole) - len(w)
	if len(g) > n || len(g) < min(n, len(whole))-partials || !slices.Equal(g, w[len(w)-len(g):]) {
		t.Fatalf("tail %d:\n got %.200q\n  of %.200q", n, g, w)
	}
	for _, l := range tail {
		if l.Partial && !slices.Contains(texts(whole, l.From), string(l.Text)) {
			t.Fatalf("tail %d: cut line %.200q", n, l.Text)
		}
	}
}

func expect(lines []string, line, p []byte) (_ []string, rest []byte) {
	parts := bytes.Split(append(line, p...), []byte("\n"))
	for _, l := range parts[:len(parts)-1] {
		lines = append(lines, string(l))
	}
	return lines, bytes.Clone(parts[len(parts)-1])
}

func write(t interface{ Fatalf(string, ...any) }, s *Stream, p []byte) {
	p = bytes.Clone(p)
	if n, err := s.Write(p); n != len(p) || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	for i := range p { // the stream must not have kept it
		p[i] = '!'
	}
}

// TestFormat holds the files as other programs see them.
func TestFormat(t *testing.T) {
	dir := t.TempDir()
	log := Open(dir, "a", Limits{})
	out, errs := log.Stream(Stdout), log.Stream(Stderr)
	write(t, out, []byte("one\r\ntwo"))
	write(t, errs, []byte("\xff\x00\n\n"))
	write(t, out, []byte(" three\n"+strings.Repeat("z", maxContent+2)+"\nlast"))
	out.End()
	next := log.Stream(Stdout)
	write(t, next, []byte("new\n"))
	data, err := os.ReadFile(Path(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(data)) {
		got = append(got, line[31:])
	}
	want := []string{
		"stdout F one\r\n", "stderr F \xff\x00\n", "stderr F \n", "stdout F two three\n",
		"stdout P " + strings.Repeat("z", maxContent) + "\n", "stdout F zz\n", "stdout P last\n", "stdout F \n", "stdout F new\n",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %.60q\nwant %.60q", got, want)
	}
}

// TestTwoRunsAtOnce: lines of runs that write at the same time stay whole.
func TestTwoRunsAtOnce(t *testing.T) {
	dir := t.TempDir()
	log := Open(dir, "a", Limits{MaxSize: 10_000, MaxFiles: 10_000})
	const runs, lines = 8, 300
	var wg sync.WaitGroup
	for run := range runs {
		wg.Go(func() {
			s := log.Stream(sources[run%2])
			defer s.End()
			for n := range lines {
				text := fmt.Appendf(nil, "run %d line %d %s\n", run, n, strings.Repeat("x", n))
				_, _ = s.Write(text[:n%len(text)])
				_, _ = s.Write(text[n%len(text):])
			}
		})
	}
	wg.Wait()
	next := [runs]int{}
	for _, l := range all(t, dir, "a", Query{}) {
		var run, n int
		if _, err := fmt.Sscanf(string(l.Text), "run %d line %d", &run, &n); err != nil || n != next[run] || !strings.HasSuffix(string(l.Text), " "+strings.Repeat("x", n)) {
			t.Fatalf("line %q, want line %d of run %d", l.Text, next[run], run)
		}
		next[run]++
	}
	if next != [runs]int{lines, lines, lines, lines, lines, lines, lines, lines} {
		t.Errorf("lines per run: %v", next)
	}
	holdFormat(t, dir)
}
