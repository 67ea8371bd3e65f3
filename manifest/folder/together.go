package folder

import (
	"maps"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// Together finds what is wrong between the containers of good files that need
// not lie in one folder: names that stand twice, dependencies that are missing
// or go in a circle.
func Together(all []*manifest.Container) []manifest.Problem {
	files := map[string][]*manifest.Container{}
	for _, c := range all {
		files[c.Origin.File] = append(files[c.Origin.File], c)
	}
	l := newLedger(nil, nil)
	l.fleet = true
	for _, file := range slices.Sorted(maps.Keys(files)) {
		l.accept(file, content{mark: mark(file), containers: files[file]}, nil, time.Time{})
	}
	l.flush(true)
	return l.problems()
}
