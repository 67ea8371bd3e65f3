package logs

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func never() error { return nil }

// TestLines: what Append makes, Lines gives back, byte for byte.
func TestLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []Line
		var wire []byte
		var rest [2]bool
		for range rapid.IntRange(0, 10).Draw(t, "lines") {
			l := Line{
				At:   time.Unix(rapid.Int64Range(-1<<35, 1<<37).Draw(t, "at"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC(),
				From: rapid.SampledFrom(sources[:]).Draw(t, "from"),
				Text: bytes.ReplaceAll(rapid.SliceOf(rapid.Byte()).Draw(t, "text"), []byte("\n"), []byte("\x00")),
			}
			if rapid.Bool().Draw(t, "long") {
				l.Text = bytes.Repeat([]byte("x"), rapid.SampledFrom([]int{100, readBlock, maxLine}).Draw(t, "length"))
			}
			l.Partial = rapid.Bool().Draw(t, "partial")
			l.Rest, rest[l.From.index()] = rest[l.From.index()], l.Partial
			wire = l.Append(wire)
			want = append(want, l)
		}
		var got []Line
		collect := func(l Line) error {
			l.Text = bytes.Clone(l.Text)
			got = append(got, l)
			return nil
		}
		if err := Lines(iotest.HalfReader(bytes.NewReader(wire)), collect, never); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, cmp.Comparer(bytes.Equal)); d != "" {
			t.Fatal(d)
		}
		if len(wire) > 0 {
			if err := Lines(bytes.NewReader(wire[:len(wire)-1]), func(Line) error { return nil }, never); err == nil {
				t.Fatal("a stream that was cut off is no error")
			}
		}
	})
	if err := Lines(iotest.ErrReader(io.ErrUnexpectedEOF), nil, never); err == nil {
		t.Error("an error of the reader was lost")
	}
}
