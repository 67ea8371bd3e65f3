package driver_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

func TestStatusTellsAll(t *testing.T) {
	ref := driver.Ref{Name: "web", Revision: "1-aa"}
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	tests := []struct {
		status driver.Status
		want   string
	}{
		{driver.Status{Ref: ref, State: driver.Created}, "web@1-aa Created"},
		{
			driver.Status{Ref: ref, State: driver.Running, PID: 7, Started: at},
			"web@1-aa Running (process 7, started at 2026-11-22T08:00:00Z)",
		},
		{
			driver.Status{Ref: ref, State: driver.Stopped, Exit: driver.Exit{Code: 3, Known: true, At: at}},
			"web@1-aa Stopped (started at an unknown time, ended at 2026-11-22T08:00:00Z with code 3)",
		},
		{
			driver.Status{Ref: ref, State: driver.Stopped, Started: at},
			"web@1-aa Stopped (started at 2026-11-22T08:00:00Z, ended at an unknown time with unknown code)",
		},
	}
	for _, tc := range tests {
		// %+v is what tests print; it must not fall back to the Ref alone.
		if got := fmt.Sprintf("%+v", tc.status); got != tc.want {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
}
