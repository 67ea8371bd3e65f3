package statedbtest

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// since gives a page as text: the reasons, and where it leads.
func (s *subject) since(container string, seq uint64, max int) statedb.Page {
	s.t.Helper()
	p, err := s.Since(container, seq, max)
	if err != nil {
		s.t.Fatalf("Since(%q, %d, %d): %v", container, seq, max, err)
	}
	return p
}

func reasonsOf(p statedb.Page) string {
	var words []string
	for _, e := range p.Entries {
		words = append(words, e.Reason)
	}
	return strings.Join(words, " ")
}

func testSince(t *testing.T, s *subject) {
	equal(t, "of nothing", s.since("", 0, 0), statedb.Page{})
	full := filled[statedb.Entry](t)
	full.Container, full.Reason = "web", "1"
	s.save(statedb.Batch{Entries: []statedb.Entry{full, {Container: "db", Reason: "2"}, {Container: "web", Reason: "3"}}})
	s.reopen()
	all := s.since("", 0, 0)
	wantUTC(t, all)
	full.Seq = 1
	equal(t, "the first", all.Entries[0], full)
	for _, tt := range []struct {
		container string
		seq       uint64
		max       int
		want      string
		next      uint64
	}{
		{"", 0, 0, "1 2 3", 3},
		{"", 1, 0, "2 3", 3},
		{"", 3, 0, "", 3},
		{"", 0, 2, "1 2", 2},
		{"", 0, 3, "1 2 3", 3},
		{"web", 0, 0, "1 3", 3},
		{"web", 0, 1, "1", 1},
		{"web", 1, 1, "3", 3},
		{"db", 0, 0, "2", 3}, // what is not of db has been passed too
		{"nobody", 0, 0, "", 3},
	} {
		p := s.since(tt.container, tt.seq, tt.max)
		if reasonsOf(p) != tt.want || p.Next != tt.next || p.Cut {
			t.Errorf("Since(%q, %d, %d) = %q, next %d, cut %t; want %q, next %d", tt.container, tt.seq, tt.max,
				reasonsOf(p), p.Next, p.Cut, tt.want, tt.next)
		}
	}
	if p := s.since("", 77, 0); reasonsOf(p) != "1 2 3" || !p.Cut {
		t.Errorf("Since a number that was never given = %q, cut %t; want all, cut", reasonsOf(p), p.Cut)
	}
}

func testSinceCut(t *testing.T, s *subject) {
	s.save(statedb.Batch{Entries: []statedb.Entry{{Container: "quiet"}}})
	for i := range statedb.MaxContainerHistory + 2 { // numbers 2 and 3 are dropped
		s.save(statedb.Batch{Entries: []statedb.Entry{{Container: "loud", Reason: fmt.Sprint(i)}}})
	}
	s.reopen()
	for seq, cut := range []bool{true, true, true, false, false} {
		if p := s.since("", uint64(seq), 0); p.Cut != cut { //nolint:gosec // below 5
			t.Errorf("Since(%d): cut %t, want %t", seq, p.Cut, cut)
		}
	}
}

// testFollowers lets many read along while others write, and one vanish.
func testFollowers(t *testing.T, s *subject) {
	const followers, writers, each = 8, 3, 20
	var wg sync.WaitGroup
	for f := range followers {
		wg.Go(func() {
			var seq uint64
			got := map[string]bool{}
			for len(got) < writers*each {
				grown := s.Grown()
				p, err := s.Since("", seq, 1+f)
				if err != nil || p.Cut {
					t.Errorf("Since(%d): cut %t, error %v", seq, p.Cut, err)
					return
				}
				for _, e := range p.Entries {
					if e.Seq <= seq || got[e.Reason] {
						t.Errorf("entry %d (%s) comes after %d, or twice", e.Seq, e.Reason, seq)
					}
					seq, got[e.Reason] = e.Seq, true
				}
				if seq = p.Next; len(p.Entries) == 0 {
					<-grown
				}
			}
		})
	}
	s.Grown() // one who never looks again
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := s.Save(statedb.Batch{Entries: []statedb.Entry{{Container: "web", Reason: fmt.Sprint(w, "-", i)}}}); err != nil {
					t.Errorf("Save: %v", err)
				}
			}
		})
	}
	wg.Wait()
	grown := s.Grown()
	s.Close()
	<-grown // nobody waits for ever
	<-s.Grown()
}
