package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/control"
)

// wish is a command by which an operator asks something of the daemon for one
// container.
type wish struct {
	use, short, long, example string
	done                      string // what is said when the wish is taken; %s is the name
	do                        func(context.Context, *control.Client, string) error
}

// wishText is true of all of them.
const wishText = `

It returns when the wish is kept, before it is done: follow it with
"hcs-reconcile status --watch" or "hcs-reconcile events NAME -f". An event tells
who asked.`

func newWish(w wish) *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:     w.use,
		Short:   w.short,
		Long:    w.long + wishText,
		Example: w.example,
		Args:    oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := w.do(cmd.Context(), control.NewClient(s.stateDir), args[0]); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), w.done+"\n", args[0])
			return nil
		},
		ValidArgsFunction: s.completeName,
	}
	s.offer(cmd, s.stateGroup())
	return cmd
}

// oneName wants the name of one container.
func oneName(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%s: the name of one container is expected\nSee '%s --help'", cmd.Name(), cmd.CommandPath())
	}
	return nil
}
