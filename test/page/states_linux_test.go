package page

import (
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
		"orders-db.yaml":   manifest("orders-db", works),
		"cache.yaml":       manifest("cache", sleeps),
		"migrate.yaml":     manifest("migrate", "echo done", "restartPolicy: Never", needsDB),
		"web.yaml":         manifest("web", sleeps, "dependsOn: [{name: migrate, condition: Completed}, {name: orders-db, condition: Ready}, {name: cache, condition: Started}]"),
		"checkout.yaml":    manifest("checkout", "sleep 0.2; echo connection refused >&2; exit 3", "dependsOn: [{name: web, condition: Ready}]", "restart: {initialDelay: 20s, maxDelay: 5m}"),
		"invoice.yaml":     manifest("invoice", sleeps, "dependsOn: [{name: checkout, condition: Completed}, {name: web, condition: Ready}]"),
		"mailer.yaml":      manifest("mailer", "exit 42", "restart: {exitRules: [{codes: [42], action: GiveUp}]}"),
		"import.yaml":      manifest("import", "exit 1", "restartPolicy: Never"),
		"metrics.yaml":     manifest("metrics", works),
		"legacy.yaml":      manifest("legacy", sleeps, "desiredState: Stopped"),
		"search.yaml":      manifest("search", sleeps, "dependsOn: [{name: orders-db, condition: Ready}, {name: cache, condition: Ready}]"),
		"frontend.yaml":    manifest("frontend", sleeps, "dependsOn: [{name: web, condition: Ready}, {name: search, condition: Ready}]"),
		"report-eu.yaml":   manifest("report-eu", sleeps),
		"report-us.yaml":   manifest("report-us", sleeps),
		"report-apac.yaml": manifest("report-apac", sleeps),
		"pricing.yaml":     manifest("pricing", sleeps, needsDB),
		".revision":        "4f2a91c07be34d18a6f0c2b9\n",
	}
}

// troubled is a daemon with shop, in all the states that it can have.
func troubled(t *testing.T, program string) *daemon {
	other := startDaemon(t, program, "team-b", map[string]string{"vpn.yaml": manifest("vpn-gateway", sleeps)})
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
	d.write("web2.yaml", manifest("web", sleeps)) // a second file that claims the name
	d.write("search.yaml", manifest("search", sleeps+" # new", "env: [{name: INDEX, value: v2}]", "dependsOn: [{name: invoice, condition: Ready}]"))
	d.states(map[string]string{"report-eu": "PruneBlocked", "report-us": "PruneBlocked", "report-apac": "PruneBlocked", "search": "Waiting|Running|Ready"})
	return d
}

// TestPictures shows every kind of state, and keeps what it looks like.
func TestPictures(t *testing.T) {
	browser := browse(t)
	d := troubled(t, build(t))
	tb := open(t, browser, desktop, d.web+"/")
	tb.await(`document.querySelector('#link').textContent === 'live'`)
	tb.await(`[...document.querySelectorAll('#r-metrics .chart path')].length === 2`)
	tb.shoot("overview-light")
	open(t, browser, night, d.web+"/").shoot("overview-dark")
	open(t, browser, phone, d.web+"/").shoot("overview-phone")
	open(t, browser, desktop, d.web+"/containers/checkout").shoot("container-light")
	open(t, browser, night, d.web+"/containers/search").shoot("container-dark")
	open(t, browser, phone, d.web+"/containers/checkout").shoot("container-phone")
}
