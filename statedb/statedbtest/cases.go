package statedbtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

func testEmpty(t *testing.T, s *subject) {
	s.save(statedb.Batch{})
	equal(t, "state", s.load(), statedb.State{})
	equal(t, "history", s.history("", 0), []statedb.Entry(nil))
	equal(t, "specs", s.revisions("web"), []string(nil))
}

func testRecord(t *testing.T, s *subject) {
	full := filled[statedb.Record](t)
	full.Name = "full"
	now := time.Now() // has a monotonic part
	fresh := statedb.Record{Name: "fresh", Started: now}
	zero := statedb.Record{Name: "zero"}
	s.save(statedb.Batch{Put: []statedb.Record{full, fresh, zero}})
	st := s.load()
	equal(t, "records", st.Records, []statedb.Record{fresh, full, zero})
	wantUTC(t, st.Records)

	full.LastExit, full.Recent, full.Failures = nil, nil, 7
	s.save(statedb.Batch{Put: []statedb.Record{full}})
	equal(t, "records after a change", s.load().Records, []statedb.Record{fresh, full, zero})
}

func testSorted(t *testing.T, s *subject) {
	for _, name := range []string{"b", "a-b", "c", "a", "a0"} {
		s.save(statedb.Batch{
			Put:   []statedb.Record{{Name: name}},
			Files: []statedb.ManifestFile{{Path: name}},
		})
	}
	st := s.load()
	var names, paths []string
	for _, r := range st.Records {
		names = append(names, r.Name)
	}
	for _, f := range st.Files {
		paths = append(paths, f.Path)
	}
	equal(t, "names", names, []string{"a", "a-b", "a0", "b", "c"})
	equal(t, "paths", paths, names)
}

func testFilesAndBrake(t *testing.T, s *subject) {
	file := filled[statedb.ManifestFile](t)
	file.Path = "shop/web.yaml"
	large := statedb.ManifestFile{Path: "large.yaml", Text: []byte(strings.Repeat("x\xff\n", 1<<18))}
	brake := filled[statedb.Brake](t)
	s.save(statedb.Batch{Files: []statedb.ManifestFile{file, large}, Brake: &brake})
	st := s.load()
	equal(t, "files", st.Files, []statedb.ManifestFile{large, file})
	equal(t, "brake", st.Brake, brake)
	wantUTC(t, st)

	s.save(statedb.Batch{DropFiles: []string{"large.yaml", "never.yaml"}})
	st = s.load()
	equal(t, "files after a drop", st.Files, []statedb.ManifestFile{file})
	equal(t, "brake, not mentioned", st.Brake, brake)
	s.save(statedb.Batch{Brake: &statedb.Brake{}})
	equal(t, "brake, released", s.load().Brake, statedb.Brake{})
}

func testDrop(t *testing.T, s *subject) {
	s.save(statedb.Batch{
		Put:     []statedb.Record{{Name: "web"}, {Name: "web2"}},
		Specs:   []statedb.Spec{{Name: "web", Revision: "1"}, {Name: "web2", Revision: "1"}},
		Entries: []statedb.Entry{{Container: "web"}},
	})
	s.save(statedb.Batch{Drop: []string{"web", "never"}})
	equal(t, "records", s.load().Records, []statedb.Record{{Name: "web2"}})
	equal(t, "specs of web", s.revisions("web"), []string(nil))
	equal(t, "specs of web2", s.revisions("web2"), []string{"1"})
	equal(t, "history is kept", len(s.history("web", 0)), 1)
}

func testDropAndPut(t *testing.T, s *subject) {
	s.save(statedb.Batch{
		Put:   []statedb.Record{{Name: "web", Failures: 3}},
		Specs: []statedb.Spec{{Name: "web", Revision: "1"}},
		Files: []statedb.ManifestFile{{Path: "web.yaml", Text: []byte("old")}},
	})
	fresh := statedb.ManifestFile{Path: "web.yaml", Text: []byte("new")}
	s.save(statedb.Batch{
		Put: []statedb.Record{{Name: "web"}}, Drop: []string{"web"},
		Specs: []statedb.Spec{{Name: "web", Revision: "2"}},
		Files: []statedb.ManifestFile{fresh}, DropFiles: []string{"web.yaml"},
	})
	st := s.load()
	equal(t, "records", st.Records, []statedb.Record{{Name: "web"}})
	equal(t, "specs", s.revisions("web"), []string{"2"})
	equal(t, "files", st.Files, []statedb.ManifestFile{fresh})
}

func testSpecs(t *testing.T, s *subject) {
	full := filled[statedb.Spec](t)
	full.Name, full.Revision = "web", "r1"
	s.save(statedb.Batch{Specs: []statedb.Spec{full, {Name: "web2", Revision: "other"}}})
	s.reopen()
	got, err := s.Specs("web")
	if err != nil {
		t.Fatal(err)
	}
	full.N = 1
	equal(t, "spec", got, []statedb.Spec{full})
	wantUTC(t, got)

	for _, step := range []struct{ save, want string }{
		{"r2", "r2 r1"},
		{"r3", "r3 r2 r1"},
		{"r1", "r1 r3 r2"},
		{"r4", "r4 r1 r3 r2"},
		{"r5", "r5 r4 r1 r3 r2"},
		{"r6", "r6 r5 r4 r1 r3"},
		{"r3", "r3 r6 r5 r4 r1"},
	} {
		s.save(statedb.Batch{Specs: []statedb.Spec{{Name: "web", Revision: step.save}}})
		s.reopen()
		equal(t, "after "+step.save, strings.Join(s.revisions("web"), " "), step.want)
	}
	equal(t, "of another name", s.revisions("web2"), []string{"other"})
}

func testHistory(t *testing.T, s *subject) {
	full := filled[statedb.Entry](t)
	full.Container = "web"
	db, host := statedb.Entry{Container: "db"}, statedb.Entry{Action: "of the host"}
	s.save(statedb.Batch{Entries: []statedb.Entry{full, db}})
	s.reopen()
	s.save(statedb.Batch{Entries: []statedb.Entry{host}})
	s.reopen()
	s.save(statedb.Batch{Entries: []statedb.Entry{full}})
	all := s.history("", 0)
	wantUTC(t, all)

	first, last := full, full
	first.Seq, db.Seq, host.Seq, last.Seq = all[3].Seq, all[2].Seq, all[1].Seq, all[0].Seq
	equal(t, "all", all, []statedb.Entry{last, host, db, first})
	if first.Seq >= db.Seq || db.Seq >= host.Seq || host.Seq >= last.Seq {
		t.Errorf("sequence numbers do not ascend: %d %d %d %d", first.Seq, db.Seq, host.Seq, last.Seq)
	}
	equal(t, "of web", s.history("web", 0), []statedb.Entry{last, first})
	equal(t, "of web, one", s.history("web", 1), []statedb.Entry{last})
	equal(t, "all, two", s.history("", 2), []statedb.Entry{last, host})
	equal(t, "of nobody", s.history("we", 0), []statedb.Entry(nil))
}

func testHistoryLimit(t *testing.T, s *subject) {
	const names, extra = 100, 150
	var entries []statedb.Entry
	for i := range statedb.MaxHistory + extra {
		entries = append(entries, statedb.Entry{Container: fmt.Sprint("c", i%names), Reason: fmt.Sprint(i)})
	}
	s.save(statedb.Batch{Entries: entries[:statedb.MaxHistory]})
	s.reopen()
	for part := range slices.Chunk(entries[statedb.MaxHistory:], 50) {
		s.save(statedb.Batch{Entries: part})
	}
	got := s.history("", 0)
	equal(t, "entries", len(got), statedb.MaxHistory)
	equal(t, "newest", got[0].Reason, fmt.Sprint(len(entries)-1))
	equal(t, "oldest", got[len(got)-1].Reason, fmt.Sprint(extra))
	// Of 100 names the first 50 lost two entries and gained two, the rest one.
	equal(t, "of c0", len(s.history("c0", 0)), statedb.MaxHistory/names)
	s.reopen()
	if !slices.Equal(s.history("", 0), got) {
		t.Error("the history changed over a reopen")
	}
}

func testContainerLimit(t *testing.T, s *subject) {
	s.save(statedb.Batch{Entries: []statedb.Entry{{Container: "quiet"}}})
	const n = statedb.MaxContainerHistory + 30
	for i := range n {
		s.save(statedb.Batch{Entries: []statedb.Entry{{Container: "loud", Reason: fmt.Sprint(i)}}})
		if i == n/2 {
			s.reopen()
		}
	}
	got := s.history("loud", 0)
	equal(t, "entries", len(got), statedb.MaxContainerHistory)
	equal(t, "newest", got[0].Reason, fmt.Sprint(n-1))
	equal(t, "oldest", got[len(got)-1].Reason, "30")
	equal(t, "of the quiet one", len(s.history("quiet", 0)), 1)
	equal(t, "all", len(s.history("", 0)), statedb.MaxContainerHistory+1)
}

func testRefusals(t *testing.T, s *subject) {
	good := statedb.Record{Name: "web"}
	s.save(statedb.Batch{Put: []statedb.Record{good}, Entries: []statedb.Entry{{Container: "web"}}})
	future := time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) // has no RFC 3339 form
	for name, b := range map[string]statedb.Batch{
		"no name":          {Put: []statedb.Record{{}}},
		"NUL in a name":    {Specs: []statedb.Spec{{Name: "a\x00b", Revision: "1"}}},
		"no revision":      {Specs: []statedb.Spec{{Name: "a"}}},
		"no path":          {Files: []statedb.ManifestFile{{}}},
		"long name":        {Put: []statedb.Record{{Name: strings.Repeat("x", 1<<16)}}},
		"long container":   {Entries: []statedb.Entry{{Container: strings.Repeat("x", 1<<16)}}},
		"time of a record": {Put: []statedb.Record{{Name: "late", RetryAt: future}}},
		"time of an entry": {Entries: []statedb.Entry{{At: future}}},
		"time of a spec":   {Specs: []statedb.Spec{{Name: "late", Revision: "1", At: future}}},
	} {
		b.Drop = []string{"web"}
		b.Entries = append([]statedb.Entry{{Container: "web"}}, b.Entries...)
		if err := s.Save(b); err == nil {
			t.Errorf("%s: was saved", name)
		}
	}
	equal(t, "records", s.mustLoad().Records, []statedb.Record{good})
	equal(t, "history", len(s.history("web", 0)), 1)
	s.save(statedb.Batch{Entries: []statedb.Entry{{Container: "web"}}})
	equal(t, "history after a good batch", len(s.history("web", 0)), 2)
	equal(t, "all history", len(s.history("", 0)), 2)
}

func testNoSharing(t *testing.T, s *subject) {
	given := statedb.Batch{
		Put:   []statedb.Record{{Name: "web", Recent: []time.Time{noon()}, LastExit: &statedb.Exit{Code: 1}}},
		Files: []statedb.ManifestFile{{Path: "web.yaml", Text: []byte("text")}},
		Specs: []statedb.Spec{{Name: "web", Revision: "1", JSON: []byte("{}")}},
		Brake: &statedb.Brake{Blocked: []string{"web"}},
	}
	s.save(given)
	want := s.mustLoad()
	spoil := func(st statedb.State) {
		st.Records[0].Recent[0], st.Records[0].LastExit.Code = time.Time{}, 9
		st.Files[0].Text[0], st.Brake.Blocked[0] = 'X', "X"
	}
	spoil(statedb.State{Records: given.Put, Files: given.Files, Brake: *given.Brake})
	given.Specs[0].JSON[0] = 'X'
	spoil(s.mustLoad())
	equal(t, "state", s.mustLoad(), want)
	for range 2 {
		specs, err := s.Specs("web")
		if err != nil || len(specs) != 1 || string(specs[0].JSON) != "{}" {
			t.Fatalf("got specs %v, error %v", specs, err)
		}
		specs[0].JSON[0] = 'X'
	}
}

func testClosed(t *testing.T, s *subject) {
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	_, load := s.Load()
	_, specs := s.Specs("web")
	_, history := s.History("", 0)
	_, since := s.Since("", 0, 0)
	full := statedb.Batch{Put: []statedb.Record{{Name: "web"}}}
	for name, got := range map[string]error{
		"Load": load, "Specs": specs, "History": history, "Since": since, "Save": s.Save(full), "Save of nothing": s.Save(statedb.Batch{}),
	} {
		if !errors.Is(got, statedb.ErrClosed) {
			t.Errorf("%s: got error %v, want %v", name, got, statedb.ErrClosed)
		}
	}
}
