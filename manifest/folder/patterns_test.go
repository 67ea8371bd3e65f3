package folder

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestWritePatterns replays how editors and tools replace a file: the change
// must arrive, the container must never be dropped, and helper files must not
// be taken for manifests.
func TestWritePatterns(t *testing.T) {
	old, text := doc("web", "1"), doc("web", "2")
	file := func(l *lab, name string) string { return filepath.Join(l.dir, name) }
	put := func(l *lab, name, text string) { must(l.t, os.WriteFile(file(l, name), []byte(text), 0o600)) }
	move := func(l *lab, from, to string) { must(l.t, os.Rename(file(l, from), file(l, to))) }
	remove := func(l *lab, name string) { must(l.t, os.Remove(file(l, name))) }
	for name, save := range map[string]func(*lab){
		"shell, in place": func(l *lab) { put(l, "web.yaml", text) },
		"vim, rename and rewrite": func(l *lab) {
			put(l, ".web.yaml.swp", "x")
			put(l, "4913", "")
			remove(l, "4913")
			move(l, "web.yaml", "web.yaml~")
			put(l, "web.yaml", text)
			remove(l, "web.yaml~")
			remove(l, ".web.yaml.swp")
		},
		"emacs, lock, autosave, backup": func(l *lab) {
			must(l.t, os.Symlink("me@host.1:2", file(l, ".#web.yaml")))
			put(l, "#web.yaml#", text)
			must(l.t, os.Link(file(l, "web.yaml"), file(l, "web.yaml~")))
			put(l, "web.yaml", text)
			remove(l, "#web.yaml#")
			remove(l, ".#web.yaml")
		},
		"VS Code, truncate then write": func(l *lab) {
			must(l.t, os.Truncate(file(l, "web.yaml"), 0))
			put(l, "web.yaml", text)
		},
		"sed -i, hidden temporary file": func(l *lab) {
			put(l, "sedA1b2C3", text)
			move(l, "sedA1b2C3", "web.yaml")
		},
		"atomic, temporary name": func(l *lab) {
			put(l, "web.yaml.tmp", text)
			move(l, "web.yaml.tmp", "web.yaml")
		},
		"remove, then write": func(l *lab) {
			remove(l, "web.yaml")
			put(l, "web.yaml", text)
		},
		"two halves": func(l *lab) {
			f, err := os.OpenFile(file(l, "web.yaml"), os.O_WRONLY|os.O_TRUNC, 0)
			must(l.t, err)
			_, err = f.WriteString(text[:len(text)/2])
			must(l.t, err)
			must(l.t, f.Sync())
			_, err = f.WriteString(text[len(text)/2:])
			must(l.t, err)
			must(l.t, f.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "web.yaml", old)
			l := watch(t, Watcher{Dir: dir})
			l.has("web", "1")
			save(l)
			l.has("web", "2")
			if l.puts != 2 || len(l.drops) > 0 || len(l.problems) > 0 {
				t.Errorf("puts %d, drops %v, problems %v; want 2 puts and nothing else", l.puts, l.drops, l.problems)
			}
		})
	}
}

// TestHalfWritten leaves a file broken for long: what runs must stay, and the
// file must be told to be broken.
func TestHalfWritten(t *testing.T) {
	dir := t.TempDir()
	both := doc("web", "1") + "---\n" + doc("db", "1")
	write(t, dir, "a.yaml", both)
	l := watch(t, Watcher{Dir: dir})
	l.has("web", "1", "db", "1")
	for _, broken := range []string{both[:len(both)-5], "", "\xff\xfew\x00", strings.Repeat("#", maxSize+1)} {
		l.write("a.yaml", broken)
		l.has("web", "1 (stale)", "db", "1 (stale)")
		if l.files["a.yaml"].Valid || len(l.problems) == 0 || l.doubt != "" {
			t.Errorf("state %+v, problems %v, doubt %q", l.files["a.yaml"], l.problems, l.doubt)
		}
		if l.texts["a.yaml"] != both {
			t.Error("the text to be kept is not the last good one")
		}
		l.write("a.yaml", both)
		l.has("web", "1", "db", "1")
	}
	if len(l.drops) > 0 {
		t.Errorf("dropped %v", l.drops)
	}
}

func TestQuietChanges(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", doc("web", "1"))
	write(t, dir, "b.yaml", doc("db", "1"))
	l := watch(t, Watcher{Dir: dir})
	l.write("a.yaml", doc("web", "1")) // touched
	l.write("a.yaml", "# a comment\n\n"+doc("web", "1"))
	l.until("new text", func() bool { return strings.HasPrefix(l.texts["a.yaml"], "# a") })
	must(t, os.Chmod(filepath.Join(dir, "b.yaml"), 0o640))
	l.write("notes.txt", "x")
	l.write("d.yaml/x.yaml", doc("inner", "1"))
	l.has("web", "1", "db", "1", "inner", "1")
	if l.puts != 3 || len(l.problems) > 0 {
		t.Errorf("%d puts, want one each; problems %v", l.puts, l.problems)
	}
}

func TestMoves(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", doc("web", "1"))
	write(t, dir, "team/b.yaml", doc("db", "1"))
	write(t, dir, "team/deep/e.yaml", doc("deep", "1"))
	l := watch(t, Watcher{Dir: dir})
	from := func(name, file string) func() bool {
		return func() bool { return l.wanted[name].Container != nil && l.wanted[name].Container.Origin.File == file }
	}
	rev := l.wanted["web"].Container.Revision
	must(t, os.Rename(filepath.Join(dir, "a.yaml"), filepath.Join(dir, "c.yaml")))
	l.until("renamed", from("web", "c.yaml"))
	must(t, os.Rename(filepath.Join(dir, "c.yaml"), filepath.Join(dir, "team/a.yaml")))
	l.until("moved", from("web", "team/a.yaml"))
	must(t, os.Rename(filepath.Join(dir, "team"), filepath.Join(dir, "crew")))
	l.until("folder renamed", from("web", "crew/a.yaml"))
	l.until("folder renamed", from("db", "crew/b.yaml"))
	if len(l.drops) > 0 {
		t.Errorf("dropped %v", l.drops)
	}
	l.write("crew/deep/e.yaml", doc("deep", "2")) // what was below the folder is watched under its new name
	l.until("deep", func() bool { return l.arg("deep") == "2" })
	must(t, os.RemoveAll(filepath.Join(dir, "crew", "deep")))
	l.has("web", "1", "db", "1")
	l.drops = nil
	l.write("crew/a.yaml", doc("web", "1")+"---\n"+doc("db", "1")) // one file takes over from another
	must(t, os.Remove(filepath.Join(dir, "crew/b.yaml")))
	l.until("taken over", from("db", "crew/a.yaml"))
	if len(l.drops) > 0 || l.wanted["web"].Container.Revision != rev {
		t.Errorf("dropped %v, revision %v, was %v", l.drops, l.wanted["web"].Container.Revision, rev)
	}
	l.write("crew/a.yaml", doc("web", "2"))
	l.has("web", "2") // the renamed folder is watched under its new name
	must(t, os.Remove(filepath.Join(dir, "crew/a.yaml")))
	l.has()
	l.write("crew/a.yaml", doc("web", "2"))
	l.has("web", "2")
}

func TestTwoFilesOneName(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "b.yaml", doc("web", "1"))
	l := watch(t, Watcher{Dir: dir})
	l.write("a.yaml", doc("web", "2"))
	l.until("clash", func() bool { return has(l.problems, "a.yaml", "b.yaml:1") && has(l.problems, "b.yaml", "a.yaml:1") })
	l.has("web", "1")
	known, owners := l.known()
	if u := Read(dir, Start{Known: known, Owners: owners}); len(u.Put) != 1 || u.Put[0].Container.Origin.File != "b.yaml" {
		t.Errorf("after a restart: %+v", u.Put)
	}
	must(t, os.Remove(filepath.Join(dir, "b.yaml")))
	l.has("web", "2")
	if len(l.problems) > 0 || len(l.drops) > 0 {
		t.Errorf("problems %v, drops %v", l.problems, l.drops)
	}
}

func TestNobodyOwnsTheName(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", doc("web", "1"))
	write(t, dir, "b.yaml", doc("web", "2"))
	l := watch(t, Watcher{Dir: dir})
	if w := l.wanted["web"]; w.Blocked == "" || len(l.problems) != 2 {
		t.Errorf("wanted %+v, problems %v", w, l.problems)
	}
	l.write("a.yaml", doc("other", "1"))
	l.has("web", "2", "other", "1")
}

func TestGitCheckout(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git")
	}
	dir := t.TempDir()
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=x", "-c", "user.email=x@x", "-c", "gc.auto=0"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "-b", "main")
	write(t, dir, "web.yaml", doc("web", "1"))
	write(t, dir, "data/db.yaml", doc("db", "1"))
	write(t, dir, "old.yaml", doc("mover", "1"))
	git("add", ".")
	git("commit", "-q", "-m", "one")
	one := git("rev-parse", "HEAD")
	git("checkout", "-q", "-b", "next")
	write(t, dir, "web.yaml", doc("web", "2"))
	git("rm", "-q", "-r", "data")
	git("mv", "old.yaml", "new.yaml")
	write(t, dir, "jobs/job.yaml", doc("job", "1"))
	git("add", ".")
	git("commit", "-q", "-m", "two")
	git("checkout", "-q", "main")

	l := watch(t, Watcher{Dir: dir})
	l.has("web", "1", "db", "1", "mover", "1")
	if l.source.Revision != one {
		t.Errorf("revision %q, want %q", l.source.Revision, one)
	}
	git("checkout", "-q", "next")
	l.has("web", "2", "mover", "1", "job", "1")
	l.until("revision", func() bool { return l.source.Revision == git("rev-parse", "HEAD") })
	git("checkout", "-q", "main")
	l.has("web", "1", "db", "1", "mover", "1")
	git("pack-refs", "--all")
	l.write("web.yaml", doc("web", "3"))
	l.has("web", "3", "db", "1", "mover", "1")
	if got := strings.Join(l.drops, " "); got != "db job" || l.source.Revision != one {
		t.Errorf("drops %q, revision %q", got, l.source.Revision)
	}
}
