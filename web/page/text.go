package page

import (
	"fmt"
	"strings"
	"time"
)

// ago writes a length of time in one or two units: 5s, 3m12s, 4h07m, 12d. The
// script of the page does the same.
func ago(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < 0:
		return "0s"
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd", int(d.Hours())/24)
	}
}

// bytesText writes an amount of memory as people read it: 512 KiB, 1.5 GiB.
func bytesText(n float64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%.0f B", n)
	}
	u := -1
	for n >= 1024 && u < len(units)-1 {
		n, u = n/1024, u+1
	}
	if n >= 99.5 {
		return fmt.Sprintf("%.0f %ciB", n, units[u])
	}
	return fmt.Sprintf("%.1f %ciB", n, units[u])
}

// coresText writes a share of processors: 0.00, 0.25, 12.
func coresText(n float64) string {
	switch {
	case n >= 9.95:
		return fmt.Sprintf("%.0f", n)
	case n >= 0.995:
		return fmt.Sprintf("%.1f", n)
	default:
		return fmt.Sprintf("%.2f", n)
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "s") {
		what += "e"
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// short is a revision or commit as people tell them apart.
func short(s string) string {
	const enough = 10
	if len(s) <= enough {
		return s
	}
	return s[:enough]
}

func place(file string, line int) string {
	if line == 0 || file == "" {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// words of a search, all of which must be found.
func searched(q string) []string { return strings.Fields(strings.ToLower(q)) }
