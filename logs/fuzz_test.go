package logs

import (
	"bytes"
	"context"
	"os"
	"testing"
)

// FuzzRead: whatever stands in the files, reading them ends, gives no line
// twice, and shows at least the text of what is not of the format; and a
// writer can go on behind it.
func FuzzRead(f *testing.F) {
	const head = "2026-11-26T12:00:00.000000000Z stdout "
	for _, s := range []string{"", "\n", "\n\n", head + "F a\n", head + "P a\n" + head + "F b\n", head + "P:x a\n", head + "X a\n", head[:20], "text\n" + head + "F ", "\x00\x00\n\xff"} {
		f.Add([]byte(s), []byte(s), 2)
	}
	f.Fuzz(func(t *testing.T, current, old []byte, tail int) {
		dir := t.TempDir()
		for n, data := range [][]byte{current, old} {
			if err := os.WriteFile(older(Path(dir, "a"), n), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		whole := all(t, dir, "a", Query{})
		var shown bytes.Buffer
		for _, l := range whole {
			shown.Write(l.Text)
		}
		for _, data := range [][]byte{current, old} {
			for line := range bytes.Lines(data) {
				text, ended := bytes.CutSuffix(line, []byte("\n"))
				if ended && len(text) < maxContent && !bytes.Contains(shown.Bytes(), parse(text).text) && !parse(text).partial {
					t.Errorf("line %q is not shown", line)
				}
			}
		}
		if got := all(t, dir, "a", Query{Tail: tail}); tail > 0 && len(got) > min(tail, len(whole))+2 {
			t.Errorf("tail %d gave %d of %d lines", tail, len(got), len(whole))
		}
		write(t, Open(dir, "a", Limits{}).Stream(Stderr), []byte("new\n"))
		err := Read(context.Background(), dir, "a", Query{Tail: 1, Source: Stderr}, func(l Line) error {
			if !bytes.HasSuffix(l.Text, []byte("new")) && !l.Partial {
				t.Errorf("last line %q", l.Text)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
