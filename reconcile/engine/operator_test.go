package engine_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

func TestOperatorVerbsAreOnDiskWhenTheyReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, fake.Options{})
		cs := parse(t, "web:")
		r.start(fake.Config{})
		r.ask(cs...)
		synctest.Wait()
		ctx := t.Context()
		if err := r.eng.Hold(ctx, "web", reconcile.HoldRequest{Until: time.Now().Add(time.Hour), By: "me", Reason: "why"}); err != nil {
			t.Fatal(err)
		}
		saved, err := r.store.Load()
		if err != nil || saved.Records[0].Hold == nil || saved.Records[0].Hold.Reason != "why" {
			t.Fatalf("the store has %+v, %v", saved.Records, err)
		}
		r.ask() // the manifest is gone, and the hold is stronger
		time.Sleep(59 * time.Minute)
		synctest.Wait()
		if got, want := r.journal(), "create web, start web"; got != want {
			t.Errorf("held: %q, want %q", got, want)
		}
		r.ask(cs...)
		if err := r.eng.Release(ctx, "web", "me"); err != nil {
			t.Fatal(err)
		}
		if err := r.eng.Restart(ctx, "web", "me"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := r.starts(cs[0]); n != 2 {
			t.Errorf("%d starts after a restart, want 2", n)
		}
		if err := r.eng.Restart(ctx, "nobody", "me"); !errors.Is(err, engine.ErrNoContainer) {
			t.Errorf("restart of nobody: %v", err)
		}
		if err := r.eng.Release(ctx, "web", "me"); !errors.Is(err, engine.ErrRefused) {
			t.Errorf("release of what is not held: %v", err)
		}
		asked, err := r.store.History("web", 0)
		if err != nil {
			t.Fatal(err)
		}
		words := map[string]string{}
		for _, e := range asked {
			words[e.Reason] = e.Message
		}
		if words["OperatorHold"] != "held for another 1h0m0s, by me: why" || words["OperatorRelease"] != "released by me" {
			t.Errorf("the history has %v", words)
		}
	})
}

func TestOperatorIsToldOfAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, fake.Options{})
		flaky := &switchStore{Store: statedb.NewMem()}
		r.store = flaky
		cs := parse(t, "web:")
		r.start(fake.Config{})
		r.ask(cs...)
		synctest.Wait()
		flaky.full.Store(true)
		if err := r.eng.Restart(t.Context(), "web", "me"); err == nil || r.starts(cs[0]) != 1 {
			t.Errorf("restart with a full disk: %v, %d starts", err, r.starts(cs[0]))
		}
		flaky.full.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := r.starts(cs[0]); n != 2 {
			t.Errorf("%d starts when the disk is free again, want 2", n)
		}
	})
}

func TestRollbackOverALifeOfTheDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, fake.Options{Behave: func(c *manifest.Container, _ int) fake.Behaviour {
			if c.Spec.Image == "bad" {
				return fake.Behaviour{RunFor: time.Second, ExitCode: 1}
			}
			return fake.Behaviour{}
		}})
		good := parse(t, "web: image: good, update: {progressDeadline: 1m}")
		bad := parse(t, "web: image: bad, update: {progressDeadline: 1m}")
		r.start(fake.Config{})
		r.ask(good...)
		time.Sleep(2 * time.Minute)
		r.stop()
		r.start(fake.Config{}) // it knows the version that was ready from the store alone
		r.ask(bad...)
		time.Sleep(50 * time.Second)
		synctest.Wait()
		if st := r.view().Containers[0]; st.State != reconcile.StateCrashLoopBackOff {
			t.Fatalf("before the deadline: %s (%s)", st.State, st.Reason)
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		st := r.view().Containers[0]
		if st.Reason != reconcile.RolledBack || st.RunningRevision != good[0].Revision || !st.Ready {
			t.Fatalf("after it: %s, revision %s runs, ready %v", st.Reason, st.RunningRevision, st.Ready)
		}
		vs, err := r.eng.Versions(t.Context(), "web")
		if err != nil || len(vs) != 2 {
			t.Fatalf("versions %+v, %v", vs, err)
		}
		if v := vs[0]; v.Revision != good[0].Revision || !v.Runs || v.Wanted || v.Ready.IsZero() || !v.Whole {
			t.Errorf("the newest version is %+v", v)
		}
		if v := vs[1]; v.Revision != bad[0].Revision || v.Runs || !v.Wanted || !v.Ready.IsZero() {
			t.Errorf("the one before is %+v", v)
		}
		if err := r.eng.Rollback(t.Context(), "web", vs[1].N, "me"); !errors.Is(err, engine.ErrRefused) {
			t.Errorf("to what never was ready: %v", err)
		}
	})
}
