package main

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hcs-reconcile/hcs-reconcile/control"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// awaitEvent NAME REASON N waits until the history holds that many events.
func awaitEvent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: awaitevent NAME REASON N")
	}
	want, err := strconv.Atoi(args[2])
	ts.Check(err)
	client := control.NewClient(ts.Getenv("HCS_RECONCILE_STATE_DIR"))
	await(ts, strings.Join(args, " "), func() bool {
		events, err := client.Events(context.Background(), control.EventQuery{Container: args[0]})
		ts.Check(err)
		n := 0
		for _, e := range events {
			if e.Reason == args[1] {
				n++
			}
		}
		return n >= want
	})
}

// awaitVersion NAME N waits until that version of a container was ready.
func awaitVersion(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: awaitversion NAME N")
	}
	n, err := strconv.ParseUint(args[1], 10, 64)
	ts.Check(err)
	client := control.NewClient(ts.Getenv("HCS_RECONCILE_STATE_DIR"))
	await(ts, strings.Join(args, " "), func() bool {
		versions, err := client.Versions(context.Background(), args[0])
		ts.Check(err)
		return slices.ContainsFunc(versions, func(v engine.Version) bool { return v.N == n && !v.Ready.IsZero() })
	})
}

// awaitFile FILE TEXT waits until a file that is being written holds a text.
func awaitFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: awaitfile FILE TEXT")
	}
	await(ts, args[1]+" in "+args[0], func() bool {
		text, _ := os.ReadFile(ts.MkAbs(args[0]))
		return strings.Contains(string(text), args[1])
	})
}

func await(ts *testscript.TestScript, what string, met func() bool) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if met() {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	ts.Fatalf("waited in vain for %s", what)
}

// sameEvents ALL FOLLOWED waits until what is followed holds as many events as
// all did, and wants the same ones.
func sameEvents(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sameevents ALL FOLLOWED")
	}
	all := strings.Split(strings.TrimSpace(ts.ReadFile(args[0])), "\n")
	var followed []string
	await(ts, "all events", func() bool {
		followed = strings.Split(strings.TrimSpace(ts.ReadFile(args[1])), "\n")
		return len(followed) >= len(all)
	})
	if diff := cmp.Diff(all, followed[:len(all)]); len(all) < 10 || diff != "" {
		ts.Fatalf("%d events of all, %d followed (-all +followed):\n%s", len(all), len(followed), diff)
	}
}
