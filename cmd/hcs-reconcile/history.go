package main

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/control"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

const historyText = `List the versions of a container that the daemon keeps: the last five, and always
the last one that was ready. "rollback" returns to one that was.`

func newHistory() *cobra.Command {
	var s settings
	var output string
	cmd := &cobra.Command{
		Use:     "history NAME",
		Short:   "List the versions of a container",
		Long:    historyText,
		Example: "  hcs-reconcile history web\n  hcs-reconcile history web -o json",
		Args:    oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			versions, err := control.NewClient(s.stateDir).Versions(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			switch output {
			case "json":
				return printJSON(w, versions)
			case "", "table":
				return printVersions(w, args[0], versions, time.Now())
			default:
				return fmt.Errorf("history: -o %s: table or json is expected", output)
			}
		},
		ValidArgsFunction: s.completeName,
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "`format`: table or json")
	s.offer(cmd, s.stateGroup())
	return cmd
}

func printVersions(w io.Writer, name string, versions []engine.Version, now time.Time) error {
	if len(versions) == 0 {
		fmt.Fprintf(w, "No version of %s is kept: none was ever made.\n", name)
		return nil
	}
	t := table{ink: inkFor(w), right: []int{0}}
	t.head("VERSION", "REVISION", "MADE", "READY", "NOW", "SOURCE")
	for _, v := range versions {
		ready, colour := "never", red
		if !v.Ready.IsZero() {
			ready, colour = ago(now.Sub(v.Ready))+" ago", green
		}
		t.add(cell{text: strconv.FormatUint(v.N, 10)}, cell{text: string(v.Revision)}, cell{text: ago(now.Sub(v.Made)) + " ago"},
			cell{ready, colour}, cell{text: role(v)}, cell{v.Source, dim})
	}
	return t.print(w)
}

// role is what a version is to the container now.
func role(v engine.Version) string {
	switch {
	case v.Runs && v.Wanted:
		return "runs"
	case v.Runs:
		return "runs instead"
	case v.Wanted:
		return "wanted"
	case !v.Whole:
		return "no manifest"
	default:
		return "-"
	}
}
