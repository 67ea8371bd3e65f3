package drivertest

import (
	"errors"
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

func identity() []scene {
	return []scene{
		{name: "RevisionsAreApart", test: revisionsAreApart},
		{name: "OwnersAreApart", test: ownersAreApart},
		{name: "ListAgreesWithInspect", test: listAgreesWithInspect},
		{name: "CheckChangesNothing", test: checkChangesNothing},
	}
}

func revisionsAreApart(s *stage) {
	old, fresh := container("web", s.h.Sleep()), container("web", s.h.Sleep())
	fresh.Revision = RevisionB
	oldRun, freshRun := s.start(s, old), s.start(s, fresh)
	if oldRun.PID == freshRun.PID {
		s.Errorf("two revisions share process %d", oldRun.PID)
	}
	s.wantListed(s, old, fresh)
	s.stop(s, old)
	s.stillRuns(s, fresh, freshRun)
	s.do(s, driver.Remove, old)
	s.inspect(s, old, gone)
	s.stillRuns(s, fresh, freshRun)
	s.wantListed(s, fresh)

	s.do(s, driver.Create, old) // and back again, beside the other
	s.inspect(s, old, driver.Created)
	s.do(s, driver.Remove, old)
	s.stillRuns(s, fresh, freshRun)
}

func ownersAreApart(s *stage) {
	other := s.openFor(OtherOwner)
	ours, theirs := container("web", s.h.Sleep()), container("web", s.h.Sleep())
	theirRun := s.start(other, theirs)
	s.inspect(s, ours, gone)
	s.wantListed(s)
	s.wantForeign(driver.Running)
	for _, a := range []driver.Action{driver.Start, driver.Shutdown, driver.Terminate, driver.Remove} {
		if err := call(s.ctx, s, a, ours); !errors.Is(err, driver.ErrNotFound) && !errors.Is(err, driver.ErrForeign) {
			s.Errorf("%s of another owner's container: got error %v, want %v or %v", a, err, driver.ErrNotFound, driver.ErrForeign)
		}
	}
	s.pass(moment)
	s.stillRuns(other, theirs, theirRun)

	ourRun := s.start(s, ours)
	if ourRun.PID == theirRun.PID {
		s.Errorf("two owners share process %d", ourRun.PID)
	}
	s.stop(s, ours)
	s.do(s, driver.Remove, ours)
	s.pass(moment)
	s.stillRuns(other, theirs, theirRun)
	s.wantListed(other, theirs)
}

// wantForeign expects that the other owner's one container is shown as foreign.
func (s *stage) wantForeign(state driver.State) {
	s.Helper()
	foreign := s.list(s).Foreign
	foreign = slices.DeleteFunc(foreign, func(f driver.Foreign) bool { return f.Owner != OtherOwner })
	if len(foreign) != 1 || foreign[0].ID == "" || foreign[0].State != state {
		s.Errorf("List shows %+v as foreign, want one %s container of %s with an ID", foreign, state, OtherOwner)
	}
}

func listAgreesWithInspect(s *stage) {
	made, running := container("made", s.h.Sleep()), container("running", s.h.Sleep())
	stopped, ended := container("stopped", s.h.Sleep()), container("ended", s.h.Exit(3, 0))
	s.do(s, driver.Create, made)
	s.start(s, running)
	s.start(s, stopped)
	s.stop(s, stopped)
	s.do(s, driver.Create, ended)
	s.do(s, driver.Start, ended)
	s.await(s, ended, driver.Stopped)

	s.wantListed(s, made, running, stopped, ended)
	for _, listed := range s.list(s).Ours {
		inspected, err := s.Inspect(s.ctx, listed.Ref)
		if err != nil {
			s.Errorf("Inspect of %s, which is listed: %v", listed.Ref, err)
			continue
		}
		if diff := cmp.Diff(listed, inspected); diff != "" {
			s.Errorf("List and Inspect of %s differ (-list +inspect):\n%s", listed.Ref, diff)
		}
	}
}

func checkChangesNothing(s *stage) {
	web := container("web", s.h.Sleep())
	web.Spec.Devices = []manifest.Device{{}}
	web.Spec.Isolation = manifest.IsolationHyperV
	before := *web
	before.Spec.Devices = slices.Clone(web.Spec.Devices)
	for _, n := range s.Check(web) {
		if n.Field == "" || n.Message == "" {
			s.Errorf("a note must name its field and say what is the matter: %+v", n)
		}
	}
	if diff := cmp.Diff(before, *web); diff != "" {
		s.Errorf("Check changed the container (-before +after):\n%s", diff)
	}
	s.inspect(s, web, gone)
	s.wantListed(s)
}
