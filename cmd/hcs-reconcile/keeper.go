package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

const keeperText = `Hold init processes, their output, exit codes and logs for a daemon that comes
and goes. The daemon starts this when it starts its first container; nobody else
needs to. It ends by itself when there is nothing left to hold.`

const keeperStopText = `End the keeper of a state folder. Containers go on running; the daemon starts
another keeper at once, which takes them over. It is how a keeper is replaced by
one of a newer version. On Windows, containers lose their log by it.`

// newKeeper is hidden: the daemon runs it.
func newKeeper() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use: "keeper", Short: "Hold what would die with the daemon", Long: keeperText, Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.keep(cmd.Context()) },
	}
	s.offer(cmd, s.stateGroup(), s.ownerGroup())
	cmd.AddCommand(newKeeperStop())
	return cmd
}

func newKeeperStop() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use: "stop", Short: "End the keeper; containers go on", Long: keeperStopText, Args: cobra.NoArgs,
		Example: "  hcs-reconcile keeper stop --state-dir ./state",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
			defer cancel()
			if err := keeper.Stop(ctx, s.stateDir); err != nil {
				return fmt.Errorf("stop keeper of %s: %w", s.stateDir, err)
			}
			return nil
		},
	}
	s.offer(cmd, s.stateGroup())
	return cmd
}

// keep is the whole of the keeper's process. A terminal or a session that ends
// is no reason to end.
func (s *settings) keep(ctx context.Context) error {
	signal.Ignore(os.Interrupt, syscall.SIGHUP)
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	all, err := launchers()
	if err != nil {
		return err
	}
	err = keeper.Serve(ctx, keeper.Config{
		StateDir: s.stateDir, Owner: s.owner, Version: thisBuild().Version, Log: log,
		Launchers: all,
	})
	if errors.Is(err, keeper.ErrOther) {
		log.Info("not needed: there is a keeper already")
		return nil
	}
	return err
}

// keeperCommand is how drivers start the keeper: this program.
func keeperCommand(c driverConfig) (*keeper.Command, error) {
	if c.looking {
		return nil, nil //nolint:nilnil // none is started
	}
	dir, err := filepath.Abs(c.stateDir)
	if err != nil {
		return nil, err
	}
	exe, err := keeperProgram(dir)
	if err != nil {
		return nil, err
	}
	return &keeper.Command{Path: exe, Args: []string{"keeper", "--state-dir", dir, "--owner", c.owner}}, nil
}

// followKeeper puts the loss and the return of the keeper into the history of
// the containers that it concerns.
func (d *daemon) followKeeper(ctx context.Context) {
	kept, ok := d.host.driver.(driver.Kept)
	if !ok {
		return
	}
	var lost []driver.Ref
	for {
		var n driver.KeeperNews
		select {
		case <-ctx.Done():
			return
		case n, ok = <-kept.KeeperNews():
			if !ok {
				return
			}
		}
		ev := reconcile.Event{Kind: reconcile.Became, State: reconcile.StateRunning, Reason: reconcile.KeeperBack, Message: fmt.Sprintf("keeper %d holds it now", n.PID)}
		if !n.Up {
			lost = n.Containers
			ev.Reason, ev.Warning = reconcile.KeeperLost, true
			ev.Message = "the keeper that holds it is gone; it goes on, another keeper takes over"
		}
		for _, r := range lost {
			ev.Container, ev.Revision = r.Name, string(r.Revision)
			if err := d.engine.Record(ctx, ev); err != nil {
				return // the engine has ended
			}
		}
	}
}
