package manifest

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBackoff(t *testing.T) {
	defaults := Backoff{InitialDelay: time.Second, Factor: 2, MaxDelay: time.Minute, Jitter: 0.2, ResetAfter: 10 * time.Minute}
	for spec, want := range map[string]Backoff{
		"": defaults,
		"restart: {initialDelay: 0s, factor: 1, maxDelay: 0s, jitter: 0, resetAfter: 0s, maxRestarts: 3, window: 1m}": {
			Factor: 1, MaxRestarts: 3, Window: time.Minute,
		},
		"restart: {initialDelay: 5m}": {
			InitialDelay: 5 * time.Minute, Factor: 2, MaxDelay: 5 * time.Minute, Jitter: 0.2, ResetAfter: 10 * time.Minute,
		},
	} {
		c := parseGood(t, head+"spec: {"+spec+"}\n")[0]
		if d := cmp.Diff(want, c.Spec.Backoff()); d != "" {
			t.Errorf("%s (-want +got):\n%s", spec, d)
		}
	}
	// A Spec that was never parsed behaves as one that says nothing.
	if d := cmp.Diff(defaults, (&Spec{}).Backoff()); d != "" {
		t.Errorf("zero Spec (-want +got):\n%s", d)
	}
}

func TestExitAction(t *testing.T) {
	s := &parseGood(t, head+"spec: {restart: {exitRules: [{codes: [0, 5..7], action: Complete}, {codes: [6, STATUS_NO_MEMORY], action: GiveUp}]}}\n")[0].Spec
	for code, want := range map[uint32]ExitAction{0: ExitComplete, 1: "", 5: ExitComplete, 6: ExitComplete, 7: ExitComplete, 8: "", 0xC0000017: ExitGiveUp} {
		if got, ok := s.ExitAction(code); got != want || ok != (want != "") {
			t.Errorf("ExitAction(%d) = %q, %v; want %q", code, got, ok, want)
		}
	}
}

func TestAccessors(t *testing.T) {
	c := parseGood(t, head)[0]
	said := parseGood(t, head+"spec: {terminationGracePeriodSeconds: 0, update: {progressDeadline: 2m, rollback: false}, logs: {maxSize: 1.5Mi, maxFiles: 2}}\n")[0]
	for _, tt := range []struct {
		c               *Container
		grace, deadline time.Duration
		rollback        bool
		size            int64
		files           int
	}{
		{&Container{}, 30 * time.Second, 5 * time.Minute, true, 10 << 20, 5},
		{c, 30 * time.Second, 5 * time.Minute, true, 10 << 20, 5},
		{said, 0, 2 * time.Minute, false, 3 << 19, 2},
	} {
		size, files := tt.c.LogLimits()
		if tt.c.GracePeriod() != tt.grace || tt.c.ProgressDeadline() != tt.deadline || tt.c.Rollback() != tt.rollback || size != tt.size || files != tt.files {
			t.Errorf("grace %v, deadline %v, rollback %v, logs %d x %d; want %+v",
				tt.c.GracePeriod(), tt.c.ProgressDeadline(), tt.c.Rollback(), size, files, tt)
		}
	}
}

// TestAccessorsAllocateNothing matters to the reconciler, which asks on every look.
func TestAccessorsAllocateNothing(t *testing.T) {
	c := parseGood(t, head)[0]
	if n := testing.AllocsPerRun(100, func() { _ = c.Spec.Backoff(); _ = c.GracePeriod(); _, _ = c.Spec.ExitAction(1) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestSharing lets several goroutines read one container; it can fail with -race only.
func TestSharing(t *testing.T) {
	c := parseGood(t, string(readFile(t, "testdata/valid/everything.yaml")))[0]
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			_, _ = Redacted(c)
			_, _ = c.Matches(c.Revision)
			for _, q := range c.Spec.byteQuantities() {
				_ = (*q).String()
			}
			_ = c.Spec.Logs.MaxSize.String()
		})
	}
	wg.Wait()
}

func TestDurationString(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 10 * time.Second: "10s", time.Minute: "1m", 90 * time.Second: "1m30s",
		time.Hour: "1h", 10 * time.Hour: "10h", time.Hour + time.Second: "1h0m1s", 70 * time.Minute: "1h10m", 500 * time.Millisecond: "500ms",
		-time.Minute: "-1m",
	} {
		if got := Duration(d).String(); got != want {
			t.Errorf("%v is written %s, want %s", d, got, want)
		}
	}
}
