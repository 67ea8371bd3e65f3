package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/control"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// statusPage is the status for people: a table, and below it what is wrong.
type statusPage struct {
	control.View
	screen
	wide bool
	all  bool
}

func (p *statusPage) print(w io.Writer) error {
	if !p.Started {
		fmt.Fprintln(w, p.ink.paint(yellow, "The daemon has not seen the manifests and the host yet."))
	}
	if len(p.Containers) == 0 {
		fmt.Fprintf(w, "No containers: %s asks for none.\n", p.Daemon.Manifests)
	} else if err := p.containers(w); err != nil {
		return err
	}
	p.troubles(w)
	p.foreign(w)
	p.away(w)
	return nil
}

func (p *statusPage) containers(w io.Writer) error {
	t := table{ink: p.ink, spare: []int{2, 3, 4}, right: []int{3}}
	if !p.wide {
		t.width = p.width
	}
	titles := []string{"NAME", "STATE", "READY", "RESTARTS", "AGE", "NEXT TRY"}
	if p.wide {
		titles = append(titles, "PID", "REVISION", "SOURCE")
	}
	t.head(append(titles, "MESSAGE")...)
	for i := range p.Containers {
		t.add(p.row(&p.Containers[i])...)
	}
	return t.print(w)
}

func (p *statusPage) row(c *reconcile.ContainerStatus) []cell {
	row := []cell{
		{text: c.Name},
		{string(c.State), colourOf(c.State)},
		{text: readiness(c)},
		{text: strconv.FormatUint(c.Restarts, 10)},
		{text: p.since(c.Since)},
		{text: p.until(c.NextTry)},
	}
	if p.wide {
		pid := "-"
		if c.PID > 0 {
			pid = strconv.Itoa(c.PID)
		}
		row = append(row, cell{text: pid}, cell{text: dash(string(c.RunningRevision))}, cell{text: place(c.Source, c.Line)})
	}
	return append(row, cell{text: message(c)})
}

func readiness(c *reconcile.ContainerStatus) string {
	switch {
	case c.Ready:
		return "yes"
	case c.Desired == manifest.DesiredRunning && c.State != reconcile.StateCompleted:
		return "no"
	default:
		return "-"
	}
}

// message is the text of the daemon, or else its reason; nothing where all is
// as it should be.
func message(c *reconcile.ContainerStatus) string {
	switch {
	case c.Message != "":
		return c.Message
	case c.Reason == reconcile.UpToDate, c.Reason == reconcile.Ended:
		return ""
	default:
		return string(c.Reason)
	}
}

func (p *statusPage) since(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return ago(p.At.Sub(t))
}

func (p *statusPage) until(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return "in " + ago(t.Sub(p.At))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func place(file string, line int) string {
	if line == 0 {
		return dash(file)
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// colourOf tells good from waiting from bad.
func colourOf(s reconcile.State) string {
	switch s {
	case reconcile.StateRunning, reconcile.StateReady, reconcile.StateCompleted:
		return green
	case reconcile.StateCrashLoopBackOff, reconcile.StateGaveUp, reconcile.StateFailed, reconcile.StateStuck, reconcile.StatePruneBlocked:
		return red
	case reconcile.StateStopped, reconcile.StateForeign:
		return dim
	case reconcile.StatePending, reconcile.StateWaiting, reconcile.StateCreating, reconcile.StateStarting,
		reconcile.StateStopping, reconcile.StatePaused, reconcile.StateHeld:
		return yellow
	default:
		return ""
	}
}

// troubles are what a person should do something about.
func (p *statusPage) troubles(w io.Writer) {
	warn := func(title, text string) {
		if text != "" {
			fmt.Fprintf(w, "\n%s %s\n", p.ink.paint(red, title), text)
		}
	}
	if len(p.Brake.Blocked) > 0 {
		warn("Prune brake:", p.Brake.Message)
		for _, name := range p.Brake.Blocked {
			fmt.Fprintf(w, "  %s\n", name)
		}
		fmt.Fprintf(w, "  If they shall go: hcs-reconcile confirm-prune --state-dir %s\n", p.Daemon.StateDir)
	}
	warn("Prune permit:", p.Brake.Permit.Void)
	if may := p.Brake.Permit.Containers; len(may) > 0 {
		fmt.Fprintf(w, "\nThe folder allows to remove: %s\n", strings.Join(may, ", "))
	}
	warn("Folder in doubt, nothing is removed:", p.Doubt)
	warn("Containers of the host not listed:", p.ListError)
	if k := p.Keeper; k != nil && k.Needed && !k.Up {
		warn("No keeper; what runs goes on, but exit codes and output may be lost:", k.Problem)
	}
	warn("State not saved, nothing is done until it can be:", p.SaveError)
	if len(p.Problems) > 0 {
		fmt.Fprintf(w, "\n%s\n", p.ink.paint(red, plural(len(p.Problems), "problem")+" in the manifests; what ran before stays as it is:"))
		for _, m := range p.Problems {
			m.File = filepath.Join(p.Daemon.Manifests, filepath.FromSlash(m.File))
			fmt.Fprintf(w, "  %s\n", m)
		}
	}
}

func (p *statusPage) foreign(w io.Writer) {
	if len(p.Foreign) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s of other owners, never touched:\n", plural(len(p.Foreign), "container"))
	const most = 5
	for i, f := range p.Foreign {
		if i == most && !p.wide {
			fmt.Fprintf(w, "  … and %d more: -o wide\n", len(p.Foreign)-most)
			return
		}
		fmt.Fprintf(w, "  %s  owner %s  %s\n", f.ID, f.Owner, f.State)
	}
}

// away is what the folder asks of other hosts.
func (p *statusPage) away(w io.Writer) {
	switch {
	case len(p.Away) == 0:
	case !p.all:
		fmt.Fprintf(w, "\n%s for other hosts: --all\n", plural(len(p.Away), "manifest"))
	default:
		fmt.Fprintf(w, "\n%s for other hosts:\n", plural(len(p.Away), "manifest"))
		for _, a := range p.Away {
			fmt.Fprintf(w, "  %s  %s\n", a.Name, a.Message)
		}
	}
}
