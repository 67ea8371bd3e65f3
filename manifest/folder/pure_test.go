package folder

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

func TestCounts(t *testing.T) {
	for name, want := range map[string]bool{
		"a.yaml": true, "a.yml": true, "a.json": true, "a.b.yaml": true, "ünï.yaml": true, "4913.yaml": true,
		"": false, "a": false, "4913": false, "a.txt": false, "yaml": false, ".yaml": false,
		".a.yaml": false, ".#a.yaml": false, "#a.yaml#": false, "#a.yaml": false, "a.yaml~": false, "a.yaml.swp": false,
		"a.yaml.tmp": false, "a.yaml.bak": false, "a.yaml.orig": false, "a.yaml.rej": false, "a.yaml.part": false,
		"a.yaml-bak": false, "a_BACKUP_123.yaml": false, "a_LOCAL_7.yaml": false, "a_LOCAL_x.yaml": true, "..data": false,
	} {
		if got := counts(name); got != want {
			t.Errorf("counts(%q) = %v", name, got)
		}
	}
}

// feed accepts texts as the words of files and returns the update.
func feed(t *testing.T, l *ledger, texts ...string) Update {
	t.Helper()
	for i := 0; i < len(texts); i += 2 {
		rd := reading{mark: mark("text " + texts[i+1]), text: []byte(texts[i+1])}
		if texts[i+1] == "" {
			rd = reading{mark: gone}
		}
		l.accept(texts[i], rd.parse(texts[i]), rd.text, time.Time{})
	}
	return l.flush(false)
}

func TestDependencies(t *testing.T) {
	l, h := newLedger(nil, nil), newHost()
	on := func(name string, targets ...string) string {
		var needs []string
		for _, target := range targets {
			needs = append(needs, "{name: "+target+"}")
		}
		return doc(name, "1", "dependsOn: ["+strings.Join(needs, ", ")+"]")
	}
	for _, st := range []struct {
		file, text string
		blocked    string // name: part of the message, …
		puts       string
	}{
		{"a.yaml", on("a", "b"), `a: "b", which is in no manifest`, "a"},
		{"b.yaml", doc("b", "1"), "", "a b"},
		{"b.yaml", on("b", "c"), `b: "c", which`, "b"},
		{"c.yaml", doc("c", "1", "network: {shareWith: a}"), "a: a → b → c → a; b: b → c → a → b; c: c → a → b → c", "a b c"},
		{"d.yaml", on("d", "a"), "a: a → b; b: b → c; c: c → a", "d"},
		{"c.yaml", doc("c", "1"), "", "a b c"},
		{"c.yaml", doc("c", "1", "terminationGracePeriodSeconds: 5"), "", "c"},
		{"a.yaml", "", `d: "a", which`, "d"},
		{"d.yaml", on("d", "b"), "", "d"},
	} {
		u := feed(t, l, st.file, st.text)
		h.apply(u)
		var puts []string
		for _, w := range u.Put {
			puts = append(puts, w.Container.Name())
		}
		if got := strings.Join(puts, " "); got != st.puts {
			t.Errorf("after %s: put %q, want %q", st.file, got, st.puts)
		}
		want := 0
		for part := range strings.SplitSeq(st.blocked, "; ") {
			if name, why, ok := strings.Cut(part, ": "); ok {
				want++
				if !strings.Contains(h.wanted[name].Blocked, why) {
					t.Errorf("after %s: %s is blocked by %q, want %q", st.file, name, h.wanted[name].Blocked, why)
				}
			}
		}
		if got := l.problems(); len(got) != want {
			t.Errorf("after %s: problems %v, want %d", st.file, got, want)
		}
	}
}

func TestLargeCircle(t *testing.T) {
	g := newGraph()
	const n = 5000
	for i := range n {
		g.set(fmt.Sprint(i), []need{{name: fmt.Sprint((i + 1) % n)}})
	}
	if got := len(g.findLoops()); got != n {
		t.Fatalf("%d names are in the circle, want %d", got, n)
	}
	for name, loop := range g.loops {
		if s := arrows(loop); len(s) > 200 || !strings.HasPrefix(s, name+" → ") || !strings.HasSuffix(s, " → "+name) {
			t.Fatalf("circle of %s: %q", name, s)
		}
	}
	g.set("7", nil)
	if got := len(g.findLoops()); got != n || len(g.loops) != 0 {
		t.Errorf("%d names changed, %d loops stay", got, len(g.loops))
	}
}

func TestHarm(t *testing.T) {
	l := newLedger([]KnownGood{{Path: "old.yaml", Text: []byte(doc("old", "1"))}}, map[string]string{"lost": "gone.yaml"})
	feed(t, l, "a.yaml", doc("a", "1")+"---\n"+doc("b", "1"))
	for _, tc := range []struct {
		name, file, text string
		want             bool
	}{
		{"a new file", "n.yaml", doc("new", "1"), false},
		{"a new name in a known file", "a.yaml", doc("a", "1") + "---\n" + doc("b", "1") + "---\n" + doc("c", "1"), false},
		{"a change that is free", "a.yaml", doc("a", "1", "terminationGracePeriodSeconds: 5") + "---\n" + doc("b", "1"), false},
		{"another revision", "a.yaml", doc("a", "2") + "---\n" + doc("b", "1"), true},
		{"a name is missing", "a.yaml", doc("a", "1"), true},
		{"a name of another file", "n.yaml", doc("a", "1"), true},
		{"a name that another file had before the start", "n.yaml", doc("lost", "1"), true},
		{"another revision than before the start", "old.yaml", doc("old", "2"), true},
		{"the same revision as before the start", "old.yaml", "# new\n" + doc("old", "1"), false},
		{"broken", "a.yaml", "[", true},
	} {
		rd := reading{mark: "x", text: []byte(tc.text)}
		if got := l.harm(tc.file, rd.parse(tc.file)); got != tc.want {
			t.Errorf("%s: harm %v, want %v", tc.name, got, tc.want)
		}
	}
	if !l.harm("a.yaml", content{mark: gone}) {
		t.Error("a file that is gone does no harm?")
	}
}

// TestOwnerLost takes the file away that owned a name while two others claim
// it: the name must not look dropped.
func TestOwnerLost(t *testing.T) {
	l := newLedger(nil, map[string]string{"web": "b.yaml"})
	first := feed(t, l, "a.yaml", doc("web", "1"), "b.yaml", doc("web", "2"), "c.yaml", doc("web", "3"))
	if got := first.Put[0].Container.Origin.File; got != "b.yaml" {
		t.Errorf("%s won, not the owner", got)
	}
	if got := len(l.problems()); got != 3 {
		t.Errorf("%d problems, want one on each file", got)
	}
	u := feed(t, l, "b.yaml", "")
	if len(u.Drop) > 0 || len(u.Put) != 1 || u.Put[0].Blocked == "" {
		t.Errorf("put %+v, drop %v", u.Put, u.Drop)
	}
	u = feed(t, l, "a.yaml", "")
	want := []manifest.Problem(nil)
	if u.Put[0].Container.Origin.File != "c.yaml" || u.Put[0].Blocked != "" || !cmp.Equal(l.problems(), want) {
		t.Errorf("put %+v, problems %v", u.Put, l.problems())
	}
}
