package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/hcs-reconcile/hcs-reconcile/control"
)

// checkOutput checks the flag --output; "" stands for the plain one.
func checkOutput(value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	names := slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" })
	return fmt.Errorf("output %q: %s is expected", value, strings.Join(names, " or "))
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func printYAML(w io.Writer, v any) error {
	text, err := yaml.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode output: %w", err)
	}
	_, err = w.Write(text)
	return err
}

// ink colours text on a terminal, and leaves it alone elsewhere.
type ink bool

// The colours that are used, as SGR codes.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (i ink) paint(code, text string) string {
	if !i || text == "" || code == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// ago prints a length of time in one or two units: 5s, 3m12s, 4h07m, 12d.
func ago(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(int(d.Seconds()), 0))
	case d < 10*time.Minute:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd", int(d.Hours())/24)
	}
}

// size prints bytes in binary units: 512B, 4.2MiB, 103GiB.
func size(n float64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%.0fB", n)
	}
	i := -1
	for ; n >= 1024 && i < len(units)-1; i++ {
		n /= 1024
	}
	if n >= 100 {
		return fmt.Sprintf("%.0f%ciB", n, units[i])
	}
	return fmt.Sprintf("%.1f%ciB", n, units[i])
}

// noSuchContainer is the error of commands that look for a container themselves.
func noSuchContainer(verb, name string) error {
	return &control.Failure{
		Code: control.CodeNotFound, Message: fmt.Sprintf("%s %s: the daemon knows no container of that name", verb, name),
		Hint: "`hcs-reconcile status` lists those there are",
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
