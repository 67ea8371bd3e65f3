// Package statedb keeps what must outlive the daemon: one record per
// container, the last good text of each manifest file, the specification of
// the revisions that were made, the prune brake, and a bounded history.
//
// It decides nothing and imports none of our packages.
package statedb

import "time"

// Record is the memory of one container name. Its zero value, with a Name, is
// a container that nothing is known of.
type Record struct {
	Name     string
	Revision string        // the version that the numbers below belong to
	Source   string        // manifest file that last asked for it
	Live     string        // digest of the in-place fields last applied
	Grace    time.Duration // grace period last asked for: needed when the manifest is gone

	Ran      bool        // a start was asked for and its end has not been counted
	Started  time.Time   // of the current or last run; zero if not known
	Failures int         // consecutive runs that ended, for the delay
	Restarts uint64      // starts after the first, for the metric; never reset
	Recent   []time.Time // restarts inside the policy's window, oldest first
	RetryAt  time.Time   // no start before
	SeenExit time.Time   // the last exit that was counted
	LastExit *Exit       // how the last run ended
	Verdict  Verdict     // why it is not started again

	StopAt       time.Time // a stop was asked for; Terminate not before
	StopRevision string    // the version that is being stopped
	StopReason   string

	Op        string    // the action that was last asked for and may still take effect
	OpUntil   time.Time // until then
	OpErrors  int       // consecutive failed calls
	OpRetryAt time.Time // no further call before
	LastError string    // of the last failed call; "" after a success

	Since time.Time // since when State holds
	State string    // shown state, kept so that "since" survives the daemon
}

// Exit is how a run ended.
type Exit struct {
	Code   uint32
	Known  bool
	At     time.Time
	Asked  bool // we asked for it
	Reason string
}

// Verdict ends the restarting of one version.
type Verdict string

// The verdicts. The empty one lets the container run.
const (
	Completed Verdict = "completed" // ended well and shall not run again
	Failed    Verdict = "failed"    // ended badly and shall not run again
	GaveUp    Verdict = "gave-up"   // restarted too often, or an exit rule said so
)

// ManifestFile is the last good text of a file.
type ManifestFile struct {
	Path string // relative to the folder
	Text []byte
	At   time.Time
}

// Entry is one line of the history.
type Entry struct {
	Seq       uint64 // given by the store, ascending
	At        time.Time
	Container string
	Type      string // Normal | Warning
	Action    string
	Reason    string
	Message   string
}

// Brake is the memory of the prune brake.
type Brake struct {
	Removed []Removal // let through within the last minute
	Blocked []string  // names held back, sorted
	Since   time.Time // zero: not braking
}

// Removal is one name that was let through.
type Removal struct {
	Name string
	At   time.Time
}

// Spec is the specification that a revision was made from, as JSON without
// literal environment values: enough to explain a later difference.
type Spec struct {
	Name     string
	Revision string
	JSON     []byte
	At       time.Time
}

// Batch is what one transaction writes; nil fields write nothing.
type Batch struct {
	Put       []Record
	Drop      []string // names; with the record go its specs
	Specs     []Spec
	Files     []ManifestFile
	DropFiles []string
	Entries   []Entry
	Brake     *Brake
}

// Empty reports whether there is nothing to write.
func (b Batch) Empty() bool {
	return len(b.Put)+len(b.Drop)+len(b.Specs)+len(b.Files)+len(b.DropFiles)+len(b.Entries) == 0 && b.Brake == nil
}

// BadRecord is an entry that could not be read; it is set aside, not lost.
type BadRecord struct {
	Bucket, Key string
	Err         error
}

// State is everything that is read at start.
type State struct {
	Records []Record       // sorted by name
	Files   []ManifestFile // sorted by path
	Brake   Brake
	Bad     []BadRecord
}

// Store is what the engine needs. DB, Mem and Failing satisfy it. It is safe
// for concurrent use; Save is durable when it returns.
type Store interface {
	Load() (State, error)
	Save(b Batch) error
	Specs(name string) ([]Spec, error)                  // newest first
	History(container string, max int) ([]Entry, error) // newest first; "" is all
	Close() error
}
