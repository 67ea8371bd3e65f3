package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

func reasons(events []Event) string {
	var words []string
	for _, e := range events {
		words = append(words, e.Reason)
	}
	return strings.Join(words, " ")
}

// happen adds an event for each reason, a minute after the other.
func happen(t *testing.T, s statedb.Store, container string, reasons ...string) {
	t.Helper()
	for i, r := range reasons {
		e := statedb.Entry{At: moment.Add(time.Duration(i) * time.Minute), Container: container, Type: "Normal", Kind: "Decided", Reason: r}
		if err := s.Save(statedb.Batch{Entries: []statedb.Entry{e}}); err != nil {
			t.Error(err)
		}
	}
}

func TestEvents(t *testing.T) {
	s := statedb.NewMem()
	happen(t, s, "web", "A", "B", "C")
	happen(t, s, "db", "D")
	c := serve(t, &fakeEngine{}, s)
	for _, tt := range []struct {
		q    EventQuery
		want string
	}{
		{EventQuery{}, "D C B A"},
		{EventQuery{Limit: 2}, "D C"},
		{EventQuery{Container: "web"}, "C B A"},
		{EventQuery{Container: "nobody"}, ""},
		{EventQuery{SinceTime: moment.Add(time.Minute)}, "C B"},
		{EventQuery{Since: new(uint64(0))}, "A B C D"},
		{EventQuery{Since: new(uint64(2))}, "C D"},
		{EventQuery{Since: new(uint64(1)), Limit: 1}, "B"},
		{EventQuery{Since: new(uint64(1)), Container: "db"}, "D"},
		{EventQuery{Since: new(uint64(4))}, ""},
	} {
		got, err := c.Events(t.Context(), tt.q)
		if err != nil || reasons(got) != tt.want {
			t.Errorf("Events(%+v) = %q, %v; want %q", tt.q, reasons(got), err, tt.want)
		}
	}
	full := statedb.Entry{
		At: moment, Container: "web", Type: "Warning", Kind: "Done", Revision: "1-a", Action: "start", State: "Starting",
		Reason: "FirstStart", Message: "no such program", Took: 1500 * time.Millisecond, Change: "c1",
	}
	if err := s.Save(statedb.Batch{Entries: []statedb.Entry{full}}); err != nil {
		t.Fatal(err)
	}
	got, err := c.Events(t.Context(), EventQuery{Limit: 1})
	want := []Event{{
		Seq: 5, At: moment, Container: "web", Type: "Warning", Kind: "Done", Revision: "1-a", Action: "start", State: "Starting",
		Reason: "FirstStart", Message: "no such program", Took: 1.5, Change: "c1",
	}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Events: %v (-want +got):\n%s", err, diff)
	}
}

// follow reads until n events have come, or the daemon is gone.
func follow(t *testing.T, c *Client, q EventQuery, n int) (got []Event) {
	t.Helper()
	enough := errors.New("enough")
	err := c.FollowEvents(t.Context(), q, func(e Event) error {
		got = append(got, e)
		if len(got) == n {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) && !errors.Is(err, io.EOF) {
		t.Errorf("FollowEvents: %v", err)
	}
	return got
}

func TestFollowBeginsWithWhatIsThere(t *testing.T) {
	s := statedb.NewMem()
	happen(t, s, "web", "A", "B", "C")
	c := serve(t, &fakeEngine{}, s)
	for _, tt := range []struct {
		q    EventQuery
		want string
	}{
		{EventQuery{}, "A B C"},
		{EventQuery{Limit: 1}, "C"},
		{EventQuery{Since: new(uint64(1))}, "B C"},
		{EventQuery{SinceTime: moment.Add(time.Minute)}, "B C"},
	} {
		if got := reasons(follow(t, c, tt.q, len(strings.Fields(tt.want)))); got != tt.want {
			t.Errorf("following with %+v gives %q, want %q", tt.q, got, tt.want)
		}
	}
}

// TestFollowersLoseNothing has fifty of them, some of one container, some that
// vanish or never read, while events come from many sides; the daemon ends in
// between, and they go on where they were.
func TestFollowersLoseNothing(t *testing.T) {
	const followers, rounds = 50, 120
	s := statedb.NewMem()
	dir := stateDir(t)
	stop := serveIn(t, dir, s)
	for range 10 {
		silent(t, dir) // asks and never reads
	}
	var all sync.WaitGroup
	for f := range followers {
		all.Go(func() {
			container := []string{"", "web"}[f%2]
			want := []int{2 * rounds, rounds}[f%2]
			var got []Event
			for q := (EventQuery{Container: container, Since: new(uint64(0))}); len(got) < want; {
				if f%5 == 0 && len(got) < want/2 { // vanishes, and comes back
					got = append(got, again(t, dir, q, 1+f%7)...)
				} else {
					got = append(got, again(t, dir, q, want-len(got))...)
				}
				if len(got) > 0 {
					q.Since = new(got[len(got)-1].Seq)
				}
			}
			seqs := make([]uint64, len(got))
			for i, e := range got {
				seqs[i] = e.Seq
				if e.Missed || container != "" && e.Container != container {
					t.Errorf("follower %d of %q got %+v", f, container, e)
				}
			}
			if len(got) != want || !slices.IsSorted(seqs) || len(slices.Compact(seqs)) != want {
				t.Errorf("follower %d got %d events, %d different; want %d", f, len(got), len(slices.Compact(seqs)), want)
			}
		})
	}
	for i := range rounds {
		happen(t, s, "web", fmt.Sprint(i))
		happen(t, s, "db", fmt.Sprint(i))
		if i == rounds/2 {
			stop()
			stop = serveIn(t, dir, s)
		}
	}
	all.Wait()
	stop()
}

// again is follow for a daemon that may be away for a moment.
func again(t *testing.T, dir string, q EventQuery, n int) (got []Event) {
	_ = NewClient(dir).FollowEvents(t.Context(), q, func(e Event) error {
		got = append(got, e)
		if len(got) == n {
			return io.EOF
		}
		return nil
	})
	return got
}

// silent opens a stream and reads nothing of it.
func silent(t *testing.T, dir string) {
	t.Helper()
	conn, err := net.Dial("unix", Address(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, "GET /v1/events?follow=true&since=0 HTTP/1.1\r\nHost: daemon\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
}

// serveIn serves s in dir until it is stopped.
func serveIn(t *testing.T, dir string, s Store) (stop func()) {
	t.Helper()
	l, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, Handler(Config{Engine: &fakeEngine{}, Store: s})) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
}

// TestFollowerWhoIsTooSlowIsTold: what is not kept any more cannot be sent.
func TestFollowerWhoIsTooSlowIsTold(t *testing.T) {
	s := statedb.NewMem()
	for i := range statedb.MaxContainerHistory + 5 {
		happen(t, s, "web", fmt.Sprint(i))
	}
	c := serve(t, &fakeEngine{}, s)
	got := follow(t, c, EventQuery{Since: new(uint64(2))}, 2)
	if len(got) != 2 || got[0].Reason != "5" || !got[0].Missed || got[1].Missed {
		t.Errorf("got %+v; want the sixth event, marked, and the next, not marked", got)
	}
	if got := follow(t, c, EventQuery{Since: new(uint64(5))}, 1); got[0].Missed {
		t.Errorf("got %+v; want it not marked: nothing is missing", got[0])
	}
	if got := follow(t, c, EventQuery{}, 1); got[0].Missed {
		t.Errorf("got %+v; want it not marked: whoever begins has missed nothing", got[0])
	}
}

func TestFollowOfAClosedStore(t *testing.T) {
	s := statedb.NewMem()
	c := serve(t, &fakeEngine{}, s)
	_ = s.Close()
	err := c.FollowEvents(t.Context(), EventQuery{}, func(Event) error { return nil })
	if f, ok := errors.AsType[*Failure](err); !ok || f.Code != CodeUnavailable {
		t.Errorf("FollowEvents = %v, want unavailable", err)
	}
}
