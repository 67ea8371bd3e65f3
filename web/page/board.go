package page

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

const (
	freshFor    = 250 * time.Millisecond // how old what is shown may be
	viewLimit   = 5 * time.Second        // for an answer of the engine
	keptRemoved = 1000                   // removed names that are remembered
)

// board is what the page shows, with a number on every change, so that a
// browser asks for what is newer than what it has. It is looked at only when
// somebody asks; nothing runs between.
type board struct {
	look  func(context.Context) (engine.View, error)
	usage *Usage
	epoch string // tells this daemon's numbers from those of the one before

	turn chan struct{} // holds one while somebody looks

	mu      sync.Mutex
	seq     uint64 // of the newest change
	at      time.Time
	view    engine.View
	err     error           // of the newest look; view is then of an earlier one
	rows    map[string]line // by name
	removed []line          // oldest first
	floor   uint64          // changes up to here may have been forgotten
	rest    string          // what is shown besides the rows, as a text to compare
	changed chan struct{}   // closed at the next event of the engine
}

// line is a row and the number of its last change.
type line struct {
	seq uint64
	Row
}

func newBoard(look func(context.Context) (engine.View, error), u *Usage, epoch string) *board {
	return &board{look: look, usage: u, epoch: epoch, turn: make(chan struct{}, 1), rows: map[string]line{}, changed: make(chan struct{})}
}

// poke tells those who watch that something happened. It never waits.
func (b *board) poke() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.changed)
	b.changed = make(chan struct{})
}

// pokes is closed at the next poke.
func (b *board) pokes() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

// refresh looks again unless somebody did just now. Those who come meanwhile
// wait for the same look.
func (b *board) refresh(ctx context.Context) {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return
	}
	b.mu.Lock()
	fresh := time.Since(b.at) < freshFor
	b.mu.Unlock()
	if fresh {
		return
	}
	ctx, cancel := context.WithTimeoutCause(ctx, viewLimit, errors.New("the engine does not answer"))
	defer cancel()
	v, err := b.look(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at, b.err = time.Now(), err
	if err == nil {
		b.take(v)
	}
	if rest := b.besides(); rest != b.rest {
		b.seq++
		b.rest = rest
	}
}

// take numbers what is new in v.
func (b *board) take(v engine.View) {
	b.view = v
	seen := make(map[string]bool, len(v.Containers))
	for i := range v.Containers {
		st := &v.Containers[i]
		row := newRow(st, b.usage.Of(running(st)))
		seen[row.Name] = true
		if old, ok := b.rows[row.Name]; !ok || old.Row != row {
			b.seq++
			b.rows[row.Name] = line{b.seq, row}
		}
	}
	for name := range b.rows {
		if !seen[name] {
			b.seq++
			delete(b.rows, name)
			b.removed = append(b.removed, line{b.seq, Row{Name: name}})
		}
	}
	if n := len(b.removed) - keptRemoved; n > 0 {
		b.floor = b.removed[n-1].seq
		b.removed = slices.Delete(b.removed, 0, n)
	}
}

// besides is everything else that makes the page look different, as a text.
func (b *board) besides() string {
	var s strings.Builder
	add := func(parts ...string) {
		for _, p := range parts {
			s.WriteString(p)
			s.WriteByte(0)
		}
	}
	v := &b.view
	verdict := judge(v)
	add(string(verdict.Level), verdict.Headline, verdict.Detail, v.SaveError, v.ListError, v.Doubt, v.Brake.Message, v.Source.Revision)
	add(strconv.FormatBool(v.Started), strconv.FormatBool(v.Stopping), strconv.FormatBool(b.err != nil))
	for _, p := range v.Problems {
		add(p.String())
	}
	for _, f := range v.Foreign {
		add(f.ID, f.Owner, string(f.State))
	}
	return s.String()
}

// slice is the part of a board that a browser asked for.
type slice struct {
	Mark  string // to ask for what is newer
	Full  bool   // Rows are all that there are, by name
	More  bool   // there is more that is newer
	Rows  []Row
	Gone  []string
	View  engine.View
	Err   error
	Taken time.Time
}

// maxSlice bounds how many rows an answer changes, so that no answer keeps a
// browser busy for long.
const maxSlice = 100

// since returns what changed after mark, or everything if that cannot be told.
func (b *board) since(mark string) slice {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := slice{View: b.view, Err: b.err, Taken: b.at}
	from, ok := b.parse(mark)
	if !ok {
		s.Full, s.Mark = true, b.mark(b.seq)
		for _, l := range b.rows {
			s.Rows = append(s.Rows, l.Row)
		}
		slices.SortFunc(s.Rows, func(x, y Row) int { return strings.Compare(x.Name, y.Name) })
		return s
	}
	var news []line
	for _, l := range b.rows {
		if l.seq > from {
			news = append(news, l)
		}
	}
	for _, l := range b.removed {
		if _, back := b.rows[l.Name]; l.seq > from && !back {
			s.Gone = append(s.Gone, l.Name)
		}
	}
	slices.SortFunc(news, func(x, y line) int { return cmp.Compare(x.seq, y.seq) })
	to := b.seq
	if len(news) > maxSlice {
		news, s.More = news[:maxSlice], true
		to = news[maxSlice-1].seq
	}
	for _, l := range news {
		s.Rows = append(s.Rows, l.Row)
	}
	s.Mark = b.mark(to)
	return s
}

func (b *board) mark(seq uint64) string { return b.epoch + "." + strconv.FormatUint(seq, 10) }

// newest is the mark of the newest change.
func (b *board) newest() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mark(b.seq)
}

func (b *board) parse(mark string) (uint64, bool) {
	text, ours := strings.CutPrefix(mark, b.epoch+".")
	seq, err := strconv.ParseUint(text, 10, 64)
	return seq, ours && err == nil && seq >= b.floor && seq <= b.seq
}
