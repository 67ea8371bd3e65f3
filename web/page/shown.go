package page

import "time"

// What the templates write relative to the moment of the answer; the script of
// the page goes on from there.

// Ago is how long t lies back.
func (f *frame) Ago(t time.Time) string { return ago(f.Now.Sub(t)) }

// Coming joins what comes next with the moment of the answer.
func (f *frame) Coming(n Next) shownNext { return shownNext{n, f.Now} }

// Ago is how long t lies back.
func (r shownRow) Ago(t time.Time) string { return ago(r.Now.Sub(t)) }

// In is how long t lies ahead.
func (r shownRow) In(t time.Time) string { return in(t.Sub(r.Now)) }

// Ago is how long t lies back.
func (e event) Ago(t time.Time) string { return ago(e.Now.Sub(t)) }

// shownNext is a Next at the moment of an answer.
type shownNext struct {
	Next
	now time.Time
}

// In is how long t lies ahead.
func (n shownNext) In(t time.Time) string { return in(t.Sub(n.now)) }

// Waited is how much of a wait that ends at t is over.
func (n shownNext) Waited(t time.Time, total time.Duration) time.Duration {
	return min(max(total-t.Sub(n.now), 0), total)
}

func in(d time.Duration) string {
	if d <= 0 {
		return "now"
	}
	return "in " + ago(d)
}

// Wide reports a drawing that a screen shows whole if it is made a bit smaller.
func (d *drawing) Wide() bool { return d.Width > 1250 && d.Width < 1800 }

// Plus adds what templates cannot.
func (b *box) Plus(n, m int) int { return n + m }

// maxLabel is how many characters of a name fit into a box.
const maxLabel = 17

// Label is the name as far as it fits.
func (b *box) Label() string {
	r := []rune(b.Name)
	if len(r) <= maxLabel {
		return b.Name
	}
	return string(r[:maxLabel-1]) + "…"
}
