package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/control"
)

const eventsText = `Show what the daemon did and why, oldest first: each decision with its reason, what
came of it, ends of containers, changes of their shown state, and what operators
asked for. With a NAME, of that container only.

The history is bounded (10,000 events, 200 of one container) and survives
restarts of the daemon. With --follow it goes on with what comes, also over a
restart of the daemon, without losing or repeating any.`

const eventsExample = `  hcs-reconcile events
  hcs-reconcile events web --since 1h
  hcs-reconcile events -f
  hcs-reconcile events -o json | jq 'select(.type == "Warning")'`

func newEvents() *cobra.Command {
	var s settings
	o := eventOptions{}
	cmd := &cobra.Command{
		Use:     "events [NAME]",
		Short:   "Show what was done, and why",
		Long:    eventsText,
		Example: eventsExample,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(o.output, "table", "json"); err != nil {
				return err
			}
			q, err := o.query(time.Now(), args)
			if err != nil {
				return err
			}
			client := control.NewClient(s.stateDir)
			if o.follow {
				return followEvents(cmd, client, q, o.printer(cmd.OutOrStdout()))
			}
			events, err := client.Events(cmd.Context(), q)
			if err != nil {
				return err
			}
			slices.Reverse(events)
			return o.show(cmd.OutOrStdout(), events)
		},
		ValidArgsFunction: s.completeName,
	}
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on with those that come, until Ctrl-C")
	cmd.Flags().StringVar(&o.since, "since", "", "only those `since` a time (2026-11-22T08:00:00Z) or a length of time ago (1h)")
	cmd.Flags().IntVarP(&o.limit, "limit", "n", 50, "at most so many `events` of the past, the newest; 0 is all")
	cmd.Flags().StringVarP(&o.output, "output", "o", "table", "`format`: table, or json, a line each")
	s.offer(cmd, s.stateGroup())
	return cmd
}

// eventOptions are what events can be told.
type eventOptions struct {
	follow        bool
	since, output string
	limit         int
}

func (o eventOptions) query(now time.Time, args []string) (control.EventQuery, error) {
	q := control.EventQuery{Limit: o.limit}
	if len(args) == 1 {
		q.Container = args[0]
	}
	if o.limit < 0 {
		return q, fmt.Errorf("limit %d: a number is expected; 0 is all", o.limit)
	}
	var err error
	q.SinceTime, err = parseSince(now, o.since)
	if !q.SinceTime.IsZero() {
		q.Limit = 0
	}
	return q, err
}

// parseSince reads a time, or a length of time before now; "" is no time.
func parseSince(now time.Time, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("since %q: a length of time such as 1h30m, or a time such as 2026-11-22T08:00:00Z, is expected", text)
	}
	return t, nil
}

// followEvents prints events until a signal comes. A daemon that ends is waited
// for: the next one has the same history, and goes on in it.
func followEvents(cmd *cobra.Command, client *control.Client, q control.EventQuery, print func(control.Event) error) error {
	ctx, stop := untilSignal(cmd.Context())
	defer stop()
	connected := false
	for {
		err := client.FollowEvents(ctx, q, func(e control.Event) error {
			q.Since, connected = &e.Seq, true
			return print(e)
		})
		gone := errors.Is(err, io.EOF) || errors.Is(err, control.ErrNoDaemon) && connected
		switch {
		case ctx.Err() != nil:
			return nil
		case !gone:
			return err
		case errors.Is(err, io.EOF):
			connected = true
			fmt.Fprintln(cmd.ErrOrStderr(), "The daemon has ended; waiting for the next one.")
		}
		pause(ctx, followAgain)
	}
}

// followAgain is how often a daemon that is away is looked for.
const followAgain = 200 * time.Millisecond

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
