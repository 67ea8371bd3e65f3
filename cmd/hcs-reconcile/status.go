package main

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/hcs-reconcile/hcs-reconcile/control"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

const statusText = `Show what the daemon of a state folder knows of its containers: their state, why
they are in it, and when something is tried next. With a NAME, of that one only.

It succeeds whatever the containers are doing; read -o json to judge them.`

func newStatus() *cobra.Command {
	var s settings
	var output string
	var all bool
	cmd := &cobra.Command{
		Use:   "status [NAME]",
		Short: "Show the containers and their states",
		Long:  statusText,
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output, "table", "wide", "json", "yaml"); err != nil {
				return err
			}
			v, err := control.NewClient(s.stateDir).View(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if err := only(&v, args[0]); err != nil {
					return err
				}
			}
			return showStatus(cmd.OutOrStdout(), v, output, all)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return s.containerNames(cmd, len(args) == 0), cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "table", "`format`: table, wide, json or yaml")
	cmd.Flags().BoolVarP(&all, "all", "a", false, "also show what the manifests ask of other hosts")
	s.offer(cmd, s.stateGroup())
	return cmd
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
		return fmt.Errorf("show %s: the daemon knows no container of that name", name)
	}
	v.Containers = v.Containers[i : i+1]
	v.Foreign, v.Problems, v.Files, v.Away, v.Brake = nil, nil, nil, nil, reconcile.BrakeStatus{}
	return nil
}

func showStatus(w io.Writer, v control.View, output string, all bool) error {
	v.Actual = nil // for plan only
	switch output {
	case "json":
		return printJSON(w, v)
	case "yaml":
		text, err := yaml.Marshal(v)
		if err != nil {
			return fmt.Errorf("encode status: %w", err)
		}
		_, err = w.Write(text)
		return err
	default:
		p := statusPage{View: v, ink: inkFor(w), wide: output == "wide", all: all}
		return p.print(w)
	}
}
