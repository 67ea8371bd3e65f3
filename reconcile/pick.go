package reconcile

import (
	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// split finds the container that is the wanted one. What runs under the name of
// an older hash version, or of one that this program does not know, is the
// wanted one too: a new program never replaces a container by itself.
func (s *step) split() {
	for i := range s.Have {
		h := &s.Have[i]
		switch {
		case !s.wanted(h):
			s.old = append(s.old, *h)
		case s.cur == nil:
			s.cur = h
		case s.rank(h) > s.rank(s.cur):
			s.old = append(s.old, *s.cur)
			s.cur = h
		default:
			s.old = append(s.old, *h)
		}
	}
}

func (s *step) wanted(h *driver.Status) bool {
	if h.Revision == s.Want.Revision {
		return true
	}
	same, known := s.Want.Matches(h.Revision)
	return same || !known
}

// rank says which of two containers of the wanted version is the one to keep:
// the one that runs, then the one that can be started under its name.
func (s *step) rank(h *driver.Status) int {
	switch {
	case live(h):
		return 2
	case h.Revision == s.Want.Revision:
		return 1
	default:
		return 0
	}
}

func live(h *driver.Status) bool { return h.State == driver.Running || h.State == driver.Paused }

// next is the container to stop where all of them must go: one whose stop has
// begun, because the record remembers one stop at a time.
func (s *step) next() driver.Status {
	for i := range s.Have {
		if s.stopping(&s.Have[i]) {
			return s.Have[i]
		}
	}
	return s.Have[0]
}
