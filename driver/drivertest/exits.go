package drivertest

import (
	"fmt"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

func exits() []scene {
	return []scene{
		{name: "ExitCode", test: exitCode},
		{name: "ExitHint", test: exitHint, skip: func(h Harness) bool { return h.LossyHints }},
		{name: "HintsTellTheTruth", test: hintsTellTheTruth},
		{name: "ExitsClosesWithDriver", test: exitsClosesWithDriver},
		{name: "Logs", test: logs, skip: func(h Harness) bool { return h.Print == nil }},
	}
}

func exitCode(s *stage) {
	for _, code := range []uint32{0, 1, 3, 200} {
		c := container(fmt.Sprintf("exit-%d", code), s.h.Exit(code, 0))
		s.do(s, driver.Create, c)
		s.do(s, driver.Start, c)
		st := s.await(s, c, driver.Stopped)
		if want := (driver.Exit{Code: code, Known: true, At: st.Exit.At}); st.Exit != want || st.Exit.At.IsZero() {
			s.Errorf("a process that ends with code %d: got %+v", code, st.Exit)
		}
	}
}

func exitHint(s *stage) {
	job := container("job", s.h.Exit(3, 0))
	s.do(s, driver.Create, job)
	s.do(s, driver.Start, job)
	st := s.nextHint(job)
	if st.State != driver.Stopped || !st.Exit.Known || st.Exit.Code != 3 {
		s.Errorf("the hint of an exit with code 3 is %v", st)
	}
	web := container("web", s.h.Sleep())
	s.start(s, web)
	s.do(s, driver.Terminate, web)
	s.nextHint(web) // an exit that was asked for is told, too
}

// nextHint waits for a hint of c.
func (s *stage) nextHint(c *manifest.Container) driver.Status {
	s.Helper()
	timer := time.NewTimer(s.h.Patience)
	defer timer.Stop()
	for {
		select {
		case st, open := <-s.Exits():
			if !open {
				s.Fatalf("Exits was closed before the exit of %s was told", ref(c))
			}
			if st.Ref == ref(c) {
				return st
			}
		case <-timer.C:
			s.Fatalf("the exit of %s was not told on Exits within %v", ref(c), s.h.Patience)
		}
	}
}

func hintsTellTheTruth(s *stage) {
	codes := map[driver.Ref]uint32{}
	for code := range uint32(5) {
		c := container(fmt.Sprintf("job-%d", code), s.h.Exit(code, 0))
		codes[ref(c)] = code
		s.do(s, driver.Create, c)
		s.do(s, driver.Start, c)
		s.await(s, c, driver.Stopped)
	}
	other := s.openFor(OtherOwner)
	theirs := container("theirs", s.h.Exit(9, 0))
	s.do(other, driver.Create, theirs)
	s.do(other, driver.Start, theirs)
	s.await(other, theirs, driver.Stopped)
	s.pass(moment)
	for {
		select {
		case st := <-s.Exits():
			code, ours := codes[st.Ref]
			if !ours || st.State != driver.Stopped || st.Exit.Known && st.Exit.Code != code {
				s.Errorf("Exits told what is not so: %v", st)
			}
		default:
			return
		}
	}
}

func exitsClosesWithDriver(s *stage) {
	d := s.openFor(Owner + "-third")
	hints := d.Exits()
	if d.Exits() != hints {
		s.Error("Exits returns another channel each time")
	}
	s.close(d)
	timer := time.NewTimer(s.h.Patience)
	defer timer.Stop()
	for {
		select {
		case _, open := <-hints:
			if !open {
				return
			}
		case <-timer.C:
			s.Fatal("Exits is still open after Close")
		}
	}
}

func logs(s *stage) {
	const line = "hello from drivertest"
	job := container("job", s.h.Print(line))
	s.do(s, driver.Create, job)
	s.do(s, driver.Start, job)
	s.await(s, job, driver.Stopped)
	if got := s.rt.Logs(s.T, ref(job)); !strings.Contains(got, line) {
		s.Errorf("the log is %q, want %q in it", got, line)
	}
	s.do(s, driver.Remove, job)
	if got := s.rt.Logs(s.T, ref(job)); !strings.Contains(got, line) {
		s.Errorf("the log after Remove is %q, want %q still in it", got, line)
	}
}
