package wine

import (
	"bytes"
	"encoding/json"
	"os"
	"time"
)

// Entry is one line of the journal: a call, an event, or a violation.
type Entry struct {
	N      int
	At     time.Time
	Fn     string // a call
	Event  string // or what happened: ProcessEnded, SystemExited, ClientGone, lost, violation, …
	On     string // system id, layer path or network path
	Client int    // Windows process id of the caller
	Code   uint32
	Text   string
	Args   json.RawMessage
}

// Journal returns what happened since the start or the last Reset.
func (h *Host) Journal() []Entry {
	h.t.Helper()
	data, err := os.ReadFile(h.journalFile())
	if err != nil {
		h.t.Fatal(err)
	}
	var entries []Entry
	for line := range bytes.Lines(data) {
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			break // the last line, half written
		}
		entries = append(entries, e)
	}
	return entries
}

// Calls returns the calls of fn on one subject ("" for any).
func (h *Host) Calls(fn, on string) []Entry {
	h.t.Helper()
	var calls []Entry
	for _, e := range h.Journal() {
		if e.Fn == fn && (on == "" || e.On == on) {
			calls = append(calls, e)
		}
	}
	return calls
}

// Await waits until what returns true, and fails the test after Patience.
func (h *Host) Await(what string, reached func() bool) {
	h.t.Helper()
	deadline := time.After(Patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !reached() {
		select {
		case <-tick.C:
		case <-deadline:
			h.t.Fatalf("wait for %s: it does not happen", what)
		}
	}
}

// AwaitFile waits for a file of the host, which a program makes as a sign.
func (h *Host) AwaitFile(windowsPath string) {
	h.t.Helper()
	h.Await(windowsPath, func() bool {
		_, err := os.Stat(h.Path(windowsPath))
		return err == nil
	})
}
