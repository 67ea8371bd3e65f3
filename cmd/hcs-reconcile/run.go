package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/hcs-reconcile/hcs-reconcile/control"
	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
	"github.com/hcs-reconcile/hcs-reconcile/metrics"
	"github.com/hcs-reconcile/hcs-reconcile/probe"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/tracing"
	"github.com/hcs-reconcile/hcs-reconcile/web/page"
)

const runText = `Run the daemon: read the manifests, make the host run exactly what they say, and
go on doing so until SIGINT or SIGTERM. A second signal ends it at once.

Containers keep running when the daemon ends, crashes or is upgraded; the next
one takes them over as they are. There is one daemon per state folder.`

func newRun() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Run the daemon",
		Long:    runText,
		Example: "  hcs-reconcile run --manifests ./manifests --state-dir ./state --driver local",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			return s.run(ctx, cmd.ErrOrStderr())
		},
	}
	s.offer(cmd, s.folderGroup(), s.stateGroup(), s.trustGroup(), s.labelGroup(), s.driverGroup(), s.paceGroup(), s.runGroup(),
		s.settleGroup(), s.brakeGroup(), s.webGroup(), s.tracingGroup(), s.logGroup("info"))
	return cmd
}

// untilSignal ends with the first signal; the second one has its usual effect.
func untilSignal(ctx context.Context) (context.Context, func()) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

func (s *settings) run(signals context.Context, stderr io.Writer) (err error) {
	log, err := s.newLogger(stderr)
	if err != nil {
		return err
	}
	if err := s.distrust(log); err != nil {
		return err
	}
	traces, err := s.newTracer(signals, log)
	if err != nil {
		return err
	}
	defer closeTracer(signals, traces, log)
	h, err := s.openHost(signals, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	d, err := s.newDaemon(h, log, traces)
	if err != nil {
		return err
	}
	log.Info("daemon started", "version", thisBuild().Version, "manifests", s.manifests, "state", s.stateDir,
		"driver", s.driver, "owner", s.owner, "web", d.about.Web, "containers", len(h.saved.Records))
	err = d.live(signals)
	log.Info("daemon ended", "stopped_containers", s.stopOnExit)
	return err
}

// daemon is everything that lives while run does.
type daemon struct {
	about   control.Daemon
	log     *slog.Logger
	host    *host
	watcher *folder.Watcher
	engine  *engine.Engine
	control net.Listener
	web     *website
	page    *page.Page
	traces  *tracing.Tracer    // nil: there are none
	read    chan folder.Update // from the watcher
	want    chan folder.Update // to the engine
}

func (s *settings) newDaemon(h *host, log *slog.Logger, traces *tracing.Tracer) (*daemon, error) {
	d := &daemon{
		about: control.Daemon{
			Version: thisBuild().Version, PID: os.Getpid(), Started: time.Now(),
			Driver: s.driver, Owner: s.owner, Manifests: s.manifests, StateDir: s.stateDir, Labels: s.allLabels(),
		},
		log: log, host: h, traces: traces, read: make(chan folder.Update), want: make(chan folder.Update),
		watcher: &folder.Watcher{
			Dir: s.manifests, Settle: s.settle, Resync: s.resync, Log: log,
			Known: known(h.saved.Files), Owners: owners(h.saved.Records), Labels: s.allLabels(),
		},
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	b := thisBuild()
	var usage page.Usage
	m, all := metrics.NewFast(reg, metrics.Options{
		View:  func(ctx context.Context) (engine.View, error) { return d.engine.View(ctx) },
		Stats: h.driver.Stats, Sampled: usage.Tell, Version: b.Version, Revision: b.Revision, NativeHistograms: s.web.native,
		Keeper: keeperOf(h.driver),
	})
	d.page = d.newPage(&usage, m)
	observers := []engine.Observer{m, eventLog{log}, d.page}
	if traces != nil {
		observers = append(observers, traces)
	}
	kept, _ := h.driver.(driver.Kept)
	d.engine = engine.New(engine.Config{
		Keeper: kept,
		Driver: m.Driver(h.driver), Store: m.Store(h.store), Saved: h.saved, Want: d.want, Log: log,
		Observers: observers,
		Prober:    probe.New(h.driver, agent()), ExecProbes: s.execProbes,
		Resync: s.resync, Timeout: s.timeout, Workers: s.workers, Brake: s.brake, StopOnExit: s.stopOnExit,
	})
	return d, s.listenAll(d, all)
}

// listenAll opens the socket for our own commands, and the one for the web.
func (s *settings) listenAll(d *daemon, reg prometheus.Gatherer) (err error) {
	if d.web, err = newWebsite(s.web, d, reg); err != nil {
		return err
	}
	d.about.Web = d.web.address()
	if d.control, err = control.Listen(s.stateDir); err != nil {
		return errors.Join(err, d.web.close())
	}
	return nil
}

func (d *daemon) controlConfig() control.Config {
	c := control.Config{Daemon: d.about, Engine: d.engine, Store: d.host.store, Runtime: d.host.driver}
	c.Exec, _ = d.host.driver.(driver.Execer)
	return c
}

// live runs all parts, and returns when all of them have ended. The first
// signal ends the engine alone: while it stops containers, status and metrics
// go on. When it is done, or when any part fails, the others end.
func (d *daemon) live(signals context.Context) error {
	all, end := context.WithCancel(context.WithoutCancel(signals))
	defer end()
	g, all := errgroup.WithContext(all)
	g.Go(func() error {
		defer end()
		ctx, cancel := context.WithCancel(all)
		defer cancel()
		defer context.AfterFunc(signals, cancel)()
		return d.engine.Run(ctx)
	})
	g.Go(func() error { return d.watcher.Run(all, d.read) })
	g.Go(func() error { d.forward(all); return nil })
	g.Go(func() error { d.followKeeper(all); return nil })
	g.Go(func() error {
		return control.Serve(all, d.control, control.Handler(d.controlConfig()))
	})
	g.Go(func() error {
		defer context.AfterFunc(all, d.page.Close)()
		return d.web.serve(all)
	})
	if err := g.Wait(); err != nil {
		return fmt.Errorf("run daemon: %w", err)
	}
	return nil
}

// forward passes the folder's updates on, and tells of problems that are new.
func (d *daemon) forward(ctx context.Context) {
	told := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case u := <-d.read:
			told = d.tell(u, told)
			select {
			case d.want <- u:
				d.traces.Changed(u, time.Now())
			case <-ctx.Done():
				return
			}
		}
	}
}

// tell logs what is wrong with the folder and was not when told was made.
func (d *daemon) tell(u folder.Update, told map[string]bool) map[string]bool {
	if len(u.Put)+len(u.Drop) > 0 || u.Full {
		d.log.Info("manifests read", keyChange, u.ID, "files", len(u.Files)+len(u.Gone), keyFile, someFiles(u),
			"containers", len(u.Put)+len(u.Drop), "source_revision", u.Source.Revision)
	}
	for _, w := range u.Put {
		for _, n := range notDone(w.Container, d.host.driver.Check(w.Container)) {
			d.log.Warn("manifest asks for what is not done", keyContainer, w.Container.Name(), "field", n.Field, keyMessage, n.Message)
		}
	}
	now := map[string]bool{}
	for _, p := range u.Problems {
		text := p.String()
		now[text] = true
		if !told[text] {
			d.log.Warn("manifest problem; what ran before stays as it is", keyProblem, text, keyChange, u.ID)
		}
	}
	if u.Doubt != "" {
		now[u.Doubt] = true
		if !told[u.Doubt] {
			d.log.Warn("folder in doubt; nothing is removed", keyReason, u.Doubt)
		}
	}
	return now
}

// filesTold bounds how many files one log line names.
const filesTold = 8

// someFiles names the files that an update is about, the first few of many.
func someFiles(u folder.Update) []string {
	var paths []string
	for _, f := range u.Files {
		paths = append(paths, f.Path)
	}
	paths = append(paths, u.Gone...)
	return paths[:min(len(paths), filesTold)]
}
