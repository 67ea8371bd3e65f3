package keeper

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func frame(t testing.TB, m message) []byte {
	t.Helper()
	b, err := appendFrame(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFrames(t *testing.T) {
	o := order("web.1", "web")
	in := []message{
		{ID: 1, Op: opHello, Hello: &Hello{Min: 1, Max: 2, Owner: "me", Control: true}},
		{ID: 2, Op: opLaunch, Order: &o},
		{Op: opRun, Run: &Run{ID: "web.1", State: Ended, Exit: &Exit{Code: 0xc000013a, Known: true, At: time.Unix(5, 7).UTC()}}},
		{ID: 3, Op: opSignal, RunID: "web.1", Error: failureOf(ErrGone)},
	}
	var stream bytes.Buffer
	for _, m := range in {
		stream.Write(frame(t, m))
	}
	for i, want := range in {
		got, err := readFrame(&stream)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("message %d: %v (-want +got):\n%s", i, err, diff)
		}
	}
	if _, err := readFrame(&stream); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v, want io.EOF", err)
	}
}

func TestBadFrames(t *testing.T) {
	for what, text := range map[string]string{
		"cut off in the length": "\x00\x00",
		"cut off in the body":   "\x00\x00\x00\x09{}",
		"too large":             "\xff\xff\xff\xff{}",
		"no JSON":               "\x00\x00\x00\x06secret",
		"no object":             "\x00\x00\x00\x08\"secret\"",
		"field of other type":   "\x00\x00\x00\x0f{\"id\":\"secret\"}",
	} {
		_, err := readFrame(strings.NewReader(text))
		if !errors.Is(err, errFrame) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v, want one that tells nothing of the content", what, err)
		}
	}
	huge := order("web.1", "web")
	huge.Spec = json.RawMessage(`"` + strings.Repeat("x", MaxFrame) + `"`)
	if _, err := appendFrame(nil, message{Op: opLaunch, Order: &huge}); err == nil || len(err.Error()) > 200 {
		t.Errorf("a message that is too large: error %.300v", err)
	}
}

func TestBytesAreKeptAsTheyAre(t *testing.T) {
	in := []Bytes{"A=\xff\xfe\x80", "B=ü", "", "C=\n"}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out []Bytes
	if err := json.Unmarshal(text, &out); err != nil || cmp.Diff(in, out) != "" {
		t.Errorf("%q became %q, %v", in, out, err)
	}
}

// FuzzFrame holds that no input makes the decoder panic, take more than it was
// sent, or read a frame in two ways.
func FuzzFrame(f *testing.F) {
	f.Add(frame(f, message{ID: 1, Op: opHello, Hello: &Hello{Min: 1, Max: 1}}))
	f.Add(frame(f, message{Op: opRun, Run: &Run{ID: "web.1"}}))
	f.Add([]byte("\x00\x00\x00\x02{}"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		for {
			m, err := readFrame(r)
			if err != nil {
				return
			}
			again, err := readFrame(bytes.NewReader(frame(t, m)))
			if err != nil {
				t.Fatalf("%+v is not read back: %v", m, err)
			}
			if a, b := frame(t, m), frame(t, again); !bytes.Equal(a, b) {
				t.Errorf("%s is read back as %s", a, b)
			}
		}
	})
}
