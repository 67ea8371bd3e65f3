package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/control"
)

const retryText = `Have the daemon try now what it waits to try (CrashLoopBackOff, Failed), or has
given up (GaveUp). The count of failures begins anew.`

func newRetry() *cobra.Command {
	return newWish(wish{
		use: "retry NAME", short: "Try now what waits, or was given up", long: retryText,
		example: "  hcs-reconcile retry web", done: "%s is tried again now.",
		do: func(ctx context.Context, c *control.Client, name string) error {
			_, err := c.Retry(ctx, name)
			return err
		},
	})
}
