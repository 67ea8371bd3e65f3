package gitops

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/internal/tooltest"
)

// keepers stand in every tree, in the same version.
var keepers = []string{"keep0", "keep1", "keep2", "keep3", "keep4", "keep5"}

// repo is a work tree of Git.
type repo struct {
	*rig
	dir string
}

func (g repo) try(args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"-C", g.dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_EDITOR=true",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), err
}

func (g repo) git(args ...string) string {
	g.t.Helper()
	out, err := g.try(args...)
	g.must(err)
	return out
}

// newOrigin makes a bare repository and a clone that pushes to it.
func newOrigin(r *rig) (pusher repo) {
	r.t.Helper()
	tooltest.Path(r.t, "git")
	origin := repo{r, filepath.Join(r.dir, "origin.git")}
	r.must(os.Mkdir(origin.dir, 0o755))
	origin.git("init", "-q", "--bare", "-b", "main")
	pusher = repo{r, filepath.Join(r.dir, "pusher")}
	repo{r, r.dir}.git("clone", "-q", origin.dir, pusher.dir)
	pusher.git("checkout", "-q", "-b", "main")
	return pusher
}

// layouts are the ways in which containers are spread over files.
var layouts = []func(name string) string{
	func(string) string { return "all.yaml" },
	func(name string) string { return name + ".yaml" },
	func(name string) string { return "team-" + name[len(name)-1:] + "/" + name + ".yaml" },
	func(name string) string { return name[:len(name)-1] + "/all.yaml" },
}

// scribble writes a random tree: keepers, some in another version, some or not.
func (g repo) scribble(version string) {
	folder := g.dir + "-new"
	layout := layouts[g.rng.IntN(len(layouts))]
	files := map[string]string{}
	add := func(name, version string) {
		files[layout(name)] += "---\n" + g.text(name, version, fmt.Sprint("note ", g.rng.IntN(1000)))
	}
	for _, name := range keepers {
		add(name, "k")
	}
	for i := range 3 {
		add(fmt.Sprint("ver", i), version)
		if g.rng.IntN(2) == 0 {
			add(fmt.Sprint("opt", i), "o")
		}
	}
	for name, text := range files {
		path := filepath.Join(folder, name)
		g.must(os.MkdirAll(filepath.Dir(path), 0o755))
		g.must(os.WriteFile(path, []byte(text), 0o644))
	}
	g.drop()
	g.must(os.Rename(folder, filepath.Join(g.dir, "manifests")))
}

// drop takes the manifests away in one step: nobody could tell files that are
// deleted one by one, with pauses, from such as a person deletes.
func (g repo) drop() {
	err := os.Rename(filepath.Join(g.dir, "manifests"), g.dir+"-old")
	if err != nil && !os.IsNotExist(err) {
		g.must(err)
	}
	g.must(os.RemoveAll(g.dir + "-old"))
}

func (g repo) commit(message string) {
	g.git("add", "-A")
	g.git("commit", "-q", "--allow-empty", "-m", message)
}

// TestGitStorm does to a clone what people and tools do, as fast as Git can,
// while the machine is busy.
func TestGitStorm(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	pusher := newOrigin(r)
	for i := range 6 {
		if i > 0 {
			pusher.git("checkout", "-q", "-b", fmt.Sprint("b", i), "main")
		}
		for range 2 {
			pusher.scribble(fmt.Sprint("v", r.rng.IntN(5)))
			pusher.commit(fmt.Sprint("branch ", i))
		}
	}
	pusher.git("push", "-q", "--all", "origin")
	clone := repo{r, filepath.Join(r.dir, "clone")}
	repo{r, r.dir}.git("clone", "-q", filepath.Join(r.dir, "origin.git"), clone.dir)
	folder := filepath.Join(clone.dir, "manifests")
	r.start(folder)
	r.settle(r.treeOf(folder))

	defer busy()()
	n, checked := rounds(t, 60), 0
	for i := range n {
		clone.disturb(pusher, i)
		if i%10 == 9 || i == n-1 {
			clone.git("reset", "-q", "--hard", fmt.Sprint("origin/b", 1+r.rng.IntN(5)))
			clone.git("clean", "-qfdx")
			r.settle(r.treeOf(folder))
			r.until("the revision", func() string {
				if is, want := r.status().Source.Revision, clone.git("rev-parse", "HEAD"); is != want {
					return fmt.Sprintf("%s, and HEAD is %s", is, want)
				}
				return ""
			})
			checked++
		}
	}
	r.kept(keepers)
	t.Logf("%d changes of the tree, compared with what ran %d times", n, checked)
}

// disturb does one random thing, and leaves no operation of Git under way.
func (g repo) disturb(pusher repo, i int) {
	g.t.Helper()
	any := func() string { return fmt.Sprint("origin/b", 1+g.rng.IntN(5)) }
	switch g.rng.IntN(8) {
	case 0:
		g.git("checkout", "-q", "-f", "--detach", any())
	case 1:
		g.git("reset", "-q", "--hard", any())
	case 2:
		pusher.git("checkout", "-q", "main")
		pusher.scribble(fmt.Sprint("v", g.rng.IntN(5)))
		pusher.commit(fmt.Sprint("change ", i))
		pusher.git("push", "-q", "origin", "main")
		g.git("checkout", "-q", "-f", "-B", "main", "origin/main")
		g.git("pull", "-q", "--ff-only")
	case 3:
		g.git("checkout", "-q", "-f", "-B", "topic", any())
		g.scribble(fmt.Sprint("v", g.rng.IntN(5)))
		g.commit("topic")
		if _, err := g.try("rebase", "-q", "-X", "theirs", any()); err != nil {
			_, _ = g.try("rebase", "--abort")
		}
	case 4:
		if _, err := g.try("merge", "-q", "--no-edit", any()); err != nil {
			_, _ = g.try("merge", "--abort")
		}
	case 5:
		_, _ = g.try("stash", "-u", "-q")
		_, _ = g.try("stash", "drop", "-q")
	case 6:
		g.git("pack-refs", "--all")
		g.git("checkout", "-q", "-f", "main")
	case 7: // the files go and come, as by a clone into the same place
		g.drop()
		g.git("checkout", "-q", "-f", "--", ".")
	}
}

// TestRebaseStops: between its steps, and while a person mends a conflict, the
// tree is nobody's wish, however long it takes.
func TestRebaseStops(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	g := newOrigin(r)
	folder := filepath.Join(g.dir, "manifests")
	g.scribble("v1")
	g.must(os.WriteFile(filepath.Join(g.dir, "list"), []byte("base\n"), 0o644))
	g.commit("base")
	g.git("checkout", "-q", "-b", "topic")
	for i := range 2 { // what only the topic has, and vanishes while it is rebased
		name := fmt.Sprint("late", i)
		g.must(os.WriteFile(filepath.Join(folder, name+".yaml"), []byte(g.text(name, "k", "late")), 0o644))
		g.must(os.WriteFile(filepath.Join(g.dir, "list"), []byte(name+"\n"), 0o644))
		g.commit(name)
	}
	g.git("checkout", "-q", "main")
	g.must(os.WriteFile(filepath.Join(g.dir, "other"), []byte("other\n"), 0o644))
	g.commit("main goes on")
	g.git("checkout", "-q", "topic")
	r.start(folder)
	want := r.treeOf(folder)
	r.settle(want)

	g.git("rebase", "-q", "-x", "sleep 1", "main")
	r.settle(want)
	r.kept(append(slices.Clone(keepers), "late0", "late1"))

	// Somewhere else: the tree of main here, for longer than the settle time, would
	// be a wish.
	aside := repo{r, filepath.Join(r.dir, "aside")}
	g.git("worktree", "add", "-q", aside.dir, "main")
	g.must(os.WriteFile(filepath.Join(aside.dir, "list"), []byte("main\n"), 0o644))
	aside.commit("a conflict")
	r.settle(want)
	if _, err := g.try("rebase", "-q", "main"); err == nil {
		t.Fatal("the rebase has no conflict")
	}
	r.until("the doubt", func() string {
		if s := r.status(); !strings.Contains(s.Doubt, "git rebase is under way") {
			return fmt.Sprintf("doubt %q", s.Doubt)
		}
		return ""
	})
	r.kept([]string{"late0", "late1"})
	g.git("rebase", "--abort")
	r.settle(want)
	r.kept(append(slices.Clone(keepers), "late0", "late1"))
	r.until("the end of the doubt", func() string { return r.status().Doubt })
}

// TestSlowCheckout: a checkout that takes longer than any settle time, in which
// every file moves, stops nothing.
func TestSlowCheckout(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	g := newOrigin(r)
	folder := filepath.Join(g.dir, "manifests")
	write := func(layout func(string) string) {
		g.must(os.RemoveAll(folder))
		for i, name := range keepers {
			path := filepath.Join(folder, layout(name))
			g.must(os.MkdirAll(filepath.Dir(path), 0o755))
			g.must(os.WriteFile(path, []byte(g.text(name, "k", fmt.Sprint(i))), 0o644))
		}
	}
	g.must(os.WriteFile(filepath.Join(g.dir, ".gitattributes"), []byte("*.yaml filter=slow\n"), 0o644))
	write(layouts[1])
	g.commit("one")
	g.git("checkout", "-q", "-b", "moved")
	write(func(name string) string { return "x/new-" + name + ".yaml" })
	g.commit("moved")
	g.git("config", "filter.slow.smudge", "sed 's/^# .*/# slow/'; sleep 0.6")
	g.git("config", "filter.slow.clean", "cat")
	r.start(folder)
	want := r.treeOf(folder)
	r.settle(want)
	for _, branch := range []string{"main", "moved"} {
		begun := time.Now()
		g.git("checkout", "-q", "-f", branch)
		t.Logf("the checkout took %v", time.Since(begun).Round(time.Millisecond))
		r.settle(want)
	}
	r.kept(keepers)
}
