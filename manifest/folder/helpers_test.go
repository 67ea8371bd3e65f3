package folder

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// doc is one manifest document; more are lines of its spec.
func doc(name, arg string, more ...string) string {
	s := fmt.Sprintf("apiVersion: hcs-reconcile/v1\nkind: Container\nmetadata: {name: %s}\nspec:\n  command: [run, %q]\n", name, arg)
	for _, m := range more {
		s += "  " + m + "\n"
	}
	return s
}

func write(t testing.TB, dir, file, text string) {
	t.Helper()
	p := filepath.Join(dir, filepath.FromSlash(file))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// host is what a consumer knows after all updates so far.
type host struct {
	wanted   map[string]Wanted
	files    map[string]FileState
	texts    map[string]string
	problems []manifest.Problem
	doubt    string
	source   Source
	drops    []string // every name ever dropped
	puts     int
	updates  int
	id       string // of the newest update
	polled   int    // updates that said that there are no events
}

func newHost() *host {
	return &host{wanted: map[string]Wanted{}, files: map[string]FileState{}, texts: map[string]string{}}
}

func (h *host) apply(u Update) {
	if u.Full {
		h.wanted, h.files = map[string]Wanted{}, map[string]FileState{}
	}
	for _, n := range u.Drop {
		delete(h.wanted, n)
		h.drops = append(h.drops, n)
	}
	for _, w := range u.Put {
		h.wanted[w.Container.Name()] = w
		h.puts++
	}
	for _, p := range u.Gone {
		delete(h.files, p)
		delete(h.texts, p)
	}
	for _, f := range u.Files {
		if f.Text != nil {
			h.texts[f.Path] = string(f.Text)
		}
		h.files[f.Path] = f
	}
	h.problems, h.doubt, h.source = u.Problems, u.Doubt, u.Source
	h.updates++
	h.id = u.ID
	h.polled += min(1, len(u.Source.Polling))
}

// known is what a daemon would find in its store after a restart.
func (h *host) known() (known []KnownGood, owners map[string]string) {
	owners = map[string]string{}
	for p, text := range h.texts {
		known = append(known, KnownGood{Path: p, Text: []byte(text)})
	}
	for n, w := range h.wanted {
		if !strings.HasPrefix(w.Blocked, "the name stands in") {
			owners[n] = w.Container.Origin.File
		}
	}
	return known, owners
}

// arg is the argument that a wanted container runs with, marked with what
// holds it back; "" if it is not wanted.
func (h *host) arg(name string) string {
	w, ok := h.wanted[name]
	if !ok {
		return ""
	}
	s := strings.Join(w.Container.Spec.Command[1:], " ")
	if w.Stale {
		s += " (stale)"
	}
	if w.Blocked != "" {
		s += " (blocked)"
	}
	return s
}

// lab is a folder with a watcher on it.
type lab struct {
	*host
	t   *testing.T
	dir string
	out chan Update
}

func watch(t *testing.T, w Watcher) *lab {
	t.Helper()
	if w.Settle == (Settle{}) {
		w.Settle = Settle{Add: 5 * time.Millisecond, Change: 60 * time.Millisecond, Max: time.Second}
	}
	if w.Resync == 0 {
		w.Resync = time.Hour // events alone must do
	}
	l := &lab{host: newHost(), t: t, dir: w.Dir, out: make(chan Update)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx, l.out) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run watcher: %v", err)
		}
	})
	l.next()
	return l
}

// next takes one update.
func (l *lab) next() Update {
	l.t.Helper()
	select {
	case u := <-l.out:
		l.apply(u)
		return u
	case <-time.After(20 * time.Second):
		l.t.Fatalf("no update came; wanted %v, problems %v, doubt %q", l.args(), l.problems, l.doubt)
		return Update{}
	}
}

// until takes updates until ok.
func (l *lab) until(what string, ok func() bool) {
	l.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		select {
		case u := <-l.out:
			l.apply(u)
		case <-time.After(time.Until(deadline)):
			l.t.Fatalf("%s: did not come; wanted %v, problems %v, doubt %q", what, l.args(), l.problems, l.doubt)
		}
	}
}

// has waits until exactly these are wanted: name, arg, name, arg …
func (l *lab) has(pairs ...string) {
	l.t.Helper()
	l.until(fmt.Sprint(pairs), func() bool {
		for i := 0; i < len(pairs); i += 2 {
			if l.arg(pairs[i]) != pairs[i+1] {
				return false
			}
		}
		return len(l.wanted) == len(pairs)/2
	})
}

func (l *lab) write(file, text string) { l.t.Helper(); write(l.t, l.dir, file, text) }

// sentinel makes a change and waits for it: what came before it has been seen.
// It is harmful, so that it waits as long as anything.
func (l *lab) sentinel() {
	l.t.Helper()
	for _, arg := range []string{"1", "2"} {
		l.write("sentinel.yaml", doc("sentinel", arg))
		l.until("sentinel "+arg, func() bool { return l.arg("sentinel") == arg })
	}
	must(l.t, os.Remove(filepath.Join(l.dir, "sentinel.yaml")))
	l.until("sentinel gone", func() bool { return l.arg("sentinel") == "" })
	l.drops = l.drops[:len(l.drops)-1]
}

func (h *host) args() map[string]string {
	m := map[string]string{}
	for n := range h.wanted {
		m[n] = h.arg(n)
	}
	return m
}

func has(problems []manifest.Problem, file, part string) bool {
	for _, p := range problems {
		if p.File == file && strings.Contains(p.Message, part) {
			return true
		}
	}
	return false
}
