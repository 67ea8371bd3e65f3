package reconcile

import (
	"fmt"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// short prints a duration for people: at most two units, never "0s" for a wait.
func short(d time.Duration) string {
	switch {
	case d < time.Second:
		return max(d.Round(10*time.Millisecond), 10*time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// exitText says how a run ended.
func exitText(e *statedb.Exit) string {
	switch {
	case e == nil:
		return "ended"
	case !e.Known:
		return "ended while nobody was watching (exit code unknown)"
	default:
		return "exited with " + manifest.FormatExit(e.Code)
	}
}

// backOffText says why the next start waits.
func backOffText(r *statedb.Record) string {
	if e := r.LastExit; e != nil && killReason(Reason(e.Reason)) {
		return fmt.Sprintf("ended because of %s; %s; %s in a row", e.Reason, exitText(e), plural(r.Failures, "exit"))
	}
	return fmt.Sprintf("%s; %s in a row", exitText(r.LastExit), plural(r.Failures, "exit"))
}
