package statedbtest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// testVersions: what is known of a version stays with it, its number too while
// it is the newest, and the last one that was ready is not given up.
func testVersions(t *testing.T, s *subject) {
	r1 := statedb.Spec{Name: "web", Revision: "r1", JSON: []byte("{}"), Manifest: []byte("m"), Source: "a.yaml", At: noon()}
	s.save(statedb.Batch{Specs: []statedb.Spec{r1}})
	r1.ReadyAt, r1.N = noon().Add(time.Minute), 1
	s.save(statedb.Batch{Specs: []statedb.Spec{{Name: "web", Revision: "r1", ReadyAt: r1.ReadyAt}}})
	s.reopen()
	got, err := s.Specs("web")
	equal(t, "spec", got, []statedb.Spec{r1})
	for _, r := range []string{"r2", "r3", "r4", "r5", "r6", "r7"} {
		s.save(statedb.Batch{Specs: []statedb.Spec{{Name: "web", Revision: r}}})
		s.reopen()
	}
	equal(t, "with one that was ready", strings.Join(s.revisions("web"), " "), "r7 r6 r5 r4 r1")
	s.save(statedb.Batch{Specs: []statedb.Spec{{Name: "web", Revision: "r1"}}})
	got, moreErr := s.Specs("web")
	if err = errors.Join(err, moreErr); err != nil {
		t.Fatal(err)
	}
	r1.N = 8
	equal(t, "returned to", got[0], r1)
	s.save(statedb.Batch{Specs: []statedb.Spec{{Name: "web", Revision: "r7", ReadyAt: noon()}}})
	for _, r := range []string{"r8", "r9", "r10", "r11"} {
		s.save(statedb.Batch{Specs: []statedb.Spec{{Name: "web", Revision: r}}})
	}
	equal(t, "with another one ready since", strings.Join(s.revisions("web"), " "), "r11 r10 r9 r8 r7")
}
