package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/control"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

const statusText = `Show what the daemon of a state folder knows of its containers: their state, why
they are in it, and when something is tried next. With a NAME, of that one only.

It succeeds whatever the containers are doing; read -o json to judge them.`

const statusExample = `  hcs-reconcile status
  hcs-reconcile status --watch
  hcs-reconcile status web -o wide
  hcs-reconcile status -o json | jq '.containers[] | select(.ready | not) | .name'`

func newStatus() *cobra.Command {
	var s settings
	o := statusOptions{}
	cmd := &cobra.Command{
		Use:     "status [NAME]",
		Short:   "Show the containers and their states",
		Long:    statusText,
		Example: statusExample,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(o.output, "table", "wide", "json", "yaml"); err != nil {
				return err
			}
			if len(args) == 1 {
				o.name = args[0]
			}
			if o.watch {
				return s.watchStatus(cmd, o)
			}
			v, err := control.NewClient(s.stateDir).View(cmd.Context())
			if err != nil {
				return err
			}
			return o.show(cmd.OutOrStdout(), screenOf(cmd.OutOrStdout()), v)
		},
		ValidArgsFunction: s.completeName,
	}
	cmd.Flags().StringVarP(&o.output, "output", "o", "table", "`format`: table, wide, json or yaml")
	cmd.Flags().BoolVarP(&o.watch, "watch", "w", false, "show it again and again, until Ctrl-C")
	cmd.Flags().DurationVar(&o.every, "interval", time.Second, "time between two looks with --watch")
	cmd.Flags().BoolVarP(&o.all, "all", "a", false, "also show what the manifests ask of other hosts")
	s.offer(cmd, s.stateGroup())
	return cmd
}

// statusOptions are what status can be told.
type statusOptions struct {
	name, output string
	watch, all   bool
	every        time.Duration
}

// watchStatus shows the status until a signal comes. A daemon that is away for
// a while, for an upgrade say, is waited for, with the last look left standing.
func (s *settings) watchStatus(cmd *cobra.Command, o statusOptions) error {
	ctx, stop := untilSignal(cmd.Context())
	defer stop()
	client := control.NewClient(s.stateDir)
	var last control.View
	seen := false
	return live(ctx, cmd.OutOrStdout(), max(o.every, shortestInterval), func(w io.Writer, at screen) error {
		v, err := client.View(ctx)
		switch {
		case err == nil:
			last, seen = v, true
		case !seen:
			return err
		default:
			fmt.Fprintf(w, "%s %v\n\n", at.ink.paint(red, "As of "+ago(time.Since(last.At))+" ago:"), err)
		}
		return o.show(w, at, last)
	})
}

// shortestInterval keeps --watch from asking without a pause.
const shortestInterval = 100 * time.Millisecond

// completeName serves completion for commands about one container.
func (s *settings) completeName(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return s.containerNames(cmd, len(args) == 0), cobra.ShellCompDirectiveNoFileComp
}

// containerNames serves completion: no daemon, no names.
func (s *settings) containerNames(cmd *cobra.Command, wanted bool) (names []string) {
	if !wanted || fillIn(cmd.Flags(), os.LookupEnv) != nil {
		return nil
	}
	v, err := control.NewClient(s.stateDir).View(cmd.Context())
	if err != nil {
		return nil
	}
	for _, c := range v.Containers {
		names = append(names, c.Name)
	}
	return names
}

// only leaves one container in v.
func only(v *control.View, name string) error {
	i := slices.IndexFunc(v.Containers, func(c reconcile.ContainerStatus) bool { return c.Name == name })
	if i < 0 {
		return noSuchContainer("show", name)
	}
	v.Containers = v.Containers[i : i+1]
	v.Foreign, v.Problems, v.Files, v.Away, v.Brake = nil, nil, nil, nil, reconcile.BrakeStatus{}
	return nil
}

func (o statusOptions) show(w io.Writer, at screen, v control.View) error {
	v.Actual = nil // for plan only
	if o.name != "" {
		if err := only(&v, o.name); err != nil {
			return err
		}
	}
	switch o.output {
	case "json":
		return printJSON(w, v)
	case "yaml":
		return printYAML(w, v)
	default:
		p := statusPage{View: v, screen: at, wide: o.output == "wide", all: o.all}
		return p.print(w)
	}
}
