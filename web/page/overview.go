package page

import (
	"net/http"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/internal/logkey"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

const (
	maxTroubles = 20
	newestFew   = 12 // events on the overview
)

// frame is what every page has.
type frame struct {
	Title   string
	Icon    Level
	Now     time.Time // of the answer
	Taken   time.Time // of the look at the engine
	Host    string
	Owner   string
	Driver  string
	Version string
	Mark    string
	Full    bool
	More    bool
	Failed  string // why what is shown is not of now
	At      string // the path of the page itself
}

func (p *Page) frame(r *http.Request, title string, s *slice) frame {
	f := frame{
		Title: title, Now: time.Now(), Taken: s.Taken, Host: p.Host, Owner: p.Owner, Driver: p.Driver, Version: p.Version,
		Mark: s.Mark, Full: s.Full, More: s.More, At: r.URL.Path,
	}
	if s.Err != nil {
		f.Failed = s.Err.Error()
	}
	return f
}

// overviewPage is the data of the template overview.
type overviewPage struct {
	frame
	Verdict  Verdict
	Source   engine.View
	Troubles []Trouble
	Hidden   int // troubles beyond maxTroubles
	Chips    []chip
	Query    string
	Rows     []shownRow
	Gone     []string
	Graph    *drawing
	Foreign  []driver.Foreign
	Events   []event
	EventErr string
}

// shownRow is a row and what the page does with it.
type shownRow struct {
	Row
	Hidden bool
	Now    time.Time
}

// chip is a count that is also a filter.
type chip struct {
	Level   Level
	Word    string
	N       int
	Pressed bool
	X, W    int // its part of the bar, of barWidth
}

const barWidth = 1000

func (p *Page) overview(r *http.Request) answer {
	p.board.refresh(r.Context())
	q := r.URL.Query()
	f := filter{query: q.Get("q"), words: searched(q.Get("q")), show: Level(q.Get("show"))}
	if !slices.Contains(levels, f.show) {
		f.show = ""
	}
	s := p.board.since(q.Get("since"))
	d := overviewPage{Query: f.query, Gone: s.Gone, Source: s.View, Foreign: s.View.Foreign}
	d.Verdict = judge(&s.View)
	if s.Err != nil {
		d.Verdict = Verdict{Level: Bad, Headline: "The daemon does not answer", Detail: "What is shown below is what was known before."}
	}
	d.frame = p.frame(r, d.Verdict.Headline+" – "+p.Host, &s)
	d.Icon = d.Verdict.Level
	d.Troubles = troubles(&s.View)
	if n := len(d.Troubles) - maxTroubles; n > 0 {
		d.Troubles, d.Hidden = d.Troubles[:maxTroubles], n
	}
	d.Chips = chips(&s.View, f.show)
	for i := range s.Rows {
		d.Rows = append(d.Rows, shownRow{s.Rows[i], f.hides(&s.Rows[i]), d.Now})
	}
	d.Graph = draw(s.View.Containers)
	d.Events, d.EventErr = p.events("", newestFew)
	return p.answer(http.StatusOK, "overview", &d)
}

// answer renders, and logs what cannot be.
func (p *Page) answer(code int, name string, data any) answer {
	a, err := render(code, name, data)
	if err != nil {
		p.Log.Error("status page not made", logkey.File, name, logkey.Err, err)
	}
	return a
}

func chips(v *engine.View, pressed Level) []chip {
	n := map[Level]int{}
	for i := range v.Containers {
		n[levelOf(&v.Containers[i])]++
	}
	var all []chip
	seen := 0
	for _, l := range levels {
		if n[l] == 0 && l != pressed {
			continue
		}
		c := chip{Level: l, Word: words[l], N: n[l], Pressed: l == pressed, X: barWidth * seen / max(len(v.Containers), 1)}
		seen += n[l]
		c.W = barWidth*seen/max(len(v.Containers), 1) - c.X
		all = append(all, c)
	}
	return all
}

// event is one line of the history.
type event struct {
	At        time.Time
	Now       time.Time
	Container string
	Warning   bool
	What      string // the action, the state, or the reason
	Reason    string // "" if What says it
	Message   string
}

// events returns the newest lines of the history that tell something new: a
// step that is done tells of its decision too.
func (p *Page) events(container string, limit int) ([]event, string) {
	entries, err := p.History(container, 3*limit)
	if err != nil {
		return nil, err.Error()
	}
	now := time.Now()
	done := map[[2]string]bool{}
	var all []event
	for _, e := range entries {
		step := [2]string{e.Container, e.Action}
		if e.Kind == string(reconcile.Decided) && done[step] {
			delete(done, step)
			continue
		}
		done[step] = done[step] || e.Kind == string(reconcile.Done)
		if len(all) < limit {
			all = append(all, newEvent(now, &e))
		}
	}
	return all, ""
}

func newEvent(now time.Time, e *statedb.Entry) event {
	ev := event{At: e.At, Now: now, Container: e.Container, Warning: e.Type == "Warning", What: e.Reason, Message: e.Message}
	switch {
	case e.Action != "":
		ev.What, ev.Reason = e.Action, e.Reason
	case e.Kind == string(reconcile.Became) && e.State != "":
		ev.What, ev.Reason = e.State, e.Reason
	}
	if ev.Reason == string(reconcile.UpToDate) || ev.Reason == ev.What {
		ev.Reason = ""
	}
	if e.Kind == string(reconcile.Done) && ev.Message == "" && e.Took > 0 {
		ev.Message = "took " + e.Took.Round(time.Millisecond).String()
	}
	return ev
}
