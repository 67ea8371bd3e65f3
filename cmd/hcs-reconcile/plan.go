package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/control"
	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

const planText = `Tell what would happen if the daemon followed a folder of manifests from now on,
and why; nothing is changed.

Beside a running daemon it starts from what that daemon knows, and takes its
folder, driver and owner unless told otherwise: point --manifests at a checkout to
see what it would do. Without one it looks at the host itself.

For each field that differs it says what the change costs: free (the daemon takes
it by itself), in-place (the running container is changed) or recreate.

Exit code 0: nothing to do; 2: there are changes; 1: an error, or a problem in the
manifests. Values that may be secret are never shown.`

func newPlan() *cobra.Command {
	var s settings
	var output string
	var all bool
	cmd := &cobra.Command{
		Use:     "plan",
		Short:   "Tell what would be done, and why",
		Long:    planText,
		Example: "  hcs-reconcile plan --manifests ./checkout/manifests",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output, "", "json"); err != nil {
				return err
			}
			sit, err := s.situation(cmd)
			if err != nil {
				return err
			}
			p, err := sit.plan(time.Now(), folder.Read(s.manifests, s.start(sit.memory.Files, sit.memory.Records)))
			if err != nil {
				return err
			}
			if err := p.show(cmd.OutOrStdout(), output, all); err != nil {
				return err
			}
			return p.exitCode()
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "`format`: json, for programs")
	cmd.Flags().BoolVarP(&all, "all", "a", false, "also show what stays as it is, and the containers of other owners")
	s.offer(cmd, s.folderGroup(), s.stateGroup(), s.labelGroup(), s.driverGroup(), s.brakeGroup())
	return cmd
}

// situation is what a plan starts from.
type situation struct {
	settings *settings
	daemon   *control.Daemon // nil: none runs
	listing  driver.Listing
	memory   control.Memory
	check    func(*manifest.Container) []driver.Note
	specs    map[string][]control.Spec // stored revisions of what runs
}

func (s *settings) situation(cmd *cobra.Command) (*situation, error) {
	client := control.NewClient(s.stateDir)
	v, err := client.View(cmd.Context())
	switch {
	case errors.Is(err, control.ErrNoDaemon):
		return s.lookMyself(cmd.Context(), cmd.ErrOrStderr())
	case err != nil:
		return nil, err
	}
	for name, from := range map[string]struct{ to, value *string }{
		"manifests": {&s.manifests, &v.Daemon.Manifests}, "driver": {&s.driver, &v.Daemon.Driver}, "owner": {&s.owner, &v.Daemon.Owner},
	} {
		if !cmd.Flags().Changed(name) {
			*from.to = *from.value
		}
	}
	if !cmd.Flags().Changed("node-labels") {
		s.daemonLabels = v.Daemon.Labels
	}
	kind, err := findDriver(s.driver)
	if err != nil {
		return nil, err
	}
	sit := &situation{
		settings: s, daemon: &v.Daemon, check: kind.check,
		listing: driver.Listing{Ours: v.Actual, Foreign: v.Foreign},
	}
	if sit.memory, err = client.Memory(cmd.Context()); err != nil {
		return nil, err
	}
	return sit, sit.fetchSpecs(func(name string) ([]control.Spec, error) { return client.Specs(cmd.Context(), name) })
}

// lookMyself opens state and driver for as long as it takes to look. Where
// there is no state yet, none is made.
func (s *settings) lookMyself(ctx context.Context, stderr io.Writer) (_ *situation, err error) {
	at := *s
	at.looking = true
	if _, err := os.Stat(s.stateDir); errors.Is(err, os.ErrNotExist) {
		if at.stateDir, err = os.MkdirTemp("", "hcs-reconcile-plan-"); err != nil {
			return nil, err
		}
		defer os.RemoveAll(at.stateDir)
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	h, err := at.openHost(ctx, log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	sit := &situation{
		settings: s, check: h.driver.Check,
		memory: control.Memory{Records: h.saved.Records, Brake: h.saved.Brake, Files: h.saved.Files},
	}
	if sit.listing, err = h.driver.List(ctx); err != nil {
		return nil, err
	}
	return sit, sit.fetchSpecs(func(name string) ([]control.Spec, error) {
		kept, err := h.store.Specs(name)
		return control.Specs(kept), err
	})
}

func (sit *situation) fetchSpecs(get func(name string) ([]control.Spec, error)) (err error) {
	sit.specs = map[string][]control.Spec{}
	for _, st := range sit.listing.Ours {
		if sit.specs[st.Name] != nil {
			continue
		}
		if sit.specs[st.Name], err = get(st.Name); err != nil {
			return err
		}
	}
	return nil
}

// last are the manifests as the daemon last followed them, by name.
func last(files []statedb.ManifestFile) map[string]*manifest.Container {
	byName := map[string]*manifest.Container{}
	for _, f := range files {
		containers, _ := manifest.Parse(f.Path, f.Text) // one that is not understood any more says nothing
		for _, c := range containers {
			byName[c.Name()] = c
		}
	}
	return byName
}
