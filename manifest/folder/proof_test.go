package folder

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"
)

// sure is a patient who must never lack one of the names unless in doubt: only
// then would a container that stands in every tree be stopped.
type sure struct {
	*patient
	names []string
}

// pass lets time go by, as the loop of a Watcher would.
func (s *sure) pass(d time.Duration) {
	s.t.Helper()
	told := true // something was done since the last turn
	for end := s.now.Add(d); s.now.Before(end); {
		s.now = s.now.Add(5 * time.Millisecond)
		if next := s.r.next(); !told && (next.IsZero() || next.After(s.now)) {
			continue
		}
		told = false
		s.r.turn(s.now)
		u, ok := s.r.update(s.now)
		if !ok {
			continue
		}
		s.apply(u)
		for _, name := range s.names {
			if _, wanted := s.wanted[name]; !wanted && s.doubt == "" {
				s.t.Fatalf("%s is not wanted, and nothing is in doubt", name)
			}
		}
	}
}

func (s *sure) allWanted() {
	s.t.Helper()
	for _, name := range s.names {
		if s.arg(name) != "k" {
			s.t.Errorf("%s is %q in the end", name, s.arg(name))
		}
	}
	if s.doubt != "" {
		s.t.Errorf("doubt %q in the end", s.doubt)
	}
}

// TestGitEnds moves all files while Git holds its lock for longer than the
// bound, and begins once more as soon as the lock is gone.
func TestGitEnds(t *testing.T) {
	for _, pause := range []time.Duration{5 * time.Millisecond, 30 * time.Millisecond, 200 * time.Millisecond, 3 * time.Second} {
		t.Run(fmt.Sprint(pause), func(t *testing.T) { testGitEnds(t, pause) })
	}
}

func testGitEnds(t *testing.T, pause time.Duration) {
	s, dir, lock := withGit(t)
	layouts := []func(int) string{
		func(i int) string { return fmt.Sprintf("x/new-keep%d.yaml", i) },
		func(i int) string { return fmt.Sprintf("keep%d.yaml", i) },
	}
	for i := range 6 {
		s.names = append(s.names, fmt.Sprint("keep", i))
		write(t, dir, layouts[0](i), doc(s.names[i], "k"))
	}
	s.look()
	s.allWanted()
	for round := range 4 {
		s.lock(lock)
		must(t, os.RemoveAll(dir))
		s.r.scan(".", s.now)
		for i := range s.names {
			s.pass(600 * time.Millisecond)
			write(t, dir, layouts[(round+1)%2](i), doc(s.names[i], "k", fmt.Sprint("# ", round)))
			s.r.scan(".", s.now)
		}
		must(t, os.Remove(lock))
		s.r.gitEvent(lock, s.now)
		s.pass(pause)
	}
	s.pass(5 * time.Second)
	s.allWanted()
	if pause > time.Second && len(s.drops) > 0 {
		t.Errorf("dropped %v", s.drops)
	}
}

// TestDoubtEnds drops a name while in doubt, and puts it into a file that
// nothing tells of: only a whole reading after the end of the doubt finds it.
func TestDoubtEnds(t *testing.T) {
	broken := func(s *sure) func() {
		s.put("broken.yaml", "kind: [")
		s.r.scan(".", s.now)
		s.pass(time.Second)
		delete(s.disk.MapFS, "old.yaml")
		s.r.hint("old.yaml", s.now)
		s.pass(time.Second)
		return func() {
			s.put("broken.yaml", "# nothing\n")
			s.r.hint("broken.yaml", s.now)
		}
	}
	writing := func(s *sure) func() {
		delete(s.disk.MapFS, "old.yaml")
		s.r.hint("old.yaml", s.now)
		for i := range 300 { // for longer than the bound
			s.disk.MapFS["new.yaml"] = &fstest.MapFile{Data: []byte(doc("web", fmt.Sprint(i)))}
			s.r.hint("new.yaml", s.now)
			s.pass(10 * time.Millisecond)
		}
		return func() {
			delete(s.disk.MapFS, "new.yaml")
			s.r.hint("new.yaml", s.now)
		}
	}
	away := func(s *sure) func() {
		writing(s)
		s.disk.list["."] = fs.ErrNotExist
		s.r.scan(".", s.now)
		s.pass(time.Second)
		return func() {
			delete(s.disk.list, ".")
			delete(s.disk.MapFS, "new.yaml")
			s.r.scan(".", s.now) // finds nothing: the file comes after it
		}
	}
	for name, doubt := range map[string]func(*sure) func(){
		"a broken file": broken, "a file being written": writing, "the folder away": away,
	} {
		for _, late := range []bool{false, true} {
			testDoubtEnds(t, name, doubt, late)
		}
	}
}

// testDoubtEnds writes the other file at once, or late: after the whole reading
// and before it has settled.
func testDoubtEnds(t *testing.T, name string, doubt func(*sure) func(), late bool) {
	t.Run(fmt.Sprintf("%s, late %v", name, late), func(t *testing.T) {
		s := &sure{patient: newPatient(t, nil), names: []string{"web"}}
		s.put("note.txt", "the folder is never empty")
		s.put("old.yaml", doc("web", "k"))
		s.look()
		end := doubt(s)
		s.mustLack("web")
		end()
		if late {
			s.pass(200 * time.Millisecond)
		}
		s.put("other.yaml", doc("web", "k"))
		if late {
			s.r.hint("other.yaml", s.now)
		}
		s.pass(5 * time.Second)
		s.allWanted()
	})
}

// mustLack makes sure that the name was dropped while in doubt.
func (s *sure) mustLack(name string) {
	s.t.Helper()
	if _, wanted := s.wanted[name]; wanted || s.doubt == "" {
		s.t.Fatalf("nothing was dropped in doubt: wanted %v, doubt %q", s.args(), s.doubt)
	}
}

// TestGitBeginsInDoubt: another doubt does not end while Git is at work, even if
// nothing that it has done so far could harm.
func TestGitBeginsInDoubt(t *testing.T) {
	s, dir, lock := withGit(t)
	s.names = []string{"web"}
	write(t, dir, "old.yaml", doc("web", "k"))
	s.look()
	must(t, os.Remove(filepath.Join(dir, "old.yaml")))
	s.r.hint("old.yaml", s.now)
	for i := range 300 { // for longer than the bound
		write(t, dir, "new.yaml", doc("web", fmt.Sprint(i)))
		s.r.hint("new.yaml", s.now)
		s.pass(10 * time.Millisecond)
	}
	s.mustLack("web")
	s.lock(lock)
	must(t, os.Remove(filepath.Join(dir, "new.yaml")))
	s.r.hint("new.yaml", s.now)
	s.pass(5 * time.Second)
	write(t, dir, "other.yaml", doc("web", "k"))
	must(t, os.Remove(lock))
	s.pass(5 * time.Second)
	s.allWanted()
}

// withGit is a patient on a real disk, in a work tree of Git.
func withGit(t *testing.T) (s *sure, dir, lock string) {
	base := t.TempDir()
	dir, lock = filepath.Join(base, "deploy"), filepath.Join(base, ".git", "index.lock")
	write(t, base, ".git/HEAD", "1111111111111111111111111111111111111111")
	return &sure{patient: &patient{
		host: newHost(), t: t, now: time.Now(), r: newReader(os.DirFS(dir), dir, Settle{}, nil, nil),
	}}, dir, lock
}

// lock is what Git does first; its age is told by the time of the patient.
func (s *sure) lock(file string) {
	s.t.Helper()
	must(s.t, os.WriteFile(file, nil, 0o600))
	must(s.t, os.Chtimes(file, s.now, s.now))
	s.r.gitEvent(file, s.now)
}
