package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/control"
)

const confirmText = `Let the daemon remove what its prune brake holds back.

When many manifests vanish within a minute, the daemon takes it for an accident
and removes none of their containers. If it was meant, say so with this command.`

func newConfirmPrune() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:   "confirm-prune",
		Short: "Remove the containers that the prune brake holds back",
		Long:  confirmText,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			done, err := control.NewClient(s.stateDir).ConfirmPrune(cmd.Context())
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			if len(done.Released) == 0 {
				fmt.Fprintln(w, "The prune brake holds nothing back.")
				return nil
			}
			fmt.Fprintf(w, "%s will be removed:\n", plural(len(done.Released), "container"))
			for _, name := range done.Released {
				fmt.Fprintf(w, "  %s\n", name)
			}
			return nil
		},
	}
	s.offer(cmd, s.stateGroup())
	return cmd
}
