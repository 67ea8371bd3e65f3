package engine_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// TestAChangeIsFollowedByItsID goes from the folder to the history: whatever a
// change brings about bears its id, restarts long after it too.
func TestAChangeIsFollowedByItsID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, fake.Options{})
		r.start(fake.Config{})
		cs := parse(t, "db:", "web:")
		r.want <- folder.Update{Full: true, ID: "one", Put: []folder.Wanted{{Container: cs[0]}, {Container: cs[1]}}}
		synctest.Wait()
		r.want <- folder.Update{ID: "two", Put: []folder.Wanted{{Container: parse(t, "web: args: [new]")[0]}}}
		synctest.Wait()
		for _, st := range r.view().Containers {
			if want := map[string]string{"db": "one", "web": "two"}[st.Name]; st.Change != want {
				t.Errorf("%s is shown with change %q, want %q", st.Name, st.Change, want)
			}
		}
		r.host.Do(func(w *fake.World, now time.Time) { w.Kill(now, driver.Ref{Name: "db", Revision: cs[0].Revision}, 3) })
		time.Sleep(time.Minute)
		synctest.Wait()
		r.want <- folder.Update{ID: "three", Drop: []string{"db"}}
		time.Sleep(time.Minute)
		synctest.Wait()

		by := map[string][]string{}
		for _, ev := range r.seen {
			if ev.Kind == reconcile.Done || ev.Kind == reconcile.Exited {
				what := ev.Container + " " + string(ev.Action)
				if ev.Kind == reconcile.Exited {
					what = ev.Container + " exited"
				}
				by[ev.Change] = append(by[ev.Change], what)
			}
		}
		for id, want := range map[string][]string{
			"one":   {"db create", "web create", "db start", "web start", "db exited", "db start"},
			"two":   {"web shutdown", "web remove", "web create", "web start"},
			"three": {"db shutdown", "db remove"},
		} {
			for _, w := range want {
				if !slices.Contains(by[id], w) {
					t.Errorf("change %q lacks %q: %q", id, w, by[id])
				}
			}
		}
		if len(by[""]) > 0 {
			t.Errorf("events without a change: %q", by[""])
		}
		entries, err := r.store.History("db", 0)
		if err != nil || len(entries) < 5 {
			t.Fatalf("history %v, error %v", entries, err)
		}
		if newest, oldest := entries[0], entries[len(entries)-1]; newest.Change != "three" || oldest.Change != "one" || oldest.Action != string(driver.Create) {
			t.Errorf("history from %+v to %+v", oldest, newest)
		}
	})
}
