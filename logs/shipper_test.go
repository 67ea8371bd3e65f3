package logs

import (
	"bytes"
	"os"
	"regexp"
	"testing"
	"time"

	kubelet "k8s.io/cri-client/pkg/logs"
	"pgregory.net/rapid"
)

// shippers are the expressions by which log shippers read the CRI log format,
// as their documents and sources give them; only the marks of named groups
// are Go's.
var shippers = map[string]*regexp.Regexp{
	"Fluent Bit, parser cri":             regexp.MustCompile(`^(?P<time>[^ ]+) (?P<stream>stdout|stderr) (?P<tag>[^ ]*) (?P<text>.*)$`),
	"Fluent Bit, as AWS gives it":        regexp.MustCompile(`^(?P<time>[^ ]+) (?P<stream>stdout|stderr) (?P<tag>P|F) (?P<text>.*)$`),
	"Loki's cri stage (Promtail, Alloy)": regexp.MustCompile(`^(?s)(?P<time>\S+?) (?P<stream>stdout|stderr) (?P<tag>\S+?) (?P<text>.*)$`),
}

// TestOthersReadTheSame: the reader that kubelet has for `kubectl logs`, and
// the expressions of log shippers, get out of our files byte for byte what the
// programs wrote, over rotations, with long lines, without a last newline.
func TestOthersReadTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "logs")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		log := Open(dir, "a", Limits{MaxSize: rapid.SampledFrom([]int64{100, 50_000, 1 << 30}).Draw(t, "size"), MaxFiles: 1000})
		var want [2]bytes.Buffer
		for i, from := range sources {
			s := log.Stream(from)
			for range rapid.IntRange(0, 5).Draw(t, "writes") {
				p := rapid.OneOf(
					rapid.SliceOf(rapid.Byte()),
					rapid.SliceOf(rapid.SampledFrom([]byte("a \n\r\x00\xff"))),
					rapid.Just(bytes.Repeat([]byte("long "), 10_000)),
				).Draw(t, "bytes")
				want[i].Write(p)
				write(t, s, p)
			}
			s.End()
		}
		var files []string
		for n := 0; exists(older(Path(dir, "a"), n)); n++ {
			files = append([]string{older(Path(dir, "a"), n)}, files...)
		}
		var out, errs bytes.Buffer
		for _, path := range files {
			opts := &kubelet.LogOptions{}
			if err := kubelet.ReadLogs(tContext, path, "a", opts, nil, &out, &errs); err != nil {
				t.Fatal(err)
			}
		}
		hold := func(who string, got [2][]byte) {
			for i := range sources {
				if !bytes.Equal(got[i], want[i].Bytes()) {
					t.Errorf("%s, %s:\n got %.200q\nwant %.200q", who, sources[i], got[i], want[i].Bytes())
				}
			}
		}
		hold("kubelet", [2][]byte{out.Bytes(), errs.Bytes()})
		for who, expression := range shippers {
			hold(who, ship(t, expression, files))
		}
	})
}

// ship joins what an expression makes of the lines of files.
func ship(t *rapid.T, expression *regexp.Regexp, files []string) (got [2][]byte) {
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(data) {
			m := expression.FindSubmatch(bytes.TrimSuffix(line, []byte("\n")))
			if m == nil {
				t.Fatalf("%v does not match %.80q", expression, line)
			}
			if _, err := time.Parse(time.RFC3339Nano, string(m[1])); err != nil {
				t.Error(err)
			}
			i := Source(m[2]).index()
			got[i] = append(got[i], m[4]...)
			if string(m[3]) == "F" {
				got[i] = append(got[i], '\n')
			}
		}
	}
	return got
}
