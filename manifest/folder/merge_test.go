package folder

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// TestMerge checks against the consumer: two updates one after the other and
// the merged one must leave the same knowledge.
func TestMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := newHost()
		start.apply(drawUpdate(t, "start"))
		a, b := drawUpdate(t, "a"), drawUpdate(t, "b")
		stepwise, merged := start.clone(), start.clone()
		stepwise.apply(a)
		stepwise.apply(b)
		m := Merge(a, b)
		merged.apply(m)
		if diff := cmp.Diff(stepwise.view(), merged.view()); diff != "" {
			t.Fatalf("merged differs: %s", diff)
		}
		if want := earliest(a.SeenAt, b.SeenAt); !m.SeenAt.Equal(want) {
			t.Fatalf("seen at %v, want %v", m.SeenAt, want)
		}
		if m.ID != a.ID {
			t.Fatalf("id %q, want that of the older update: it was told when the change was seen", m.ID)
		}
		if !slices.IsSortedFunc(m.Put, cmpName) || !slices.IsSorted(m.Drop) {
			t.Fatal("put or drop is not sorted")
		}
		for _, w := range m.Put {
			if slices.Contains(m.Drop, w.Container.Name()) {
				t.Fatalf("%s is put and dropped", w.Container.Name())
			}
		}
	})
}

func cmpName(x, y Wanted) int {
	if x.Container.Name() < y.Container.Name() {
		return -1
	}
	return 1
}

func (h *host) clone() *host {
	c := *h
	c.wanted, c.files, c.texts = maps.Clone(h.wanted), maps.Clone(h.files), maps.Clone(h.texts)
	return &c
}

// view is what of a host's knowledge must not depend on how it was told. A text
// is kept by a store for a file that is listed.
func (h *host) view() map[string]string {
	v := map[string]string{"doubt": h.doubt, "problems": fmt.Sprint(h.problems), "source": h.source.Revision}
	for n := range h.wanted {
		v["name "+n] = h.arg(n)
	}
	for p, f := range h.files {
		v["file "+p] = fmt.Sprint(f.Valid, f.Containers)
	}
	for p := range h.files {
		v["text "+p] = h.texts[p]
	}
	return v
}

func drawUpdate(t *rapid.T, label string) Update {
	word := rapid.StringMatching(`[0-9]{3}`)
	u := Update{
		Full: rapid.IntRange(0, 3).Draw(t, label+" full") == 0, Doubt: word.Draw(t, "doubt"),
		Problems: []manifest.Problem{{Message: word.Draw(t, "problem")}}, Source: Source{Revision: word.Draw(t, "revision")},
		SeenAt: time.Unix(rapid.Int64Range(1, 100).Draw(t, "seen"), 0), ID: label,
	}
	for _, n := range []string{"a", "b", "c", "d"} {
		switch rapid.IntRange(0, 2).Draw(t, n) {
		case 0:
			c := &manifest.Container{Metadata: manifest.Metadata{Name: n}}
			c.Spec.Command = []string{"run", word.Draw(t, "arg")}
			u.Put = append(u.Put, Wanted{Container: c, Stale: rapid.Bool().Draw(t, "stale")})
		case 1:
			if !u.Full {
				u.Drop = append(u.Drop, n)
			}
		}
		switch rapid.IntRange(0, 3).Draw(t, "file") {
		case 0:
			u.Files = append(u.Files, FileState{Path: n, Text: []byte(word.Draw(t, "text"))})
		case 1:
			u.Files = append(u.Files, FileState{Path: n, Valid: true})
		case 2:
			u.Gone = append(u.Gone, n)
		}
	}
	return u
}
