package drivertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

func further() []scene {
	none := func(h Harness) bool { return h.Exec == nil }
	all := []scene{
		{name: "ExecOutputAndCode", test: execOutput},
		{name: "ExecInput", test: execInput},
		{name: "ExecEnvironment", test: execEnvironment},
		{name: "ExecAfterAdoption", test: execAfterAdoption},
		{name: "ExecCloseEndsIt", test: execClose},
		{name: "ExecEndsWithContainer", test: execEndsWithContainer},
		{name: "ExecRefusals", test: execRefusals},
		{name: "ExecTerminal", test: execTerminal},
	}
	for i := range all {
		all[i].skip = none
	}
	return all
}

// exec launches a process in c, which shall succeed.
func (s *stage) exec(c *manifest.Container, p driver.Process, steps ...string) driver.Session {
	s.Helper()
	p.Command, p.Container = s.h.Exec(steps...), c
	x, err := s.Driver.(driver.Execer).Exec(s.ctx, ref(c), p)
	if err != nil {
		s.Fatalf("Exec of %q in %s: %v", p.Command, ref(c), err)
	}
	s.Cleanup(func() { _ = x.Close() })
	return x
}

// output reads a stream of x to its end.
func (s *stage) output(r io.Reader) string {
	s.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		s.Errorf("read the output: %v", err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// ended waits for x, which shall end with code.
func (s *stage) ended(x driver.Session, code uint32) {
	s.Helper()
	for range 2 {
		if got, err := s.wait(x); err != nil || got != code {
			s.Errorf("Wait: got code %d and error %v, want code %d", got, err, code)
		}
	}
	if err := errors.Join(x.Close(), x.Close()); err != nil {
		s.Errorf("Close: %v", err)
	}
}

// wait is Session.Wait with the patience of the suite.
func (s *stage) wait(x driver.Session) (uint32, error) {
	s.Helper()
	type end struct {
		code uint32
		err  error
	}
	ended := make(chan end, 1)
	go func() {
		code, err := x.Wait()
		ended <- end{code, err}
	}()
	ctx, cancel := context.WithTimeout(s.ctx, s.h.Patience)
	defer cancel()
	select {
	case e := <-ended:
		return e.code, e.err
	case <-ctx.Done():
		s.Fatalf("the process does not end: %v", ctx.Err())
		return 0, nil
	}
}

func execOutput(s *stage) {
	web := container("web", s.h.Sleep())
	before := s.start(s, web)
	x := s.exec(web, driver.Process{}, "print", "to out", "err", "to err", "exit", "7")
	if x.Stdin() != nil {
		s.Error("a process without Stdin has one")
	}
	errs := make(chan string, 1)
	go func() { errs <- s.output(x.Stderr()) }()
	if got := s.output(x.Stdout()); got != "to out\n" {
		s.Errorf("standard output is %q, want %q", got, "to out\n")
	}
	if got := <-errs; got != "to err\n" {
		s.Errorf("standard error is %q, want %q", got, "to err\n")
	}
	s.ended(x, 7)
	s.stillRuns(s, web, before)
	s.wantListed(s, web)
}

func execInput(s *stage) {
	web := container("web", s.h.Sleep())
	s.start(s, web)
	x := s.exec(web, driver.Process{Stdin: true}, "cat", "exit", "0")
	if x.Stdin() == nil {
		s.Fatal("a process with Stdin has none")
	}
	want := strings.Repeat("a line that comes back\n", 10_000)
	go func() {
		_, err := io.Copy(x.Stdin(), strings.NewReader(want))
		if err = errors.Join(err, x.Stdin().Close()); err != nil {
			s.Errorf("write the input: %v", err)
		}
	}()
	go func() { _, _ = io.Copy(io.Discard, x.Stderr()) }()
	if got := s.output(x.Stdout()); got != want {
		s.Errorf("%d bytes came back of %d", len(got), len(want))
	}
	s.ended(x, 0)
}

// withVariable is a container with a variable of its own, and its value.
func (s *stage) withVariable() (c *manifest.Container, name, value string) {
	spec := s.h.Sleep()
	name, value = "DRIVERTEST_VARIABLE", "of the container"
	spec.Env = []manifest.EnvVar{{Name: name, Value: value}}
	return container("web", spec), name, value
}

func (s *stage) wantVariable(c *manifest.Container, name, value string) {
	s.Helper()
	x := s.exec(c, driver.Process{}, "env", name, "exit", "0")
	go func() { _, _ = io.Copy(io.Discard, x.Stderr()) }()
	if got := s.output(x.Stdout()); got != value+"\n" {
		s.Errorf("the process sees %q in its environment, want %q", got, value)
	}
	s.ended(x, 0)
}

func execEnvironment(s *stage) {
	web, name, value := s.withVariable()
	s.start(s, web)
	s.wantVariable(web, name, value)
}

func execAfterAdoption(s *stage) {
	web, name, value := s.withVariable()
	before := s.start(s, web)
	s.close(s.Driver)
	s.Driver = s.openFor(Owner)
	s.wantVariable(web, name, value)
	s.stillRuns(s, web, before)
}

// execClose also holds that what was executed is no container of its own.
func execClose(s *stage) {
	web := container("web", s.h.Sleep())
	before := s.start(s, web)
	x := s.exec(web, driver.Process{}, "forever")
	s.wantListed(s, web)
	if err := x.Close(); err != nil {
		s.Errorf("Close: %v", err)
	}
	_, _ = s.wait(x)
	s.stillRuns(s, web, before)
	s.wantListed(s, web)
}

func execEndsWithContainer(s *stage) {
	web := container("web", s.h.Sleep())
	s.start(s, web)
	x := s.exec(web, driver.Process{}, "forever")
	s.stop(s, web)
	_, _ = s.wait(x)
	if got := s.output(x.Stdout()); got != "" {
		s.Errorf("a process that printed nothing left %q", got)
	}
	s.do(s, driver.Remove, web)
	s.inspect(s, web, gone)
}

func execRefusals(s *stage) {
	web := container("web", s.h.Sleep())
	try := func(want error, command ...string) {
		s.Helper()
		x, err := s.Driver.(driver.Execer).Exec(s.ctx, ref(web), driver.Process{Command: command, Container: web})
		if err == nil {
			_ = x.Close()
		}
		s.wantError("Exec", err, want)
	}
	command := s.h.Exec("forever")
	try(driver.ErrNotFound, command...)
	s.do(s, driver.Create, web)
	try(driver.ErrNotRunning, command...)
	s.do(s, driver.Start, web)
	before := s.await(s, web, driver.Running)
	if s.rt.Ready != nil {
		s.rt.Ready(s.T, before.Ref)
	}
	try(driver.ErrInvalid)
	if s.h.NoProgram != nil {
		try(driver.ErrInvalid, s.h.NoProgram...)
	}
	ended, cancel := context.WithCancel(s.ctx)
	cancel()
	if x, err := s.Driver.(driver.Execer).Exec(ended, ref(web), driver.Process{Command: command}); err == nil {
		_ = x.Close()
		s.Error("Exec with an ended context succeeds")
	}
	x := s.exec(web, driver.Process{}, "forever")
	s.wantError("Resize without a terminal", x.Resize(10, 20), driver.ErrUnsupported)
	_ = x.Close()
	s.stillRuns(s, web, before)
	s.stop(s, web)
	try(driver.ErrNotRunning, command...)
}

func execTerminal(s *stage) {
	web := container("web", s.h.Sleep())
	before := s.start(s, web)
	p := driver.Process{TTY: true, Stdin: true, Rows: 30, Cols: 90, Command: s.h.Exec("print", "on a terminal", "sleep", "100", "exit", "3"), Container: web}
	x, err := s.Driver.(driver.Execer).Exec(s.ctx, ref(web), p)
	if !s.h.TTY {
		s.wantError("Exec with a terminal", err, driver.ErrUnsupported)
		return
	}
	if err != nil {
		s.Fatalf("Exec with a terminal: %v", err)
	}
	s.Cleanup(func() { _ = x.Close() })
	if x.Stderr() != nil {
		s.Error("a process on a terminal has two streams")
	}
	if err := x.Resize(40, 100); err != nil {
		s.Errorf("Resize: %v", err)
	}
	var text bytes.Buffer
	if _, err := io.Copy(&text, x.Stdout()); err != nil {
		s.Errorf("read the terminal: %v", err)
	}
	if !strings.Contains(text.String(), "on a terminal") {
		s.Errorf("the terminal shows %q", text.String())
	}
	s.ended(x, 3)
	s.stillRuns(s, web, before)
}
