package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/control"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
	"github.com/hcs-reconcile/hcs-reconcile/probe"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

const applyText = `Make the host run what a folder of manifests says, once, and exit. The containers
keep running; nothing looks after them until a daemon does.

It succeeds when every container is as its manifest wants it. It fails, with exit
code 1, if the manifests have problems (then nothing is done), if something has
failed or is held back for good, or if --timeout passes; a container that crashes is
started again until then. Beside a running daemon it refuses: drop the files into
the daemon's folder instead.`

func newApply() *cobra.Command {
	var s settings
	var a applying
	cmd := &cobra.Command{
		Use:     "apply",
		Short:   "Follow the manifests once, and exit",
		Long:    applyText,
		Example: "  hcs-reconcile apply --manifests ./manifests --timeout 2m",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			a.out = cmd.OutOrStdout()
			a.ink = inkFor(a.out)
			return s.apply(ctx, &a, cmd.ErrOrStderr())
		},
	}
	cmd.Flags().DurationVar(&a.timeout, "timeout", 5*time.Minute, "how long it may take")
	cmd.Flags().DurationVar(&a.stable, "stable", time.Second, "how long a container must have run to count as running")
	s.offer(cmd, s.folderGroup(), s.stateGroup(), s.trustGroup(), s.labelGroup(), s.driverGroup(), s.paceGroup(), s.brakeGroup(), s.logGroup("warn"))
	return cmd
}

func (s *settings) apply(ctx context.Context, a *applying, stderr io.Writer) (err error) {
	log, err := s.newLogger(stderr)
	if err != nil {
		return err
	}
	if v, err := control.NewClient(s.stateDir).View(ctx); err == nil {
		return fmt.Errorf("apply: a daemon, process %d, works with %s; drop the manifests into its folder %s instead",
			v.Daemon.PID, s.stateDir, v.Daemon.Manifests)
	}
	if err := s.distrust(log); err != nil {
		return err
	}
	h, err := s.openHost(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	u := folder.Read(s.manifests, s.start(h.saved.Files, h.saved.Records))
	if len(u.Problems) > 0 {
		for _, p := range u.Problems {
			p.File = filepath.Join(s.manifests, filepath.FromSlash(p.File))
			fmt.Fprintln(a.out, p)
		}
		return fmt.Errorf("apply %s: %s in the manifests; nothing was done", s.manifests, plural(len(u.Problems), "problem"))
	}
	if u.Doubt != "" {
		return fmt.Errorf("apply %s: %s; nothing was done", s.manifests, u.Doubt)
	}
	want := make(chan folder.Update, 1)
	want <- u
	a.watch(u, h.saved.Records)
	a.engine = engine.New(engine.Config{
		Driver: h.driver, Store: h.store, Saved: h.saved, Want: want, Log: log, Observers: []engine.Observer{a},
		Prober: probe.New(h.driver, agent()), ExecProbes: s.execProbes, Timeout: s.timeout, Workers: s.workers, Brake: s.brake,
	})
	return a.converge(ctx)
}

// watch prepares a for an update: names that may be printed, and who needs whom.
func (a *applying) watch(u folder.Update, records []statedb.Record) {
	a.events = make(chan line, 1024)
	a.needs = map[string][]string{}
	for _, w := range u.Put {
		a.needs[w.Container.Name()] = w.Container.Needs()
		a.width = max(a.width, len(w.Container.Name()))
	}
	for _, r := range records {
		a.width = max(a.width, len(r.Name))
	}
	a.began = time.Now()
}
