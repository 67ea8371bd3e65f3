package driver

import (
	"context"
	"fmt"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// Action is a step that the reconciler may decide on.
type Action string

// The actions, each a verb of Driver.
const (
	Create    Action = "create"
	Start     Action = "start"
	Shutdown  Action = "shutdown"
	Terminate Action = "terminate"
	Remove    Action = "remove"
	Pause     Action = "pause"
	Resume    Action = "resume"
	Update    Action = "update"
)

// Actions lists all of them, for metrics and tables.
var Actions = []Action{Create, Start, Shutdown, Terminate, Remove, Pause, Resume, Update}

// Do calls the verb for a and settles its error. c is needed by Create, Start
// and Update only. It is the one place where an action becomes a call.
func Do(ctx context.Context, d Driver, a Action, r Ref, c *manifest.Container) error {
	var err error
	switch a {
	case Create:
		err = d.Create(ctx, c)
	case Start:
		err = d.Start(ctx, c)
	case Shutdown:
		err = d.Shutdown(ctx, r)
	case Terminate:
		err = d.Terminate(ctx, r)
	case Remove:
		err = d.Remove(ctx, r)
	case Pause:
		err = d.Pause(ctx, r)
	case Resume:
		err = d.Resume(ctx, r)
	case Update:
		err = d.Update(ctx, r, c)
	default:
		err = fmt.Errorf("do %q: no such action", a)
	}
	return Settle(a, err)
}
