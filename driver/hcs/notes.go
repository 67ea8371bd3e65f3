package hcs

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// phase is how far a container had come when its note was written.
type phase string

const (
	making    phase = "making"    // before anything is made
	created   phase = "created"   // the system is made
	launching phase = "launching" // before the init process is launched
	running   phase = "running"   // the init process is known
	ended     phase = "ended"     // its exit is known
)

// note is what a listing of the service does not tell of a container, and the
// next daemon needs to adopt it. It is written before and after each step. Who
// a container belongs to and whether it exists is never taken from it.
type note struct {
	ID       string      `json:"id"`
	Phase    phase       `json:"phase"`
	VM       bool        `json:"vm,omitempty"`      // process numbers are those of a utility VM
	Booted   bool        `json:"booted,omitempty"`  // the scratch layer has been booted
	Program  string      `json:"program,omitempty"` // file name of what init runs
	Run      string      `json:"run,omitempty"`     // the keeper's name of the current or last run
	PID      int         `json:"pid,omitempty"`
	Born     time.Time   `json:"born,omitzero"` // creation of the process on the host; zero if not known
	Started  time.Time   `json:"started,omitzero"`
	Exit     driver.Exit `json:"exit,omitzero"`
	Endpoint string      `json:"endpoint,omitempty"` // ID of the endpoint that we made
}

// noteDir holds one file per container, named after its ID.
type noteDir string

const noteSuffix = ".json"

func (d noteDir) path(id string) string { return filepath.Join(string(d), id+noteSuffix) }

// save replaces the note as a whole. It is not synced to the disk: no system
// outlives a crash of the host.
func (d noteDir) save(n note) error {
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	temp := d.path(n.ID) + ".new"
	if err := os.WriteFile(temp, text, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, d.path(n.ID))
}

func (d noteDir) drop(id string) error {
	err := os.Remove(d.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// load reads all notes of owner. What cannot be read counts as not there: the
// listing still tells what runs.
func (d noteDir) load(owner string) (map[driver.Ref]note, error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	all := map[driver.Ref]note{}
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), noteSuffix)
		noteOwner, r, parsed := parseID(id)
		if !ok || !parsed || noteOwner != owner {
			continue
		}
		var n note
		text, err := os.ReadFile(d.path(id))
		if err == nil && json.Unmarshal(text, &n) == nil && n.ID == id {
			all[r] = n
		}
	}
	return all, nil
}
