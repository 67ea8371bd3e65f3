package reconcile

import (
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// Kind is what an event tells of.
type Kind string

// The kinds of events.
const (
	Decided Kind = "Decided" // a step is about to be taken
	Done    Kind = "Done"    // its call came back, well or not
	Exited  Kind = "Exited"  // an init process ended
	Became  Kind = "Became"  // the shown state or its reason changed without a step
	Probed  Kind = "Probed"  // a probe answers otherwise than before
	Hooked  Kind = "Hooked"  // a lifecycle hook came to its end, well or not
	Asked   Kind = "Asked"   // an operator or the tree asked for something, Message says who; or a hold is over
)

// Event is one thing that happened. Log line, metric and history entry are
// made from the same value, so they cannot disagree.
type Event struct {
	At        time.Time
	Kind      Kind
	Container string
	Change    string // id of the change of the folder that it goes back to; "" if none is known
	Revision  string
	Action    driver.Action // Decided, Done
	Reason    Reason
	State     State
	Message   string
	Warning   bool
	Took      time.Duration // Done: from the decision to the answer; Probed, Hooked: how long it took
	Err       error         // Done, Hooked: what failed
	Exit      driver.Exit   // Exited
	Probe     ProbeKind     // Probed
	Hook      HookKind      // Hooked
	Lag       time.Duration // Done of a start: since the file was seen; 0 if it was not a change of a file
	Source    string        // revision of the folder's source that it comes from; "" if from none, or none is known
}
