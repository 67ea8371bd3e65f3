// Package drivertest is the suite that every driver.Driver must pass: it says
// in tests what package driver says in comments.
//
// A driver's own test describes its runtime in a Harness and calls Run. Each
// case gets an empty runtime and leaves it empty. The suite knows nothing of
// how a driver works; it uses only the interface and the programs that the
// Harness gives it, and it takes Inspect for the truth where a hint may be lost.
package drivertest

import (
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// The owners that the suite opens drivers for.
const (
	Owner      = "drivertest"
	OtherOwner = "drivertest-other"
)

// The revisions that the suite gives to containers.
const (
	RevisionA manifest.Revision = "1-00000000000000aa"
	RevisionB manifest.Revision = "1-00000000000000bb"
)

// Harness describes a driver to the suite. New and the programs are required,
// except Print.
type Harness struct {
	// New returns an empty runtime for one case.
	New func(t *testing.T) Runtime

	// The programs, as the specification of a container that runs them.
	Sleep    func() manifest.Spec                                 // runs until it is asked, then ends soon with any code
	Exit     func(code uint32, after time.Duration) manifest.Spec // ends by itself
	Obey     func(code uint32) manifest.Spec                      // runs until it is asked, then ends soon with code
	Stubborn func() manifest.Spec                                 // goes on when asked
	Print    func(line string) manifest.Spec                      // prints line, then ends with code 0; nil skips the case of logs

	// Exec is the command line of a program that is to be executed in a running
	// container; nil skips those cases. It does the steps one after the other:
	// "print" TEXT and "err" TEXT print a line, "env" NAME prints the value of a
	// variable, "cat" copies its input to its end, "sleep" MILLISECONDS,
	// "forever", "exit" CODE.
	Exec      func(steps ...string) []string
	NoProgram []string // a command whose program cannot be executed; nil: none is known
	TTY       bool     // Exec can give a terminal

	Pause            bool // containers that run Sleep can be paused
	Update           bool // containers that run Sleep can be updated
	Stats            bool // at least one figure is known of a running container
	LossyHints       bool // an exit that somebody watched may not be told on Exits
	ExitCodesSurvive bool // a code is known although nobody watched the exit
	OpenTwice        bool // a driver can be opened while another of the same owner is, as after a crash of the daemon

	// Others are functions whose goroutines stand for other processes, such as
	// a keeper: they may outlive a driver.
	Others []string

	// Patience is how long a condition may take to come true, and four times
	// that a whole case; 0 means 10 s.
	Patience time.Duration
	// Around runs one case, in a testing/synctest bubble for example; nil calls it.
	Around func(t *testing.T, test func(t *testing.T))
}

// Runtime is one runtime with everything that it holds.
type Runtime struct {
	// Open returns a driver for owner on this runtime. The suite closes it, or
	// leaves it open for a while to play a daemon that died.
	Open func(t *testing.T, owner string) driver.Driver
	// Ready waits until the program of r, which was just started, is able to
	// hear that it is asked to end; nil: it is so when Start returns.
	Ready func(t *testing.T, r driver.Ref)
	// Logs returns what r has printed; required if the harness has Print.
	Logs func(t *testing.T, r driver.Ref) string
}

// Run runs every case as a subtest that is named for what must hold.
func Run(t *testing.T, h Harness) {
	t.Helper()
	if h.Patience == 0 {
		h.Patience = 10 * time.Second
	}
	if h.Around == nil {
		h.Around = func(t *testing.T, test func(*testing.T)) { test(t) }
	}
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			if c.skip != nil && c.skip(h) {
				t.Skip("the harness rules it out")
			}
			h.Around(t, func(t *testing.T) { c.test(newStage(t, h)) })
		})
	}
}

// scene is one case of the suite.
type scene struct {
	name string
	test func(*stage)
	skip func(Harness) bool // nil: never
}

func cases() []scene {
	var all []scene
	for _, group := range [][]scene{lifecycle(), refusals(), identity(), exits(), adoption(), robustness(), further()} {
		all = append(all, group...)
	}
	return all
}
