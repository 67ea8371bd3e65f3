package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/control"
	"github.com/hcs-reconcile/hcs-reconcile/logs"
)

const logsText = `Print what a container wrote to its output and error streams.

All runs and revisions of a name share one log, which is kept in files of the
CRI log format in the folder logs of the state folder. The daemon reads them for
you; without a daemon this command does it itself.`

const logsExample = `  hcs-reconcile logs web                       # all that is kept
  hcs-reconcile logs web -f --tail 20          # the last 20 lines, and what comes
  hcs-reconcile logs web --since 5m --timestamps
  hcs-reconcile logs web --since 2026-11-26T08:00:00Z --stream stderr
  hcs-reconcile logs web --previous            # the last run that has ended: why did it?`

// logFlags are the flags of logs.
type logFlags struct {
	follow, previous, timestamps bool
	tail                         int
	since, stream                string
}

func newLogs() *cobra.Command {
	var s settings
	var f logFlags
	cmd := &cobra.Command{
		Use:     "logs NAME",
		Short:   "Print the output of a container",
		Long:    logsText,
		Example: logsExample,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := f.query(time.Now())
			if err != nil {
				return err
			}
			return printLog(cmd, s.stateDir, args[0], q, f.timestamps)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return s.containerNames(cmd, len(args) == 0), cobra.ShellCompDirectiveNoFileComp
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.follow, "follow", "f", false, "go on with what is written, also by later runs")
	flags.IntVar(&f.tail, "tail", -1, "print only so many lines, the newest; -1 is all")
	flags.StringVar(&f.since, "since", "", "print only what is newer: a `time` (RFC 3339) or how long ago (5m)")
	flags.BoolVarP(&f.previous, "previous", "p", false, "print the last run that has ended")
	flags.BoolVar(&f.timestamps, "timestamps", false, "print when each line was written")
	flags.StringVar(&f.stream, "stream", "", "print only this `stream`: stdout or stderr")
	s.offer(cmd, s.stateGroup())
	return cmd
}

// query checks the flags.
func (f *logFlags) query(now time.Time) (control.LogQuery, error) {
	q := control.LogQuery{Previous: f.previous, Follow: f.follow, Source: logs.Source(f.stream)}
	switch {
	case f.tail < -1:
		return q, fmt.Errorf("tail %d: a number of lines is expected, or -1 for all", f.tail)
	case f.tail > 0:
		q.Tail = f.tail
	case f.tail == 0:
		q.Tail = -1
	}
	if f.stream != "" {
		if err := checkOutput(f.stream, string(logs.Stdout), string(logs.Stderr)); err != nil {
			return q, fmt.Errorf("stream %q: stdout or stderr is expected", f.stream)
		}
	}
	if f.previous && f.follow {
		return q, errors.New("--previous with --follow: a run that has ended writes nothing more; give one of them")
	}
	if f.since == "" {
		return q, nil
	}
	if d, err := time.ParseDuration(f.since); err == nil && d >= 0 {
		q.SinceTime = now.Add(-d)
		return q, nil
	}
	at, err := time.Parse(time.RFC3339Nano, f.since)
	if err != nil {
		return q, fmt.Errorf("since %q: a length of time such as 5m or 1h30m is expected, or a time such as %s", f.since, now.UTC().Format(time.RFC3339))
	}
	q.SinceTime = at
	return q, nil
}

func printLog(cmd *cobra.Command, stateDir, name string, q control.LogQuery, timestamps bool) error {
	p := &logPrinter{w: bufio.NewWriterSize(cmd.OutOrStdout(), 64<<10), timestamps: timestamps}
	err := control.NewClient(stateDir).Logs(cmd.Context(), name, q, p.line, p.w.Flush)
	if errors.Is(err, control.ErrNoDaemon) {
		err = p.withoutDaemon(cmd, stateDir, name, q, err)
	}
	return errors.Join(err, p.w.Flush())
}

// withoutDaemon reads the files.
func (p *logPrinter) withoutDaemon(cmd *cobra.Command, stateDir, name string, q control.LogQuery, noDaemon error) error {
	if q.Previous {
		return noDaemon // only it knows when runs began and ended
	}
	files := logs.Query{Tail: q.Tail, Since: q.SinceTime, Source: q.Source, Follow: q.Follow, Idle: p.w.Flush}
	if _, err := io.WriteString(cmd.ErrOrStderr(), "No daemon answers; reading the files.\n"); err != nil {
		return err
	}
	err := logs.Read(cmd.Context(), control.LogDir(stateDir), name, files, p.line)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (and there is no log of %s in %s)", noDaemon, name, control.LogDir(stateDir))
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// logPrinter prints lines as they were written.
type logPrinter struct {
	w          *bufio.Writer
	timestamps bool
	open       logs.Source // its line has begun and not ended; "" is none
}

func (p *logPrinter) line(l logs.Line) error {
	goesOn := l.Rest && p.open == l.From
	if p.open != "" && !goesOn {
		_ = p.w.WriteByte('\n') // another stream's line comes between
	}
	if p.timestamps && !goesOn {
		_, _ = p.w.WriteString(l.At.UTC().Format("2006-01-02T15:04:05.000000000Z "))
	}
	_, err := p.w.Write(l.Text) // the first error of the writer stays
	p.open = l.From
	if !l.Partial {
		p.open, err = "", p.w.WriteByte('\n')
	}
	return err
}
