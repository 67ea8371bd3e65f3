package doctor

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/control"
	"github.com/hcs-reconcile/hcs-reconcile/driver/hcs"
	"github.com/hcs-reconcile/hcs-reconcile/internal/trust"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// TestWhatHangsIsAFinding has one check that heeds its context, one that does
// not, one that breaks, and one that is well.
func TestWhatHangsIsAFinding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		r := Run(t.Context(), 10*time.Second, []Check{
			{"heeds", func(ctx context.Context) Finding { <-ctx.Done(); return fail("", "gave up") }},
			{"deaf", func(context.Context) Finding { <-stop; return ok("late") }},
			{"broken", func(context.Context) Finding { panic("oh") }},
			{"well", func(context.Context) Finding { return ok("fine") }},
		})
		close(stop)
		var got []string
		for _, f := range r.Findings {
			got = append(got, f.Check+" "+string(f.Level)+" "+f.Found)
		}
		want := "heeds fail gave up|deaf fail no answer within 10s: it hangs|broken fail the check itself broke: oh|well ok fine"
		if s := strings.Join(got, "|"); s != want || !r.Failed() {
			t.Errorf("got  %s\nwant %s", s, want)
		}
	})
}

func view(edit func(*control.View)) *control.View {
	v := &control.View{Daemon: control.Daemon{Version: "v1", PID: 7}, View: engine.View{Started: true}}
	if edit != nil {
		edit(v)
	}
	return v
}

func with(states ...reconcile.State) *control.View {
	return view(func(v *control.View) {
		for _, s := range states {
			v.Containers = append(v.Containers, reconcile.ContainerStatus{Name: "c", State: s})
		}
	})
}

func container(image string, i manifest.Isolation) *manifest.Container {
	c := &manifest.Container{}
	c.Metadata.Name, c.Spec.Image, c.Spec.Isolation = "web", image, i
	return c
}

// TestJudgements is one row for each thing that can be found.
func TestJudgements(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	no := errors.New("no")
	images := map[string]string{"same": "10.0.20348.2113", "old": "10.0.17763.1", "new": "10.0.26100.1", "odd": "ten"}
	on := func(image string, i manifest.Isolation) Finding {
		return judgeImages("10.0.20348", images, []*manifest.Container{container(image, i)})
	}
	for _, tt := range []struct {
		name string
		f    Finding
		want Level
		says string
	}{
		{"folder is safe", judgeFolder("/m", true, nil), OK, "nobody else"},
		{"folder is open", judgeFolder("/m", true, &trust.Finding{Path: "/m", Why: "everybody can write", Fix: "chmod"}), Fail, "everybody can write"},
		{"folder is missing", judgeFolder("/m", false, nil), Warn, "does not exist"},
		{"folder cannot be judged", judgeFolder("/m", true, no), Warn, "cannot be told"},
		{"store is whole", judgeStore("s", statedb.Health{Exists: true, Schema: 3, Known: 3}), OK, "whole"},
		{"store is not there", judgeStore("s", statedb.Health{}), OK, "not there yet"},
		{"store is held", judgeStore("s", statedb.Health{Exists: true, LockedBy: "process 7"}), Fail, "process 7"},
		{"store is damaged", judgeStore("s", statedb.Health{Exists: true, Damage: no}), Fail, "damaged"},
		{"store is newer", judgeStore("s", statedb.Health{Exists: true, Schema: 4, Known: 3}), Fail, "newer"},
		{"store was damaged once", judgeStore("s", statedb.Health{Exists: true, SetAside: []string{"x"}}), Warn, "earlier"},
		{"store lost a header", judgeStore("s", statedb.Health{Exists: true, OneMeta: true}), Warn, "header"},
		{"daemon answers", judgeDaemon(view(nil), nil, "v1"), OK, "process 7"},
		{"daemon is older", judgeDaemon(view(nil), nil, "v2"), Warn, "version v1"},
		{"no daemon", judgeDaemon(view(nil), control.ErrNoDaemon, "v1"), Warn, "nothing is being reconciled"},
		{"daemon hangs", judgeDaemon(view(nil), no, "v1"), Fail, "does not answer"},
		{"daemon cannot save", judgeDaemon(view(func(v *control.View) { v.SaveError = "disk full" }), nil, "v1"), Fail, "disk full"},
		{"daemon cannot list", judgeDaemon(view(func(v *control.View) { v.ListError = "x" }), nil, "v1"), Fail, "cannot list"},
		{"daemon begins", judgeDaemon(view(func(v *control.View) { v.Started = false }), nil, "v1"), Warn, "not yet"},
		{"daemon ends", judgeDaemon(view(func(v *control.View) { v.Stopping = true }), nil, "v1"), Warn, "stopping"},
		{"converged", judgeConverged(with(reconcile.StateRunning, reconcile.StateCompleted)), OK, "2 containers, all"},
		{"one crashes", judgeConverged(with(reconcile.StateCrashLoopBackOff, reconcile.StateHeld)), Fail, "c is CrashLoopBackOff"},
		{"one is held", judgeConverged(with(reconcile.StateHeld)), Warn, "c is Held"},
		{"one is not ready", judgeConverged(view(func(v *control.View) {
			v.Containers = []reconcile.ContainerStatus{{Name: "web", State: reconcile.StateRunning, Reason: reconcile.NotReady}}
		})), Warn, "web is Running, but not ready"},
		{"one starts", judgeConverged(with(reconcile.StateStarting)), Warn, "on their way"},
		{"folder in doubt", judgeConverged(view(func(v *control.View) { v.Doubt = "gone" })), Warn, "gone"},
		{"manifests are good", judgeManifests(nil, 3, ""), OK, "3 containers"},
		{"one is broken", judgeManifests([]manifest.Problem{{File: "a.yaml", Message: "bad"}}, 3, ""), Fail, "a.yaml"},
		{"folder is gone", judgeManifests(nil, 0, "gone"), Fail, "gone"},
		{"keeper answers", judgeKeeper(keeper.Welcome{PID: 9, Version: "v1"}, nil, 2, "v1"), OK, "process 9"},
		{"keeper is older, as it may be", judgeKeeper(keeper.Welcome{Version: "v0"}, nil, 2, "v1"), OK, "meant to be"},
		{"no keeper, none needed", judgeKeeper(keeper.Welcome{}, keeper.ErrNoKeeper, 0, ""), OK, "none is needed"},
		{"no keeper, and runs", judgeKeeper(keeper.Welcome{}, keeper.ErrNoKeeper, 2, ""), Fail, "2 runs"},
		{"keeper hangs", judgeKeeper(keeper.Welcome{}, no, 0, ""), Fail, "does not answer"},
		{"clock is right", judgeClock(Clock{Now: now, Built: now.Add(-time.Hour), Newest: now}), OK, "no jump"},
		{"clock is of 1970", judgeClock(Clock{Now: time.Unix(0, 0)}), Fail, "before this program"},
		{"clock is before the build", judgeClock(Clock{Now: now, Built: now.Add(48 * time.Hour)}), Fail, "before this program"},
		{"clock was set back", judgeClock(Clock{Now: now, Newest: now.Add(time.Hour)}), Fail, "1h0m0s in the future"},
		{"enough files", judgeFiles([]Files{{"daemon", 10, 1024}}, 100), OK, "1024"},
		{"too few files", judgeFiles([]Files{{"daemon", 10, 1024}}, 1000), Fail, "1024"},
		{"nearly all files open", judgeFiles([]Files{{"keeper", 900, 1024}}, 10), Warn, "900 of 1024"},
		{"no limit", judgeFiles(nil, 10), Skipped, "not limited"},
		{"enough space", judgeDisk([]Disk{{"/s", 50 << 30, 100 << 30, 1 << 30}}), OK, "50.0 GiB"},
		{"little space", judgeDisk([]Disk{{"/s", 1 << 29, 100 << 30, 1 << 30}}), Warn, "512 MiB"},
		{"no space", judgeDisk([]Disk{{"/s", 50 << 30, 100 << 30, 1}, {"/m", 1 << 20, 1 << 30, 0}}), Fail, "/m: 1 MiB"},
		{"runtime answers", judgeRuntime(&hcs.Surveyed{Build: "10.0.1", Ours: []string{"a"}, Foreign: 2}), OK, "1 system of ours, 2 of others"},
		{"service is disabled", judgeRuntime(&hcs.Surveyed{Services: map[string]string{"hns": "disabled"}}), Fail, "hns"},
		{"systems not listed", judgeRuntime(&hcs.Surveyed{SystemsErr: no}), Fail, "does not list"},
		{"endpoints not listed", judgeRuntime(&hcs.Surveyed{EndpointsErr: no}), Fail, "Network"},
		{"nothing lies about", judgeLeftovers(&hcs.Surveyed{}), OK, "no endpoint"},
		{"leftovers", judgeLeftovers(&hcs.Surveyed{Endpoints: []string{"a.b.1"}, Layers: []string{"a.c.1"}}), Warn, "1 endpoint and 1 layer"},
		{"leftovers not to be seen", judgeLeftovers(&hcs.Surveyed{EndpointsErr: no}), Skipped, "seen"},
		{"image suits", on("same", manifest.IsolationProcess), OK, "20348"},
		{"older image in a process", on("old", manifest.IsolationProcess), Fail, "17763"},
		{"older image in a VM", on("old", manifest.IsolationHyperV), OK, ""},
		{"newer image in a VM", on("new", manifest.IsolationHyperV), Fail, "newer"},
		{"image without a version", on("odd", manifest.IsolationProcess), Fail, "not understood"},
		{"image is not there", on("none", manifest.IsolationProcess), Fail, "not in the image store"},
		{"host is not known", judgeImages("", images, nil), Skipped, "not known"},
		{"environment", judgeEnvironment(func(string) string { return "" }), OK, "no variable"},
		{"environment interferes", judgeEnvironment(func(string) string { return "{}" }), Fail, "ADDITIONALJSON"},
	} {
		if tt.f.Level != tt.want || !strings.Contains(tt.f.Found, tt.says) {
			t.Errorf("%s: %s %q, want %s with %q", tt.name, tt.f.Level, tt.f.Found, tt.want, tt.says)
		}
		if tt.f.Level == Fail && tt.f.Do == "" {
			t.Errorf("%s: %q says not what to do", tt.name, tt.f.Found)
		}
	}
}
