package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// showGroups makes the help of cmd show its flags under the titles of groups.
func showGroups(cmd *cobra.Command, groups []group) {
	cmd.SetUsageFunc(func(cmd *cobra.Command) error {
		var b strings.Builder
		fmt.Fprintf(&b, "Usage:\n  %s\n", cmd.UseLine())
		if cmd.HasExample() {
			fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
		}
		grouped := pflag.NewFlagSet("", pflag.ContinueOnError)
		for _, g := range merge(groups) {
			grouped.AddFlagSet(g.flags)
			fmt.Fprintf(&b, "\n%s:\n%s", g.title, g.flags.FlagUsagesWrapped(100))
		}
		own := pflag.NewFlagSet("", pflag.ContinueOnError)
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if grouped.Lookup(f.Name) == nil {
				own.AddFlag(f)
			}
		})
		fmt.Fprintf(&b, "\nFlags:\n%s", own.FlagUsagesWrapped(100))
		_, err := fmt.Fprint(cmd.OutOrStderr(), b.String())
		return err
	})
}

// merge joins groups of the same title, in order of the first of each.
func merge(groups []group) []group {
	var out []group
next:
	for _, g := range groups {
		for _, o := range out {
			if o.title == g.title {
				o.flags.AddFlagSet(g.flags)
				continue next
			}
		}
		joined := newGroup(g.title)
		joined.flags.AddFlagSet(g.flags)
		out = append(out, joined)
	}
	return out
}
