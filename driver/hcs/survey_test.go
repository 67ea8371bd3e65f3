package hcs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// TestSurvey tells leftovers of ours from what is in use, waits for its next
// start, or belongs to others; and it changes nothing.
func TestSurvey(t *testing.T) {
	bubble(t, func(r *rig) {
		web, ended := sample("web"), sample("ended")
		r.must(web, driver.Create, driver.Start)
		r.must(ended, driver.Create)
		cfg := Config{Owner: goldenOwner, StateDir: filepath.Join(r.dir, goldenOwner)}
		look := func() *Surveyed {
			t.Helper()
			s, err := surveyOn(r.Context(), r.m.machine(), cfg, nil)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		if s := look(); len(s.Endpoints)+len(s.Layers) > 0 || len(s.Ours) == 0 {
			t.Errorf("a host in order: %+v", s)
		}
		for _, id := range []string{"shop.old.1-00", "other.old.1-00", "by-hand"} {
			if err := os.Mkdir(filepath.Join(cfg.StateDir, "layers", id), 0o700); err != nil {
				t.Fatal(err)
			}
			r.m.set(func() { r.m.ends["endpoint of "+id] = endpointRequest{Name: id} })
		}
		if err := r.notes.save(note{ID: "shop.old.1-11", Phase: making}); err != nil { // known to the next daemon
			t.Fatal(err)
		}
		r.m.set(func() { r.m.ends["noted"] = endpointRequest{Name: "shop.old.1-11"} })
		s := look()
		if diff := cmp.Diff([][]string{{"shop.old.1-00"}, {"shop.old.1-00"}}, [][]string{s.Endpoints, s.Layers}); diff != "" {
			t.Errorf("left over (-want +got):\n%s", diff)
		}
		if n := r.m.count("destroy") + r.m.count("deleteEndpoint"); n > 0 {
			t.Errorf("looking changed something: %d calls", n)
		}
		no := errors.New("no")
		r.m.setFault(func(call, _ string) error {
			if call == "systems" {
				return no
			}
			return nil
		})
		if s := look(); !errors.Is(s.SystemsErr, no) || len(s.Layers) > 0 {
			t.Errorf("without a listing everything would seem left over: %+v", s)
		}
		r.m.setFault(nil)
	})
}

func TestOSVersion(t *testing.T) {
	store := dockerStore(t)
	for reference, want := range map[string]string{"example.com/web:1": "10.0.20348.1", "nano": "", "none": "", "evil": ""} {
		if got := store.osVersion(reference); got != want {
			t.Errorf("%s is for %q, want %q", reference, got, want)
		}
	}
}
