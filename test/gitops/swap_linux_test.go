package gitops

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hcs-reconcile/hcs-reconcile/internal/tooltest"
)

// fill writes a tree of its own into a new folder, and returns what it asks for.
func (r *rig) fill(folder, version string) tree {
	r.t.Helper()
	at := tree{}
	layout := layouts[r.rng.IntN(len(layouts))]
	files := map[string]string{}
	add := func(name, version string) {
		files[layout(name)] += "---\n" + r.text(name, version, fmt.Sprint("note ", r.rng.IntN(1000)))
		at[name] = version
	}
	for _, name := range keepers {
		add(name, "k")
	}
	add("ver0", version)
	if r.rng.IntN(2) == 0 {
		add("opt0", "o")
	}
	for name, text := range files {
		path := filepath.Join(folder, name)
		r.must(os.MkdirAll(filepath.Dir(path), 0o755))
		r.must(os.WriteFile(path, []byte(text), 0o644))
	}
	return at
}

// point makes link lead to target in one step, as git-sync and kubelet do.
func (r *rig) point(link, target string) {
	r.t.Helper()
	r.must(os.Symlink(target, link+".tmp"))
	r.must(os.Rename(link+".tmp", link))
}

// TestGitSync swaps a link between work trees of Git that are made and removed,
// as git-sync does; the folder is reached through the link.
func TestGitSync(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	pusher := newOrigin(r)
	pusher.scribble("v0")
	pusher.commit("first")
	pusher.git("push", "-q", "origin", "main")
	clone := repo{r, filepath.Join(r.dir, "root")}
	repo{r, r.dir}.git("clone", "-q", "--no-checkout", filepath.Join(r.dir, "origin.git"), clone.dir)
	link := filepath.Join(clone.dir, "current")
	previous := ""
	swap := func() string {
		clone.git("fetch", "-q", "origin")
		commit := clone.git("rev-parse", "origin/main")
		dir := filepath.Join(clone.dir, ".worktrees", commit)
		clone.git("worktree", "add", "-q", "--detach", dir, commit)
		r.point(link, filepath.Join(".worktrees", commit))
		if previous != "" {
			clone.git("worktree", "remove", "--force", previous)
		}
		previous = dir
		return commit
	}
	swap()
	folder := filepath.Join(link, "manifests")
	r.start(folder)
	r.settle(r.treeOf(folder))
	n := rounds(t, 20)
	for i := range n {
		pusher.scribble(fmt.Sprint("v", r.rng.IntN(5)))
		pusher.commit(fmt.Sprint("change ", i))
		pusher.git("push", "-q", "origin", "main")
		commit := swap()
		if i%10 == 9 || i == n-1 {
			r.settle(r.treeOf(folder))
			r.until("the revision", func() string {
				if is := r.status().Source.Revision; is != commit {
					return fmt.Sprintf("%s, and the tree is %s", is, commit)
				}
				return ""
			})
		}
	}
	r.kept(keepers)
}

// TestConfigMap swaps ..data as kubelet does for a volume of a ConfigMap: links
// in the folder lead through it, and the old data goes at once.
func TestConfigMap(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	folder := filepath.Join(r.dir, "volume")
	r.must(os.Mkdir(folder, 0o755))
	var want tree
	previous := ""
	update := func(i int) {
		data := fmt.Sprintf("..2026_%d", i)
		dir := filepath.Join(folder, data)
		r.must(os.Mkdir(dir, 0o755))
		want = tree{"ver0": fmt.Sprint("v", r.rng.IntN(5))}
		for _, name := range keepers {
			want[name] = "k"
		}
		for name, version := range want {
			file := name + ".yaml"
			r.must(os.WriteFile(filepath.Join(dir, file), []byte(r.text(name, version, fmt.Sprint(i))), 0o644))
			if previous == "" {
				r.must(os.Symlink(filepath.Join("..data", file), filepath.Join(folder, file)))
			}
		}
		r.point(filepath.Join(folder, "..data"), data)
		if previous != "" {
			r.must(os.RemoveAll(filepath.Join(folder, previous)))
		}
		previous = data
	}
	update(0)
	r.start(folder)
	r.settle(want)
	n := rounds(t, 200)
	for i := range n {
		update(i + 1)
		if i%50 == 49 || i == n-1 {
			r.settle(want)
		}
	}
	r.kept(keepers)
}

// TestRsync copies trees into the folder with the options that people use.
func TestRsync(t *testing.T) {
	t.Parallel()
	rsync := tooltest.Path(t, "rsync")
	r := newRig(t)
	folder := filepath.Join(r.dir, "folder")
	r.must(os.Mkdir(folder, 0o755))
	sync := func(source string, args ...string) {
		t.Helper()
		out, err := exec.Command(rsync, append(args, "-r", source+"/", folder+"/")...).CombinedOutput()
		if err != nil {
			t.Fatalf("rsync: %v\n%s", err, out)
		}
	}
	first := filepath.Join(r.dir, "source")
	want := r.fill(first, "v0")
	sync(first)
	r.start(folder)
	r.settle(want)
	n := rounds(t, 60)
	for i := range n {
		source := filepath.Join(r.dir, fmt.Sprint("source", i))
		want = r.fill(source, fmt.Sprint("v", r.rng.IntN(5)))
		switch i % 4 {
		case 0: // files of another layout stay: names stand twice, and the first file counts
			sync(source, "--checksum")
			sync(source, "--checksum", "--delete")
		case 1:
			sync(source, "--delete", "--checksum")
		case 2:
			sync(source, "--delete-after", "--delay-updates", "--checksum")
		case 3:
			sync(source, "--delete", "--inplace", "--checksum")
		}
		r.must(os.RemoveAll(source))
		if i%10 == 9 || i == n-1 {
			r.settle(want)
		}
	}
	r.kept(keepers)
}
