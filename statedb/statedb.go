// Package statedb keeps what must outlive the daemon: one record per
// container, the last good text of each manifest file, the specification of
// the revisions that were made, the prune brake, and a bounded history.
//
// It decides nothing, reads no clock for what it stores, and imports none of
// our packages. Every Store here is safe for concurrent use: readers do not
// wait for each other, writers take turns, and a Save that has returned is
// seen by every later call.
//
// DB is the one on disk, Mem its twin for tests and trials, and Failing the
// twin whose every call fails. All obey the suite in statedb/statedbtest.
package statedb

import (
	"errors"
	"time"
)

// The causes a caller may want to tell apart. They are wrapped in errors that
// name the file.
var (
	// ErrLocked: another process holds the state.
	ErrLocked = errors.New("locked by another process")
	// ErrNewer: the file has a schema that this program does not know. It was
	// not changed.
	ErrNewer = errors.New("was written by a newer version")
	// ErrClosed: the store was used after Close.
	ErrClosed = errors.New("state is closed")
)

// Limits of what is kept.
const (
	MaxHistory          = 10_000 // entries in all
	MaxContainerHistory = 200    // entries of one container
	MaxSpecs            = 5      // revisions of one name; the newest that was ready is never given up for others
	maxKeyBytes         = 4096   // of a name or a path
)

// Record is the memory of one container name. Its zero value, with a Name, is
// a container that nothing is known of.
type Record struct {
	Name     string
	Revision string        // the version that the numbers below belong to
	Source   string        // manifest file that last asked for it
	Live     string        // digest of the in-place fields last applied
	Grace    time.Duration // grace period last asked for: needed when the manifest is gone
	Needs    []string      // names it depends on: needed for the stop order when the manifest is gone

	Ran      bool        // a start was asked for and its end has not been counted
	Started  time.Time   // of the current or last run; zero if not known
	Failures int         // consecutive runs that ended, for the delay
	Restarts uint64      // starts after the first, for the metric; never reset
	Recent   []time.Time // restarts inside the policy's window, oldest first
	RetryAt  time.Time   // no start before
	SeenExit time.Time   // the last exit that was counted
	LastExit *Exit       // how the last run ended
	Verdict  Verdict     // why it is not started again
	Edit     string      // digest of the whole manifest when it gave up; an edit lets it try again

	Probes *Probes // nil: the run has no probes, or nothing is known of them
	Hooks  *Hooks  // nil: the run has no hooks, or nothing is known of them

	StopAt       time.Time // a stop was asked for; Terminate not before
	StopSent     bool      // the runtime took the request
	StopRevision string    // the version that is being stopped
	StopReason   string
	StopHook     HookState // of preStop, in the stop under way

	Good     string    // the last revision that was ready
	GoodEdit string    // digest of its manifest as it was kept
	Rollout  time.Time // of the first step towards Revision; zero: it is not begun, or was ready
	Stalled  bool      // Revision was not ready in time
	Renew    bool      // the next start is that of another revision than ran before
	Rollback *Rollback // another revision is to run than the manifest asks for; nil: none is

	Ask   Ask    // what an operator asked for and is not done yet
	AskBy string // who did
	Hold  *Hold  // no step is taken while it lasts; nil: none

	Op        string    // an action that was under way when this was saved
	FailedOp  string    // the action that the next three speak of
	OpErrors  int       // consecutive calls of it that failed or had no effect
	OpRetryAt time.Time // no further call of it before
	LastError string    // of the last such call

	State string    // shown state, kept so that Since survives the daemon
	Since time.Time // since when State holds
}

// Exit is how a run ended.
type Exit struct {
	Code    uint32
	Known   bool
	Started time.Time // when the run began; zero if not known
	At      time.Time
	Asked   bool // we asked for it
	Reason  string
}

// Probes is what the probes of a run have said so far.
type Probes struct {
	Started bool // the startup probe has succeeded, or there is none
	Ready   bool
}

// Hooks is what must be known of the hooks of a run although its manifest may
// have changed or gone, or the daemon died.
type Hooks struct {
	PreStop   []byte // JSON of the hook, without the values of headers; nil: none
	PostStart HookState
}

// HookState is how far a hook has come.
type HookState string

// The states of a hook. The empty one means that it has been done, or that
// there is none; of a preStop, that it has not begun.
const (
	HookDue   HookState = "due"
	HookBegun HookState = "begun" // it may have ended, and must not be run again
	HookOver  HookState = "over"
)

// Verdict ends the restarting of one version.
type Verdict string

// The verdicts. The empty one lets the container run.
const (
	Completed Verdict = "completed" // ended well and shall not run again
	Failed    Verdict = "failed"    // ended badly and shall not run again
	GaveUp    Verdict = "gave-up"   // restarted too often, or an exit rule said so
)

// Ask is what an operator asked for. The empty one is nothing.
type Ask string

// What can be asked for.
const (
	AskRestart Ask = "restart" // stop what runs, and start it
	AskRetry   Ask = "retry"   // start what is not started any more, without a delay
	AskFollow  Ask = "follow"  // restart, because what it depends on was; AskBy names that
)

// Rollback is the return to a revision that was ready, until the manifest changes.
type Rollback struct {
	Edit   string // digest of the manifest that is not followed
	From   string // revision that it asks for
	To     string // revision that runs instead
	At     time.Time
	By     string // operator who asked; empty: the progress deadline did
	Reason string
}

// Hold is an operator's word that a container is to be left alone.
type Hold struct {
	Since  time.Time
	Until  time.Time // zero: until it is released
	Reason string    // as the operator gave it; may be empty
	By     string    // who asked
}

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
	Kind      string // what it tells of: Decided, Done, Exited …; "" in entries of older versions
	Revision  string // of the container that it tells of
	Action    string
	State     string // shown from then on
	Reason    string
	Message   string
	Source    string        // revision of the folder's source that it comes from
	Change    string        // id of the change of the folder that it goes back to; "" if none is known
	Took      time.Duration // of a step that is done; 0 if it says nothing of that
}

// Page is a part of the history, oldest first.
type Page struct {
	Entries []Entry
	// Next is where the page after this one begins: what to give to Since.
	Next uint64
	// Cut says that entries after the one asked for are not kept any more, so
	// that some may be missing from this page.
	Cut bool
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

// Spec is one version of a container. JSON is its specification without literal
// environment values: enough to explain a later difference. Manifest is the
// whole of it, to return to: it holds what the manifest held, and is for the
// owner of the state alone.
type Spec struct {
	Name     string
	Revision string
	N        uint64 // given by the store: ascending within a name
	JSON     []byte
	Manifest []byte // empty if an older program wrote it
	Source   string // file that the manifest was in
	At       time.Time
	ReadyAt  time.Time // when it last became ready; zero: it never did
}

// Batch is what one transaction writes, all of it or nothing; nil fields write
// nothing. Within a batch removals come first, so that a name may be dropped
// and put again. Names and paths must not be empty or hold a NUL byte. Times
// come back in UTC.
type Batch struct {
	Put       []Record
	Drop      []string // names; with the record go its specs
	Specs     []Spec   // N is ignored; a revision that is kept already becomes the newest, and keeps what is empty here
	Files     []ManifestFile
	DropFiles []string
	Entries   []Entry // Seq is ignored
	Brake     *Brake
}

// Empty reports whether there is nothing to write.
func (b Batch) Empty() bool {
	return len(b.Put)+len(b.Drop)+len(b.Specs)+len(b.Files)+len(b.DropFiles)+len(b.Entries) == 0 && b.Brake == nil
}

// BadRecord is an entry that could not be read; its bytes are set aside in the
// file, not lost. An empty Key means entries that are missing altogether.
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
	History(container string, max int) ([]Entry, error) // newest first; "" is all, max <= 0 no limit
	// Since gives the entries whose number is above seq. To follow the history
	// without losing or doubling any: take Grown, then read, and when there is
	// no more to read wait for what was taken.
	Since(container string, seq uint64, max int) (Page, error)
	// Grown is closed by the next Save that adds to the history, or by Close.
	Grown() <-chan struct{}
	Close() error // may be called again; later calls give ErrClosed
}
