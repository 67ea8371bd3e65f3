package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

func (p *plan) show(w io.Writer, output string, all bool) error {
	if output == "json" {
		return printJSON(w, p)
	}
	pg := planPage{plan: p, w: w, ink: inkFor(w), all: all}
	return pg.print()
}

// planPage is a plan for people.
type planPage struct {
	*plan
	w   io.Writer
	ink ink
	all bool
}

func (p *planPage) print() error {
	who := "no daemon runs"
	if p.Daemon != 0 {
		who = fmt.Sprintf("as seen by the daemon, process %d", p.Daemon)
	}
	p.line("Plan for %s (driver %s, owner %s; %s)", p.Manifests, p.Driver, p.Owner, who)
	for _, c := range p.Containers {
		if c.Change != unchanged || p.all {
			if err := p.container(c); err != nil {
				return err
			}
		}
	}
	if len(p.Order) > 0 {
		p.line("\nOrder: %s", strings.Join(p.Order, ", then "))
	}
	p.troubles()
	p.line("\n%s", p.summary())
	return nil
}

func (p *planPage) line(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

// look is the sign and colour of each change.
var looks = map[change]struct{ sign, colour string }{
	toCreate: {"+", green}, toReplace: {"~", yellow}, toAdjust: {"~", cyan}, toStart: {"+", green},
	toStop: {"-", yellow}, toRemove: {"-", red}, toHold: {"!", red}, unchanged: {"=", dim},
}

func (p *planPage) container(c planned) error {
	l := looks[c.Change]
	what := string(c.Change)
	if len(c.Steps) > 0 {
		steps := make([]string, len(c.Steps))
		for i, s := range c.Steps {
			steps[i] = string(s)
		}
		what += ": " + strings.Join(steps, ", ")
	} else if c.Change == toCreate {
		what += " later"
	}
	p.line("\n%s %s  %s  %s", p.ink.paint(l.colour, l.sign), p.ink.paint(bold, c.Name), p.ink.paint(l.colour, what),
		p.ink.paint(dim, place(c.Source, c.Line)))
	p.line("    %s", because(c))
	t := table{ink: p.ink}
	for _, f := range c.Fields {
		t.add(cell{text: "    "}, cell{text: f.Path}, cell{text: shift(f)}, cell{string(f.Change), costColour(f.Change)})
	}
	if err := t.print(p.w); err != nil {
		return err
	}
	for _, n := range c.Notes {
		verb := "ignored"
		if n.Refused {
			verb = p.ink.paint(red, "refused")
		}
		p.line("    %s: %s: %s", n.Field, verb, n.Message)
	}
	return nil
}

func shift(f manifest.FieldChange) string {
	show := func(s string) string {
		if s == "" {
			return "(not set)"
		}
		return s
	}
	return show(f.Old) + " → " + show(f.New)
}

func costColour(c manifest.Change) string {
	switch c {
	case manifest.Recreate:
		return yellow
	case manifest.InPlace:
		return cyan
	default:
		return green
	}
}

// because is the reason in words, with the word that everything else uses.
func because(c planned) string {
	text := c.Message
	if text == "" {
		text = reasons[c.Reason]
	}
	if text == "" {
		return string(c.Reason)
	}
	return string(c.Reason) + ": " + text
}

// reasons explains why a step is taken, for those who do not know the words.
var reasons = map[reconcile.Reason]string{
	reconcile.NewContainer:    "it is asked for, and is not there",
	reconcile.ContainerLost:   "it ran, and the host has it no more",
	reconcile.FirstStart:      "it is there, and was never started",
	reconcile.Restart:         "it ended, and shall run again",
	reconcile.SpecChanged:     "what runs was made from another specification",
	reconcile.SettingsChanged: "settings that a running container can take",
	reconcile.NotInManifests:  "it is ours, and in no manifest",
	reconcile.NotSelected:     "it is ours, and its nodeSelector is for other hosts",
	reconcile.DesiredStopped:  "its manifest wants it stopped",
	reconcile.DesiredPaused:   "its manifest wants it paused",
	reconcile.DesiredRunning:  "it is paused, and its manifest wants it running",
	reconcile.Leftover:        "an ended or unfinished one is in the way",
	reconcile.OperatorRestart: "an operator wants it started anew",
	reconcile.Rollback:        "an earlier version, which was ready, comes back",
	reconcile.OperatorRetry:   "an operator wants it tried again",
	reconcile.UpToDate:        "it is as its manifest says",
}

func (p *planPage) troubles() {
	if len(p.PruneBrake) > 0 {
		p.line("\n%s %s:", p.ink.paint(red, "Prune brake:"), p.brake)
		p.line("  %s", strings.Join(p.PruneBrake, ", "))
		p.line("  If they shall go: hcs-reconcile confirm-prune, or a file .allow-prune in the folder:")
		p.line("    containers: [%s]\n    until: %s", strings.Join(p.PruneBrake, ", "), p.at.Add(24*time.Hour).UTC().Format(time.RFC3339))
	}
	p.permit()
	if len(p.Away) > 0 && p.all {
		p.line("\nFor other hosts:")
		for _, a := range p.Away {
			p.line("  %s  %s", a.Name, a.Message)
		}
	}
	if p.Doubt != "" {
		p.line("\n%s %s", p.ink.paint(red, "Folder in doubt, nothing is removed:"), p.Doubt)
	}
	if len(p.Foreign) > 0 && p.all {
		p.line("\nOther owners' containers, never touched: %s", strings.Join(p.Foreign, ", "))
	}
	if len(p.Problems) == 0 {
		return
	}
	p.line("\n%s", p.ink.paint(red, "Problems; what they concern stays as it is:"))
	for _, m := range p.Problems {
		m.File = filepath.Join(p.Manifests, filepath.FromSlash(m.File))
		p.line("  %s", m)
	}
}

// permit tells what the file .allow-prune does here.
func (p *planPage) permit() {
	switch {
	case p.Permit == nil:
	case p.Permit.Void != "":
		p.line("\n%s", p.ink.paint(yellow, p.Permit.Void))
	default:
		p.line("\nThe folder allows to remove: %s", strings.Join(p.Permit.Containers, ", "))
	}
}

// summary always counts what most people look for, and the rest where there is any.
func (p *plan) summary() string {
	parts := []string{
		fmt.Sprintf("%d to create", p.Summary[toCreate]),
		fmt.Sprintf("%d to replace", p.Summary[toReplace]),
		fmt.Sprintf("%d to remove", p.Summary[toRemove]),
	}
	for _, c := range []change{toAdjust, toStart, toStop} {
		if n := p.Summary[c]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", n, c))
		}
	}
	if n := p.Summary[toHold]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d held back", n))
	}
	parts = append(parts, fmt.Sprintf("%d unchanged", p.Summary[unchanged]))
	if n := len(p.Away); n > 0 {
		parts = append(parts, fmt.Sprintf("%d for other hosts", n))
	}
	return "Plan: " + strings.Join(parts, ", ")
}
