package drivertest

import (
	"github.com/google/go-cmp/cmp"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

func adoption() []scene {
	closed := func(s *stage) { s.close(s.Driver) }
	crashed := func(*stage) {}
	return []scene{
		{name: "AdoptionAfterClose", test: adoptionAfter(closed)},
		{name: "AdoptionAfterCrash", test: adoptionAfter(crashed), skip: func(h Harness) bool { return !h.OpenTwice }},
		{name: "CreatedAndStoppedOverReopen", test: restOverReopen},
		{name: "ExitWhileNobodyWatched", test: exitWhileAway},
	}
}

// adoptionAfter lets a driver go and expects that the next one finds the same
// containers and can do everything with them.
func adoptionAfter(leave func(*stage)) func(*stage) {
	return func(s *stage) {
		web, fresh := container("web", s.h.Sleep()), container("web", s.h.Sleep())
		fresh.Revision = RevisionB
		before := s.start(s, web)
		freshRun := s.start(s, fresh)
		leave(s)

		s.Driver = s.openFor(Owner)
		s.wantListed(s, web, fresh)
		if diff := cmp.Diff(before, s.inspect(s, web, driver.Running)); diff != "" {
			s.Errorf("the container looks different after it was adopted (-before +after):\n%s", diff)
		}
		s.do(s, driver.Create, web)
		s.do(s, driver.Start, web)
		s.wantListed(s, web, fresh)
		s.stillRuns(s, web, before)
		s.stillRuns(s, fresh, freshRun)

		s.do(s, driver.Shutdown, web)
		s.await(s, web, driver.Stopped)
		if !s.h.LossyHints {
			s.nextHint(web)
		}
		s.do(s, driver.Remove, web)
		s.inspect(s, web, gone)
		s.stillRuns(s, fresh, freshRun)
	}
}

func restOverReopen(s *stage) {
	made, stopped := container("made", s.h.Sleep()), container("stopped", s.h.Exit(3, 0))
	s.do(s, driver.Create, made)
	s.do(s, driver.Create, stopped)
	s.do(s, driver.Start, stopped)
	s.await(s, stopped, driver.Stopped)
	s.close(s.Driver)

	s.Driver = s.openFor(Owner)
	s.await(s, made, driver.Created, gone)
	st := s.await(s, stopped, driver.Stopped, gone)
	s.wantExit(st, 3)
}

func exitWhileAway(s *stage) {
	job, web := container("job", s.h.Exit(3, moment)), container("web", s.h.Sleep())
	before := s.start(s, web)
	s.do(s, driver.Create, job)
	s.do(s, driver.Start, job)
	s.close(s.Driver)
	s.pass(3 * moment)

	s.Driver = s.openFor(Owner)
	st := s.await(s, job, driver.Stopped, gone)
	s.wantExit(st, 3)
	s.stillRuns(s, web, before)
}

// wantExit expects that st does not tell another code than code, and tells it
// where the harness says that it survives.
func (s *stage) wantExit(st driver.Status, code uint32) {
	s.Helper()
	switch {
	case st.Exit.Known && st.Exit.Code != code:
		s.Errorf("%s ended with code %d, but is said to have ended with %+v", st.Ref, code, st.Exit)
	case !st.Exit.Known && s.h.ExitCodesSurvive:
		s.Errorf("%s ended with code %d, which should be known still: %v", st.Ref, code, st)
	}
}
