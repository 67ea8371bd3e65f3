// Package logkey is the one list of words by which log lines, metric labels
// and trace attributes name the same thing, so that a container, an action or
// a change is found in all of them by the same key. Laws hold every log line
// and every metric to it. It holds names, and does nothing.
package logkey

// The keys that log lines, metrics and traces share.
const (
	Container = "container" // metadata.name
	Action    = "action"    // of a step: create, start, shutdown …
	Reason    = "reason"    // why, from the closed list of package reconcile
	State     = "state"     // as status shows it
	Revision  = "revision"  // of a container, or of the source
	Change    = "change"    // id of the change of the folder that it goes back to
	Call      = "call"      // of the driver or the store
	Result    = "result"    // what came of a call or a step
	File      = "file"      // path of a manifest, relative to the folder
	Type      = "type"      // Normal or Warning
	Version   = "version"   // of the program
)

// The keys of log lines and traces alone.
const (
	Err     = "err"
	Lag     = "lag" // from the first sight of a change to the start that it asked for
	Message = "message"
	PID     = "pid"
	Problem = "problem" // of a manifest
	Took    = "took"
)

// Shared lists the keys that metrics have as labels too.
var Shared = []string{Container, Action, Reason, State, Revision, Change, Call, Result, File, Type, Version}

// Labels lists the labels that metrics alone have.
var Labels = []string{
	"asked", "class", "dir", "goarch", "goos", "goversion", "handler", "image", "interface", "part", "probe",
	"running_revision", "source", "stage",
}

// Log lists the keys that log lines alone have.
var Log = []string{
	Err, Lag, Message, PID, Problem, Took,
	"calls", "containers", "detail", "driver", "field", "files", "folder", "key", "manifests", "owner", "panic", "run",
	"source_revision", "stack", "stopped_containers", "table", "web",
}
