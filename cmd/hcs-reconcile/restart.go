package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/control"
)

const restartText = `Have the daemon stop a container, with its whole grace period, and start it at
once after that. One that has ended is started. It does not count as a failure,
and what depends on the container is left alone.`

func newRestart() *cobra.Command {
	return newWish(wish{
		use: "restart NAME", short: "Stop a container, and start it anew", long: restartText,
		example: "  hcs-reconcile restart web", done: "%s will be stopped and started anew.",
		do: func(ctx context.Context, c *control.Client, name string) error {
			_, err := c.Restart(ctx, name)
			return err
		},
	})
}
