package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/control"
)

const rollbackText = `Have the daemon run an earlier version of a container that was ready, instead of
the one that its manifest asks for, until the manifest changes. "history" lists
the versions that are kept. Without --to it is the newest that was ready and is
not the one wanted now.

The daemon does the same by itself when a new version is not ready within
update.progressDeadline. "retry" tries the manifest once more.`

const rollbackExample = `  hcs-reconcile history web
  hcs-reconcile rollback web
  hcs-reconcile rollback web --to 3`

func newRollback() *cobra.Command {
	var to uint64
	cmd := newWish(wish{
		use: "rollback NAME", short: "Run an earlier version of a container", long: rollbackText, example: rollbackExample,
		done: "%s returns to an earlier version, until its manifest changes.",
		do: func(ctx context.Context, c *control.Client, name string) error {
			_, err := c.Rollback(ctx, name, control.RollbackRequest{To: to})
			return err
		},
	})
	cmd.Flags().Uint64Var(&to, "to", 0, "`number` of the version, as history has it")
	return cmd
}
