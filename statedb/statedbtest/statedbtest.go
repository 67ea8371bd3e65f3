// Package statedbtest is the suite that every statedb.Store must pass. It
// tests what the interface promises and knows nothing of how it is kept.
package statedbtest

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// Reopen opens the store of one test, and after a Close opens it again with
// what was saved before.
type Reopen func() statedb.Store

// Run runs the suite. Place makes a new, empty place for a store in each test;
// it may register checks of that place with t.Cleanup, which run after the
// store was closed.
func Run(t *testing.T, place func(t *testing.T) Reopen) {
	for name, test := range map[string]func(*testing.T, *subject){
		"empty":           testEmpty,
		"record":          testRecord,
		"sorted":          testSorted,
		"files and brake": testFilesAndBrake,
		"drop":            testDrop,
		"drop and put":    testDropAndPut,
		"specs":           testSpecs,
		"versions":        testVersions,
		"history":         testHistory,
		"history limit":   testHistoryLimit,
		"container limit": testContainerLimit,
		"since":           testSince,
		"since a cut":     testSinceCut,
		"followers":       testFollowers,
		"refusals":        testRefusals,
		"no sharing":      testNoSharing,
		"concurrent":      testConcurrent,
		"closed":          testClosed,
	} {
		t.Run(name, func(t *testing.T) {
			reopen := place(t)
			s := &subject{Store: reopen(), t: t, open: reopen}
			t.Cleanup(func() { s.Close() })
			test(t, s)
		})
	}
}

// RunFailing checks that every method of s gives want.
func RunFailing(t *testing.T, s statedb.Store, want error) {
	_, load := s.Load()
	_, specs := s.Specs("web")
	_, history := s.History("", 0)
	_, since := s.Since("", 0, 0)
	for name, got := range map[string]error{
		"Load": load, "Save": s.Save(statedb.Batch{}), "Specs": specs, "History": history, "Since": since, "Close": s.Close(),
	} {
		if !errors.Is(got, want) {
			t.Errorf("%s: got error %v, want %v", name, got, want)
		}
	}
}

// subject is the store under test.
type subject struct {
	statedb.Store
	t    *testing.T
	open Reopen
}

func (s *subject) save(b statedb.Batch) {
	s.t.Helper()
	if err := s.Save(b); err != nil {
		s.t.Fatalf("Save: %v", err)
	}
}

// reopen closes the store and opens it again, so that only what lasts is left.
func (s *subject) reopen() {
	s.t.Helper()
	if err := s.Close(); err != nil {
		s.t.Fatalf("Close: %v", err)
	}
	s.Store = s.open()
}

// load reads the state before and after a reopen and wants both the same.
func (s *subject) load() statedb.State {
	s.t.Helper()
	before := s.mustLoad()
	s.reopen()
	after := s.mustLoad()
	if diff := cmp.Diff(before, after); diff != "" {
		s.t.Fatalf("the state changed over a reopen (-before +after):\n%s", diff)
	}
	return after
}

func (s *subject) mustLoad() statedb.State {
	s.t.Helper()
	st, err := s.Load()
	if err != nil {
		s.t.Fatalf("Load: %v", err)
	}
	return st
}

func (s *subject) history(container string, max int) []statedb.Entry {
	s.t.Helper()
	got, err := s.History(container, max)
	if err != nil {
		s.t.Fatalf("History(%q, %d): %v", container, max, err)
	}
	return got
}

// revisions gives the revisions of name that are kept.
func (s *subject) revisions(name string) (out []string) {
	s.t.Helper()
	specs, err := s.Specs(name)
	if err != nil {
		s.t.Fatalf("Specs(%q): %v", name, err)
	}
	for _, spec := range specs {
		out = append(out, spec.Revision)
	}
	return out
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// noon is a time with nanoseconds, outside UTC.
func noon() time.Time {
	return time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.FixedZone("", 3600))
}

// fill sets every field below v to something that is not its zero value, so
// that a field a store forgets is found, also one that is added later.
func fill(t *testing.T, v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(noon()))
	case v.Kind() == reflect.Struct:
		for _, field := range v.Fields() {
			fill(t, field)
		}
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0))
		fill(t, v.Index(1))
	case v.CanInt():
		v.SetInt(41)
	case v.CanUint():
		v.SetUint(42)
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.Kind() == reflect.String:
		v.SetString("\x00\xc3\xa4 \"text\" \u2028")
	default:
		t.Fatalf("no value known for a %s", v.Type())
	}
}

func filled[T any](t *testing.T) T {
	var v T
	fill(t, reflect.ValueOf(&v).Elem())
	return v
}

// localTimes gives the paths of times in v that are not UTC or have a
// monotonic part.
func localTimes(v reflect.Value, path string) (out []string) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		at := v.Interface().(time.Time)
		if at != at.Round(0).UTC() {
			out = append(out, path)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			out = append(out, localTimes(v.Field(i), path+"."+v.Type().Field(i).Name)...)
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		out = localTimes(v.Elem(), path)
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			out = append(out, localTimes(v.Index(i), fmt.Sprintf("%s[%d]", path, i))...)
		}
	}
	return out
}

func wantUTC(t *testing.T, v any) {
	t.Helper()
	if bad := localTimes(reflect.ValueOf(v), ""); len(bad) > 0 {
		t.Errorf("times that are not plain UTC: %v", bad)
	}
}

func testConcurrent(t *testing.T, s *subject) {
	const writers, each = 4, 10
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			name := fmt.Sprint("c", w)
			for i := range each {
				err := s.Save(statedb.Batch{
					Put:     []statedb.Record{{Name: name, Failures: i + 1}},
					Entries: []statedb.Entry{{Container: name}},
				})
				if err != nil {
					t.Errorf("Save: %v", err)
				}
				own, err := s.History(name, 0)
				if err != nil || len(own) != i+1 {
					t.Errorf("after %d saves of %s History gives %d entries, error %v", i+1, name, len(own), err)
				}
			}
		})
		wg.Go(func() {
			for range each {
				if _, err := s.Load(); err != nil {
					t.Errorf("Load: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for _, r := range s.load().Records {
		equal(t, r.Name, r.Failures, each)
	}
	seqs := make(map[uint64]bool)
	for _, e := range s.history("", 0) {
		seqs[e.Seq] = true
	}
	equal(t, "different sequence numbers", len(seqs), writers*each)
}
