package page

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	sleeps  = "exec sleep 100000"
	works   = `while :; do n=0; while [ $n -lt 40000 ]; do n=$((n+1)); done; sleep 0.5; done`
	needsDB = "dependsOn: [{name: orders-db, condition: Ready}]"
)

// shop is a host on which much is wrong.
func shop() map[string]string {
	return map[string]string{
		"orders-db.yaml":   shell("orders-db", works),
		"cache.yaml":       shell("cache", sleeps),
		"migrate.yaml":     shell("migrate", "echo done", "restartPolicy: Never", needsDB),
		"web.yaml":         shell("web", sleeps, "dependsOn: [{name: migrate, condition: Completed}, {name: orders-db, condition: Ready}, {name: cache, condition: Started}]"),
		"checkout.yaml":    shell("checkout", "sleep 0.2; echo connection refused >&2; exit 3", "dependsOn: [{name: web, condition: Ready}]", "restart: {initialDelay: 20s, maxDelay: 5m}"),
		"invoice.yaml":     shell("invoice", sleeps, "dependsOn: [{name: checkout, condition: Completed}, {name: web, condition: Ready}]"),
		"mailer.yaml":      shell("mailer", "exit 42", "restart: {exitRules: [{codes: [42], action: GiveUp}]}"),
		"import.yaml":      shell("import", "exit 1", "restartPolicy: Never"),
		"metrics.yaml":     shell("metrics", works),
		"legacy.yaml":      shell("legacy", sleeps, "desiredState: Stopped"),
		"search.yaml":      shell("search", sleeps, "dependsOn: [{name: orders-db, condition: Ready}, {name: cache, condition: Ready}]"),
		"frontend.yaml":    shell("frontend", sleeps, "dependsOn: [{name: web, condition: Ready}, {name: search, condition: Ready}]"),
		"report-eu.yaml":   shell("report-eu", sleeps),
		"report-us.yaml":   shell("report-us", sleeps),
		"report-apac.yaml": shell("report-apac", sleeps),
		"pricing.yaml":     shell("pricing", sleeps, needsDB),
		".revision":        "4f2a91c07be34d18a6f0c2b9\n",
	}
}

// troubled is a daemon with shop, in all the states that it can have.
func troubled(t *testing.T, program string) *daemon {
	other := startDaemon(t, program, "team-b", map[string]string{"vpn.yaml": shell("vpn-gateway", sleeps)})
	other.states(map[string]string{"vpn-gateway": "Running|Ready"})
	d := startDaemon(t, program, "page", shop(), "--prune-max-share", "0.01", "--resync", "1s")
	const runs = "Running|Ready"
	d.states(map[string]string{
		"web": runs, "frontend": runs, "migrate": "Completed", "checkout": "CrashLoopBackOff", "invoice": "Waiting", "mailer": "GaveUp",
		"import": "Failed", "legacy": "Stopped", "report-eu": runs, "report-us": runs, "report-apac": runs, "pricing": runs,
	})
	for _, region := range []string{"eu", "us", "apac"} {
		d.remove("report-" + region + ".yaml")
	}
	d.write("pricing.yaml", "apiVersion: hcs-reconcile/v1\nkind: Container\nmetadata: {name: pricing}\nspec: {comand: [sh]}\n")
	d.write("web2.yaml", shell("web", sleeps)) // a second file that claims the name
	d.write("search.yaml", shell("search", sleeps+" # new", "env: [{name: INDEX, value: v2}]", "dependsOn: [{name: invoice, condition: Ready}]"))
	if out, err := exec.Command(program, "hold", "cache", "--for", "2h", "--reason", "looking at it", "--state-dir", filepath.Join(d.dir, "s")).CombinedOutput(); err != nil {
		t.Fatalf("hold: %v\n%s", err, out)
	}
	d.states(map[string]string{"cache": "Held", "report-eu": "PruneBlocked", "report-us": "PruneBlocked", "report-apac": "PruneBlocked", "search": "Waiting|Running|Ready"})
	return d
}

// TestEveryStateIsAccessible shows every kind of state in every way of looking,
// has axe judge each, and keeps what it looks like.
func TestEveryStateIsAccessible(t *testing.T) {
	browser := browse(t)
	script := axe(t)
	d := troubled(t, build(t))
	for _, is := range []struct {
		path, name string
		look
	}{
		{"/", "light", desktop},
		{"/", "dark", night},
		{"/", "phone", phone},
		{"/containers/checkout", "light", desktop},
		{"/containers/checkout", "phone", phone},
		{"/containers/search", "dark", night},
	} {
		tb := open(t, browser, is.look, d.web+is.path)
		tb.await(live)
		if is.path == "/" {
			tb.await(`document.querySelectorAll('#r-metrics .chart path').length === 2`)
		}
		if is.path == "/containers/checkout" {
			tb.await(`document.querySelector('#log').textContent.includes('err connection refused')`)
		}
		tb.shoot(pictureName(is.path) + "-" + is.name)
		if wide := eval[int](tb, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); wide > 0 {
			t.Errorf("%s %s: wider than the screen by %d pixels", is.path, is.name, wide)
		}
		accessible(tb, script, is.path+" "+is.name)
		if c := tb.complaints(); len(c) > 0 {
			t.Errorf("%s %s: the console says %q", is.path, is.name, c)
		}
	}
}

func pictureName(path string) string {
	if path == "/" {
		return "overview"
	}
	return strings.ReplaceAll(strings.Trim(path, "/"), "/", "-")
}
