package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// codeError ends the program with a code after everything has been printed.
type codeError int

func (c codeError) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// coded is an error that ends the program with a code of its own.
type coded struct {
	error
	code int
}

func (c *coded) Unwrap() error { return c.error }

const rootText = `hcs-reconcile makes this host run exactly the containers that a folder of
manifests asks for, and keeps them running.

Every flag can also be set in the environment, as HCS_RECONCILE_ and its name in
capitals with _ for - and . (HCS_RECONCILE_STATE_DIR), or in a YAML file named by
--config (state-dir: /srv/state). A flag wins over the environment, the
environment over the file.`

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "hcs-reconcile",
		Short:         "Run the containers that a folder of manifests asks for",
		Long:          rootText,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w\nSee '%s --help'", err, cmd.CommandPath())
	})
	root.AddGroup(
		&cobra.Group{ID: "host", Title: "On the host:"},
		&cobra.Group{ID: "operate", Title: "By hand, beside the manifests:"},
		&cobra.Group{ID: "manifests", Title: "For manifests, without a daemon:"},
	)
	add := func(group string, cmds ...*cobra.Command) {
		for _, c := range cmds {
			c.GroupID = group
		}
		root.AddCommand(cmds...)
	}
	add("host", newRun(), newStatus(), newDescribe(), newLogs(), newEvents(), newHistory(), newTop(), newPlan(), newApply(), newDoctor())
	add("operate", newExec(), newRestart(), newRetry(), newHold(), newRelease(), newRollback(), newConfirmPrune())
	add("manifests", newValidate(), newConvert(), newSchema())
	root.AddCommand(newKeeper(), newVersion())
	return root
}
