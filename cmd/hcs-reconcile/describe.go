package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/control"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

const describeText = `Tell all that is known of one container: its state and why it is in it, its
conditions, how its last runs ended, what happens next and why, its specification
without secrets, and its events.`

const describeExample = `  hcs-reconcile describe web
  hcs-reconcile describe web -o yaml`

func newDescribe() *cobra.Command {
	var s settings
	var output string
	events := 20
	cmd := &cobra.Command{
		Use:     "describe NAME",
		Short:   "Tell all about one container: why it is as it is, and what comes next",
		Long:    describeText,
		Example: describeExample,
		Args:    oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output, "text", "json", "yaml"); err != nil {
				return err
			}
			d, err := s.describe(cmd, args[0])
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			switch output {
			case "json":
				return printJSON(w, d)
			case "yaml":
				return printYAML(w, d)
			default:
				p := describePage{description: d, screen: screenOf(w), events: events}
				return p.print(w)
			}
		},
		ValidArgsFunction: s.completeName,
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "`format`: text, json or yaml")
	cmd.Flags().IntVar(&events, "events", events, "at most so many `events`, the newest; 0 is all")
	s.offer(cmd, s.stateGroup())
	return cmd
}

// description is the answer, and the shape of -o json, to which fields are
// only added.
type description struct {
	At        time.Time                 `json:"at"`
	Container reconcile.ContainerStatus `json:"container"`
	Next      *planned                  `json:"next,omitempty"` // what the plan says of it
	Problems  []manifest.Problem        `json:"problems,omitempty"`
	Exits     []control.Event           `json:"exits"`              // newest first
	Spec      json.RawMessage           `json:"spec,omitempty"`     // metadata and spec, without secrets
	Revision  string                    `json:"revision,omitempty"` // that Spec is of, if it is not the wanted one
	Events    []control.Event           `json:"events"`             // oldest first
	others    []reconcile.ContainerStatus
	manifests string
}

func (s *settings) describe(cmd *cobra.Command, name string) (*description, error) {
	client := control.NewClient(s.stateDir)
	v, err := client.View(cmd.Context())
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(v.Containers, func(c reconcile.ContainerStatus) bool { return c.Name == name })
	if i < 0 {
		return nil, noSuchContainer("describe", name)
	}
	d := &description{At: v.At, Container: v.Containers[i], others: v.Containers, manifests: v.Daemon.Manifests, Exits: []control.Event{}}
	d.Container.Actual = nil
	for _, p := range v.Problems {
		if p.File == d.Container.Source {
			d.Problems = append(d.Problems, p)
		}
	}
	if d.Events, err = client.Events(cmd.Context(), control.EventQuery{Container: name}); err != nil {
		return nil, err
	}
	for _, e := range d.Events {
		if e.Kind == string(reconcile.Exited) && len(d.Exits) < exitsShown {
			d.Exits = append(d.Exits, e)
		}
	}
	slices.Reverse(d.Events)
	s.brake.MaxShare, s.brake.Min, s.brake.AllowEmpty = v.Brake.Limits.MaxShare, v.Brake.Limits.Min, v.Brake.Limits.AllowEmpty
	sit, err := s.situation(cmd)
	if err != nil {
		return nil, err
	}
	return d, d.ask(sit)
}

// exitsShown is how many of the last ends are told apart from the events.
const exitsShown = 5

// ask reads the rest from what a plan starts from.
func (d *description) ask(sit *situation) error {
	name := d.Container.Name
	u := folder.Read(sit.settings.manifests, sit.settings.start(sit.memory.Files, sit.memory.Records))
	p, err := sit.plan(time.Now(), u)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(p.Containers, func(c planned) bool { return c.Name == name }); i >= 0 {
		d.Next = &p.Containers[i]
	}
	if c := last(sit.memory.Files)[name]; c != nil {
		if d.Spec, err = manifest.Redacted(c); err != nil {
			return fmt.Errorf("describe %s: %w", name, err)
		}
		return nil
	}
	if kept := sit.specs[name]; len(kept) > 0 {
		d.Spec, d.Revision = kept[0].Spec, kept[0].Revision
	}
	return nil
}
