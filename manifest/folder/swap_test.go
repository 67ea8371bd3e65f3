package folder

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// relink lets link point to target in one step, as git-sync and kubelet do.
func relink(t *testing.T, target, link string) {
	t.Helper()
	tmp := filepath.Join(filepath.Dir(link), ".tmp-link")
	must(t, os.Symlink(target, tmp))
	must(t, os.Rename(tmp, link))
}

func TestConfigMapSwap(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "..1/web.yaml", doc("web", "1"))
	write(t, dir, "..1/db.yaml", doc("db", "1"))
	write(t, dir, "..2/web.yaml", doc("web", "2"))
	write(t, dir, "..2/db.yaml", doc("db", "2"))
	relink(t, "..1", filepath.Join(dir, "..data"))
	must(t, os.Symlink("..data/web.yaml", filepath.Join(dir, "web.yaml")))
	must(t, os.Symlink("..data/db.yaml", filepath.Join(dir, "db.yaml")))
	l := watch(t, Watcher{Dir: dir})
	l.has("web", "1", "db", "1")
	relink(t, "..2", filepath.Join(dir, "..data"))
	l.has("web", "2", "db", "2") // the old one is still there: only the link tells
	must(t, os.RemoveAll(filepath.Join(dir, "..1")))
	l.write("..2/web.yaml", doc("web", "3")) // the end of a link, written in place
	l.has("web", "3", "db", "2")
	if len(l.drops) > 0 || len(l.problems) > 0 {
		t.Errorf("drops %v, problems %v", l.drops, l.problems)
	}
}

func TestRootSwap(t *testing.T) {
	base := t.TempDir()
	one, two := strings.Repeat("1a", 20), strings.Repeat("2b", 20)
	write(t, base, ".worktrees/"+one+"/deploy/web.yaml", doc("web", "1"))
	write(t, base, ".worktrees/"+two+"/deploy/web.yaml", doc("web", "2"))
	write(t, base, ".worktrees/"+two+"/deploy/db.yaml", doc("db", "1"))
	link := filepath.Join(base, "current")
	relink(t, filepath.Join(".worktrees", one), link)
	l := watch(t, Watcher{Dir: filepath.Join(link, "deploy")})
	l.has("web", "1")
	if l.source.Revision != one {
		t.Errorf("revision %q", l.source.Revision)
	}
	relink(t, filepath.Join(".worktrees", two), link)
	l.has("web", "2", "db", "1")
	must(t, os.RemoveAll(filepath.Join(base, ".worktrees", one)))
	l.until("revision", func() bool { return l.source.Revision == two })
	l.write("web.yaml", doc("web", "3"))
	l.has("web", "3", "db", "1")
	if len(l.drops) > 0 {
		t.Errorf("drops %v", l.drops)
	}
}

func TestRootComesAndGoes(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "etc", "manifests")
	l := watch(t, Watcher{Dir: dir, Poll: time.Hour})
	if l.doubt == "" || len(l.wanted) > 0 {
		t.Fatalf("a missing folder: doubt %q, wanted %v", l.doubt, l.args())
	}
	write(t, base, "etc/manifests/web.yaml", doc("web", "1"))
	l.has("web", "1")
	l.until("no doubt", func() bool { return l.doubt == "" })
	for _, gone := range []string{dir, filepath.Dir(dir)} {
		away := filepath.Join(base, "away")
		must(t, os.Rename(gone, away))
		l.until("doubt", func() bool { return strings.Contains(l.doubt, "manifests") })
		l.has("web", "1")
		must(t, os.Rename(away, gone))
		l.until("no doubt", func() bool { return l.doubt == "" })
	}
	must(t, os.RemoveAll(dir))
	l.until("doubt", func() bool { return l.doubt != "" })
	write(t, base, "etc/manifests/web.yaml", doc("web", "2"))
	l.has("web", "2")
	if len(l.drops) > 0 {
		t.Errorf("drops %v", l.drops)
	}
}

func TestRestart(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", doc("a", "1"))
	write(t, dir, "b.yaml", doc("b", "1"))
	write(t, dir, "sub/c.yaml", doc("c", "1"))
	h := newHost()
	h.apply(Read(dir, Start{}))
	known, owners := h.known()

	write(t, dir, "a.yaml", "broken: [")
	must(t, os.Remove(filepath.Join(dir, "b.yaml")))
	u := Read(dir, Start{Known: known, Owners: owners})
	h = newHost()
	h.apply(u)
	if got := fmt.Sprint(h.args()); got != "map[a:1 (stale) c:1]" || u.Doubt != "" {
		t.Errorf("after a restart: %s, doubt %q", got, u.Doubt)
	}
	if fmt.Sprint(u.Gone) != "[b.yaml]" {
		t.Errorf("gone %v, want b.yaml", u.Gone)
	}
	for _, f := range u.Files {
		if f.Text != nil {
			t.Errorf("%s: text handed on although it is known", f.Path)
		}
	}

	must(t, os.RemoveAll(dir))
	h = newHost()
	h.apply(Read(dir, Start{Known: known, Owners: owners}))
	if got := fmt.Sprint(h.args()); got != "map[a:1 (stale) b:1 (stale) c:1 (stale)]" || h.doubt == "" {
		t.Errorf("without the folder: %s, doubt %q", got, h.doubt)
	}
}

func TestNeverRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "deploy/b.yaml", "kind: [\n")
	u := Read(dir, Start{Known: []KnownGood{{Path: "old.yaml", Text: []byte("no: manifest")}}})
	if !strings.HasPrefix(u.Doubt, "deploy/b.yaml:") || !strings.Contains(u.Doubt, "may be in it") {
		t.Errorf("doubt %q", u.Doubt)
	}
	write(t, dir, "deploy/b.yaml", "# nothing yet\n")
	if u := Read(dir, Start{}); u.Doubt != "" || len(u.Problems) > 0 {
		t.Errorf("doubt %q, problems %v", u.Doubt, u.Problems)
	}
}

func TestLinks(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	write(t, other, "team/x.yaml", doc("x", "1"))
	write(t, dir, "a/web.yaml", doc("web", "1"))
	for link, target := range map[string]string{
		"a/up": "..", "self": "self", "twin": "a", "shared": filepath.Join(other, "team"),
		"README": "nowhere", "dangling.yaml": "nowhere", "z.yaml": filepath.Join(dir, "a"),
	} {
		must(t, os.Symlink(target, filepath.Join(dir, link)))
	}
	l := watch(t, Watcher{Dir: dir})
	l.has("web", "1", "x", "1")
	for _, file := range []string{"a/up", "self", "twin", "z.yaml", "dangling.yaml"} {
		if !has(l.problems, file, "link") {
			t.Errorf("%s: no problem, all: %v", file, l.problems)
		}
	}
	if len(l.problems) != 5 {
		t.Errorf("problems %v", l.problems)
	}
	write(t, other, "team/x.yaml", doc("x", "2"))
	write(t, other, "team/y.yaml", doc("yy", "1"))
	l.has("web", "1", "x", "2", "yy", "1")
	away := filepath.Join(other, "away")
	must(t, os.Rename(filepath.Join(other, "team"), away))
	l.until("doubt", func() bool { return strings.Contains(l.doubt, "shared") })
	l.has("web", "1", "x", "2", "yy", "1")
	must(t, os.Rename(away, filepath.Join(other, "team")))
	l.until("no doubt but the dangling file", func() bool { return strings.HasPrefix(l.doubt, "dangling.yaml") })
	must(t, os.Remove(filepath.Join(dir, "shared")))
	l.has("web", "1")
}
