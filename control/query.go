package control

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// EventQuery says which events are asked for. The zero value asks for all that
// are kept.
type EventQuery struct {
	Container string    // "" is all
	Limit     int       // at most so many, the newest; 0 is no limit
	Since     *uint64   // those after this sequence number, oldest first; Limit then gives the oldest
	SinceTime time.Time // none before
	Follow    bool      // go on with those that come
}

// defaultLimit is for those who do not say how many events they want.
const defaultLimit = 100

// maxNames bounds what is taken for a container's name.
const maxName = 253

// query reads parameters and gathers what is wrong with them.
type query struct {
	values url.Values
	known  []string
	err    error
}

func newQuery(raw string, known ...string) *query {
	q := &query{known: known}
	values, err := url.ParseQuery(raw)
	if err != nil {
		q.fail("read query: %v", err)
	}
	q.values = values
	for name := range values {
		if !slices.Contains(known, name) {
			q.fail("parameter %.40q is not known; there are: %s", name, strings.Join(known, ", "))
		}
	}
	return q
}

func (q *query) fail(format string, args ...any) {
	if q.err == nil {
		q.err = badRequest(fmt.Sprintf(format, args...), "/v1/openapi.yaml says what is expected")
	}
}

// one gives a parameter that may stand once.
func (q *query) one(name string) (string, bool) {
	v := q.values[name]
	if len(v) > 1 {
		q.fail("parameter %s stands %d times; once is expected", name, len(v))
	}
	if len(v) == 0 {
		return "", false
	}
	return v[0], true
}

// read gives what parse makes of a parameter, or otherwise if it is not there.
func read[T any](q *query, name string, otherwise T, want string, parse func(string) (T, bool)) T {
	text, there := q.one(name)
	if !there {
		return otherwise
	}
	v, ok := parse(text)
	if !ok {
		q.fail("%s %.40q: %s is expected", name, text, want)
		return otherwise
	}
	return v
}

func (q *query) flag(name string) bool {
	return read(q, name, false, "true or false", func(s string) (bool, bool) {
		v, err := strconv.ParseBool(s)
		return v, err == nil
	})
}

func parseEvents(raw string) (EventQuery, error) {
	q := newQuery(raw, "container", "limit", "since", "sinceTime", "follow")
	e := EventQuery{
		Container: read(q, "container", "", "the name of a container", func(s string) (string, bool) { return s, len(s) <= maxName }),
		Limit: read(q, "limit", defaultLimit, "a number, where 0 is no limit,", func(s string) (int, bool) {
			n, err := strconv.Atoi(s)
			return n, err == nil && n >= 0
		}),
		Since: read(q, "since", nil, "the sequence number of an event", func(s string) (*uint64, bool) {
			n, err := strconv.ParseUint(s, 10, 64)
			return &n, err == nil
		}),
		SinceTime: read(q, "sinceTime", time.Time{}, "a time such as 2026-11-22T08:00:00Z", func(s string) (time.Time, bool) {
			t, err := time.Parse(time.RFC3339Nano, s)
			return t, err == nil
		}),
		Follow: q.flag("follow"),
	}
	return e, q.err
}

// encode is the inverse of parseEvents.
func (q *EventQuery) encode() string {
	v := url.Values{"limit": {strconv.Itoa(q.Limit)}}
	if q.Container != "" {
		v.Set("container", q.Container)
	}
	if q.Since != nil {
		v.Set("since", strconv.FormatUint(*q.Since, 10))
	}
	if !q.SinceTime.IsZero() {
		v.Set("sinceTime", q.SinceTime.Format(time.RFC3339Nano))
	}
	if q.Follow {
		v.Set("follow", "true")
	}
	return v.Encode()
}

// maxArgs bounds the command of an exec.
const maxArgs = 10_000

func parseExec(raw string) (driver.Process, error) {
	q := newQuery(raw, "command", "workingDir", "stdin", "tty", "rows", "cols")
	size := func(s string) (uint16, bool) {
		n, err := strconv.ParseUint(s, 10, 16)
		return uint16(n), err == nil
	}
	p := driver.Process{Command: q.values["command"], Stdin: q.flag("stdin"), TTY: q.flag("tty")}
	p.WorkingDir, _ = q.one("workingDir")
	p.Rows = read(q, "rows", 0, "a number up to 65535", size)
	p.Cols = read(q, "cols", 0, "a number up to 65535", size)
	switch {
	case len(p.Command) == 0 || p.Command[0] == "":
		q.fail("command: the program to run is expected")
	case len(p.Command) > maxArgs:
		q.fail("command: %d words are too many, at most %d", len(p.Command), maxArgs)
	case slices.ContainsFunc(append(p.Command, p.WorkingDir), func(s string) bool { return strings.ContainsRune(s, 0) }):
		q.fail("command, workingDir: a NUL byte cannot be passed on")
	}
	return p, q.err
}

// encodeExec is the inverse of parseExec.
func encodeExec(p driver.Process) string {
	v := url.Values{
		"command": p.Command, "stdin": {strconv.FormatBool(p.Stdin)}, "tty": {strconv.FormatBool(p.TTY)},
		"rows": {strconv.Itoa(int(p.Rows))}, "cols": {strconv.Itoa(int(p.Cols))},
	}
	if p.WorkingDir != "" {
		v.Set("workingDir", p.WorkingDir)
	}
	return v.Encode()
}
