package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// told are the events that observers saw, as lines.
func (r *rig) told() (lines []string) {
	for _, ev := range r.seen {
		reason := ev.Reason
		if ev.Kind == reconcile.Exited {
			reason = "Exited"
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s %s", ev.Kind, ev.Container, ev.Action, reason, ev.State))
	}
	return lines
}

// kept are the entries of the history, oldest first, as told has them.
func (r *rig) kept() (lines []string) {
	r.t.Helper()
	p, err := r.store.Since("", 0, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range p.Entries {
		lines = append(lines, fmt.Sprintf("%s %s %s %s %s", e.Kind, e.Container, e.Action, e.Reason, e.State))
	}
	return lines
}

// TestHistoryHoldsEachEventOnce also wants it there soon, although nothing else
// is to be written.
func TestHistoryHoldsEachEventOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, behave(map[string]fake.Behaviour{"job": {RunFor: time.Second, ExitCode: 3}}))
		r.start(fake.Config{})
		r.ask(parse(t, "web:", "job: restartPolicy: Never")...)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff(r.told(), r.kept()); diff != "" {
			t.Errorf("history (-told +kept):\n%s", diff)
		}
		all := strings.Join(r.kept(), "\n")
		for _, want := range []string{
			"Decided web create NewContainer Creating", "Done web create NewContainer Creating",
			"Decided web start FirstStart Starting", "Done web start FirstStart Starting", "Became web  UpToDate Running",
			"Exited job  Exited ", "Became job  EndedBadly Failed",
		} {
			if strings.Count(all, want) != 1 {
				t.Errorf("%q is in the history %d times:\n%s", want, strings.Count(all, want), all)
			}
		}
		ev := reconcile.Event{Kind: reconcile.Became, Container: "web", Reason: reconcile.UpToDate, Message: "from outside"}
		if err := r.eng.Record(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if last, err := r.store.History("", 1); err != nil || last[0].Message != "from outside" || last[0].At.IsZero() {
			t.Errorf("newest entry %+v, %v; want the event from outside", last, err)
		}
	})
}

// TestWhatIsTakenBackIsNotTold: a step that could not be saved was not decided.
func TestWhatIsTakenBackIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, fake.Options{})
		s := &switchStore{Store: statedb.NewMem()}
		r.store = s
		r.start(fake.Config{})
		s.full.Store(true)
		r.ask(parse(t, "web:")...)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(r.seen) > 0 {
			t.Errorf("told while nothing could be saved: %v", r.told())
		}
		s.full.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff(r.told(), r.kept()); diff != "" {
			t.Errorf("history (-told +kept):\n%s", diff)
		}
		if n := strings.Count(strings.Join(r.told(), "\n"), "Decided web "+string(driver.Create)); n != 1 {
			t.Errorf("the create was told %d times:\n%s", n, strings.Join(r.told(), "\n"))
		}
	})
}
