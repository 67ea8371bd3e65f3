package folder

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestModel does random things to a real folder under a real watcher, and now
// and then compares what the updates add up to with a model that was kept by
// what was done, not by reading. Run one seed again with -run 'TestModel/seed=7'.
func TestModel(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			m := newModel(t, rand.New(rand.NewPCG(seed, 1)))
			for range 10 {
				for range 1 + m.rng.IntN(12) {
					m.act()
				}
				m.compare()
			}
		})
	}
}

// model is what should be wanted. Each file says its own names only, so that
// no rule about owners is needed.
type model struct {
	*lab
	rng  *rand.Rand
	now  map[string]string            // file → text; "" is broken
	last map[string]map[string]string // file → name → arg, as last said well
	seen map[string]bool              // files that were compared since they changed
}

func newModel(t *testing.T, rng *rand.Rand) *model {
	dir := t.TempDir()
	return &model{lab: watch(t, Watcher{Dir: dir}), rng: rng, now: map[string]string{}, last: map[string]map[string]string{}, seen: map[string]bool{}}
}

func (m *model) act() {
	dirs := []string{".", "a", "b", "a/deep"}
	file := path.Join(dirs[m.rng.IntN(len(dirs))], fmt.Sprintf("f%d.yaml", m.rng.IntN(3)))
	switch m.rng.IntN(10) {
	case 0, 1, 2, 3:
		m.put(file)
	case 4:
		m.breakFile(file)
	case 5, 6:
		m.remove(file)
	case 7:
		m.move(file, path.Join(dirs[m.rng.IntN(len(dirs))], fmt.Sprintf("m%d.yaml", m.rng.IntN(3))))
	case 8:
		m.removeDir(dirs[1+m.rng.IntN(len(dirs)-1)])
	case 9:
		m.write(file+".bak", "not: read")
	}
}

// put writes one to three containers; half of the time by way of a rename.
func (m *model) put(file string) {
	text, said := "# r\n", map[string]string{}
	for i := range 1 + m.rng.IntN(3) {
		name, arg := fmt.Sprintf("n%d-%x", i, file), fmt.Sprint(m.rng.IntN(4))
		text += doc(name, arg) + "---\n"
		said[name] = arg
	}
	if m.rng.IntN(2) == 0 {
		m.write(file+".tmp", text)
		must(m.t, os.Rename(m.at(file+".tmp"), m.at(file)))
	} else {
		m.write(file, text)
	}
	m.last[file], m.now[file] = said, text
	delete(m.seen, file)
}

func (m *model) breakFile(file string) {
	if !m.seen[file] {
		return // what it said last may never have been read
	}
	m.write(file, []string{"", "kind: [", "kind: Pod\n"}[m.rng.IntN(3)])
	m.now[file] = ""
}

func (m *model) remove(file string) {
	if _, ok := m.now[file]; ok {
		must(m.t, os.Remove(m.at(file)))
		m.drop(file)
	}
}

// move renames a good file that nobody else's names are in the way of.
func (m *model) move(from, to string) {
	if m.now[from] == "" {
		return
	}
	must(m.t, os.MkdirAll(filepath.Dir(m.at(to)), 0o755))
	must(m.t, os.Rename(m.at(from), m.at(to)))
	m.last[to], m.now[to] = m.last[from], m.now[from]
	delete(m.seen, to)
	m.drop(from)
	m.put(from + ".yaml") // and something new beside it
}

func (m *model) removeDir(dir string) {
	must(m.t, os.RemoveAll(m.at(dir)))
	for file := range m.now {
		if under(file, dir) {
			m.drop(file)
		}
	}
}

func (m *model) drop(file string) {
	delete(m.seen, file)
	delete(m.now, file)
	delete(m.last, file)
}

func (m *model) at(file string) string { return filepath.Join(m.dir, filepath.FromSlash(file)) }

// want is name → arguments that files say it with.
func (m *model) want() map[string]map[string]bool {
	want := map[string]map[string]bool{}
	for file, said := range m.last {
		for name, arg := range said {
			if m.now[file] == "" {
				arg += " (stale)"
			}
			if want[name] == nil {
				want[name] = map[string]bool{}
			}
			want[name][arg] = true
		}
	}
	return want
}

// compare waits for the sentinel and for the updates to say what is wanted. A
// name that stands twice may go to either, or be blocked.
func (m *model) compare() {
	m.t.Helper()
	m.until(fmt.Sprint("model ", m.want()), func() bool { return m.agrees(m.want()) })
	m.sentinel()
	if want := m.want(); !m.agrees(want) {
		m.t.Fatalf("after the sentinel: %s", cmp.Diff(want, m.args()))
	}
	for file := range m.now {
		m.seen[file] = true
	}
	known, owners := m.known()
	fresh := newHost()
	fresh.apply(Read(m.dir, Start{Known: known, Owners: owners}))
	if diff := cmp.Diff(m.args(), fresh.args()); diff != "" {
		m.t.Fatalf("a fresh reading differs: %s", diff)
	}
	if diff := cmp.Diff(m.problems, fresh.problems); diff != "" {
		m.t.Fatalf("the problems of a fresh reading differ: %s", diff)
	}
}

func (m *model) agrees(want map[string]map[string]bool) bool {
	for name, args := range want {
		got := m.arg(name)
		blocked := m.wanted[name].Blocked != ""
		if blocked && len(m.claimants(name)) < 2 || !blocked && !args[got] {
			return false
		}
	}
	return len(m.wanted) == len(want)
}

func (m *model) claimants(name string) (files []string) {
	for file, said := range m.last {
		if _, ok := said[name]; ok {
			files = append(files, file)
		}
	}
	return files
}
