package fake_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// opened is a driver with its host, in a bubble.
type opened struct {
	*fake.Driver
	t    *testing.T
	host *fake.Host
}

// bubble runs test with a driver of cfg on a fresh host.
func bubble(t *testing.T, o fake.Options, cfg fake.Config, test func(*testing.T, *opened)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Owner, cfg.Owner = "us", "us"
		host := fake.NewHost(o)
		d := &opened{Driver: host.Open(cfg), t: t, host: host}
		test(t, d)
		host.Do(func(w *fake.World, _ time.Time) {
			if err := w.Check(); err != nil {
				t.Error(err)
			}
		})
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// do expects a on r to be answered with want.
func (d *opened) do(ctx context.Context, a driver.Action, r driver.Ref, want error) {
	d.t.Helper()
	if err := driver.Do(ctx, d, a, r, container(r)); !errors.Is(err, want) {
		d.t.Fatalf("%s %s: got error %v, want %v", a, r, err, want)
	}
}

// is expects r in state in the world itself; "" is gone.
func (d *opened) is(r driver.Ref, want driver.State) {
	d.t.Helper()
	d.host.Do(func(w *fake.World, now time.Time) {
		st, err := w.Inspect(now, r)
		if (err != nil) != (want == "") || st.State != want {
			d.t.Errorf("in the world: %v, error %v; want %q", st, err, want)
		}
	})
}

// hints returns what was told so far.
func (d *opened) hints() []driver.Status {
	synctest.Wait()
	var out []driver.Status
	for {
		select {
		case st := <-d.Exits():
			out = append(out, st)
		default:
			return out
		}
	}
}

func scripted(verb driver.Action, nth int, ft fake.Fault) fake.Config {
	f := fake.NewFaults(0, fake.Rates{})
	f.Script(verb, "web", nth, ft)
	return fake.Config{Faults: f}
}

func TestFailureBeforeAndAfterTheEffect(t *testing.T) {
	tests := map[string]struct {
		fault fake.Fault
		want  driver.State
	}{
		"before": {fake.Fault{Err: driver.ErrConnectionLost, NoEffect: true}, ""},
		"after":  {fake.Fault{Err: driver.ErrConnectionLost}, driver.Created},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, fake.Options{}, scripted(driver.Create, 1, tc.fault), func(t *testing.T, d *opened) {
				d.do(t.Context(), driver.Create, web, driver.ErrConnectionLost)
				d.is(web, tc.want)
				d.do(t.Context(), driver.Create, web, nil)
				d.is(web, driver.Created)
			})
		})
	}
}

func TestHangEndsWithTheContext(t *testing.T) {
	bubble(t, fake.Options{}, scripted(driver.Create, 1, fake.Fault{Hang: true, NoEffect: true}), func(t *testing.T, d *opened) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		d.do(ctx, driver.Create, web, driver.ErrTimeout)
		if took := time.Since(began); took != time.Minute {
			t.Errorf("the hang took %v, want the minute of its context", took)
		}
		d.is(web, "")
	})
}

func TestAbandonedCallStillTakesEffect(t *testing.T) {
	cfg := fake.Config{Latency: map[driver.Action]time.Duration{driver.Create: time.Minute}}
	bubble(t, fake.Options{}, cfg, func(t *testing.T, d *opened) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		d.do(ctx, driver.Create, web, driver.ErrTimeout)
		d.is(web, "")
		time.Sleep(time.Minute)
		d.is(web, driver.Created)
	})
}

func TestLateAnswerComesAfterTheEffect(t *testing.T) {
	fault := fake.Fault{EffectAfter: time.Second, AnswerAfter: time.Minute}
	bubble(t, fake.Options{}, scripted(driver.Create, 1, fault), func(t *testing.T, d *opened) {
		began := time.Now()
		go func() {
			time.Sleep(2 * time.Second)
			d.is(web, driver.Created)
		}()
		d.do(t.Context(), driver.Create, web, nil)
		if took := time.Since(began); took != time.Minute+time.Second {
			t.Errorf("the call took %v, want 1m1s", took)
		}
	})
}

func TestDeniedListingIsNotAnEmptyOne(t *testing.T) {
	f := fake.NewFaults(0, fake.Rates{})
	f.Script(fake.List, "", 1, fake.Fault{Err: fake.ErrDenied})
	bubble(t, fake.Options{}, fake.Config{Faults: f}, func(t *testing.T, d *opened) {
		if _, err := d.List(t.Context()); !errors.Is(err, fake.ErrDenied) {
			t.Errorf("got error %v, want %v", err, fake.ErrDenied)
		}
		if _, err := d.List(t.Context()); err != nil {
			t.Errorf("the second listing: %v", err)
		}
	})
}

func TestExitsAreHintedWhenTheyHappen(t *testing.T) {
	crash := func(_ *manifest.Container, _ int) fake.Behaviour {
		return fake.Behaviour{RunFor: time.Hour, ExitCode: 3}
	}
	tests := map[string]struct {
		rates fake.Rates
		want  int
	}{
		"told":    {fake.Rates{}, 1},
		"lost":    {fake.Rates{LoseHint: 1}, 0},
		"doubled": {fake.Rates{DoubleHint: 1}, 2},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, fake.Options{Behave: crash}, fake.Config{Faults: fake.NewFaults(1, tc.rates)}, func(t *testing.T, d *opened) {
				d.do(t.Context(), driver.Create, web, nil)
				d.do(t.Context(), driver.Start, web, nil)
				time.Sleep(time.Hour - 1)
				if early := d.hints(); len(early) > 0 {
					t.Fatalf("hints %v before the exit", early)
				}
				time.Sleep(time.Nanosecond)
				got := d.hints()
				if len(got) != tc.want {
					t.Errorf("hints %v, want %d", got, tc.want)
				}
				for _, st := range got {
					if st.Exit.Code != 3 || !st.Exit.At.Equal(time.Now()) {
						t.Errorf("hint %v, want code 3 now", st)
					}
				}
			})
		})
	}
}

func TestUnwatchedExitIsNotHintedLater(t *testing.T) {
	bubble(t, fake.Options{}, fake.Config{}, func(t *testing.T, d *opened) {
		d.do(t.Context(), driver.Create, web, nil)
		d.do(t.Context(), driver.Start, web, nil)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		d.host.Do(func(w *fake.World, now time.Time) { w.Kill(now, web, 1) })
		d.Driver = d.host.Open(fake.Config{Owner: "us"})
		d.is(web, driver.Stopped)
		if got := d.hints(); len(got) > 0 {
			t.Errorf("hints %v of an exit that nobody watched", got)
		}
	})
}

func TestExitAfterReopenIsHinted(t *testing.T) {
	crash := func(*manifest.Container, int) fake.Behaviour { return fake.Behaviour{RunFor: time.Hour} }
	bubble(t, fake.Options{Behave: crash}, fake.Config{}, func(t *testing.T, d *opened) {
		d.do(t.Context(), driver.Create, web, nil)
		d.do(t.Context(), driver.Start, web, nil)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		d.Driver = d.host.Open(fake.Config{Owner: "us"})
		time.Sleep(time.Hour)
		if got := d.hints(); len(got) != 1 {
			t.Errorf("hints %v, want the one exit", got)
		}
	})
}

func TestCallUnderAnEndedContextHasNoEffect(t *testing.T) {
	bubble(t, fake.Options{}, fake.Config{}, func(t *testing.T, d *opened) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		d.do(ctx, driver.Create, web, context.Canceled)
		d.is(web, "")
	})
}

func TestCloseLetsAForgetfulWorldForget(t *testing.T) {
	o := fake.Options{Forgetful: true, ForgetAfter: time.Hour}
	bubble(t, o, fake.Config{}, func(t *testing.T, d *opened) {
		second := d.host.Open(fake.Config{Owner: "us"})
		d.do(t.Context(), driver.Create, web, nil)
		d.do(t.Context(), driver.Start, web, nil)
		d.do(t.Context(), driver.Terminate, web, nil)
		if err := second.Close(); err != nil {
			t.Fatal(err)
		}
		d.is(web, driver.Stopped) // the first still holds it
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		d.is(web, "")
	})
}

func TestCheckTellsScriptedNotes(t *testing.T) {
	devices := driver.Note{Field: "spec.devices", Message: "no devices here", Refused: true}
	network := driver.Note{Field: "spec.network.name", Message: "ignored"}
	bubble(t, fake.Options{}, fake.Config{Notes: []driver.Note{devices, network}}, func(t *testing.T, d *opened) {
		plain, c := container(web), container(web)
		if got := d.Check(plain); got != nil {
			t.Errorf("notes %v on a container with neither field", got)
		}
		c.Spec.Devices = []manifest.Device{{}}
		c.Spec.Network.Name = "nat"
		if diff := cmp.Diff([]driver.Note{devices, network}, d.Check(c)); diff != "" {
			t.Errorf("notes (-want +got):\n%s", diff)
		}
		if err := d.Create(t.Context(), c); !errors.Is(err, driver.ErrInvalid) {
			t.Errorf("create of what is refused: %v, want %v", err, driver.ErrInvalid)
		}
		d.is(web, "")
		d.do(t.Context(), driver.Create, web, nil)
	})
}

func TestLingerIsConfigured(t *testing.T) {
	bubble(t, fake.Options{}, fake.Config{Linger: time.Minute}, func(t *testing.T, d *opened) {
		if got := d.Linger(); got != time.Minute {
			t.Errorf("Linger = %v, want 1m", got)
		}
	})
}
