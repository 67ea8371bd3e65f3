package folder

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// flush turns what was accepted since the last one into names to put and drop,
// and files to keep. With full it tells everything.
func (l *ledger) flush(full bool) Update {
	if full {
		l.recallAll()
	}
	u := Update{Full: full, SeenAt: l.seen}
	l.rewire()
	for name := range l.names {
		w, ok := l.judge(name)
		old, was := l.told[name]
		switch {
		case ok && (!was || !w.same(old)):
			l.told[name] = w
			u.Put = append(u.Put, w)
		case !ok && was:
			delete(l.told, name)
			u.Drop = append(u.Drop, name)
		}
	}
	if full {
		u.Put, u.Drop = slices.Collect(maps.Values(l.told)), nil
	}
	slices.SortFunc(u.Put, func(a, b Wanted) int { return cmp.Compare(a.Container.Name(), b.Container.Name()) })
	slices.Sort(u.Drop)
	u.Files, u.Gone = l.fileStates(full), slices.Sorted(maps.Keys(l.lost))
	l.clean()
	return u
}

// judge is resolve, and whether the dependencies can ever be met.
func (l *ledger) judge(name string) (Wanted, bool) {
	w, ok := l.resolve(name)
	delete(l.tangles, name)
	if !ok || w.Blocked != "" {
		return w, ok
	}
	problems := l.tangled(w.Container)
	if l.fleet {
		problems = nil
		for _, k := range l.claims[name] {
			problems = append(problems, l.tangled(k.c)...)
		}
	}
	if len(problems) == 0 {
		return w, true
	}
	l.tangles[name] = problems
	var why []string
	for _, p := range problems {
		why = append(why, p.Message)
	}
	w.Blocked = strings.Join(why, "; ")
	return w, true
}

// rewire brings the graph up to date and adds to names those whose dependencies
// may have become right or wrong. Without dependencies it does nothing.
func (l *ledger) rewire() {
	changed := false
	for name := range maps.Clone(l.names) {
		_, was := l.told[name]
		w, is := l.resolve(name)
		if was != is {
			maps.Copy(l.names, l.needs.users[name])
		}
		var needs []need
		if is {
			needs = needsOf(w.Container)
		}
		if l.fleet {
			needs = nil
			for _, k := range l.claims[name] {
				needs = append(needs, needsOf(k.c)...)
			}
		}
		if l.needs.set(name, needs) {
			changed = true
		}
	}
	if changed {
		for _, name := range l.needs.findLoops() {
			l.names[name] = struct{}{}
		}
	}
}

func (l *ledger) tangled(c *manifest.Container) []manifest.Problem {
	var problems []manifest.Problem
	add := func(field, format string, args ...any) {
		problems = append(problems, manifest.Problem{
			File: c.Origin.File, Line: c.Origin.Line, Column: 1, Field: field, Message: fmt.Sprintf(format, args...),
		})
	}
	loop := l.needs.loops[c.Name()]
	for _, n := range needsOf(c) {
		claims := l.claims[n.name]
		switch {
		case len(claims) == 0:
			add(n.field, "%q depends on %q, %s", c.Name(), n.name, l.elsewhere(n.name))
		case !slices.ContainsFunc(claims, func(k claim) bool { return k.c.Together(c) }):
			add(n.field, "%q depends on %q, which is never on the same host: the nodeSelector of %s:%d asks for other labels",
				c.Name(), n.name, claims[0].file, claims[0].c.Origin.Line)
		case len(loop) > 1 && loop[1] == n.name:
			add(n.field, "the dependencies go in a circle: %s; one of them must go", arrows(loop))
			loop = nil // named once is enough
		}
	}
	return problems
}

func (l *ledger) fileStates(all bool) []FileState {
	var states []FileState
	for _, path := range slices.Sorted(l.listed(all)) {
		e := l.files[path]
		states = append(states, FileState{
			Path: path, Valid: !e.stale(), Text: l.paths[path], ReadAt: e.readAt, Containers: len(e.names),
		})
	}
	return states
}

func (l *ledger) listed(all bool) func(func(string) bool) {
	if all {
		return maps.Keys(l.files)
	}
	return maps.Keys(l.paths)
}

// problems lists what is wrong in and between the files.
func (l *ledger) problems() []manifest.Problem {
	var all []manifest.Problem
	for file := range l.broken {
		all = append(all, l.files[file].problems...)
	}
	for _, problems := range l.tangles {
		all = append(all, problems...)
	}
	for name := range l.clashes {
		all = append(all, l.clash(name)...)
	}
	return all
}

// clash tells every file that says a name where else it stands.
func (l *ledger) clash(name string) []manifest.Problem {
	var all []manifest.Problem
	claims, owner := l.claims[name], l.owners[name]
	for i, k := range claims {
		end := "neither counts until one is gone"
		switch owner {
		case k.file:
			end = "this one counts, because it was first"
		case "":
		default:
			end = fmt.Sprintf("that of %s counts, because it was first; this one is not taken", owner)
		}
		all = append(all, manifest.Problem{
			File: k.file, Line: k.c.Origin.Line, Column: 1, Field: "metadata.name",
			Message: fmt.Sprintf("%q stands in %s too; %s", name, places(claims, i), end),
		})
	}
	return all
}

// never lists the problems of the files that were never read well.
func (l *ledger) never() []manifest.Problem {
	var all []manifest.Problem
	for file := range l.broken {
		if e := l.files[file]; e.good == "" {
			all = append(all, e.problems[0])
		}
	}
	slices.SortFunc(all, byPlace)
	return all
}

// places names where the claims stand, without the one at index but.
func places(claims []claim, but int) string {
	var at []string
	for i, k := range claims {
		if i != but {
			at = append(at, fmt.Sprintf("%s:%d", k.file, k.c.Origin.Line))
		}
	}
	return strings.Join(at, " and ")
}

func byPlace(a, b manifest.Problem) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
		cmp.Compare(a.Field, b.Field), cmp.Compare(a.Message, b.Message))
}
