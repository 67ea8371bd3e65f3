package manifest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse feeds anything. Parse must not panic, must tell what is wrong
// whenever it yields nothing, and what it printed must read back the same.
func FuzzParse(f *testing.F) {
	for _, file := range glob(f, "testdata/parse/*.yaml", "testdata/valid/*") {
		f.Add(readFile(f, file))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		all, problems := Parse("f.yaml", data)
		for _, p := range problems {
			if p.File != "f.yaml" || strings.TrimSpace(p.Message) == "" || strings.Contains(p.String(), "\n") {
				t.Errorf("a problem without file or message, or of several lines: %+v", p)
			}
		}
		if len(problems) > 0 && all != nil || len(problems) > maxProblems+1 {
			t.Errorf("%d containers with %d problems", len(all), len(problems))
		}
		for _, c := range all {
			printed := print1(t, c)
			again, problems := Parse("f.json", []byte(printed))
			if len(problems) > 0 || len(again) != 1 {
				t.Fatalf("%s\nreads back with %v", printed, problems)
			}
			if d := cmp.Diff(printed, print1(t, again[0])); d != "" {
				t.Errorf("reads back differently:\n%s", d)
			}
			if again[0].Revision != c.Revision || again[0].Live != c.Live {
				t.Errorf("revision %s became %s, %s became %s", c.Revision, again[0].Revision, c.Live, again[0].Live)
			}
		}
	})
}
