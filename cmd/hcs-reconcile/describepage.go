package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// describePage is a description for people.
type describePage struct {
	*description
	screen
	events int
	w      io.Writer
}

func (p *describePage) print(w io.Writer) error {
	p.w = w
	p.head()
	for _, part := range []func() error{p.next, p.conditions, p.probes, p.exits, p.problems, p.spec, p.history} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// field prints one line of the head, unless it has nothing to say.
func (p *describePage) field(title, format string, args ...any) {
	if text := fmt.Sprintf(format, args...); text != "" {
		fmt.Fprintf(p.w, "%s%s\n", p.ink.paint(bold, fmt.Sprintf("%-12s", title+":")), text)
	}
}

func (p *describePage) section(title string) { fmt.Fprintf(p.w, "\n%s\n", p.ink.paint(bold, title)) }

func (p *describePage) ago(t time.Time) string { return ago(p.At.Sub(t)) }

func (p *describePage) head() {
	c := &p.Container
	p.field("Name", "%s", c.Name)
	state := p.ink.paint(colourOf(c.State), string(c.State))
	if !c.Since.IsZero() {
		state += " for " + p.ago(c.Since)
	}
	p.field("State", "%s", state)
	p.field("Reason", "%s", because(planned{Reason: c.Reason, Message: c.Message}))
	p.field("Ready", "%s", readiness(c))
	source := place(c.Source, c.Line)
	if c.Desired == "" {
		source = "none asks for it"
	} else if c.Desired != manifest.DesiredRunning {
		source += ", which wants it " + string(c.Desired)
	}
	p.field("Manifest", "%s", source)
	p.field("Change", "%s", c.Change)
	p.field("Labels", "%s", labelText(c.Labels))
	p.field("Image", "%s", c.Image)
	p.field("Revision", "%s", p.revisions())
	if c.PID > 0 {
		p.field("Process", "%d, started %s ago", c.PID, p.ago(c.Started))
	}
	restarts := fmt.Sprint(c.Restarts)
	if c.Failures > 0 {
		restarts += fmt.Sprintf(", %s in a row", plural(c.Failures, "exit"))
	}
	p.field("Restarts", "%s", restarts)
	if h := c.Hold; h != nil {
		until := "until it is released"
		if !h.Until.IsZero() {
			until = "for another " + ago(h.Until.Sub(p.At))
		}
		p.field("Held", "%s", strings.TrimSuffix(fmt.Sprintf("%s, by %s %s ago: %s", until, h.By, p.ago(h.Since), h.Reason), ": "))
	}
	var needs []string
	for _, d := range c.DependsOn {
		needs = append(needs, fmt.Sprintf("%s (%s), which is %s", d.Name, d.Condition, p.stateOf(d.Name)))
	}
	p.field("Depends on", "%s", strings.Join(needs, "; "))
}

func (p *describePage) revisions() string {
	c := &p.Container
	switch {
	case c.RunningRevision != "" && c.Revision != "" && c.RunningRevision != c.Revision:
		return fmt.Sprintf("%s wanted, %s runs", c.Revision, c.RunningRevision)
	case c.Revision == "":
		return string(c.RunningRevision)
	default:
		return string(c.Revision)
	}
}

func (p *describePage) stateOf(name string) string {
	for i := range p.others {
		if p.others[i].Name == name {
			return string(p.others[i].State)
		}
	}
	return "not there"
}

func labelText(labels map[string]string) string {
	var parts []string
	for k, v := range labels {
		parts = append(parts, k+"="+v)
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// next tells what happens next and why, and what a step would cost.
func (p *describePage) next() error {
	p.section("What happens next")
	c := &p.Container
	if c.Action != "" {
		fmt.Fprintf(p.w, "  %s is under way since %s ago\n", c.Action, p.ago(c.ActionSince))
	}
	if !c.NextTry.IsZero() {
		fmt.Fprintf(p.w, "  it is looked at again in %s\n", ago(c.NextTry.Sub(p.At)))
	}
	n := p.Next
	switch {
	case n == nil:
		fmt.Fprintln(p.w, "  nothing: neither a manifest nor the host knows it")
		return nil
	case len(n.Steps) > 0:
		fmt.Fprintf(p.w, "  %s\n  %s\n", p.ink.paint(looks[n.Change].colour, stepsOf(n.Steps)), because(*n))
	case c.Settled && c.NextTry.IsZero():
		fmt.Fprintf(p.w, "  nothing: %s\n", because(*n))
	default:
		fmt.Fprintf(p.w, "  %s\n", because(*n))
	}
	t := table{ink: p.ink, width: p.width}
	for _, f := range n.Fields {
		t.add(cell{text: "    " + f.Path}, cell{string(f.Change), costColour(f.Change)}, cell{text: shift(f)})
	}
	for _, note := range n.Notes {
		what := cell{text: "ignored"}
		if note.Refused {
			what = cell{"refused", red}
		}
		t.add(cell{text: "  " + note.Field}, what, cell{text: note.Message})
	}
	if len(t.rows) == 0 {
		return nil
	}
	return t.print(p.w)
}

func stepsOf(steps []driver.Action) string {
	words := make([]string, len(steps))
	for i, s := range steps {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}

func (p *describePage) conditions() error {
	if len(p.Container.Conditions) == 0 {
		return nil
	}
	p.section("Conditions")
	t := table{ink: p.ink, width: p.width}
	t.head("  TYPE", "STATUS", "FOR", "REASON", "MESSAGE")
	for _, c := range p.Container.Conditions {
		is := cell{"no", yellow}
		if c.Status {
			is = cell{"yes", green}
		}
		since := "-"
		if !c.Since.IsZero() {
			since = p.ago(c.Since)
		}
		t.add(cell{text: "  " + string(c.Type)}, is, cell{text: since}, cell{text: string(c.Reason)}, cell{text: c.Message})
	}
	return t.print(p.w)
}

func (p *describePage) probes() error {
	if len(p.Container.Probes) == 0 {
		return nil
	}
	p.section("Probes")
	t := table{ink: p.ink, width: p.width}
	t.head("  KIND", "BY", "OK", "IN A ROW", "ASKED", "TOOK", "MESSAGE")
	for _, pr := range p.Container.Probes {
		ok, row, at, took := cell{"-", dim}, "-", "-", "-"
		switch {
		case pr.Ok == nil:
		case *pr.Ok:
			ok, row = cell{"yes", green}, fmt.Sprint(pr.Successes)
		default:
			ok, row = cell{"no", red}, fmt.Sprint(pr.Failures)
		}
		if !pr.At.IsZero() {
			at, took = p.ago(pr.At)+" ago", brief(pr.Took)
		}
		t.add(cell{text: "  " + string(pr.Kind)}, cell{text: pr.Handler}, ok, cell{text: row}, cell{text: at}, cell{text: took}, cell{text: pr.Message})
	}
	return t.print(p.w)
}

func (p *describePage) exits() error {
	last := p.Container.LastExit
	if len(p.Exits) == 0 && last == nil {
		return nil
	}
	p.section("Last exits")
	if len(p.Exits) == 0 {
		fmt.Fprintf(p.w, "  %s ago  %s\n", p.ago(last.At), last.Text)
		return nil
	}
	for _, e := range p.Exits {
		fmt.Fprintf(p.w, "  %s ago  %s\n", p.ago(e.At), p.ink.paint(eventColour(e), e.Message))
	}
	return nil
}

func (p *describePage) problems() error {
	if len(p.Problems) == 0 {
		return nil
	}
	p.section("Problems of its manifest; what ran before stays as it is")
	for _, m := range p.Problems {
		fmt.Fprintf(p.w, "  %s\n", p.ink.paint(red, m.String()))
	}
	return nil
}

func (p *describePage) spec() error {
	if len(p.Spec) == 0 {
		return nil
	}
	title := "Specification (what may be secret is shown as a digest)"
	if p.Revision != "" {
		title = "Specification of revision " + p.Revision + ", the last one made"
	}
	p.section(title)
	text, err := yaml.JSONToYAML(p.Spec)
	if err != nil {
		return fmt.Errorf("describe %s: %w", p.Container.Name, err)
	}
	for line := range strings.Lines(string(text)) {
		fmt.Fprint(p.w, "  "+line)
	}
	return nil
}

func (p *describePage) history() error {
	p.section("Events")
	list := p.Events
	if p.events > 0 {
		list = list[max(0, len(list)-p.events):]
	}
	if len(list) == 0 {
		fmt.Fprintln(p.w, "  none")
		return nil
	}
	if more := len(p.Events) - len(list); more > 0 {
		fmt.Fprintf(p.w, "  … %s before: hcs-reconcile events %s\n", plural(more, "event"), p.Container.Name)
	}
	return eventTable(p.w, p.screen, p.At, list, false)
}
