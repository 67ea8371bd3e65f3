package folder

import (
	"os"
	"path/filepath"
	"time"
)

// signs are what Git leaves in its folder while it is in the middle of
// something, and what that is. The tree between two steps is nobody's wish.
var signs = []struct{ file, what string }{
	{"rebase-merge", "a git rebase is under way"},
	{"rebase-apply", "a git rebase or git am is under way"},
	{"MERGE_HEAD", "a git merge is under way"},
	{"CHERRY_PICK_HEAD", "a git cherry-pick is under way"},
	{"REVERT_HEAD", "a git revert is under way"},
	{"sequencer", "a git cherry-pick or git revert is under way"},
	{"index.lock", "git is writing the files"},
}

// leftOver is the age at which index.lock is what a killed Git left behind.
const leftOver = 10 * time.Minute

// gitBusy says what Git is doing to the work tree that dir lies in; "" if
// nothing, or if there is no Git.
func gitBusy(dir string, now time.Time) string {
	git, _ := gitDir(dir)
	if git == "" {
		return ""
	}
	for _, s := range signs {
		info, err := os.Lstat(filepath.Join(git, s.file))
		if err != nil || s.file == "index.lock" && now.Sub(info.ModTime()).Abs() > leftOver {
			continue
		}
		return s.what
	}
	return ""
}

// lookAtGit finds out, if something is due, whether Git is at work: then what
// is seen of the tree is not believed yet. It reports whether Git has just ended.
func (r *reader) lookAtGit(now time.Time, due bool) (freed bool) {
	again := !r.again.IsZero() && !now.Before(r.again)
	if r.tree.root == "" || !due && !again && r.sent != nil {
		return false
	}
	was := r.settle.held
	r.busy = gitBusy(r.tree.root, now)
	r.settle.held = r.busy != ""
	r.frozen = r.settle.held && (r.frozen || r.proof.doubted)
	switch {
	case r.busy != "":
		r.again = now.Add(r.settle.Change)
	case again:
		r.again, r.scanned = time.Time{}, true // so that the revision is read once more
	}
	return was && !r.settle.held
}

// gitEvent notes that something happened in the folder of Git: its HEAD may have
// moved although no file did.
func (r *reader) gitEvent(p string, now time.Time) bool {
	if r.git == "" || filepath.Dir(p) != r.git {
		return false
	}
	r.again = earliest(r.again, now.Add(r.settle.Add))
	return true
}

// systemDirs are the folders whose events matter.
func (r *reader) systemDirs() map[string]struct{} {
	dirs := r.tree.systemDirs()
	if r.git != "" {
		dirs[r.git] = struct{}{}
	}
	return dirs
}

// readRevision reads the revision of the source where it may have changed. Git
// writes the files first and its HEAD last, so it is read once more a little
// after a change.
func (r *reader) readRevision(now time.Time, moved bool) {
	if (moved || r.scanned) && r.tree.root != "" {
		r.rev = revision(r.tree.root)
		if git, _ := gitDir(r.tree.root); git != r.git {
			r.git = git
			r.tree.note(git)
		}
	}
	if moved && r.again.IsZero() && r.tree.root != "" {
		r.again = now.Add(r.settle.Change)
	}
	r.scanned = false
}
