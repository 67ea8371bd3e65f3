package logs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

var errEnough = errors.New("enough")

// follow reads until the line of a number has come, and hands over what it had.
func follow(t *testing.T, dir string, q Query, last int) func() []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	q.Follow = true
	var got []string
	done := make(chan error, 1)
	go func() {
		done <- Read(ctx, dir, "a", q, func(l Line) error {
			got = append(got, string(l.Text))
			if strings.HasPrefix(string(l.Text), fmt.Sprintf("line %d ", last)) {
				return errEnough
			}
			return nil
		})
	}()
	return func() []string {
		t.Helper()
		defer cancel()
		if err := <-done; !errors.Is(err, errEnough) {
			t.Errorf("%v after %d lines, before line %d", err, len(got), last)
		}
		return got
	}
}

// firstNumber is the number of the first line.
func firstNumber(t *testing.T, got []string) (n int) {
	t.Helper()
	if len(got) == 0 {
		t.Fatal("no lines")
	}
	if _, err := fmt.Sscanf(got[0], "line %d ", &n); err != nil {
		t.Fatalf("line %q: %v", got[0], err)
	}
	return n
}

// holdNumbers holds that lines are those of numbered, from n on.
func holdNumbers(t *testing.T, got []string, n int) {
	t.Helper()
	for i, text := range got {
		if !strings.HasPrefix(text, fmt.Sprintf("line %d ", n+i)) {
			t.Fatalf("line %q, want line %d", text, n+i)
		}
	}
}

// TestFollow: readers see each line once and in order while files are moved
// and removed beneath them, whenever they begin.
func TestFollow(t *testing.T) {
	dir := t.TempDir()
	log := Open(dir, "a", Limits{MaxSize: 20_000, MaxFiles: 1000})
	s := log.Stream(Stdout)
	const lines, readers = 8_000, 50
	early := follow(t, dir, Query{}, lines-1) // there is no file yet
	numbered(s, 0, lines/4)
	var followers []func() []string
	for range readers {
		followers = append(followers, follow(t, dir, Query{}, lines-1))
	}
	tail, none := follow(t, dir, Query{Tail: 100}, lines-1), follow(t, dir, Query{Tail: -1}, lines+999)
	var late sync.WaitGroup
	for n := lines / 4; n < lines; n += 100 {
		numbered(s, n, n+100)
		if n%1000 == 0 { // begin while it is being written
			late.Go(func() {
				got := follow(t, dir, Query{Source: Stdout}, lines-1)()
				holdNumbers(t, got, 0)
			})
		}
	}
	for _, f := range append(followers, early) {
		got := f()
		holdNumbers(t, got, 0)
	}
	got := tail()
	if first := firstNumber(t, got); first < lines/4-100 {
		t.Errorf("tail begins with line %d", first)
	}
	holdNumbers(t, got, firstNumber(t, got))
	late.Wait()
	numbered(s, lines, lines+1000)
	got = none()
	if first := firstNumber(t, got); first < lines/4 {
		t.Errorf("what is new begins with line %d", first)
	}
	holdNumbers(t, got, firstNumber(t, got))
}

// TestFollowRemoved: a file that somebody removes costs a reader nothing of
// what it had, and it goes on with the next one without the older ones again.
func TestFollowRemoved(t *testing.T) {
	dir := t.TempDir()
	log := Open(dir, "a", Limits{MaxSize: 5000, MaxFiles: 3})
	s := log.Stream(Stdout)
	numbered(s, 0, 200)
	seen := make(chan string, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Read(ctx, dir, "a", Query{Tail: 1, Follow: true}, func(l Line) error {
			seen <- string(l.Text)
			return nil
		})
	}()
	want := func(n int) {
		t.Helper()
		select {
		case got := <-seen:
			holdNumbers(t, []string{got}, n)
		case <-time.After(time.Minute):
			t.Fatalf("line %d does not come", n)
		}
	}
	want(199)
	if err := os.Remove(Path(dir, "a")); err != nil {
		t.Fatal(err)
	}
	log.looked = time.Time{} // as if a second had passed
	numbered(s, 200, 202)
	want(200)
	want(201)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Read = %v, want the error of the context", err)
	}
}

// TestFollowPrompt: a line without an end is shown when nothing more comes,
// and its rest when it does.
func TestFollowPrompt(t *testing.T) {
	dir := t.TempDir()
	s := Open(dir, "a", Limits{}).Stream(Stdout)
	write(t, s, []byte("name? "))
	s.Flush()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var got []Line
	err := Read(ctx, dir, "a", Query{Follow: true}, func(l Line) error {
		got = append(got, Line{Text: append([]byte{}, l.Text...), Partial: l.Partial, Rest: l.Rest})
		if len(got) == 1 {
			write(t, s, []byte("joe\nhello\n"))
		}
		if len(got) == 3 {
			return errEnough
		}
		return nil
	})
	if s := fmt.Sprintf("%+v", got); !errors.Is(err, errEnough) || len(got) != 3 ||
		!got[0].Partial || got[0].Rest || got[1].Partial || !got[1].Rest || string(got[1].Text) != "joe" || got[2].Rest {
		t.Errorf("got %s, %v", s, err)
	}
}

// TestWindow holds Since, Until and Tail together.
func TestWindow(t *testing.T) {
	dir := t.TempDir()
	at := func(n int) time.Time { return time.Date(2026, 11, 26, 12, 0, n, 0, time.UTC) }
	for file := range 3 { // file 2 is the oldest: lines 0 to 9
		var text []byte
		for n := (2 - file) * 10; n < (3-file)*10; n++ {
			text = appendEntry(text, appendHead(nil, at(n), sources[n%2]), tagFull, fmt.Appendf(nil, "line %d ", n), nil)
		}
		if err := os.WriteFile(older(Path(dir, "a"), file), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		q        Query
		from, to int
	}{
		{Query{}, 0, 30},
		{Query{Since: at(10)}, 10, 30},
		{Query{Since: at(15)}, 15, 30},
		{Query{Since: at(25).Add(1)}, 26, 30},
		{Query{Since: at(40)}, 0, 0},
		{Query{Until: at(15)}, 0, 15},
		{Query{Tail: 3}, 27, 30},
		{Query{Tail: 13}, 17, 30},
		{Query{Tail: 100}, 0, 30},
		{Query{Tail: -1}, 0, 0},
		{Query{Tail: 5, Until: at(12)}, 7, 12},
		{Query{Tail: 5, Since: at(28)}, 28, 30},
		{Query{Tail: 5, Since: at(10), Until: at(12)}, 10, 12},
	} {
		got := texts(all(t, dir, "a", tt.q), "")
		if len(got) != tt.to-tt.from {
			t.Errorf("%+v: %d lines, want %d to %d: %q", tt.q, len(got), tt.from, tt.to, got)
			continue
		}
		holdNumbers(t, got, tt.from)
	}
	if got := texts(all(t, dir, "a", Query{Tail: 2, Source: Stderr}), ""); fmt.Sprint(got) != "[line 27  line 29 ]" {
		t.Errorf("two of stderr: %q", got)
	}
}
