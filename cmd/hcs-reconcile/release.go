package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/control"
)

const releaseText = `End a hold: the daemon goes on with the container as its manifest says.`

func newRelease() *cobra.Command {
	return newWish(wish{
		use: "release NAME", short: "End a hold", long: releaseText,
		example: "  hcs-reconcile release web", done: "%s is held no more.",
		do: func(ctx context.Context, c *control.Client, name string) error {
			_, err := c.Release(ctx, name)
			return err
		},
	})
}
