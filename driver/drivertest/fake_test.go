package drivertest_test

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/drivertest"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

func TestFakeConforms(t *testing.T) {
	latency := map[driver.Action]time.Duration{fake.List: time.Millisecond, driver.Create: 20 * time.Millisecond}
	for _, a := range driver.Actions[1:] {
		latency[a] = 3 * time.Millisecond
	}
	tests := map[string]map[driver.Action]time.Duration{"at once": nil, "with latency": latency}
	for name, latency := range tests {
		t.Run(name, func(t *testing.T) { drivertest.Run(t, harness(latency, sound)) })
	}
}

// opener puts something around a driver that was just opened.
type opener func(*fake.Host, *fake.Driver) driver.Driver

func sound(_ *fake.Host, d *fake.Driver) driver.Driver { return d }

// harness runs each case in a bubble, so that waiting costs nothing. A program
// is a command that scripted understands.
func harness(latency map[driver.Action]time.Duration, open opener) drivertest.Harness {
	program := func(command ...string) manifest.Spec { return manifest.Spec{Command: command} }
	return drivertest.Harness{
		New: func(*testing.T) drivertest.Runtime {
			host := fake.NewHost(fake.Options{Behave: scripted, Program: steps})
			return drivertest.Runtime{Open: func(_ *testing.T, owner string) driver.Driver {
				return open(host, host.Open(fake.Config{Owner: owner, Latency: latency}))
			}}
		},
		Sleep: func() manifest.Spec { return program("sleep") },
		Exit: func(code uint32, after time.Duration) manifest.Spec {
			return program("exit", strconv.Itoa(int(code)), max(after, 1).String())
		},
		Obey:             func(code uint32) manifest.Spec { return program("obey", strconv.Itoa(int(code))) },
		Stubborn:         func() manifest.Spec { return program("stubborn") },
		Exec:             func(todo ...string) []string { return todo },
		NoProgram:        []string{"missing"},
		TTY:              true,
		Pause:            true,
		Update:           true,
		Stats:            true,
		ExitCodesSurvive: true,
		OpenTwice:        true,
		Around:           synctest.Test,
	}
}

// scripted turns the command of a container into a behaviour.
func scripted(c *manifest.Container, _ int) fake.Behaviour {
	b := fake.Behaviour{CanPause: true, ShutdownTakes: 10 * time.Millisecond, TerminateTakes: time.Millisecond}
	command := c.Spec.Command
	switch command[0] {
	case "exit":
		b.ExitCode, b.RunFor = number(command[1]), duration(command[2])
	case "obey":
		b.ShutdownCode = number(command[1])
	case "stubborn":
		b.IgnoresShutdown = true
	}
	return b
}

// steps turns the command of an executed process into what it does.
func steps(c *manifest.Container, p driver.Process) fake.Program {
	var act fake.Program
	for todo := p.Command; len(todo) > 0; todo = todo[1:] {
		value := func() string {
			todo = todo[1:]
			return todo[0]
		}
		switch todo[0] {
		case "missing":
			act.Refused = true
		case "print":
			act.Stdout += value() + "\n"
		case "err":
			act.Stderr += value() + "\n"
		case "env":
			name := value()
			for _, v := range c.Spec.Env {
				if v.Name == name {
					act.Stdout += v.Value + "\n"
				}
			}
		case "cat":
			act.Echo = true
		case "sleep":
			act.RunFor += time.Duration(number(value())) * time.Millisecond
		case "forever":
			act.RunFor = -1
		case "exit":
			act.Code = number(value())
		}
	}
	return act
}

func number(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		panic(err)
	}
	return uint32(n)
}

func duration(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		panic(err)
	}
	return d
}
