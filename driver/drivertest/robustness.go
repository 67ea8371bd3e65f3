package drivertest

import (
	"context"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// crowd is how many containers the suite works on at once.
const crowd = 50

func robustness() []scene {
	return []scene{
		{name: "EndedContext", test: endedContext},
		{name: "ManyAtOnce", test: manyAtOnce},
		{name: "Stats", test: stats, skip: func(h Harness) bool { return !h.Stats }},
		{name: "CallsAfterClose", test: callsAfterClose},
		{name: "CloseLeavesNoGoroutine", test: closeLeavesNoGoroutine},
	}
}

func endedContext(s *stage) {
	web := container("web", s.h.Sleep())
	before := s.start(s, web)
	absent := container("absent", s.h.Sleep())
	ended, cancel := context.WithCancel(s.ctx)
	cancel()
	for _, a := range driver.Actions {
		s.promptly(string(a), func() {
			_ = call(ended, s, a, absent) // whether it took effect all the same is left open
		})
	}
	s.promptly("List", func() {
		if l, err := s.List(ended); err == nil && len(l.Ours) == 0 {
			s.Error("List under an ended context says that nothing runs; it must fail or tell the truth")
		}
	})
	s.promptly("Inspect", func() {
		if st, err := s.Inspect(ended, ref(web)); err == nil {
			if diff := cmp.Diff(before, st); diff != "" {
				s.Errorf("Inspect under an ended context must fail or tell the truth (-want +got):\n%s", diff)
			}
		}
	})
	s.promptly("Stats", func() { _, _ = s.Stats(ended, ref(web)) })
	s.stillRuns(s, web, before)
}

// promptly expects that call returns within the patience of the harness.
func (s *stage) promptly(what string, call func()) {
	s.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		call()
	}()
	timer := time.NewTimer(s.h.Patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		s.Fatalf("%s under an ended context did not return within %v", what, s.h.Patience)
	}
}

func manyAtOnce(s *stage) {
	var all errgroup.Group
	for i := range crowd {
		c := container(fmt.Sprintf("many-%d", i), s.h.Sleep())
		all.Go(func() error {
			for _, a := range []driver.Action{driver.Create, driver.Start} {
				if err := driver.Do(s.ctx, s, a, ref(c), c); err != nil {
					return err
				}
			}
			_, err := await(s.ctx, s, ref(c), driver.Running)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		s.Fatalf("start %d containers at once: %v", crowd, err)
	}
	listed := s.list(s).Ours
	pids := map[int]driver.Ref{}
	for _, st := range listed {
		if other, taken := pids[st.PID]; taken || st.State != driver.Running {
			s.Errorf("%v must run in a process of its own; %s has the same", st, other)
		}
		pids[st.PID] = st.Ref
	}
	if len(listed) != crowd {
		s.Errorf("List names %d containers as ours, want %d", len(listed), crowd)
	}
	for _, st := range listed {
		all.Go(func() error { return endAndRemove(s.ctx, s, st.Ref) })
	}
	if err := all.Wait(); err != nil {
		s.Fatalf("end and remove %d containers at once: %v", crowd, err)
	}
	s.wantListed(s)
}

func stats(s *stage) {
	web := container("web", s.h.Sleep())
	s.start(s, web)
	st, err := s.Stats(s.ctx, ref(web))
	if err != nil {
		s.Fatalf("Stats of a running container: %v", err)
	}
	if st.At.IsZero() {
		s.Error("Stats do not say when they were taken")
	}
	if diff := cmp.Diff(driver.Stats{At: st.At}, st); diff == "" {
		s.Error("Stats of a running container know no figure at all")
	}
}

func callsAfterClose(s *stage) {
	web := container("web", s.h.Sleep())
	s.start(s, web)
	d := s.Driver
	s.close(d)
	if l, err := d.List(s.ctx); err == nil {
		s.Errorf("List of a closed driver = %+v, want an error", l)
	}
	absent := container("absent", s.h.Sleep())
	if err := d.Create(s.ctx, absent); err == nil {
		s.Error("Create by a closed driver succeeds, want an error")
	}
}

func closeLeavesNoGoroutine(s *stage) {
	s.close(s.Driver)
	known := []goleak.Option{goleak.IgnoreCurrent()}
	for _, f := range s.h.Others {
		known = append(known, goleak.IgnoreAnyFunction(f))
	}
	s.Driver = s.openFor(Owner)
	web, job := container("web", s.h.Sleep()), container("job", s.h.Exit(0, 0))
	s.start(s, web)
	s.do(s, driver.Create, job)
	s.do(s, driver.Start, job)
	s.await(s, job, driver.Stopped)
	s.list(s)
	s.close(s.Driver)
	if err := goleak.Find(known...); err != nil {
		s.Errorf("Close returned, but its goroutines go on: %v", err)
	}
}
