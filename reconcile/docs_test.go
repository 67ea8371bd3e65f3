package reconcile_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

var update = flag.Bool("update", false, "write the generated parts of the docs")

const page = "../docs/architecture.md"

// TestDocsStateTable holds the table in the docs against what Decide does.
func TestDocsStateTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("| situation | manifest says | step | reason | shown as | looked at again |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, r := range table {
		d := r.decide(t)
		spec, step, wake := "`"+r.want+"`", "none", "when a fact changes"
		switch r.want {
		case "":
			spec = ""
		case "-":
			spec = "(none)"
		}
		if d.Action != "" {
			step, wake = "**"+string(d.Action)+"**", ""
		} else if !d.Wake.IsZero() {
			wake = "after " + d.Wake.Sub(noon).String()
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.name, spec, step, d.Reason, d.State, wake)
	}
	section(t, "states", b.String())
}

func TestDocsReasons(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "For a step: %s.\n\nFor none: %s.\n\nOf an event alone: %s.\n",
		words(reconcile.StepReasons), words(reconcile.WaitReasons), words(reconcile.OtherReasons))
	section(t, "reasons", b.String())
}

func words(rs []reconcile.Reason) string {
	var ws []string
	for _, r := range rs {
		ws = append(ws, "`"+string(r)+"`")
	}
	return strings.Join(ws, ", ")
}

// section compares, or with -update writes, one generated part of the page.
func section(t *testing.T, name, want string) {
	t.Helper()
	begin, end := fmt.Appendf(nil, "<!-- begin %s (make docs) -->\n", name), fmt.Appendf(nil, "<!-- end %s -->", name)
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := bytes.Cut(text, begin)
	got, tail, ok2 := bytes.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no section %s", page, name)
	}
	if string(got) == want {
		return
	}
	if !*update {
		t.Fatalf("%s: section %s is out of date; run: make docs", page, name)
	}
	if err := os.WriteFile(page, slices.Concat(head, begin, []byte(want), end, tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
