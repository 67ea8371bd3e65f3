package folder

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// at is a time in milliseconds from the beginning.
func at(ms int) time.Time { return time.UnixMilli(int64(1_000_000 + ms)) }

func TestSettler(t *testing.T) {
	type step struct {
		at    int
		touch string // a file that something happens to
		read  string // or a file that is read
		mark  mark
		harm  bool
		pass  bool // whether that reading counts
		next  int  // when to look again; 0: nothing is open
	}
	for name, steps := range map[string][]step{
		"an addition": {
			{at: 0, touch: "a", next: 25},
			{at: 25, read: "a", mark: "1", pass: true},
		},
		"an addition that is still written": {
			{at: 0, touch: "a", next: 25},
			{at: 20, touch: "a", next: 45},
			{at: 45, read: "a", mark: "1", pass: true},
		},
		"a replacement": {
			{at: 0, touch: "a", next: 25},
			{at: 25, read: "a", mark: "1", harm: true, next: 250},
			{at: 250, read: "a", mark: "1", harm: true, pass: true},
		},
		"a replacement is read late": {
			{at: 0, touch: "a", next: 25},
			{at: 900, read: "a", mark: "1", harm: true, next: 925},
			{at: 925, read: "a", mark: "1", harm: true, pass: true},
		},
		"a replacement waits for the whole folder": {
			{at: 0, touch: "a", next: 25},
			{at: 25, read: "a", mark: "1", harm: true, next: 250},
			{at: 200, touch: "b", next: 225},
			{at: 225, read: "b", mark: "1", pass: true, next: 450},
			{at: 250, read: "a", mark: "1", harm: true, next: 450},
			{at: 450, read: "a", mark: "1", harm: true, pass: true},
		},
		"no event told that it was written on": {
			{at: 0, touch: "a", next: 25},
			{at: 25, read: "a", mark: "1", harm: true, next: 250},
			{at: 250, read: "a", mark: "2", harm: true, next: 500},
			{at: 500, read: "a", mark: "2", harm: true, pass: true},
		},
		"events without a change, for ever": {
			{at: 0, touch: "a", next: 25},
			{at: 1990, touch: "a", next: 2000},
			{at: 2000, read: "a", mark: "1", next: 2025},
			{at: 2020, touch: "a", next: 2025},
			{at: 2025, read: "a", mark: "1", pass: true},
		},
		"written for ever": {
			{at: 0, touch: "a", next: 25},
			{at: 1990, touch: "a", next: 2000},
			{at: 2000, read: "a", mark: "1", harm: true, next: 2025},
			{at: 2025, read: "a", mark: "2", harm: true, next: 2050},
			{at: 2050, read: "a", mark: "3", harm: true, next: 2075},
			{at: 2075, read: "a", mark: "3", harm: true, pass: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSettler(Settle{})
			for _, st := range steps {
				if st.touch != "" {
					s.touch(st.touch, at(st.at))
				} else if got := s.saw(st.read, st.mark, st.harm, at(st.at)); got != st.pass {
					t.Fatalf("at %d: pass %v, want %v", st.at, got, st.pass)
				} else if got {
					s.forget(st.read)
				}
				next := 0
				if n := s.next(); !n.IsZero() {
					next = int(n.Sub(at(0)).Milliseconds())
				}
				if next != st.next {
					t.Fatalf("at %d: look again at %d, want %d", st.at, next, st.next)
				}
			}
		})
	}
}

// TestSettlerProperties lets writers do what they like to a few files, tells
// the settler of some of it, and checks from the outside what it lets pass.
func TestSettlerProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWriters(t)
		end, writes := 0, rapid.IntRange(1, 60)
		pause := rapid.OneOf(rapid.IntRange(0, 20), rapid.IntRange(20, 400))
		if rapid.Bool().Draw(t, "storm") { // for longer than the bound
			writes, pause = rapid.IntRange(150, 200), rapid.IntRange(10, 22)
		}
		for range writes.Draw(t, "writes") {
			end += pause.Draw(t, "pause")
			w.readUntil(end)
			w.write(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "file"), end)
		}
		// After the last write everything passes when it has been quiet for long
		// enough, or one quiet time later if only a reading told of the write.
		bound := 250 + 25
		if w.lossy {
			bound *= 2
		}
		w.busy = 0
		w.readUntil(end + bound)
		if n := len(w.s.open); n > 0 {
			t.Fatalf("%d changes are open %d ms after the last write", n, bound)
		}
	})
}

// writers is the world around a settler: files with versions.
type writers struct {
	t       *rapid.T
	s       settler
	version map[string]int
	wrote   map[string]int // when
	any     int            // when any was written
	lossy   bool           // some events are lost
	clock   int
	busy    int // how late a reading may be
	opened  map[string]int
	reads   map[string][]string // since it was opened
	readAt  map[string]int
	harm    map[string]bool
}

func newWriters(t *rapid.T) *writers {
	return &writers{
		t: t, s: newSettler(Settle{}), version: map[string]int{}, wrote: map[string]int{}, opened: map[string]int{},
		busy: rapid.SampledFrom([]int{0, 0, 40, 400}).Draw(t, "busy"), lossy: rapid.Bool().Draw(t, "lossy"),
		reads: map[string][]string{}, readAt: map[string]int{}, harm: map[string]bool{},
	}
}

func (w *writers) write(file string, now int) {
	if rapid.Bool().Draw(w.t, "changes it") {
		w.version[file]++
	}
	_, open := w.s.open[file]
	if !open {
		w.opened[file], w.reads[file] = now, nil
		w.harm[file] = rapid.Bool().Draw(w.t, "harms")
	}
	w.wrote[file], w.any = now, now
	if !open || !w.lossy || rapid.IntRange(0, 9).Draw(w.t, "event is lost") > 0 {
		w.s.touch(file, at(now))
	}
}

// readUntil does what a reader would do that is sometimes busy elsewhere.
func (w *writers) readUntil(end int) {
	for n := w.s.next(); !n.IsZero() && !n.After(at(end)); n = w.s.next() {
		if w.busy > 0 {
			n = later(n, at(w.clock)).Add(time.Duration(rapid.IntRange(0, w.busy).Draw(w.t, "late")) * time.Millisecond)
			if n.After(at(end)) {
				return
			}
		}
		w.clock = int(n.Sub(at(0)).Milliseconds())
		for _, file := range w.s.due(n) {
			w.read(file, w.clock)
		}
	}
}

func (w *writers) read(file string, now int) {
	m := fmt.Sprint(w.version[file])
	pass := w.s.saw(file, mark(m), w.harm[file], at(now))
	reads := slices.Concat(w.reads[file], []string{m})
	twice := len(reads) > 1 && reads[len(reads)-2] == m && now-w.readAt[file] >= 25
	since := now - w.wrote[file]
	w.reads[file], w.readAt[file] = reads, now
	late := now-w.opened[file] >= 2000
	switch {
	case pass && w.harm[file] && !twice:
		w.t.Fatalf("%s passed at %d after one reading only, or two at once", file, now)
	case pass && w.harm[file] && !late && now-w.any < 250 && w.told(file, now):
		w.t.Fatalf("%s passed at %d although the folder was written at %d", file, now, w.any)
	case pass && !w.harm[file] && !twice && since < 25 && w.told(file, now):
		w.t.Fatalf("%s passed at %d although it was written at %d", file, now, w.wrote[file])
	}
	if pass {
		w.s.forget(file)
	}
}

// told reports whether the settler could know of the last write: by an event.
func (w *writers) told(file string, now int) bool {
	return !w.s.last.Before(at(w.any)) && !w.s.open[file].last.Before(at(w.wrote[file])) && now >= w.any
}
