package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/control"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// show prints a list of events, oldest first.
func (o eventOptions) show(w io.Writer, events []control.Event) error {
	if o.output == "json" {
		print := o.printer(w)
		for _, e := range events {
			if err := print(e); err != nil {
				return err
			}
		}
		return nil
	}
	if len(events) == 0 {
		fmt.Fprintln(w, "No events.")
		return nil
	}
	return eventTable(w, screenOf(w), time.Now(), events, true)
}

// eventTable prints events with how long ago they were.
func eventTable(w io.Writer, at screen, now time.Time, events []control.Event, named bool) error {
	t := table{ink: at.ink, width: at.width, right: []int{0}}
	titles := []string{"AGO", "CONTAINER", "WHAT", "REASON", "MESSAGE"}
	if named {
		t.head(titles...)
	} else {
		t.head(append(titles[:1:1], titles[2:]...)...)
	}
	for _, e := range events {
		row := []cell{{ago(now.Sub(e.At)), dim}}
		if named {
			row = append(row, cell{e.Container, bold})
		}
		t.add(append(row, cell{whatOf(e), eventColour(e)}, cell{text: e.Reason}, cell{text: e.Message})...)
	}
	return t.print(w)
}

// printer prints one event after the other, as they come. The columns are as
// wide as was needed so far.
func (o eventOptions) printer(w io.Writer) func(control.Event) error {
	if o.output == "json" {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return func(e control.Event) error { return enc.Encode(e) }
	}
	at := screenOf(w)
	widths := [3]int{12, 22, 14}
	return func(e control.Event) error {
		if e.Missed {
			fmt.Fprintln(w, at.ink.paint(yellow, "… events before this are not kept any more"))
		}
		var b strings.Builder
		b.WriteString(at.ink.paint(dim, e.At.Local().Format(time.DateTime)[5:]) + "  ")
		used := len("11-22 08:00:00  ")
		for i, c := range []cell{{e.Container, bold}, {whatOf(e), eventColour(e)}, {e.Reason, ""}} {
			widths[i] = max(widths[i], len([]rune(c.text)))
			b.WriteString(at.ink.paint(c.colour, c.text) + strings.Repeat(" ", widths[i]-len([]rune(c.text))+2))
			used += widths[i] + 2
		}
		message := e.Message
		if at.width > 0 {
			message = shorten(message, max(at.width-used, 20))
		}
		_, err := fmt.Fprintln(w, strings.TrimRight(b.String()+message, " "))
		return err
	}
}

// whatOf says in a word or three what happened.
func whatOf(e control.Event) string {
	switch reconcile.Kind(e.Kind) {
	case reconcile.Done:
		if e.Type == "Warning" {
			return e.Action + " failed"
		}
		return e.Action + " done in " + brief(time.Duration(e.Took*float64(time.Second)))
	case reconcile.Exited:
		return "exited"
	case reconcile.Became:
		return e.State
	case reconcile.Asked:
		return "asked"
	case reconcile.Probed:
		return "probe"
	case reconcile.Hooked:
		return "hook"
	default: // also of older versions, which do not tell
		if e.Action == "" {
			return "-"
		}
		return e.Action
	}
}

// brief prints a short length of time: 12ms, 1.3s, 4m10s.
func brief(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	default:
		return ago(d)
	}
}

func eventColour(e control.Event) string {
	switch kind := reconcile.Kind(e.Kind); {
	case e.Type == "Warning":
		return red
	case kind == reconcile.Became:
		return colourOf(reconcile.State(e.State))
	case kind == reconcile.Asked:
		return cyan
	default:
		return ""
	}
}
