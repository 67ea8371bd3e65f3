package hcs

import (
	"fmt"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// commandLine joins args so that CommandLineToArgvW, and the C run time, take
// them apart again into the same. Only a program whose name holds a quotation
// mark cannot be written; no file can have such a name.
func commandLine(args []string) (string, error) {
	if len(args) == 0 || args[0] == "" {
		return "", fmt.Errorf("%w: spec.command: names no program", driver.ErrInvalid)
	}
	if strings.Contains(args[0], `"`) {
		return "", fmt.Errorf("%w: spec.command[0]: the name of a program cannot hold a quotation mark", driver.ErrInvalid)
	}
	var b strings.Builder
	if plain(args[0]) {
		b.WriteString(args[0])
	} else { // no escapes here: what is between the marks counts as it is
		b.WriteString(`"` + args[0] + `"`)
	}
	for _, a := range args[1:] {
		b.WriteByte(' ')
		quote(&b, a)
	}
	return b.String(), nil
}

// plain reports whether s can stand without quotation marks.
func plain(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' })
}

// quote writes one argument. Backslashes are doubled only where a quotation
// mark follows, be it one of the argument or the closing one.
func quote(b *strings.Builder, arg string) {
	if plain(arg) {
		b.WriteString(arg)
		return
	}
	b.WriteByte('"')
	backslashes := 0
	for i := range len(arg) {
		switch arg[i] {
		case '\\':
			backslashes++
		case '"':
			b.WriteString(strings.Repeat(`\`, backslashes+1))
			backslashes = 0
		default:
			backslashes = 0
		}
		b.WriteByte(arg[i])
	}
	b.WriteString(strings.Repeat(`\`, backslashes))
	b.WriteByte('"')
}

// program returns the file name of what a command line runs, in lower case and
// with the ".exe" that Windows adds, as process listings have it.
func program(commandLine string) string {
	first := commandLine
	if rest, quoted := strings.CutPrefix(first, `"`); quoted {
		first, _, _ = strings.Cut(rest, `"`)
	} else if i := strings.IndexFunc(first, func(r rune) bool { return r <= ' ' }); i >= 0 {
		first = first[:i]
	}
	first = strings.ToLower(base(first))
	if first != "" && !strings.Contains(first, ".") {
		first += ".exe"
	}
	return first
}

// base is the last element of a Windows path, on every system.
func base(path string) string {
	path = strings.TrimRight(path, `\/`)
	return path[strings.LastIndexAny(path, `\/`)+1:]
}

// dir is what stands before the last element of a Windows path.
func dir(path string) string {
	path = strings.TrimRight(path, `\/`)
	return strings.TrimRight(path[:strings.LastIndexAny(path, `\/`)+1], `\/`)
}

// join appends elements to a Windows path, on every system.
func join(path string, elem ...string) string {
	return strings.TrimRight(path, `\/`) + `\` + strings.Join(elem, `\`)
}
