package manifest

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ExitCodes is one entry of an exit rule: a number (decimal or 0x…), a range
// "a..b", or an NTSTATUS name. Codes are unsigned 32-bit as Windows has them;
// negative numbers are taken for the same bits, as Kubernetes writes them.
type ExitCodes struct {
	Text     string // as written
	From, To uint32
}

// Contains reports whether code is covered.
func (e ExitCodes) Contains(code uint32) bool { return e.From <= code && code <= e.To }

// MarshalJSON writes the entry as it was written.
func (e ExitCodes) MarshalJSON() ([]byte, error) { return json.Marshal(e.Text) }

// UnmarshalJSON reads a number or a text.
func (e *ExitCodes) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	text := string(b)
	if b[0] == '"' {
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
	}
	parsed, err := ParseExitCodes(text)
	if err != nil {
		return err
	}
	*e = parsed
	return nil
}

// ParseExitCodes reads one entry of an exit rule.
func ParseExitCodes(text string) (ExitCodes, error) {
	lower, upper, isRange := strings.Cut(text, "..")
	from, err := parseExitCode(lower)
	if err != nil {
		return ExitCodes{}, err
	}
	to := from
	if isRange {
		if to, err = parseExitCode(upper); err != nil {
			return ExitCodes{}, err
		}
	}
	if to < from {
		return ExitCodes{}, fmt.Errorf("%q is an empty range; codes are unsigned: write the smaller one first", text)
	}
	return ExitCodes{Text: text, From: from, To: to}, nil
}

func parseExitCode(s string) (uint32, error) {
	s = strings.TrimSpace(s)
	n, err := strconv.ParseInt(s, 10, 64)
	if hex, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		var u uint64
		u, err = strconv.ParseUint(hex, 16, 32)
		n = int64(u)
	}
	if err != nil {
		return exitCodeByName(s)
	}
	if n < math.MinInt32 || n > math.MaxUint32 {
		return 0, fmt.Errorf("%s does not fit an exit code, which has 32 bits", s)
	}
	return uint32(n), nil //nolint:gosec // negative numbers mean the same bits
}

func exitCodeByName(s string) (uint32, error) {
	var names []string
	for _, st := range ntStatuses {
		if st.name == strings.ToUpper(s) {
			return st.code, nil
		}
		names = append(names, st.name)
	}
	hint := ""
	if n := nearest(s, names); n != "" {
		hint = "; did you mean " + n + "?"
	}
	return 0, fmt.Errorf("%s is not an exit code: a number, 0x…, a range a..b, or a known NTSTATUS name is expected%s", shown(s), hint)
}

// ExitName is the NTSTATUS name of an exit code, "" if it is none that is
// known to end processes.
func ExitName(code uint32) string {
	if st, ok := ntStatusOf(code); ok {
		return st.name
	}
	return ""
}

// ExitMeaning says in a phrase what an exit code with a name means: what the
// NTSTATUS stands for, or which signal ended a process on Unix. It is "" for
// codes that only the program itself can explain.
func ExitMeaning(code uint32) string {
	if st, ok := ntStatusOf(code); ok {
		return st.meaning
	}
	if s := exitSignal(code); s != "" {
		return "ended by signal " + s
	}
	return ""
}

// FormatExit writes an exit code for people: "0", "137 (SIGKILL)",
// "3221225786 (0xC000013A STATUS_CONTROL_C_EXIT)".
func FormatExit(code uint32) string {
	if name := ExitName(code); name != "" {
		return fmt.Sprintf("%d (0x%08X %s)", code, code, name)
	}
	if s := exitSignal(code); s != "" {
		return fmt.Sprintf("%d (%s)", code, s)
	}
	if code > math.MaxInt16 {
		return fmt.Sprintf("%d (0x%08X)", code, code)
	}
	return strconv.FormatUint(uint64(code), 10)
}

func ntStatusOf(code uint32) (ntStatus, bool) {
	for _, st := range ntStatuses {
		if st.code == code {
			return st, true
		}
	}
	return ntStatus{}, false
}

// exitSignal is the signal n that a code of 128+n stands for on Unix, by the
// numbering of Linux.
func exitSignal(code uint32) string {
	if code > 128 && int(code-128) < len(signals) {
		return signals[code-128]
	}
	return ""
}

var signals = [...]string{
	1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
	9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 16: "SIGSTKFLT",
	17: "SIGCHLD", 18: "SIGCONT", 19: "SIGSTOP", 20: "SIGTSTP", 21: "SIGTTIN", 22: "SIGTTOU", 23: "SIGURG", 24: "SIGXCPU",
	25: "SIGXFSZ", 26: "SIGVTALRM", 27: "SIGPROF", 28: "SIGWINCH", 29: "SIGIO", 30: "SIGPWR", 31: "SIGSYS",
}
