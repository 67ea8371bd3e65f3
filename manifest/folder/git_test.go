package folder

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestGitBusy(t *testing.T) {
	for sign, want := range map[string]string{
		"rebase-merge": "a git rebase is under way", "rebase-apply": "a git rebase or git am is under way",
		"MERGE_HEAD": "a git merge is under way", "CHERRY_PICK_HEAD": "a git cherry-pick is under way",
		"REVERT_HEAD": "a git revert is under way", "sequencer": "a git cherry-pick or git revert is under way",
		"index.lock": "git is writing the files", "ORIG_HEAD": "", "gc.pid": "",
	} {
		base := t.TempDir()
		write(t, base, "repo/.git/HEAD", "ref: refs/heads/main")
		write(t, base, "repo/deploy/web.yaml", "")
		write(t, base, "repo/.git/"+sign, "")
		if got := gitBusy(filepath.Join(base, "repo", "deploy"), time.Now()); got != want {
			t.Errorf("%s: %q, want %q", sign, got, want)
		}
	}
	base := t.TempDir() // a linked work tree has signs of its own
	write(t, base, "tree/.git", "gitdir: ../main/.git/worktrees/tree\n")
	write(t, base, "main/.git/worktrees/tree/HEAD", "ref: refs/heads/b\n")
	write(t, base, "main/.git/HEAD", "ref: refs/heads/a\n")
	write(t, base, "main/.git/index.lock", "")
	if got := gitBusy(filepath.Join(base, "tree"), time.Now()); got != "" {
		t.Errorf("the lock of another work tree counts: %q", got)
	}
	lock := filepath.Join(base, "main/.git/worktrees/tree/index.lock")
	write(t, base, "main/.git/worktrees/tree/index.lock", "")
	if got := gitBusy(filepath.Join(base, "tree"), time.Now()); got == "" {
		t.Error("the lock of the work tree does not count")
	}
	old := time.Now().Add(-2 * leftOver)
	must(t, os.Chtimes(lock, old, old))
	if got := gitBusy(filepath.Join(base, "tree"), time.Now()); got != "" {
		t.Errorf("a lock that was left behind counts for ever: %q", got)
	}
}

// TestHeadMovesAlone: a commit that touches no manifest is known at once too.
func TestHeadMovesAlone(t *testing.T) {
	base := t.TempDir()
	one, two := "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"
	write(t, base, ".git/HEAD", one)
	write(t, base, "deploy/web.yaml", doc("web", "1"))
	l := watch(t, Watcher{Dir: filepath.Join(base, "deploy"), Resync: time.Hour})
	l.until("the first commit", func() bool { return l.source.Revision == one })
	write(t, base, ".git/HEAD.lock", two)
	must(t, os.Rename(filepath.Join(base, ".git/HEAD.lock"), filepath.Join(base, ".git/HEAD")))
	l.until("the second commit", func() bool { return l.source.Revision == two })
}

// TestWaitsForGit: what could harm waits for the lock to go, what helps does not
// wait longer than the bound.
func TestWaitsForGit(t *testing.T) {
	base := t.TempDir()
	write(t, base, ".git/HEAD", "1111111111111111111111111111111111111111")
	write(t, base, "a.yaml", doc("a", "1"))
	write(t, base, "b.yaml", doc("b", "1"))
	l := watch(t, Watcher{Dir: base})
	l.until("both", func() bool { return len(l.wanted) == 2 })
	write(t, base, ".git/index.lock", "")
	must(t, os.Remove(filepath.Join(base, "b.yaml")))
	write(t, base, "a.yaml", doc("a", "2"))
	write(t, base, "c.yaml", doc("c", "1"))
	l.until("the new one", func() bool { return l.arg("c") != "" })
	l.until("the doubt", func() bool { return l.doubt != "" })
	if l.arg("a") != "1" || l.arg("b") != "1" {
		t.Errorf("while git writes: %v", l.args())
	}
	must(t, os.Remove(filepath.Join(base, ".git/index.lock")))
	l.until("the rest", func() bool { return l.arg("a") == "2" && l.arg("b") == "" && l.doubt == "" })
}

func TestParsePermit(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	const commit = "c0ffee11c0ffee11c0ffee11c0ffee11c0ffee11"
	for _, c := range []struct{ text, void string }{
		{"containers: [b, a]\nuntil: 2026-06-02T00:00:00Z\n", ""},
		{"containers: [b, a, a]\nrevision: c0ffee1\n", ""},
		{"containers: [b, a]\nrevision: deadbeef\n", "it is for revision deadbeef, and the folder is at " + commit},
		{"containers: [b, a]\nuntil: 2026-06-01T12:00:00Z\n", "it ended at 2026-06-01T12:00:00Z"},
		{"containers: [b, a]\nuntil: 2027-06-01T12:00:00Z\n", "it ends at 2027-06-01T12:00:00Z, and may not be for more than 30 days"},
		{"containers: [b, a]\n", "a time such as 2026-01-31T18:00:00Z is expected, or revision, so that it confirms no later accident"},
		{"containers: ['*']\nrevision: c0ffee1\n", `"*" is no name of a container; each is named in full`},
		{"containers: [a]\nuntil: tomorrow\n", `"tomorrow": a time such as 2026-01-31T18:00:00Z is expected`},
		{"containers: [a]\nrevision: main\n", `"main": a commit, or its first 7 or more digits, is expected`},
		{"", "the names of the containers that may be removed are expected"},
		{"containers: [a]\nrevision: c0ffee1\n---\n{}\n", "one document is expected"},
	} {
		got := parsePermit(reading{mark: "x", text: []byte(c.text)}).at(now, commit)
		if c.void != "" {
			if want := permitFile + " allows nothing: " + c.void; got.Void != want || len(got.Containers) > 0 {
				t.Errorf("%q: %+v, want void %q", c.text, got, want)
			}
			continue
		}
		if diff := cmp.Diff([]string{"a", "b"}, got.Containers); diff != "" || got.Void != "" {
			t.Errorf("%q: %+v", c.text, got)
		}
	}
	for _, text := range []string{"containers: {a: b}", "contaniers: [a]", "[", "\x00"} {
		if p := parsePermit(reading{mark: "x", text: []byte(text)}); len(p.problems) == 0 {
			t.Errorf("%q: no problem", text)
		}
	}
}

// FuzzPermit: nothing is allowed by what is not understood whole.
func FuzzPermit(f *testing.F) {
	f.Add([]byte("containers: [b, a]\nuntil: 2026-06-02T00:00:00Z\nrevision: c0ffee1\n"))
	f.Add([]byte("containers: [b"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p := parsePermit(reading{mark: "x", text: text})
		got := p.at(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), "c0ffee11")
		if len(got.Containers) > 0 && (len(p.problems) > 0 || got.Void != "" || got.Until.IsZero() && p.revision == "") {
			t.Errorf("%q allows %+v", text, got)
		}
		for _, problem := range p.problems {
			if problem.Message == "" || problem.File != permitFile {
				t.Errorf("problem %+v", problem)
			}
		}
	})
}

// TestLabelsChange: what the labels of the host take away is told apart from
// what an edit does, also over a restart.
func TestLabelsChange(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "web.yaml", doc("web", "1", "nodeSelector: {role: web}"))
	write(t, dir, "db.yaml", doc("db", "1", "nodeSelector: {role: web}"))
	h := newHost()
	h.apply(Read(dir, Start{Labels: map[string]string{"role": "web"}}))
	known, owners := h.known()
	if len(h.wanted) != 2 {
		t.Fatalf("wanted %v", h.args())
	}
	write(t, dir, "db.yaml", doc("db", "1", "nodeSelector: {role: db}"))
	u := Read(dir, Start{Known: known, Owners: owners, Labels: map[string]string{"role": "wbe"}})
	var got []string
	for _, a := range u.Away {
		got = append(got, a.Message, map[bool]string{true: "relabelled", false: "edited"}[a.Relabelled])
	}
	want := []string{
		"db.yaml:1 is for hosts with role=db, and this host has role=wbe", "edited",
		"web.yaml:1 is for hosts with role=web, and this host has role=wbe", "relabelled",
	}
	if diff := cmp.Diff(want, got); diff != "" || len(u.Put) > 0 {
		t.Errorf("away (-want +got):\n%s", diff)
	}
	write(t, dir, "web.yaml", "broken: [") // keeps what it said, for other hosts
	u = Read(dir, Start{Known: known, Owners: owners, Labels: map[string]string{"role": "wbe"}})
	if len(u.Put) > 0 || len(u.Away) != 2 || !u.Away[1].Relabelled {
		t.Errorf("with a broken file: put %d, away %+v", len(u.Put), u.Away)
	}
}

func TestSameNameForDifferentHosts(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", doc("web", "a", "nodeSelector: {zone: a}"))
	write(t, dir, "b.yaml", doc("web", "b", "nodeSelector: {zone: b}", "dependsOn: [{name: db, condition: Started}]"))
	write(t, dir, "db.yaml", doc("db", "1", "nodeSelector: {zone: a}"))
	for zone, want := range map[string]string{"a": "a", "b": "b (blocked)", "c": ""} {
		h := newHost()
		h.apply(Read(dir, Start{Labels: map[string]string{"zone": zone}}))
		if got := h.arg("web"); got != want {
			t.Errorf("zone %s runs %q, want %q: %v", zone, got, want, h.problems)
		}
	}
	u := Read(dir, Start{Fleet: true})
	if len(u.Problems) != 1 || u.Problems[0].File != "b.yaml" {
		t.Errorf("of the fleet: %v", u.Problems)
	}
}
