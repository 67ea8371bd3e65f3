package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// tree knows the folders below the root and the links on the way to them. All
// its keys are paths inside the folder; "." is the root.
type tree struct {
	fsys  fs.FS
	root  string              // in the system; "" if fsys is not of the system
	note  func(path string)   // is told each system folder whose events matter, before it is listed
	below func(p string) bool // reports whether manifests are known below p

	dirs    map[string]dir
	linked  map[string]dir                 // those of them that were entered through a link
	byReal  map[string]string              // system folder → ours
	via     map[string]map[string]struct{} // system path → what changes with it
	blocked map[string]error               // folders that cannot be read: what lies below is not known
	faults  map[string]manifest.Problem    // links that are not followed
}

type dir struct {
	info fs.FileInfo
	real string // in the system, without links
}

func newTree(fsys fs.FS, root string) *tree {
	return &tree{
		fsys: fsys, root: root, note: func(string) {}, below: func(string) bool { return false },
		dirs: map[string]dir{}, linked: map[string]dir{}, byReal: map[string]string{}, via: map[string]map[string]struct{}{},
		blocked: map[string]error{}, faults: map[string]manifest.Problem{},
	}
}

// list reads the folder at and all below it anew and returns the manifests
// there. Real folders come before links, so that a link to a folder that is
// read anyway is the one that is not followed.
func (t *tree) list(at string) []string {
	t.forget(at)
	w := walk{tree: t}
	if at == "." { // whatever it is, it must be a folder
		w.dirs = append(w.dirs, at)
	} else if info, err := fs.Lstat(t.fsys, at); err == nil {
		w.add(at, info.Mode().Type())
	}
	for len(w.dirs)+len(w.links) > 0 {
		from := &w.dirs
		if len(*from) == 0 {
			from = &w.links
		}
		next := (*from)[0]
		*from = (*from)[1:]
		w.enter(next, from == &w.links)
	}
	return w.files
}

// forget drops what is known of a folder and all below it.
func (t *tree) forget(at string) {
	for p, d := range t.dirs {
		if under(p, at) {
			delete(t.dirs, p)
			delete(t.linked, p)
			delete(t.byReal, d.real)
		}
	}
	for real, users := range t.via {
		for p := range users {
			if under(p, at) {
				delete(users, p)
			}
		}
		if len(users) == 0 {
			delete(t.via, real)
		}
	}
	maps.DeleteFunc(t.blocked, func(p string, _ error) bool { return under(p, at) })
	maps.DeleteFunc(t.faults, func(p string, _ manifest.Problem) bool { return under(p, at) })
}

// systemDirs are the system folders whose events matter.
func (t *tree) systemDirs() map[string]struct{} {
	dirs := map[string]struct{}{}
	for real := range t.byReal {
		dirs[real] = struct{}{}
	}
	for p := range t.via {
		dirs[filepath.Dir(p)] = struct{}{}
	}
	return dirs
}

// hidden reports whether a folder above file cannot be read, so that nothing
// is known of the file.
func (t *tree) hidden(file string) bool {
	for p := range t.blocked {
		if under(file, p) {
			return true
		}
	}
	return false
}

// exists reports whether the folders above file are there to be looked into:
// only then is a file that is not found gone. A folder that is not in its
// parent any more is gone too, with its files; the root is never gone.
func (t *tree) exists(file string) bool {
	for p := path.Dir(file); ; p = path.Dir(p) {
		_, err := fs.Stat(t.fsys, p)
		if err == nil {
			return true
		}
		_, there := fs.Lstat(t.fsys, p)
		if p == "." || there == nil || !errors.Is(err, fs.ErrNotExist) {
			t.blocked[p] = cause(err)
			return false
		}
	}
}

// walk is one run of list.
type walk struct {
	*tree
	dirs, links []string // still to be entered
	files       []string
}

// add puts a path where it belongs: a folder, a link to one, or a file.
func (w *walk) add(p string, kind fs.FileMode) {
	switch {
	case kind.IsDir():
		w.dirs = append(w.dirs, p)
		return
	case kind.IsRegular():
	default:
		w.addLink(p)
		return
	}
	if counts(path.Base(p)) {
		w.files = append(w.files, p)
	}
}

// addLink sorts in a link, a junction, or something that is neither a file nor
// a folder. One that leads nowhere is a folder that cannot be read if manifests
// were read through it before.
func (w *walk) addLink(p string) {
	w.follow(p)
	info, err := fs.Stat(w.fsys, p)
	switch {
	case err == nil && info.IsDir():
		w.links = append(w.links, p)
	case counts(path.Base(p)):
		w.files = append(w.files, p)
	case err == nil:
	case w.below(p), !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ELOOP):
		w.blocked[p] = cause(err)
	case errors.Is(err, syscall.ELOOP):
		w.faults[p] = manifest.Problem{File: p, Message: "the link leads back to itself"}
	}
}

// enter lists one folder, unless it is listed already under another path.
func (w *walk) enter(p string, link bool) {
	info, err := fs.Stat(w.fsys, p)
	if err != nil {
		if p == "." {
			w.follow(p) // to see it come
		}
		w.block(p, err)
		return
	}
	if other, ok := w.twin(info, link); ok {
		w.faults[p] = manifest.Problem{File: p, Message: fmt.Sprintf(
			"the link leads to a folder that is read already as %q: a loop, or a second way to the same manifests; it is not followed", other)}
		return
	}
	d := dir{info: info, real: w.real(p, link)}
	if link {
		w.linked[p] = d
	}
	w.tree.dirs[p], w.byReal[d.real] = d, p
	w.note(d.real)
	entries, err := fs.ReadDir(w.fsys, p)
	if err != nil {
		w.block(p, err)
	}
	for _, e := range entries {
		if visible(e.Name()) {
			w.add(path.Join(p, e.Name()), e.Type())
		}
	}
}

func (w *walk) block(p string, err error) {
	if errors.Is(err, fs.ErrNotExist) && p != "." {
		if _, err := fs.Lstat(w.fsys, p); errors.Is(err, fs.ErrNotExist) {
			return // gone while we looked
		}
	}
	w.blocked[p] = cause(err)
}

// twin finds the folder under which the same folder is read already. Two can
// only be the same if a link leads to one of them.
func (w *walk) twin(info fs.FileInfo, link bool) (string, bool) {
	others := w.linked
	if link {
		others = w.tree.dirs
	}
	var twins []string
	for p, d := range others {
		if os.SameFile(d.info, info) {
			twins = append(twins, p)
		}
	}
	if len(twins) == 0 {
		return "", false
	}
	return slices.Min(twins), true
}

// real is the system path of a folder that is about to be entered.
func (w *walk) real(p string, link bool) string {
	switch {
	case w.root == "":
		return p
	case p == ".":
		return w.follow(p)
	case link:
		end, _ := resolve(w.tree.dirs[path.Dir(p)].real, path.Base(p))
		return end
	}
	return filepath.Join(w.tree.dirs[path.Dir(p)].real, path.Base(p))
}

// follow notes every place whose change would make p another file or folder.
func (t *tree) follow(p string) string {
	if t.root == "" {
		return p
	}
	base, rest := t.dirs[path.Dir(p)].real, path.Base(p)
	if p == "." {
		base, rest = "", t.root
	}
	end, via := resolve(base, rest)
	for _, v := range via {
		if t.via[v] == nil {
			t.via[v] = map[string]struct{}{}
		}
		t.via[v][p] = struct{}{}
		t.note(filepath.Dir(v))
	}
	return end
}
