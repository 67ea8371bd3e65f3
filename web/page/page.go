// Package page is the status page of the daemon: what a person on call looks
// at first. It is HTML made on the server, whole without JavaScript; with it,
// the page learns by server-sent events that something changed, asks for the
// same HTML again, and puts in what differs. So there is one way in which
// things are drawn, and data is never anything but text.
//
// It only reads, decides nothing, and looks at the engine only while somebody
// looks at it. It loads nothing from elsewhere and runs no script but its own,
// which the Content-Security-Policy of every page enforces. All of it is safe
// for concurrent use.
package page

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// Options are what the page is made from. View, History and Log are needed.
type Options struct {
	View    func(context.Context) (engine.View, error)                 // Engine.View
	History func(container string, limit int) ([]statedb.Entry, error) // Store.History
	Log     *slog.Logger
	Host    string // name of this host, as it is shown
	Owner   string // of the daemon
	Driver  string
	Version string // of the program

	// Usage has the figures that are drawn; nil: none are.
	Usage *Usage
	// Sample has Usage told fresh figures of all running containers, while
	// somebody watches. nil: Usage is told by others alone.
	Sample func(context.Context, *engine.View)
	// Differences tells what differs between what runs and what is wanted. nil: it is not shown.
	Differences func(context.Context, reconcile.ContainerStatus) ([]manifest.FieldChange, error)
	// Tail returns the newest lines of a container's log, oldest first; none and
	// no error if there is no log. nil: it is not shown.
	Tail func(ctx context.Context, container string, lines int) ([]Line, error)
}

// Line is one line of a container's log.
type Line struct {
	At     time.Time // zero: not known
	Stderr bool
	Text   string
}

// Page serves the status page. Make it with New.
type Page struct {
	Options
	board    *board
	watchers chan struct{}
	sampling chan struct{} // holds one while somebody samples
	closed   chan struct{}
	closing  sync.Once
}

var _ engine.Observer = (*Page)(nil)

// New makes a page. Nothing is asked before somebody looks.
func New(o Options) *Page {
	if o.Usage == nil {
		o.Usage = &Usage{}
	}
	return &Page{
		Options: o, board: newBoard(o.View, o.Usage, rand.Text()[:8]),
		watchers: make(chan struct{}, maxWatchers), sampling: make(chan struct{}, 1), closed: make(chan struct{}),
	}
}

// Observe tells those who watch to look again. It never waits.
func (p *Page) Observe(reconcile.Event) { p.board.poke() }

// Close ends the answers that would go on for as long as somebody watches, so
// that a server can stop. It may be called more than once.
func (p *Page) Close() { p.closing.Do(func() { close(p.closed) }) }

// Routes are the patterns and handlers of the page, for an http.ServeMux: /,
// /containers/{name} and what lies below /page/.
func (p *Page) Routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"/{$}":               policed(zipped(p.overview)),
		"/containers/{name}": policed(zipped(p.container)),
		"/page/watch":        p.watch,
		"/page/{file}":       asset,
	}
}

// policy allows nothing but what this package embeds. Trusted types keep even
// our own script from ever treating text as HTML.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

func policed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next(w, r)
	}
}
