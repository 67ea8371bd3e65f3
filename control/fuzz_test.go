package control

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzFrames reads anything: it never panics, never gives a frame that it would
// not write, and writing what was read gives the same bytes.
func FuzzFrames(f *testing.F) {
	var good bytes.Buffer
	w := &frameWriter{w: &good}
	_ = w.write(frameStdin, []byte("hello"))
	_ = w.size(24, 80)
	_ = w.number(frameAck, 5)
	_ = w.write(frameStdinEnd, nil)
	_ = w.write(frameStdout, bytes.Repeat([]byte("x"), maxFrame+1))
	_ = w.number(frameExit, 3)
	f.Add(good.Bytes())
	f.Add(good.Bytes()[:good.Len()-2])
	f.Add([]byte{byte(frameExit), 0, 0, 0, 3, 1, 2, 3})
	f.Add([]byte{byte(frameStdin), 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{byte(frameTypes), 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, text []byte) {
		r := &frameReader{r: bytes.NewReader(text)}
		var again bytes.Buffer
		out := &frameWriter{w: &again}
		for {
			fr, err := r.next()
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, errFrame) {
					t.Errorf("unexpected error %v", err)
				}
				break
			}
			switch fr.kind {
			case frameResize:
				rows, cols := fr.size()
				_ = out.size(rows, cols)
			case frameAck, frameExit:
				_ = out.number(fr.kind, fr.number())
			default:
				_ = out.write(fr.kind, fr.data)
			}
		}
		if !bytes.HasPrefix(text, again.Bytes()) {
			t.Errorf("%x was read as %x", text, again.Bytes())
		}
	})
}

// FuzzQueries reads any query: what is taken is the same after being written.
func FuzzQueries(f *testing.F) {
	for _, q := range []string{
		"", "limit=5&follow=1&container=web&since=7&sinceTime=2026-11-22T08:00:00.5Z", "since=-1", "limit=%zz", "follow=maybe",
		"command=sh&command=-c&command=%C3%A4&tty=true&stdin=1&rows=24&cols=80&workingDir=/tmp", "command=", "command=a%00b", "rows=70000&command=x",
	} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if q, err := parseEvents(text); err == nil {
			again, err := parseEvents(q.encode())
			if err != nil || again.Limit < 0 || !again.SinceTime.Equal(q.SinceTime) {
				t.Fatalf("%q is read as %+v, and then as %+v, %v", text, q, again, err)
			}
			again.SinceTime = q.SinceTime
			if !reflect.DeepEqual(q, again) {
				t.Errorf("%q: %s", text, cmp.Diff(q, again))
			}
		} else if f, ok := errors.AsType[*Failure](err); !ok || f.Code != CodeBadRequest || f.Hint == "" {
			t.Errorf("%q: %v is no bad request with a hint", text, err)
		}
		if p, err := parseExec(text); err == nil {
			again, err := parseExec(encodeExec(p))
			if diff := cmp.Diff(p, again); err != nil || diff != "" || p.Command[0] == "" {
				t.Errorf("%q: %v %s", text, err, diff)
			}
		}
	})
}
