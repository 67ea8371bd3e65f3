package folder

import (
	"slices"
	"time"
)

// Settle says how long it must have been quiet before a change counts. Fields
// that are zero take the default.
type Settle struct {
	Add    time.Duration // what cannot harm: a new name, a change that needs no new container; default 25ms
	Change time.Duration // what can: removal and replacement; default 250ms
	Max    time.Duration // bound while somebody never stops writing; default 2s
}

func (s Settle) orDefault() Settle {
	orDefault := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	orDefault(&s.Add, 25*time.Millisecond)
	orDefault(&s.Change, 250*time.Millisecond)
	orDefault(&s.Max, 2*time.Second)
	return s
}

// settler decides when a change may pass. It is told the time and what each
// reading saw, and holds no clock.
//
// A harmless change passes when its own file has been quiet for Settle.Add. A
// harmful one waits until the whole folder has been quiet for Settle.Change, so
// that a file that moves is seen to arrive before it is seen to be gone. After
// Settle.Max a change passes as soon as two readings in a row agree. While held
// is set nothing passes but what is harmless and older than Settle.Max.
type settler struct {
	Settle
	open map[string]*change
	last time.Time // last sign of a change in any file
	held bool      // somebody is known to be in the middle of changing the files
	anew time.Time // last restart: what was read or waited for before counts no more
}

// change is a file that may differ from what it last said.
type change struct {
	first, last time.Time // signs of it
	read        time.Time // last reading; zero: none yet
	mark        mark      // what that reading saw
	harm        bool      // what that reading would do
	unread      bool      // there was a sign since
}

func newSettler(s Settle) settler {
	return settler{Settle: s.orDefault(), open: map[string]*change{}}
}

// touch notes a sign that a file changed: an event, or a difference found.
func (s *settler) touch(file string, now time.Time) {
	c := s.open[file]
	if c == nil {
		c = &change{first: now}
		s.open[file] = c
	}
	c.last, c.unread = later(c.last, now), true
	s.last = later(s.last, now)
}

// forget ends a change that turned out to be none, or that has passed.
func (s *settler) forget(file string) { delete(s.open, file) }

// saw notes a reading of a touched file and reports whether it may count now.
// A reading that differs from the one before is itself a sign of a change.
func (s *settler) saw(file string, m mark, harm bool, now time.Time) bool {
	c := s.open[file]
	agree := !c.read.IsZero() && c.mark == m
	if !c.read.IsZero() && !agree {
		s.touch(file, now)
	}
	c.read, c.mark, c.harm, c.unread = now, m, harm, false
	if s.held {
		return !harm && agree && now.Sub(c.first) >= s.Max
	}
	if !now.Before(s.quietAt(c)) && (agree || !harm) {
		return true
	}
	return agree && !now.Before(s.boundOf(c))
}

// restart lets all open changes settle as if they had begun now: they are read
// again, and the time that they were held does not count for the bound.
func (s *settler) restart(now time.Time) {
	s.anew, s.last = now, later(s.last, now)
	for _, c := range s.open {
		c.last, c.read, c.unread = later(c.last, now), time.Time{}, true
	}
}

// boundOf is when a change need not wait for quiet any more.
func (s *settler) boundOf(c *change) time.Time { return later(c.first, s.anew).Add(s.Max) }

// quietAt is when the change has been quiet for long enough, if it stays so.
func (s *settler) quietAt(c *change) time.Time {
	if c.harm {
		return s.last.Add(s.Change)
	}
	return c.last.Add(s.Add)
}

// lookAt is when the next reading of a change is due. The bound needs two
// readings, which are kept apart by Settle.Add.
func (s *settler) lookAt(c *change) time.Time {
	quiet, bound := s.quietAt(c), s.boundOf(c)
	if c.unread { // learn first what it is
		quiet = c.last.Add(s.Add)
	}
	if !c.read.IsZero() {
		again := c.read.Add(s.Add)
		quiet, bound = later(quiet, again), later(bound, again)
	}
	if s.held && c.harm && !c.read.IsZero() { // no bound: only look now and then
		return later(quiet, c.read.Add(s.Change))
	}
	if bound.Before(quiet) {
		return bound
	}
	return quiet
}

// due lists the files to be read now, sorted.
func (s *settler) due(now time.Time) []string {
	var files []string
	for file, c := range s.open {
		if !s.lookAt(c).After(now) {
			files = append(files, file)
		}
	}
	slices.Sort(files)
	return files
}

// next is when due will have something; zero if nothing is open.
func (s *settler) next() time.Time {
	var next time.Time
	for _, c := range s.open {
		if at := s.lookAt(c); next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next
}

// harmful reports whether a change that could harm is open.
func (s *settler) harmful() bool {
	for _, c := range s.open {
		if c.harm {
			return true
		}
	}
	return false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
