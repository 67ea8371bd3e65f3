package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/control"
)

const holdText = `Have the daemon take no step for a container until the time is over or the hold is
released: what runs goes on, what ends stays ended, and changes of its manifest
wait. For looking at a broken container in peace, or for keeping one off while
something else is mended.

A hold is kept over restarts of the daemon. Without --for it lasts until
"release".`

const holdExample = `  hcs-reconcile hold web --for 2h --reason 'looking at the crash of this morning'
  hcs-reconcile release web`

func newHold() *cobra.Command {
	var length time.Duration
	var reason string
	cmd := newWish(wish{
		use: "hold NAME", short: "Take no step for a container", long: holdText, example: holdExample, done: "%s is held.",
		do: func(ctx context.Context, c *control.Client, name string) error {
			h := control.HoldRequest{Reason: reason}
			switch {
			case length < 0:
				return fmt.Errorf("hold %s: --for %v: a length of time such as 2h is expected", name, length)
			case length > 0:
				h.Until = time.Now().Add(length)
			}
			_, err := c.Hold(ctx, name, h)
			return err
		},
	})
	cmd.Flags().DurationVar(&length, "for", 0, "`length` of time, such as 30m or 2h; 0 is until it is released")
	cmd.Flags().StringVar(&reason, "reason", "", "`text` for those who wonder")
	return cmd
}
