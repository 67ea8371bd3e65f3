package hcs

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// split takes a command line apart by the published rules of
// CommandLineToArgvW, written down anew so that quoting is not held against
// itself. A test on Windows holds this against the system.
func split(line string) []string {
	var args []string
	if line == "" {
		return nil
	}
	var program string
	if strings.HasPrefix(line, `"`) {
		program, line, _ = strings.Cut(line[1:], `"`)
	} else {
		i := strings.IndexFunc(line, func(r rune) bool { return r <= ' ' })
		if i < 0 {
			i = len(line)
		}
		program, line = line[:i], line[i:]
	}
	args = append(args, program)
	for {
		line = strings.TrimLeft(line, " \t")
		if line == "" {
			return args
		}
		var arg string
		arg, line = splitOne(line)
		args = append(args, arg)
	}
}

// splitOne reads one argument after the first.
func splitOne(line string) (string, string) {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(line); {
		n := len(line[i:]) - len(strings.TrimLeft(line[i:], `\`))
		i += n
		if i < len(line) && line[i] == '"' {
			b.WriteString(strings.Repeat(`\`, n/2))
			switch {
			case n%2 == 1:
				b.WriteByte('"')
			case quoted && i+1 < len(line) && line[i+1] == '"': // a doubled mark stands for one
				b.WriteByte('"')
				i++
			default:
				quoted = !quoted
			}
			i++
			continue
		}
		b.WriteString(strings.Repeat(`\`, n))
		if i == len(line) {
			break
		}
		if !quoted && (line[i] == ' ' || line[i] == '\t') {
			return b.String(), line[i:]
		}
		b.WriteByte(line[i])
		i++
	}
	return b.String(), ""
}

func checkRoundTrip(t interface {
	Helper()
	Errorf(string, ...any)
}, args []string,
) {
	t.Helper()
	line, err := commandLine(args)
	if len(args) == 0 || args[0] == "" || strings.Contains(args[0], `"`) {
		if !errors.Is(err, driver.ErrInvalid) {
			t.Errorf("commandLine(%q): got %q and error %v, want %v", args, line, err, driver.ErrInvalid)
		}
		return
	}
	if err != nil {
		t.Errorf("commandLine(%q): %v", args, err)
		return
	}
	if got := split(line); !slices.Equal(got, args) {
		t.Errorf("commandLine(%q) = %s, which is taken apart into %q", args, line, got)
	}
}

// Property: what Windows takes apart is what was put together.
func TestCommandLineRoundTrip(t *testing.T) {
	char := rapid.RuneFrom([]rune("ab \t\n\v\"\"\\\\\\'%^&|/-é世\u00a0"))
	rapid.Check(t, func(t *rapid.T) {
		checkRoundTrip(t, rapid.SliceOfN(rapid.StringOfN(char, 0, 8, -1), 0, 5).Draw(t, "args"))
	})
}

func FuzzCommandLine(f *testing.F) {
	for _, s := range []string{"a\x00b c", "C:\\Program Files\\a.exe\x00\\\\\"", "a\x00", "a\x00\\", "a\x00 \\", "\x00", "a b\x00\t\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkRoundTrip(t, strings.Split(s, "\x00")) })
}

func TestProgram(t *testing.T) {
	tests := map[string]string{
		`cmd /c echo`:                     "cmd.exe",
		`C:\Windows\System32\PING.EXE -t`: "ping.exe",
		`"C:\Program Files\app" x`:        "app.exe",
		`"C:\Program Files\app.bin`:       "app.bin",
		`C:/tools/run.cmd`:                "run.cmd",
		``:                                "",
	}
	for line, want := range tests {
		if got := program(line); got != want {
			t.Errorf("program(%s) = %q, want %q", line, got, want)
		}
	}
}

func TestWindowsPaths(t *testing.T) {
	for path, want := range map[string][2]string{
		`C:\layers\top`: {`C:\layers`, "top"}, `C:\layers\top\`: {`C:\layers`, "top"}, `C:/a/b`: {"C:/a", "b"}, "x": {"", "x"},
	} {
		if got := [2]string{dir(path), base(path)}; got != want {
			t.Errorf("dir and base of %s = %q, want %q", path, got, want)
		}
	}
	if got := join(`C:\a\`, "b", "c"); got != `C:\a\b\c` {
		t.Errorf("join = %s", got)
	}
}
