package folder

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Merge returns the one update that says the same as a followed by b.
func Merge(a, b Update) Update {
	out := b
	out.SeenAt = earliest(a.SeenAt, b.SeenAt)
	out.ID = cmp.Or(a.ID, b.ID)
	out.Files = mergeFiles(a, b)
	out.Gone = mergeGone(a.Gone, b)
	if b.Full {
		return out
	}
	out.Full = a.Full
	out.Put, out.Drop = mergeNames(a, b)
	return out
}

func mergeNames(a, b Update) ([]Wanted, []string) {
	put := map[string]Wanted{}
	drop := map[string]struct{}{}
	for _, u := range []Update{a, b} {
		for _, w := range u.Put {
			put[w.Container.Name()] = w
			delete(drop, w.Container.Name())
		}
		for _, n := range u.Drop {
			delete(put, n)
			drop[n] = struct{}{}
		}
	}
	if a.Full {
		drop = nil // what a full update does not put is gone
	}
	return sortedWanted(put), slices.Sorted(maps.Keys(drop))
}

// mergeFiles keeps texts that were not handed on yet, and lets a file that was
// gone in between forget what was known of it.
func mergeFiles(a, b Update) []FileState {
	texts, files := map[string][]byte{}, map[string]FileState{}
	for _, f := range a.Files {
		texts[f.Path], files[f.Path] = f.Text, f
	}
	for _, path := range slices.Concat(a.Gone, b.Gone) { // no update lists a file as both
		texts[path] = []byte{}
	}
	for _, path := range b.Gone {
		delete(files, path)
	}
	if b.Full {
		clear(files)
	}
	for _, f := range b.Files {
		if f.Text == nil {
			f.Text = texts[f.Path]
		}
		files[f.Path] = f
	}
	return slices.SortedFunc(maps.Values(files), func(x, y FileState) int { return cmp.Compare(x.Path, y.Path) })
}

func mergeGone(a []string, b Update) []string {
	left := map[string]struct{}{}
	for _, path := range slices.Concat(a, b.Gone) {
		left[path] = struct{}{}
	}
	for _, f := range b.Files {
		delete(left, f.Path)
	}
	return slices.Sorted(maps.Keys(left))
}

func sortedWanted(m map[string]Wanted) []Wanted {
	return slices.SortedFunc(maps.Values(m), func(x, y Wanted) int {
		return cmp.Compare(x.Container.Name(), y.Container.Name())
	})
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
