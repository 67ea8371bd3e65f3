package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/hcs-reconcile/hcs-reconcile/control"
	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

const execText = `Run a further process in a running container, with the user, the environment and
the isolation of its first one, and end with its exit code. What follows -- is the
program and its arguments, as they are: no shell reads them.

The process and all that it started end when the command does, however it ends.
An event tells who ran which program; its arguments are told to nobody.

Exit code: that of the process; 125 if it could not be run at all.`

const execExample = `  hcs-reconcile exec web -- tasklist
  hcs-reconcile exec -it web -- cmd
  hcs-reconcile exec -i db -- psql < dump.sql
  hcs-reconcile exec web -- sh -c 'env | sort'`

// exitNotRun is the exit code of exec when there is none of a process.
const exitNotRun = 125

func newExec() *cobra.Command {
	var s settings
	var p driver.Process
	cmd := &cobra.Command{
		Use:     "exec NAME -- COMMAND [ARG…]",
		Short:   "Run a further process in a container",
		Long:    execText,
		Example: execExample,
		Args:    execArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Command = args[1:]
			code, err := s.exec(cmd.Context(), args[0], p)
			if err != nil {
				return &coded{err, exitNotRun}
			}
			if code != 0 {
				return codeError(exitStatus(code))
			}
			return nil
		},
		ValidArgsFunction: s.completeName,
	}
	cmd.Flags().BoolVarP(&p.Stdin, "stdin", "i", false, "pass standard input on")
	cmd.Flags().BoolVarP(&p.TTY, "tty", "t", false, "run it on a terminal, as large as this one")
	cmd.Flags().StringVarP(&p.WorkingDir, "workdir", "w", "", "`folder` to run it in; without it that of the container's first process")
	s.offer(cmd, s.stateGroup())
	return cmd
}

func execArgs(cmd *cobra.Command, args []string) error {
	if dash := cmd.ArgsLenAtDash(); dash == 1 && len(args) > 1 || dash < 0 && len(args) > 1 {
		return nil
	}
	return &coded{fmt.Errorf("exec: the name of one container, --, and a program are expected\nSee '%s --help'", cmd.CommandPath()), exitNotRun}
}

func (s *settings) exec(ctx context.Context, name string, p driver.Process) (uint32, error) {
	x := control.Exec{Process: p, In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	if !p.TTY { // Ctrl-C ends us, and with us the process
		ctx, stop := untilSignal(ctx)
		defer stop()
		code, err := control.NewClient(s.stateDir).Exec(ctx, name, x)
		if errors.Is(err, context.Canceled) {
			return exitInterrupted, nil
		}
		return code, err
	}
	return s.execOnTerminal(ctx, name, x)
}

// exitInterrupted is what shells make of an end by Ctrl-C.
const exitInterrupted = 130

// execOnTerminal makes our terminal a wire to the one of the process: every key
// goes there, Ctrl-C too.
func (s *settings) execOnTerminal(ctx context.Context, name string, x control.Exec) (uint32, error) {
	in, out := int(os.Stdin.Fd()), int(os.Stdout.Fd())
	if x.Stdin && !term.IsTerminal(in) {
		return 0, errors.New("exec: standard input is no terminal: leave out -t")
	}
	width, height, err := term.GetSize(out)
	if err != nil {
		return 0, errors.New("exec: standard output is no terminal: leave out -t")
	}
	x.Cols, x.Rows = uint16(width), uint16(height) //nolint:gosec // of a terminal
	sizes, done := make(chan control.Size), make(chan struct{})
	defer close(done)
	x.Resize = sizes
	if x.Stdin {
		before, err := term.MakeRaw(in)
		if err != nil {
			return 0, fmt.Errorf("exec: set terminal raw: %w", err)
		}
		defer func() { _ = term.Restore(in, before) }()
	}
	changed, stop := resized()
	defer stop()
	go func() {
		for {
			select {
			case <-changed:
			case <-done:
				return
			}
			w, h, err := term.GetSize(out)
			if err != nil {
				continue
			}
			select {
			case sizes <- control.Size{Rows: uint16(h), Cols: uint16(w)}: //nolint:gosec // of a terminal
			case <-done:
				return
			}
		}
	}()
	return control.NewClient(s.stateDir).Exec(ctx, name, x)
}
