package folder

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// Away is a container that a good file asks for, but not of this host.
type Away struct {
	Name string `json:"name"`
	File string `json:"file"`
	Line int    `json:"line"`
	// Message says what of its nodeSelector this host lacks.
	Message string `json:"message"`
	// Relabelled is set when the file is as it was while the container was this
	// host's: then it is not the manifest that changed, but the labels of the host.
	Relabelled bool `json:"relabelled,omitempty"`
}

// takes reports whether c is for this host. A fleet is every host at once.
func (l *ledger) takes(c *manifest.Container) bool {
	return l.fleet || len(c.Mismatch(l.labels)) == 0
}

// sift keeps what is for this host, and notes the rest.
func (l *ledger) sift(file string, containers []*manifest.Container) []*manifest.Container {
	var ours, others []*manifest.Container
	for _, c := range containers {
		if l.takes(c) {
			ours = append(ours, c)
		} else {
			others = append(others, c)
		}
	}
	if len(others)+len(l.others[file]) > 0 {
		l.away = nil
	}
	delete(l.others, file)
	if len(others) > 0 {
		l.others[file] = others
	}
	return ours
}

// listAway lists what is for other hosts, by name and file. The list is shared
// by all updates until it changes.
func (l *ledger) listAway() []Away {
	if l.away == nil && len(l.others) > 0 {
		for _, file := range slices.Sorted(maps.Keys(l.others)) {
			for _, c := range l.others[file] {
				l.away = append(l.away, Away{
					Name: c.Name(), File: file, Line: c.Origin.Line,
					Message:    fmt.Sprintf("%s:%d is for hosts with %s", file, c.Origin.Line, strings.Join(c.Mismatch(l.labels), "; ")),
					Relabelled: l.belonged[c.Name()] == file && l.files[file].asKnown,
				})
			}
		}
		slices.SortFunc(l.away, func(a, b Away) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
		})
	}
	return l.away
}

// elsewhere says that a name stands in the folder for other hosts only, or that
// it does not stand there at all.
func (l *ledger) elsewhere(name string) string {
	for _, a := range l.listAway() {
		if a.Name == name {
			return "which is not for this host: " + a.Message
		}
	}
	return "which is in no manifest of this folder"
}

// rivals reports whether two of the claims could meet on one host.
func (l *ledger) rivals(claims []claim) bool {
	for i, a := range claims {
		if slices.ContainsFunc(claims[i+1:], func(b claim) bool { return a.c.Together(b.c) }) {
			return true
		}
	}
	return false
}
