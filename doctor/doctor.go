// Package doctor finds out what is wrong with a host, and what to do about it.
// It has two halves: small judgements over facts, which are pure, and those who
// gather the facts from the disk, the daemon, the keeper and the runtime.
//
// It mends nothing and changes nothing. Each check has a time limit of its own,
// so what hangs is a finding and not a silence. A bundle for support holds no
// secret: see Bundle.
//
// All of it may be used by many goroutines.
package doctor

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Level is how a finding is to be taken.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Warn    Level = "warn"    // works, but somebody should look
	Fail    Level = "fail"    // does not work, or will not for long
	Skipped Level = "skipped" // cannot be told here
)

// Finding is what one check found.
type Finding struct {
	Check string `json:"check"`
	Level Level  `json:"level"`
	Found string `json:"found"`        // one sentence
	Do    string `json:"do,omitempty"` // what to do about it
}

// Check is one question about the host.
type Check struct {
	Name string
	Ask  func(context.Context) Finding // its Check may be left empty
}

// Report is the whole answer.
type Report struct {
	At       time.Time `json:"at"`
	Findings []Finding `json:"findings"` // in the order of the checks
}

// Failed reports whether something does not work.
func (r *Report) Failed() bool {
	for _, f := range r.Findings {
		if f.Level == Fail {
			return true
		}
	}
	return false
}

// Run asks all checks at once, and gives each of them limit. A check that does
// not come back in time is left behind, and that is its finding.
func Run(ctx context.Context, limit time.Duration, checks []Check) Report {
	r := Report{At: time.Now().UTC(), Findings: make([]Finding, len(checks))}
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() { r.Findings[i] = c.run(ctx, limit) })
	}
	all.Wait()
	return r
}

func (c Check) run(ctx context.Context, limit time.Duration) Finding {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	answered := make(chan Finding, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				answered <- fail("", "the check itself broke: %v", p).do("report this as a bug")
			}
		}()
		answered <- c.Ask(ctx)
	}()
	select {
	case f := <-answered:
		f.Check = c.Name
		return f
	case <-ctx.Done():
	}
	// What it waited for may end with ctx, and then says more than we can.
	grace := time.NewTimer(graceTime)
	defer grace.Stop()
	select {
	case f := <-answered:
		f.Check = c.Name
		return f
	case <-grace.C:
		return fail(c.Name, "no answer within %v: it hangs", limit).do("look at what this check asks; ask again with a longer --timeout")
	}
}

// graceTime is what a check has to come back when its time is over.
const graceTime = 200 * time.Millisecond

func found(l Level, check, format string, args ...any) Finding {
	return Finding{Check: check, Level: l, Found: fmt.Sprintf(format, args...)}
}

func ok(format string, args ...any) Finding      { return found(OK, "", format, args...) }
func warn(format string, args ...any) Finding    { return found(Warn, "", format, args...) }
func skipped(format string, args ...any) Finding { return found(Skipped, "", format, args...) }

func fail(check, format string, args ...any) Finding { return found(Fail, check, format, args...) }

// do says what to do about it.
func (f Finding) do(format string, args ...any) Finding {
	f.Do = fmt.Sprintf(format, args...)
	return f
}
