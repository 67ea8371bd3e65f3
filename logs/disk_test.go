package logs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// numbered writes lines n to m of a program, in pieces that do not care for
// lines.
func numbered(s *Stream, n, m int) (written int64) {
	var text []byte
	for ; n < m; n++ {
		text = fmt.Appendf(text, "line %d %s\n", n, strings.Repeat("x", n%200))
	}
	for p := range bytesChunks(text, 1000) {
		_, _ = s.Write(p)
	}
	return int64(len(text))
}

func bytesChunks(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for ; len(b) > 0 && yield(b[:min(n, len(b))]); b = b[min(n, len(b)):] {
		}
	}
}

// holdBooks holds that what was written is either in the files or counted as
// dropped, that each gap has a marker with its size, and that lines are whole
// and in order.
func holdBooks(t *testing.T, log *Log, dir string, written int64) (markers int) {
	t.Helper()
	var kept, told, toldLines int64
	last := -1
	for _, l := range all(t, dir, "a", Query{}) {
		text := string(l.Text)
		if rest, ok := strings.CutPrefix(text, "hcs-reconcile: "); ok {
			var b, n int64
			if _, err := fmt.Sscanf(rest, "%d bytes in %d lines of output were not written here:", &b, &n); err != nil || l.From != Stderr {
				t.Errorf("marker %q: %v", text, err)
			}
			told, toldLines, markers = told+b, toldLines+n, markers+1
			continue
		}
		kept += int64(len(l.Text)) + 1
		if text == "" || !strings.HasPrefix(text, "line") { // the rest of a line that lost its beginning
			continue
		}
		var n int
		if _, err := fmt.Sscanf(text, "line %d ", &n); err != nil || n <= last {
			t.Errorf("line %q after line %d: %v", text, last, err)
		}
		last = n
	}
	d := log.Dropped()
	if kept+d.Bytes != written {
		t.Errorf("%d bytes kept + %d dropped, of %d", kept, d.Bytes, written)
	}
	if told != d.Bytes || toldLines != d.Lines {
		t.Errorf("markers tell of %d bytes in %d lines, dropped %v", told, toldLines, d)
	}
	holdFormat(t, dir)
	return markers
}

// TestWriteErrors: a log that cannot be opened takes everything, counts it,
// and tells it when it can be opened.
func TestWriteErrors(t *testing.T) {
	dir := t.TempDir()
	log := Open(dir, "a", Limits{})
	s := log.Stream(Stdout)
	written := numbered(s, 0, 10)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	aside := filepath.Join(dir, "aside")
	if err := os.Rename(Path(dir, "a"), aside); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(Path(dir, "a"), 0o700); err != nil { // nothing can be written to a folder
		t.Fatal(err)
	}
	written += numbered(s, 10, 500)
	if d := log.Dropped(); d.Bytes == 0 || d.Lines != 490 {
		t.Errorf("Dropped = %v, want 490 lines", d)
	}
	if err := os.Remove(Path(dir, "a")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(aside, Path(dir, "a")); err != nil {
		t.Fatal(err)
	}
	written += numbered(s, 500, 510)
	if n := holdBooks(t, log, dir, written); n != 1 {
		t.Errorf("%d markers, want 1", n)
	}
}

// TestEndTells: what was dropped is told at the end of a run, even if nothing
// more is written.
func TestEndTells(t *testing.T) {
	dir := t.TempDir()
	log := Open(filepath.Join(dir, "later"), "a", Limits{})
	if err := os.WriteFile(filepath.Join(dir, "later"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := log.Stream(Stdout)
	written := numbered(s, 0, 10)
	if err := os.Remove(filepath.Join(dir, "later")); err != nil {
		t.Fatal(err)
	}
	s.End()
	if n := holdBooks(t, log, filepath.Join(dir, "later"), written); n != 1 {
		t.Errorf("%d markers, want 1", n)
	}
}

// TestRotationRefused: a file that cannot be moved away grows to twice its
// size, and no further.
func TestRotationRefused(t *testing.T) {
	dir := t.TempDir()
	log := Open(dir, "a", Limits{MaxSize: 20_000, MaxFiles: 2})
	s := log.Stream(Stdout)
	block := filepath.Join(Path(dir, "a")+".1", "x") // a folder that is not empty cannot be replaced
	if err := os.MkdirAll(block, 0o700); err != nil {
		t.Fatal(err)
	}
	written := numbered(s, 0, 1000)
	st, err := os.Stat(Path(dir, "a"))
	if err != nil || st.Size() < 30_000 || st.Size() > 40_100 {
		t.Errorf("size %v, %v; want about 40,000", st.Size(), err)
	}
	if err := os.RemoveAll(Path(dir, "a") + ".1"); err != nil {
		t.Fatal(err)
	}
	log.retry = time.Time{} // as if a second had passed
	written += numbered(s, 1000, 1010)
	if n := holdBooks(t, log, dir, written); n != 1 {
		t.Errorf("%d markers, want 1", n)
	}
}

// TestRepair: what a process before this one has left half done harms nobody.
func TestRepair(t *testing.T) {
	const head = "2026-11-26T12:00:00.000000000Z stdout "
	for _, tt := range []struct{ name, found, want string }{
		{"nothing", "", "F new"},
		{"whole", head + "F old\n", "F old|F new"},
		{"torn text", head + "F old\n" + head + "F o", "F old|F o|F new"},
		{"torn empty text", head + "F old\n" + head + "F ", "F old|F |F new"},
		{"torn head", head + "F old\n" + head, "F old|F new"},
		{"torn time", head + "F old\n" + head[:12], "F old|F new"},
		{"torn source", head + "F old\n" + head[:31] + "stde", "F old|F new"},
		{"hole of a crashed system", head + "F old\n\x00\x00\x00", "F old|F new"},
		{"unfinished line", head + "P old\n", "P old|F |F new"},
		{"unfinished line of another source", strings.Replace(head, "out", "err", 1) + "P old\n", "P old|F new"},
		{"torn part", head + "P old", "P old|F |F new"},
		{"raw text", "some text\nwithout", "some text|without|F new"},
		{"later than now", strings.Replace(head, "2026", "3026", 1) + "F old\n", "F old|F new"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(Path(dir, "a"), []byte(tt.found), 0o600); err != nil {
				t.Fatal(err)
			}
			write(t, Open(dir, "a", Limits{}).Stream(Stdout), []byte("new\n"))
			data, err := os.ReadFile(Path(dir, "a"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			last := ""
			for line := range bytes.Lines(data) {
				text := string(bytes.TrimSuffix(line, []byte("\n")))
				if entryShape.Match(line) {
					if text[:30] < last {
						t.Errorf("time goes back: %s after %s", text[:30], last)
					}
					last = text[:30]
					text = text[len(head):]
				}
				got = append(got, text)
			}
			if g := strings.Join(got, "|"); g != tt.want {
				t.Errorf("file %q, want %q", g, tt.want)
			}
		})
	}
}

// TestLimits: what the limits say is what the disk holds, also when they
// change and when somebody removes or truncates files.
func TestLimits(t *testing.T) {
	dir := t.TempDir()
	log := Open(dir, "a", Limits{MaxSize: 5000, MaxFiles: 4})
	s := log.Stream(Stdout)
	files := func() (sizes []int64) {
		for n := 0; ; n++ {
			st, err := os.Stat(older(Path(dir, "a"), n))
			if err != nil {
				return sizes
			}
			sizes = append(sizes, st.Size())
		}
	}
	hold := func(n int, most int64) {
		t.Helper()
		sizes := files()
		for _, size := range sizes {
			if size > most {
				t.Errorf("sizes %d, want at most %d", sizes, most)
			}
		}
		entries, err := os.ReadDir(dir)
		if len(sizes) != n || len(entries) != n || err != nil {
			t.Errorf("%d files, %d in the folder, %v; want %d", len(sizes), len(entries), err, n)
		}
		holdFormat(t, dir)
	}
	numbered(s, 0, 500)
	hold(4, 5000)
	log.SetLimits(Limits{MaxSize: 3000, MaxFiles: 2})
	numbered(s, 500, 600)
	hold(2, 3000)
	log.SetLimits(Limits{MaxSize: 3000, MaxFiles: 1})
	numbered(s, 600, 700)
	hold(1, 3000)
	log.SetLimits(Limits{MaxSize: 2000, MaxFiles: 3})
	numbered(s, 700, 900)
	hold(3, 2000)

	// A crash between two moves leaves a gap in the numbers; it is filled.
	if err := os.Remove(Path(dir, "a") + ".1"); err != nil {
		t.Fatal(err)
	}
	numbered(s, 900, 1000)
	hold(3, 2000)

	if err := os.Truncate(Path(dir, "a"), 0); err != nil {
		t.Fatal(err)
	}
	log.looked = time.Time{} // as if a second had passed
	numbered(s, 1000, 1001)
	if sizes := files(); sizes[0] > 1000 {
		t.Errorf("sizes %d after the newest was emptied", sizes)
	}
	if err := os.Remove(Path(dir, "a")); err != nil {
		t.Fatal(err)
	}
	log.looked = time.Time{}
	numbered(s, 1001, 1002)
	if got := texts(all(t, dir, "a", Query{Tail: 1}), ""); len(got) != 1 || !strings.HasPrefix(got[0], "line 1001 ") {
		t.Errorf("after the file was removed: %q", got)
	}
	if d := log.Dropped(); d != (Dropped{}) {
		t.Errorf("dropped %v", d)
	}
}

// TestLongLinesStayTogether: a file does not end within a line if its end is
// near, and does if it is not.
func TestLongLinesStayTogether(t *testing.T) {
	dir := t.TempDir()
	log := Open(dir, "a", Limits{MaxSize: 200_000, MaxFiles: 50})
	s := log.Stream(Stdout)
	for range 10 {
		_, _ = s.Write(append(bytes.Repeat([]byte("x"), 60_000), '\n'))
	}
	for n := range 3 {
		data, err := os.ReadFile(older(Path(dir, "a"), n))
		if err != nil {
			t.Fatal(err)
		}
		if last := data[bytes.LastIndexByte(data[:len(data)-1], '\n')+1:]; n > 0 && last[38] != tagFull {
			t.Errorf("file %d ends within a line", n)
		}
	}
	_, _ = s.Write(bytes.Repeat([]byte("y"), 1<<20))
	if st, err := os.Stat(Path(dir, "a")); err != nil || st.Size() > 260_000 {
		t.Errorf("an endless line makes a file of %d bytes, %v", st.Size(), err)
	}
}
