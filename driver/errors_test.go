package driver_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

var errOther = errors.New("the disk is full")

// wrappings are the shapes in which a sentinel may arrive.
var wrappings = map[string]func(driver.Action, error) error{
	"bare": func(_ driver.Action, err error) error { return err },
	"in an OpError": func(a driver.Action, err error) error {
		return &driver.OpError{Action: a, Ref: driver.Ref{Name: "web"}, Err: err}
	},
	"wrapped twice": func(a driver.Action, err error) error {
		return fmt.Errorf("engine: %w", &driver.OpError{Action: a, Err: fmt.Errorf("0x80370110: %w", err)})
	},
}

func TestSettle(t *testing.T) {
	// Each column is a verb: "ok" where its goal holds already or will.
	const header = "create start shutdown terminate remove pause resume update restart"
	verbs := []driver.Action{
		driver.Create, driver.Start, driver.Shutdown, driver.Terminate,
		driver.Remove, driver.Pause, driver.Resume, driver.Update, "restart",
	}
	if fmt.Sprint(verbs) != "["+header+"]" {
		t.Fatalf("the columns are %v", verbs)
	}
	for _, a := range driver.Actions {
		if !slices.Contains(verbs, a) {
			t.Errorf("action %q has no column", a)
		}
	}
	const ok, no = true, false
	tests := []struct {
		err  error
		want [9]bool // in the order of header
	}{
		{driver.ErrNotFound, [9]bool{no, no, ok, ok, ok, no, no, no, no}},
		{driver.ErrExists, [9]bool{ok, no, no, no, no, no, no, no, no}},
		{driver.ErrRunning, [9]bool{no, ok, no, no, no, no, no, no, no}},
		{driver.ErrNotRunning, [9]bool{no, no, ok, ok, no, no, no, no, no}},
		{driver.ErrPending, [9]bool{ok, ok, ok, ok, ok, ok, ok, ok, no}},
		{driver.ErrUnsupported, [9]bool{no, no, no, no, no, no, no, no, no}},
		{driver.ErrInvalid, [9]bool{no, no, no, no, no, no, no, no, no}},
		{driver.ErrForeign, [9]bool{no, no, no, no, no, no, no, no, no}},
		{driver.ErrConnectionLost, [9]bool{no, no, no, no, no, no, no, no, no}},
		{driver.ErrTimeout, [9]bool{no, no, no, no, no, no, no, no, no}},
		{context.DeadlineExceeded, [9]bool{no, no, no, no, no, no, no, no, no}},
		{context.Canceled, [9]bool{no, no, no, no, no, no, no, no, no}},
		{errOther, [9]bool{no, no, no, no, no, no, no, no, no}},
	}
	for _, tc := range tests {
		for i, a := range verbs {
			for shape, wrap := range wrappings {
				err := wrap(a, tc.err)
				got := driver.Settle(a, err)
				if tc.want[i] && got != nil {
					t.Errorf("Settle(%s, %v %s) = %v, want nil", a, tc.err, shape, got)
				}
				if !tc.want[i] && got != err { // the very same value is to come back
					t.Errorf("Settle(%s, %v %s) = %v, want it unchanged", a, tc.err, shape, got)
				}
			}
		}
	}
	for _, a := range verbs {
		if err := driver.Settle(a, nil); err != nil {
			t.Errorf("Settle(%s, nil) = %v", a, err)
		}
	}
}

func TestRetryableAndTimedOut(t *testing.T) {
	tests := []struct {
		err                 error
		retryable, timedOut bool
	}{
		{driver.ErrNotFound, true, false},
		{driver.ErrExists, true, false},
		{driver.ErrRunning, true, false},
		{driver.ErrNotRunning, true, false},
		{driver.ErrPending, true, false},
		{driver.ErrUnsupported, false, false},
		{driver.ErrInvalid, true, false},
		{driver.ErrForeign, false, false},
		{driver.ErrConnectionLost, true, true},
		{driver.ErrTimeout, true, true},
		{context.DeadlineExceeded, true, true},
		{context.Canceled, true, true},
		{errOther, true, false},
	}
	for _, tc := range tests {
		for shape, wrap := range wrappings {
			err := wrap(driver.Start, tc.err)
			if got := driver.Retryable(err); got != tc.retryable {
				t.Errorf("Retryable(%v %s) = %v", tc.err, shape, got)
			}
			if got := driver.TimedOut(err); got != tc.timedOut {
				t.Errorf("TimedOut(%v %s) = %v", tc.err, shape, got)
			}
		}
	}
	if driver.Retryable(nil) || driver.TimedOut(nil) {
		t.Error("success is neither retryable nor a timeout")
	}
}

func TestOpErrorReadsWell(t *testing.T) {
	ref := driver.Ref{Name: "web", Revision: "1-aa"}
	tests := []struct {
		err  *driver.OpError
		want string
	}{
		{&driver.OpError{Action: driver.Start, Ref: ref, Err: errOther}, "start web: the disk is full"},
		{
			&driver.OpError{Action: driver.Start, Ref: ref, Err: errOther, Hint: "free some space"},
			"start web: the disk is full (free some space)",
		},
	}
	for _, tc := range tests {
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}
