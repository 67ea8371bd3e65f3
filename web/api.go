package web

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// The bounds of the parameter limit of /api/v1/events.
const (
	defaultEvents = 100
	maxEvents     = 1000
)

const indexPage = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>hcs-reconcile</title></head>
<body>
<h1>hcs-reconcile</h1>
<ul>
<li><a href="/metrics">/metrics</a>: for Prometheus</li>
<li><a href="/healthz">/healthz</a>: whether the daemon answers</li>
<li><a href="/readyz">/readyz</a>: whether it does its work</li>
<li><a href="/api/v1/status">/api/v1/status</a>: all that the engine knows</li>
<li><a href="/api/v1/containers">/api/v1/containers</a>: the containers; <code>/NAME</code> for one</li>
<li><a href="/api/v1/events">/api/v1/events</a>: what happened, newest first; <code>?container=NAME&amp;limit=N</code></li>
<li><a href="/api/v1/version">/api/v1/version</a>: the program</li>
</ul>
</body>
</html>
`

func (p *pages) index(w http.ResponseWriter, _ *http.Request) {
	send(w, http.StatusOK, "text/html; charset=utf-8", indexPage)
}

func (p *pages) notFound(w http.ResponseWriter, _ *http.Request) {
	sendError(w, http.StatusNotFound, "no such page; / lists those there are")
}

func (p *pages) version(w http.ResponseWriter, _ *http.Request) {
	sendJSON(w, http.StatusOK, p.Version)
}

func (p *pages) status(w http.ResponseWriter, r *http.Request) {
	v, err := p.look(r, viewLimit)
	if err != nil {
		sendError(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	sendJSON(w, http.StatusOK, v)
}

// Containers is the answer of /api/v1/containers.
type Containers struct {
	Containers []reconcile.ContainerStatus `json:"containers"` // by name
}

func (p *pages) containers(w http.ResponseWriter, r *http.Request) {
	v, err := p.look(r, viewLimit)
	if err != nil {
		sendError(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	sendJSON(w, http.StatusOK, Containers{Containers: append([]reconcile.ContainerStatus{}, v.Containers...)})
}

func (p *pages) container(w http.ResponseWriter, r *http.Request) {
	v, err := p.look(r, viewLimit)
	if err != nil {
		sendError(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	name := r.PathValue("name")
	i := slices.IndexFunc(v.Containers, func(st reconcile.ContainerStatus) bool { return st.Name == name })
	if i < 0 {
		sendError(w, http.StatusNotFound, fmt.Sprintf("no container is named %q", name))
		return
	}
	sendJSON(w, http.StatusOK, v.Containers[i])
}

// Event is one line of the history.
type Event struct {
	Seq       uint64    `json:"seq"` // ascending, never given twice
	At        time.Time `json:"at"`
	Container string    `json:"container"`
	Type      string    `json:"type"` // Normal or Warning
	Action    string    `json:"action,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Message   string    `json:"message,omitempty"`
	Change    string    `json:"change,omitempty"` // id of the change of the folder that it goes back to
}

// Events is the answer of /api/v1/events.
type Events struct {
	Events []Event `json:"events"` // newest first
}

func (p *pages) events(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, err := eventLimit(q.Get("limit"))
	if err != nil {
		sendError(w, http.StatusBadRequest, err.Error())
		return
	}
	entries, err := p.History(q.Get("container"), limit)
	if err != nil {
		sendError(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	out := Events{Events: make([]Event, 0, len(entries))}
	for _, e := range entries {
		out.Events = append(out.Events, event(e))
	}
	sendJSON(w, http.StatusOK, out)
}

func event(e statedb.Entry) Event {
	return Event{
		Seq: e.Seq, At: e.At, Container: e.Container, Type: e.Type, Action: e.Action, Reason: e.Reason, Message: e.Message,
		Change: e.Change,
	}
}

func eventLimit(s string) (int, error) {
	if s == "" {
		return defaultEvents, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxEvents {
		return 0, fmt.Errorf("limit %q is not a number from 1 to %d", s, maxEvents)
	}
	return n, nil
}

func sendText(w http.ResponseWriter, code int, text string) {
	send(w, code, "text/plain; charset=utf-8", text)
}

func sendError(w http.ResponseWriter, code int, text string) {
	sendJSON(w, code, map[string]string{"error": text})
}

// sendJSON writes v as a whole or an error: half an answer with status 200
// would be taken for a good one.
func sendJSON(w http.ResponseWriter, code int, v any) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		code, text = http.StatusInternalServerError, []byte(`{"error": "the answer cannot be written as JSON"}`)
	}
	send(w, code, "application/json", string(text)+"\n")
}

func send(w http.ResponseWriter, code int, contentType, text string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text) // who asked has gone; nobody is left to tell
}
