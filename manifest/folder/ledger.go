package folder

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// ledger holds what every file last said and what follows from all of them
// together. It is kept up to date name by name, so that one changed file costs
// what that file and its dependents cost.
type ledger struct {
	files  map[string]*entry
	claims map[string][]claim // who says a name, sorted by file; rarely more than one
	owners map[string]string  // whose word counts: name → file
	told   map[string]Wanted  // as in the updates so far
	needs  graph

	labels   map[string]string                // of this host
	fleet    bool                             // every host at once: all containers count
	others   map[string][]*manifest.Container // file → what is for other hosts
	away     []Away                           // the same as it is told; nil: not made yet
	belonged map[string]string                // owners as they were at the start

	broken  map[string]struct{}           // files with problems
	clashes map[string]struct{}           // names with more than one claim
	tangles map[string][]manifest.Problem // names whose dependencies are wrong

	// Since the last flush:
	names map[string]struct{} // to be looked at again
	paths map[string][]byte   // files that changed, with the text to keep
	lost  map[string]struct{} // files that are gone
	seen  time.Time
}

// entry is one file.
type entry struct {
	mark     mark // what it says now; "": not read yet
	good     mark // what it last said well; "": it never did
	names    []string
	problems []manifest.Problem
	known    []byte // text from before the start, until it is needed or replaced
	asKnown  bool   // what counts is the text from before the start
	readAt   time.Time
}

// stale reports whether what counts is older than what the file says now.
func (e *entry) stale() bool { return e.mark == "" || len(e.problems) > 0 }

type claim struct {
	file string
	c    *manifest.Container
}

func newLedger(known []KnownGood, owners map[string]string) *ledger {
	l := &ledger{
		files: map[string]*entry{}, claims: map[string][]claim{}, owners: map[string]string{},
		told: map[string]Wanted{}, needs: newGraph(), others: map[string][]*manifest.Container{}, belonged: maps.Clone(owners),
		broken: map[string]struct{}{}, clashes: map[string]struct{}{}, tangles: map[string][]manifest.Problem{},
	}
	maps.Copy(l.owners, owners)
	for _, k := range known {
		sum := sha256.Sum256(k.Text)
		l.files[k.Path] = &entry{good: mark(sum[:]), known: k.Text}
	}
	l.clean()
	return l
}

func (l *ledger) clean() {
	l.names, l.paths, l.lost = map[string]struct{}{}, map[string][]byte{}, map[string]struct{}{}
	l.seen = time.Time{}
}

// mark is what the file was last taken to say.
func (l *ledger) mark(file string) mark {
	if e := l.files[file]; e != nil {
		return e.mark
	}
	return gone
}

// remembers reports whether m is what the file said before the start.
func (l *ledger) remembers(file string, m mark) bool {
	e := l.files[file]
	return e != nil && e.mark == "" && e.good == m
}

// harm reports whether taking c as the word of file could stop a container, or
// would only spread doubt. What cannot is a new name, and a change of a name
// that the file has already and that needs no new container.
func (l *ledger) harm(file string, c content) bool {
	if !c.good() {
		return true
	}
	l.recall(file)
	said := map[string]bool{}
	for _, n := range c.containers {
		if !l.takes(n) {
			continue
		}
		said[n.Name()] = true
		if l.replaces(file, n) {
			return true
		}
	}
	e := l.files[file]
	return e != nil && slices.ContainsFunc(e.names, func(n string) bool { return !said[n] })
}

// replaces reports whether c would be another revision, or another file's name.
func (l *ledger) replaces(file string, c *manifest.Container) bool {
	claims := l.claims[c.Name()]
	if len(claims) == 0 {
		owner := l.owners[c.Name()]
		return owner != "" && owner != file
	}
	i := slices.IndexFunc(claims, func(k claim) bool { return k.file == file })
	return i < 0 || claims[i].c.Revision != c.Revision
}

// accept takes c as the word of file from now on; text is kept if it is good.
func (l *ledger) accept(file string, c content, text []byte, now time.Time) {
	if c.mark == gone {
		l.remove(file)
		return
	}
	e := l.files[file]
	if e == nil {
		e = &entry{}
		l.files[file] = e
		delete(l.lost, file)
	}
	e.asKnown = l.remembers(file, c.mark)
	e.mark, e.problems, e.readAt = c.mark, c.problems, now
	keep := l.paths[file]
	if c.good() {
		e.known = nil
		if e.good != c.mark {
			e.good, keep = c.mark, text
		}
		l.say(file, e, c.containers)
		delete(l.broken, file)
	} else {
		l.recall(file)
		l.say(file, e, l.said(file, e))
		l.broken[file] = struct{}{}
	}
	l.paths[file] = keep
}

func (l *ledger) remove(file string) {
	e := l.files[file]
	if e == nil {
		return
	}
	l.say(file, e, nil)
	delete(l.files, file)
	delete(l.broken, file)
	delete(l.paths, file)
	l.lost[file] = struct{}{}
}

// recall makes a file say what it said before the start, if it has not been
// read well since. A text that this program does not understand is no text.
func (l *ledger) recall(file string) {
	e := l.files[file]
	if e == nil || e.known == nil {
		return
	}
	containers, problems := manifest.Parse(file, e.known)
	e.known = nil
	if len(problems) > 0 {
		e.good = ""
		return
	}
	e.asKnown = true
	l.say(file, e, containers)
	l.paths[file] = nil
}

// recallAll is recall for all files that could not be read by now.
func (l *ledger) recallAll() {
	for file, e := range l.files {
		if e.mark != "" {
			continue
		}
		l.recall(file)
		if e.good == "" && len(e.problems) == 0 {
			e.problems = []manifest.Problem{{File: file, Message: "it could not be read yet, and its text from before is not understood"}}
			l.broken[file] = struct{}{}
		}
	}
}

// said returns what file asks for, of this host and of others.
func (l *ledger) said(file string, e *entry) []*manifest.Container {
	all := slices.Clone(l.others[file])
	for _, n := range e.names {
		i := slices.IndexFunc(l.claims[n], func(k claim) bool { return k.file == file })
		all = append(all, l.claims[n][i].c)
	}
	return all
}

// say replaces the claims of file.
func (l *ledger) say(file string, e *entry, containers []*manifest.Container) {
	for _, n := range e.names {
		l.names[n] = struct{}{}
		l.claims[n] = slices.DeleteFunc(l.claims[n], func(k claim) bool { return k.file == file })
		if len(l.claims[n]) == 0 {
			delete(l.claims, n)
		}
	}
	e.names = nil
	for _, c := range l.sift(file, containers) {
		n := c.Name()
		e.names = append(e.names, n)
		l.names[n] = struct{}{}
		l.claims[n] = append(l.claims[n], claim{file, c})
		slices.SortFunc(l.claims[n], func(a, b claim) int { return strings.Compare(a.file, b.file) })
	}
}

// resolve decides whose word counts for a name: the file's that had it, or the
// only one's. Where two new files compete neither counts; the container is in
// the manifests still, so it must not look dropped.
func (l *ledger) resolve(name string) (Wanted, bool) {
	claims := l.claims[name]
	delete(l.clashes, name)
	if len(claims) == 0 {
		delete(l.owners, name)
		return Wanted{}, false
	}
	if l.fleet && !l.rivals(claims) {
		return Wanted{Container: claims[0].c, Stale: l.files[claims[0].file].stale()}, true
	}
	if len(claims) > 1 {
		l.clashes[name] = struct{}{}
	}
	i := slices.IndexFunc(claims, func(k claim) bool { return k.file == l.owners[name] })
	if i < 0 && len(claims) > 1 {
		delete(l.owners, name)
		return Wanted{Container: claims[0].c, Blocked: "the name stands in " + places(claims, -1) + "; one must go"}, true
	}
	w := claims[max(i, 0)]
	l.owners[name] = w.file
	return Wanted{Container: w.c, Stale: l.files[w.file].stale()}, true
}

// same reports whether nothing that matters differs. A line that moved within
// its file does not.
func (w Wanted) same(o Wanted) bool {
	if w.Blocked != o.Blocked || w.Stale != o.Stale || w.Container.Origin.File != o.Container.Origin.File {
		return false
	}
	if w.Container == o.Container {
		return true
	}
	return w.Container.Revision == o.Container.Revision && w.Container.Live == o.Container.Live &&
		bytes.Equal(asJSON(w.Container), asJSON(o.Container))
}

func asJSON(c *manifest.Container) []byte {
	b, err := json.Marshal(c)
	if err != nil { // not comparable: let it count as different
		return nil
	}
	return b
}
