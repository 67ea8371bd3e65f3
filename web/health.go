package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// The limits for an answer of the engine.
const (
	healthLimit = time.Second
	viewLimit   = 5 * time.Second
)

// look asks the engine for its view within limit.
func (p *pages) look(r *http.Request, limit time.Duration) (engine.View, error) {
	late := fmt.Errorf("the engine did not answer within %v", limit)
	ctx, cancel := context.WithTimeoutCause(r.Context(), limit, late)
	defer cancel()
	return p.View(ctx)
}

// health says whether the loop of the engine still turns.
func (p *pages) health(w http.ResponseWriter, r *http.Request) {
	if _, err := p.look(r, healthLimit); err != nil {
		sendText(w, http.StatusServiceUnavailable, err.Error()+"\n")
		return
	}
	sendText(w, http.StatusOK, "ok\n")
}

// Readiness is the answer of /readyz where JSON is asked for.
type Readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons,omitempty"` // why not
}

// ready says whether what the folder asks for is being made true.
func (p *pages) ready(w http.ResponseWriter, r *http.Request) {
	var reasons []string
	v, err := p.look(r, healthLimit)
	if err != nil {
		reasons = []string{err.Error()}
	} else {
		reasons = unready(&v)
	}
	code := http.StatusOK
	if len(reasons) > 0 {
		code = http.StatusServiceUnavailable
	}
	w.Header().Set("Vary", "Accept")
	switch {
	case strings.Contains(r.Header.Get("Accept"), "application/json"):
		sendJSON(w, code, Readiness{Ready: len(reasons) == 0, Reasons: reasons})
	case len(reasons) == 0:
		sendText(w, code, "ok\n")
	default:
		sendText(w, code, strings.Join(reasons, "\n")+"\n")
	}
}

func unready(v *engine.View) []string {
	var reasons []string
	if !v.Started {
		reasons = append(reasons, "the manifest folder and the runtime have not both been seen yet")
	}
	if v.ListError != "" {
		reasons = append(reasons, "the runtime cannot be listed: "+v.ListError)
	}
	if v.SaveError != "" {
		reasons = append(reasons, "the state cannot be saved: "+v.SaveError)
	}
	if v.Stopping {
		reasons = append(reasons, "the daemon is stopping")
	}
	return reasons
}
