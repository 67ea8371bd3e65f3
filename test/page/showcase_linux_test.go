package page

import (
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// showcase is a shop in the evening, with a quarter of an hour of figures.
func showcase(now time.Time) *world {
	w := &world{}
	v := &w.view
	v.Started, v.Synced = true, now
	v.Source.Dir, v.Source.Revision = `C:\ProgramData\hcs-reconcile\manifests`, "4f2a91c07be34d18a6f0c2b9"
	var names []string
	add := func(name, source string, since time.Duration, needs ...string) *reconcile.ContainerStatus {
		c := running(name)
		c.Source, c.Line, c.Since, c.Started = source, 3, now.Add(-since), now.Add(-since)
		for _, n := range needs {
			c.DependsOn = append(c.DependsOn, manifest.Dependency{Name: n, Condition: manifest.ConditionReady})
		}
		v.Containers = append(v.Containers, c)
		names = append(names, name)
		return &v.Containers[len(v.Containers)-1]
	}
	stop := func(c *reconcile.ContainerStatus, s reconcile.State, r reconcile.Reason, message string) *reconcile.ContainerStatus {
		c.State, c.Reason, c.Message, c.Ready, c.RunningRevision = s, r, message, false, ""
		names = names[:len(names)-1]
		return c
	}
	add("cache", "shop/cache.yaml", 9*24*time.Hour)
	c := stop(add("checkout", "shop/checkout.yaml", 47*time.Second, "orders-db", "cache"), reconcile.StateCrashLoopBackOff, reconcile.BackOff,
		"exited with 0xC0000005 (STATUS_ACCESS_VIOLATION); 6 exits in a row")
	c.Restarts, c.Failures, c.NextTry, c.BackOff = 6, 6, now.Add(17*time.Second), time.Minute
	stop(add("db-migrate", "shop/db.yaml", 3*time.Hour, "orders-db"), reconcile.StateCompleted, reconcile.Ended, "exited with 0").Desired = manifest.DesiredRunning
	add("frontend", "shop/frontend.yaml", 3*time.Hour, "checkout", "search").Labels = map[string]string{"tier": "web"}
	add("identity", "platform/identity.yaml", 21*24*time.Hour)
	stop(add("legacy-soap", "legacy.yaml", 40*24*time.Hour), reconcile.StateStopped, reconcile.DesiredStopped, "stopped, as asked")
	stop(add("mailer", "shop/mailer.yaml", 26*time.Minute, "identity"), reconcile.StateGaveUp, reconcile.TooManyRestarts,
		"exited with 0xE0434352; 10 restarts within 1h").Restarts = 10
	add("orders-db", "shop/db.yaml", 9*24*time.Hour)
	p := add("pricing", "shop/pricing.yaml", 3*time.Hour, "orders-db")
	p.Reason, p.Message, p.Ready = reconcile.NotReady, "GET /healthz: 503 Service Unavailable; 4 failures in a row", false
	add("search", "shop/search.yaml", 3*time.Hour, "cache")
	add("telemetry", "platform/telemetry.yaml", 21*24*time.Hour)
	stop(add("warehouse-sync", "shop/warehouse.yaml", 2*time.Minute, "checkout"), reconcile.StateWaiting, reconcile.DependencyNotMet, "checkout shall be Ready, and is CrashLoopBackOff")
	v.Foreign = append(v.Foreign, foreign("docker-build-agent-3", "docker"))
	spike(&w.usage, now, names...)
	for i, line := range []struct {
		name, kind, action, state, reason, message string
		warning                                    bool
	}{
		{"checkout", "Became", "", "CrashLoopBackOff", "BackOff", "exited with 0xC0000005 (STATUS_ACCESS_VIOLATION); 6 exits in a row", true},
		{"checkout", "Exited", "", "", "Exited", "exited with 0xC0000005 (STATUS_ACCESS_VIOLATION)", true},
		{"checkout", "Done", "start", "", "Restart", "", false},
		{"pricing", "Became", "", "Running", "NotReady", "GET /healthz: 503 Service Unavailable", true},
		{"mailer", "Became", "", "GaveUp", "TooManyRestarts", "10 restarts within 1h", true},
		{"frontend", "Became", "", "Running", "UpToDate", "", false},
	} {
		e := statedb.Entry{At: now.Add(-time.Duration(40+i*i*37) * time.Second), Container: line.name, Type: "Normal", Kind: line.kind, Action: line.action, State: line.state, Reason: line.reason, Message: line.message, Took: 212 * time.Millisecond}
		if line.warning {
			e.Type = "Warning"
		}
		w.events = append(w.events, e)
	}
	return w
}

// TestShowcase makes the picture for the README, and weighs what a browser loads.
func TestShowcase(t *testing.T) {
	w := host(t, showcase(time.Now()))
	browser := browse(t)
	for name, l := range map[string]look{"showcase-light": desktop, "showcase-dark": night, "showcase-phone": phone} {
		tb := open(t, browser, l, w.url("/"))
		tb.await(live)
		tb.window(name + "-window")
		tb.shoot(name)
		if c := tb.complaints(); len(c) > 0 {
			t.Errorf("the console says %q", c)
		}
		t.Logf("%s: %s", name, eval[string](tb, `(() => {
			const all = [performance.getEntriesByType('navigation')[0], ...performance.getEntriesByType('resource')].filter((e) => !e.name.endsWith('/watch'));
			const paint = performance.getEntriesByType('paint').map((p) => p.name + ' ' + Math.round(p.startTime) + ' ms').join(', ');
			return all.map((e) => new URL(e.name).pathname + ' ' + e.transferSize).join(', ') + ' bytes; ' + paint;
		})()`))
		if n := eval[int](tb, `performance.getEntriesByType('resource').filter((e) => !e.name.startsWith(location.origin)).length`); n > 0 {
			t.Errorf("%d files came from elsewhere", n)
		}
	}
	tb := open(t, browser, desktop, w.url("/containers/checkout"))
	tb.await(live)
	tb.shoot("showcase-container")
	many := host(t, &world{view: many(1000)})
	tb = open(t, browser, desktop, many.url("/"))
	t.Logf("1,000 containers: %s", eval[string](tb, `(() => { const e = performance.getEntriesByType('navigation')[0];
		return fmt(e) ; function fmt(e) { return e.transferSize + ' bytes, first byte after ' + Math.round(e.responseStart - e.requestStart) + ' ms, painted after ' + performance.getEntriesByType('paint').map((p) => Math.round(p.startTime)) + ' ms' } })()`))
}
