package folder

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// reader is the folder as far as it is known: the tree on disk, the changes
// that have not settled, and what counts. It is told the time, starts nothing
// and is used by one goroutine.
type reader struct {
	tree    *tree
	ledger  *ledger
	settle  settler
	pending map[string]content // what the last reading of an open change means
	first   time.Time          // of the first scan; zero before
	sent    *Update            // what the last update said of the folder as a whole; nil: there was none
	rev     string
	wary    bool   // a name seems to be gone while a new file is not read yet
	scanned bool   // the whole tree was read since the last update
	polling string // why nothing but looking tells of changes

	proof  proof     // that a doubt is over
	permit permit    // as the file for it says
	git    string    // folder of Git that the tree belongs to; "" if none
	busy   string    // what Git is doing to the folder; "" if nothing
	frozen bool      // and something that could harm waits for it
	again  time.Time // when to look at the files of Git once more; zero: no need
}

func newReader(fsys fs.FS, root string, s Settle, known []KnownGood, owners map[string]string) *reader {
	r := &reader{
		tree: newTree(fsys, root), ledger: newLedger(known, owners),
		settle: newSettler(s), pending: map[string]content{},
		permit: permit{mark: gone},
	}
	r.tree.below = func(p string) bool {
		for file := range r.ledger.files {
			if file != p && under(file, p) {
				return true
			}
		}
		return false
	}
	return r
}

func openReader(dir string, s Settle, known []KnownGood, owners map[string]string) (*reader, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open folder %s: %w", dir, err)
	}
	return newReader(os.DirFS(abs), abs, s, known, owners), nil
}

// scan reads a folder and all below it, contents included, and opens a change
// for each file that differs from what counts. It reports how many it opened.
func (r *reader) scan(at string, now time.Time) int {
	if r.first.IsZero() {
		r.first = now
	}
	r.scanned = r.scanned || at == "."
	before := len(r.settle.open)
	files := r.tree.list(at)
	found := make(map[string]struct{}, len(files))
	for _, file := range files {
		found[file] = struct{}{}
	}
	for file := range r.ledger.files {
		if _, ok := found[file]; !ok && under(file, at) && !r.tree.hidden(file) {
			files = append(files, file)
		}
	}
	r.lookAll(files, now)
	if at == "." {
		r.lookPermit(now)
	}
	return len(r.settle.open) - before
}

// hint notes that something may have happened to a path inside the folder.
func (r *reader) hint(p string, now time.Time) {
	info, err := fs.Lstat(r.tree.fsys, p)
	_, folder := r.tree.dirs[p]
	switch {
	case folder || err == nil && !info.Mode().IsRegular(): // or a new folder, or a link to anything
		r.scan(p, now)
	case counts(path.Base(p)) && (err == nil || r.ledger.files[p] != nil || r.settle.open[p] != nil):
		r.settle.touch(p, now)
	case r.tree.blocked[p] != nil:
		r.scan(p, now)
	}
}

// event notes that the system told of a path of its own. It reports whether
// that concerns us, and whether it is the folder itself, so that all must be
// read again by the caller.
func (r *reader) event(p string, now time.Time) (ours, whole bool) {
	if r.gitEvent(p, now) {
		return true, false
	}
	var hints []string
	for user := range r.tree.via[p] {
		hints = append(hints, user)
	}
	if dir, ok := r.tree.byReal[p]; ok {
		hints = append(hints, dir)
	} else if dir, ok := r.tree.byReal[filepath.Dir(p)]; ok && dir == "." && filepath.Base(p) == permitFile {
		r.settle.touch(permitFile, now)
		return true, false
	} else if ok && visible(filepath.Base(p)) {
		hints = append(hints, path.Join(dir, filepath.Base(p)))
	}
	if slices.Contains(hints, ".") {
		return true, true
	}
	for _, h := range hints {
		r.hint(h, now)
	}
	return len(hints) > 0, false
}

// next is when turn has something to do; zero if nothing is open.
func (r *reader) next() time.Time { return earliest(earliest(r.settle.next(), r.again), r.proof.due) }

// turn reads what is due and takes what has settled.
func (r *reader) turn(now time.Time) {
	due := r.settle.due(now)
	r.reread(now, r.lookAtGit(now, len(due) > 0 || r.proof.doubted))
	for _, file := range due {
		if file == permitFile {
			r.lookPermit(now)
			continue
		}
		rd := readFile(r.tree.fsys, file)
		if r.tree.hidden(file) || rd.mark == gone && !r.tree.exists(file) {
			r.close(file) // it is read again when its folder is back
			continue
		}
		r.weigh(file, rd, now)
	}
}

// weigh lets a reading count, or keeps it waiting.
func (r *reader) weigh(file string, rd reading, now time.Time) {
	if rd.mark == r.ledger.mark(file) {
		r.close(file) // it was nothing, or it was taken back
		return
	}
	c := r.pending[file]
	if c.mark != rd.mark {
		c = rd.parse(file)
		r.pending[file] = c
	}
	if r.ledger.remembers(file, rd.mark) {
		r.take(file, c, rd, now)
		return
	}
	harm := r.ledger.harm(file, c)
	if r.settle.open[file] == nil {
		r.settle.touch(file, r.sign(rd, harm, now))
	}
	if r.settle.saw(file, rd.mark, harm, now) {
		r.take(file, c, rd, now)
	}
}

// sign is when a change that was found by looking began. Before the first
// update a new file that nobody wrote for a while need not wait; that its time
// may be false does no harm, because it takes nothing away.
func (r *reader) sign(rd reading, harm bool, now time.Time) time.Time {
	if r.sent == nil && !harm && rd.mtime.Before(now) {
		return rd.mtime
	}
	return now
}

func (r *reader) take(file string, c content, rd reading, now time.Time) {
	since := now
	if o := r.settle.open[file]; o != nil && o.first.After(r.first) {
		since = o.first
	}
	r.ledger.seen = earliest(r.ledger.seen, since)
	r.ledger.accept(file, c, rd.text, now)
	r.close(file)
}

func (r *reader) close(file string) {
	r.settle.forget(file)
	delete(r.pending, file)
}

// ready reports whether the first update may go: all has settled, or has been
// given the time to.
func (r *reader) ready(now time.Time) bool {
	return len(r.settle.open) == 0 || now.Sub(r.first) >= r.settle.Max+2*r.settle.Add
}

// update returns what changed since the last one, and whether anything did.
func (r *reader) update(now time.Time) (Update, bool) {
	full := r.sent == nil
	if full && !r.ready(now) {
		return Update{}, false
	}
	u := r.ledger.flush(full)
	moved := full || len(u.Put)+len(u.Drop)+len(u.Files)+len(u.Gone) > 0
	if u.SeenAt.IsZero() {
		u.SeenAt = now
	}
	r.wary = (r.wary || full || len(u.Drop) > 0) && r.unread() != ""
	r.frozen = r.busy != "" && (r.frozen || full || r.settle.harmful())
	u.Problems, u.Doubt = r.allProblems(), r.prove(now)
	r.readRevision(now, moved)
	u.Away, u.Permit = r.ledger.listAway(), r.permit.at(now, r.rev)
	u.Source = Source{Dir: r.tree.root, Revision: r.rev, ReadAt: now, Polling: r.polling}
	if !moved && r.sent.saysOfAll(u) {
		return Update{}, false
	}
	r.sent = &Update{Doubt: u.Doubt, Problems: u.Problems, Source: u.Source, Permit: u.Permit}
	return u, true
}

// saysOfAll reports whether u says the same of the folder as a whole.
func (u *Update) saysOfAll(o Update) bool {
	return u.Doubt == o.Doubt && u.Source.Revision == o.Source.Revision && u.Source.Polling == o.Source.Polling &&
		slices.Equal(u.Problems, o.Problems) && u.Permit.same(o.Permit)
}

func (r *reader) allProblems() []manifest.Problem {
	all := append(r.ledger.problems(), r.permit.problems...)
	for _, p := range r.tree.faults {
		all = append(all, p)
	}
	for at, err := range r.tree.blocked {
		p := manifest.Problem{File: at, Message: fmt.Sprintf("read folder: %v", err)}
		if len(r.ledger.files) > 0 {
			p.Message += "; what was read from it before still counts"
		}
		all = append(all, p)
	}
	slices.SortFunc(all, byPlace)
	return all
}

// unread is the first new file that has not settled, "" if there is none.
func (r *reader) unread() string {
	var first string
	for file := range r.settle.open {
		if file != permitFile && r.ledger.files[file] == nil && (first == "" || file < first) {
			first = file
		}
	}
	return first
}

// reason says why something may be in the manifests although it was not found.
func (r *reader) reason() string {
	var why []string
	for at, err := range r.tree.blocked {
		name := path.Join(filepath.ToSlash(r.tree.root), at)
		why = append(why, fmt.Sprintf("the folder %s cannot be read: %v", cmp.Or(name, at), err))
	}
	slices.Sort(why)
	for _, p := range r.ledger.never() {
		why = append(why, p.String()+" – a container missing from the manifests may be in it")
	}
	if r.frozen {
		why = append(why, r.busy+" in "+r.tree.root+"; removals and replacements wait until it is done")
	}
	if r.wary {
		why = append(why, r.unread()+" is still being written")
	}
	switch len(why) {
	case 0:
		return ""
	case 1:
		return why[0]
	}
	return fmt.Sprintf("%s (and %d more)", why[0], len(why)-1)
}
