package control

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// Event is one line of the history: a decision, an outcome, an end, a change of
// the shown state, or what an operator asked for.
type Event struct {
	Seq       uint64    `json:"seq"` // ascending, never given twice
	At        time.Time `json:"at"`
	Container string    `json:"container"`
	Type      string    `json:"type"`           // Normal | Warning
	Kind      string    `json:"kind,omitempty"` // Decided | Done | Exited | Became | Asked | Probed | Hooked
	Revision  string    `json:"revision,omitempty"`
	Action    string    `json:"action,omitempty"`
	State     string    `json:"state,omitempty"`
	Reason    string    `json:"reason"`
	Message   string    `json:"message,omitempty"`
	Took      float64   `json:"tookSeconds,omitempty"` // of a step that is done
	Change    string    `json:"change,omitempty"`      // id of the change of the folder that it goes back to
	// Source is the revision of the manifest folder's source (a git commit) that
	// it comes from; "" if it comes from none.
	Source string `json:"sourceRevision,omitempty"`
	// Missed says that events between the one before and this one are not kept
	// any more.
	Missed bool `json:"missed,omitempty"`
}

func eventOf(e statedb.Entry) Event {
	return Event{
		Seq: e.Seq, At: e.At, Container: e.Container, Type: e.Type, Kind: e.Kind, Revision: e.Revision, Action: e.Action,
		State: e.State, Reason: e.Reason, Message: e.Message, Took: e.Took.Seconds(), Change: e.Change,
		Source: e.Source,
	}
}

func (s *server) events(w http.ResponseWriter, r *http.Request) {
	q, err := parseEvents(r.URL.RawQuery)
	switch {
	case err != nil:
		fail(w, err)
	case q.Follow:
		s.followEvents(w, r, q)
	default:
		answer(func(*http.Request) ([]Event, error) { return s.listEvents(q) }).ServeHTTP(w, r)
	}
}

// listEvents gives the newest first, or with Since the oldest.
func (s *server) listEvents(q EventQuery) ([]Event, error) {
	if q.Since != nil {
		p, err := s.cfg.Store.Since(q.Container, *q.Since, q.Limit)
		return q.take(nil, p), err
	}
	kept, err := s.cfg.Store.History(q.Container, q.Limit)
	out := make([]Event, 0, len(kept))
	for _, e := range kept {
		if !e.At.Before(q.SinceTime) {
			out = append(out, eventOf(e))
		}
	}
	return out, err
}

// take adds to out what of p is asked for.
func (q *EventQuery) take(out []Event, p statedb.Page) []Event {
	if out == nil {
		out = make([]Event, 0, len(p.Entries))
	}
	missed := p.Cut
	for _, e := range p.Entries {
		if e.At.Before(q.SinceTime) {
			continue
		}
		ev := eventOf(e)
		ev.Missed, missed = missed, false
		out = append(out, ev)
	}
	return out
}

const (
	eventsAtOnce = 500              // in one write to a follower
	slowest      = 30 * time.Second // a write to somebody who reads may take
)

// followEvents writes a line of JSON for each event as it comes. It reads from
// the store at the pace of the follower, so nobody waits for one who is slow;
// what is not kept any more when it gets there is told as Missed.
func (s *server) followEvents(w http.ResponseWriter, r *http.Request, q EventQuery) {
	out := &lines{w: w, control: http.NewResponseController(w)}
	seq, err := s.firstEvents(out, q)
	missed := false
	for err == nil {
		grown := s.cfg.Store.Grown()
		var p statedb.Page
		if p, err = s.cfg.Store.Since(q.Container, seq, eventsAtOnce); err != nil {
			break
		}
		p.Cut = p.Cut || missed
		list := q.take(nil, p)
		missed = p.Cut && len(list) == 0 // told with the first one that comes
		if err = out.write(list); err != nil || len(p.Entries) > 0 {
			seq = p.Next
			continue
		}
		seq = p.Next
		select {
		case <-grown:
		case <-r.Context().Done():
			return
		case <-ending(r.Context()):
			return
		}
	}
	if !out.begun {
		fail(w, err)
	}
}

// firstEvents writes the newest events that are there already, at most
// q.Limit, and says from where on to follow.
func (s *server) firstEvents(out *lines, q EventQuery) (seq uint64, err error) {
	if q.Since != nil {
		return *q.Since, out.write(nil)
	}
	p, err := s.cfg.Store.Since(q.Container, 0, 0)
	if err != nil {
		return 0, err
	}
	p.Cut = false // whoever begins has missed nothing
	list := q.take(nil, p)
	if q.Limit > 0 {
		list = list[max(0, len(list)-q.Limit):]
	}
	for part := range slices.Chunk(list, eventsAtOnce) {
		if err := out.write(part); err != nil {
			return 0, err
		}
	}
	return p.Next, out.write(nil)
}

// lines writes a stream of JSON lines.
type lines struct {
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

// write sends a batch at once, and the head of the answer before the first.
func (l *lines) write(list []Event) error {
	if !l.begun {
		l.w.Header().Set("Content-Type", "application/x-ndjson")
		l.w.WriteHeader(http.StatusOK)
		l.begun = true
	} else if len(list) == 0 {
		return nil
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	for _, ev := range list {
		if err := enc.Encode(ev); err != nil {
			return err
		}
	}
	if err := l.control.SetWriteDeadline(time.Now().Add(slowest)); err != nil {
		return err
	}
	if _, err := l.w.Write(text.Bytes()); err != nil {
		return err
	}
	return l.control.Flush()
}
