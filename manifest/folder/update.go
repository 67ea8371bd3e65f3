// Package folder reads a folder of manifests and watches it: which files
// count, when a reading may be believed, what the last good text of a broken
// file was, who owns a name that stands twice.
//
// It tells what the folder asks for and decides nothing about containers; it
// never writes, and the brake on removals is not here, because only who knows
// what runs can judge a removal. A Watcher is one goroutine and belongs to the
// caller of Run; everything below it has no goroutine and no clock.
package folder

import (
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// Update is what changed since the update before. The first one after start
// is Full. Names in Put and Drop are disjoint, and sorted. What it points to is
// shared with the updates before and after: it must not be changed.
type Update struct {
	Full bool // everything that is not in Put is gone
	Put  []Wanted
	Drop []string // names that stand in no file any more

	Problems []manifest.Problem // all that stand now, sorted by file and line
	Files    []FileState        // that changed; all of them when Full
	Gone     []string           // files that are no longer there
	Away     []Away             // all that the folder asks of other hosts, sorted by name and file
	Permit   Permit             // what the folder allows to be removed
	Source   Source
	// Doubt is set while the folder cannot be read, or holds a file that was
	// never read well: what is in no manifest may only seem so. It says why, in
	// words for a person. Nothing is removed while it stands.
	Doubt string
	// SeenAt is when the oldest change in this update was first noticed.
	SeenAt time.Time
	// ID names this update in logs, events, metrics and traces: 32 hexadecimal
	// digits, the shape of a W3C trace id. Only a Watcher gives one.
	ID string
}

// Wanted is one container that the folder asks for.
type Wanted struct {
	Container *manifest.Container
	// Blocked says why it must not be started or replaced although its file is
	// good (unknown dependency, dependency cycle, a name that stands twice and
	// belongs to neither file). What runs stays as it is.
	Blocked string
	// Stale is set when the file is broken now and this is what it last said.
	Stale bool
}

// FileState is one file of the folder.
type FileState struct {
	Path       string
	Valid      bool   // what it says now is what counts
	Text       []byte // last good text, to be kept; nil: what was known stays; empty: nothing is known
	ReadAt     time.Time
	Containers int
}

// Source is where the folder's content comes from, as far as it shows.
type Source struct {
	Dir      string    `json:"dir"`
	Revision string    `json:"revision,omitempty"` // git commit; "" if none is known
	ReadAt   time.Time `json:"readAt,omitzero"`
	// Polling says why changes are found by looking alone; "" while the system
	// tells of them.
	Polling string `json:"polling,omitempty"`
}

// KnownGood is the last good text of a file, as it was kept by the caller.
type KnownGood struct {
	Path string // relative to the folder, with forward slashes
	Text []byte
}
