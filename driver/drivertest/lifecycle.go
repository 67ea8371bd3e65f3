package drivertest

import (
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// moment is long enough for a program to act on what it was asked, and short
// enough to wait for what must not happen.
const moment = 200 * time.Millisecond

func lifecycle() []scene {
	return []scene{
		{name: "Lifecycle", test: wholeLife},
		{name: "VerbsTwice", test: verbsTwice},
		{name: "ShutdownCode", test: shutdownCode},
		{name: "IgnoredShutdown", test: ignoredShutdown},
		{name: "RestartOfStopped", test: restartOfStopped},
		{name: "PauseAndResume", test: pauseAndResume, skip: func(h Harness) bool { return !h.Pause }},
		{name: "UpdateInPlace", test: updateInPlace},
	}
}

func wholeLife(s *stage) {
	web := container("web", s.h.Sleep())
	s.inspect(s, web, gone)
	s.do(s, driver.Create, web)
	if st := s.inspect(s, web, driver.Created); st.PID != 0 || !st.Started.IsZero() {
		s.Errorf("a created container has run already: %v", st)
	}
	s.wantListed(s, web)

	s.do(s, driver.Start, web)
	st := s.await(s, web, driver.Running)
	if st.PID == 0 || st.Started.IsZero() {
		s.Errorf("a running container has no process id or start time: %v", st)
	}
	if s.rt.Ready != nil {
		s.rt.Ready(s.T, st.Ref)
	}

	s.do(s, driver.Shutdown, web)
	ended := s.await(s, web, driver.Stopped)
	if ended.Exit.At.IsZero() || !ended.Started.Equal(st.Started) {
		s.Errorf("a stopped container must keep its start %v and tell when it ended: %v", st.Started, ended)
	}
	s.wantListed(s, web)

	s.do(s, driver.Remove, web)
	s.inspect(s, web, gone)
	s.wantListed(s)
}

func verbsTwice(s *stage) {
	web := container("web", s.h.Sleep())
	s.do(s, driver.Create, web)
	s.do(s, driver.Create, web)
	s.inspect(s, web, driver.Created)

	s.do(s, driver.Start, web)
	before := s.await(s, web, driver.Running)
	s.do(s, driver.Start, web)
	s.stillRuns(s, web, before)
	s.wantListed(s, web)

	for _, a := range []driver.Action{driver.Shutdown, driver.Terminate} {
		s.do(s, a, web)
		s.do(s, a, web)
	}
	s.await(s, web, driver.Stopped)
	for _, a := range []driver.Action{driver.Shutdown, driver.Terminate, driver.Remove, driver.Remove, driver.Shutdown, driver.Terminate} {
		s.do(s, a, web)
	}
	s.wantListed(s)
}

func shutdownCode(s *stage) {
	web := container("web", s.h.Obey(7))
	s.start(s, web)
	s.do(s, driver.Shutdown, web)
	if st := s.await(s, web, driver.Stopped); !st.Exit.Known || st.Exit.Code != 7 {
		s.Errorf("the process ended with code 7 when asked, but the exit is %+v", st.Exit)
	}
}

func ignoredShutdown(s *stage) {
	web := container("web", s.h.Stubborn())
	before := s.start(s, web)
	s.do(s, driver.Shutdown, web)
	s.pass(moment)
	s.stillRuns(s, web, before)
	s.stop(s, web)
	s.do(s, driver.Remove, web)
	s.inspect(s, web, gone)
}

func restartOfStopped(s *stage) {
	web := container("web", s.h.Sleep())
	first := s.start(s, web)
	s.stop(s, web)
	s.do(s, driver.Start, web)
	second := s.await(s, web, driver.Running)
	if second.PID == first.PID || !second.Started.After(first.Started) {
		s.Errorf("the second run must be another, later process:\nfirst  %v\nsecond %v", first, second)
	}
	s.wantListed(s, web)
}

func pauseAndResume(s *stage) {
	web := container("web", s.h.Sleep())
	before := s.start(s, web)
	s.do(s, driver.Pause, web)
	s.await(s, web, driver.Paused)
	s.do(s, driver.Pause, web)
	s.inspect(s, web, driver.Paused)
	s.do(s, driver.Resume, web)
	s.await(s, web, driver.Running)
	s.do(s, driver.Resume, web)
	s.stillRuns(s, web, before)

	s.do(s, driver.Pause, web)
	s.await(s, web, driver.Paused)
	s.stop(s, web) // frozen containers can be ended too
}

func updateInPlace(s *stage) {
	web := container("web", s.h.Sleep())
	before := s.start(s, web)
	err := s.Update(s.ctx, ref(web), web)
	if s.h.Update {
		s.wantError("Update of a running container", err, nil)
	} else {
		s.wantError("Update, which the harness rules out,", err, driver.ErrUnsupported)
	}
	s.stillRuns(s, web, before)
	s.wantListed(s, web)
}
