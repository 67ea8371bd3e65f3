package main

// health are bugs in what probes and hooks do.
var health = []mutant{
	{"probe-liveness-at-first-failure", "kill", "reconcile/probe.go", "	if ps.inRow < int(threshold) {\n", "	if ps.inRow < int(threshold) && good {\n"},
	{"probe-row-not-broken-by-success", "kill", "reconcile/probe.go", "		ps.good, ps.inRow = good, 0\n", "		ps.good = good\n"},
	{"probe-startup-holds-nobody-off", "probe", "reconcile/probe.go", " || (k == startup) == e.rec.Probes.Started {", " || k == startup && e.rec.Probes.Started {"},
	{"probe-success-threshold-ignored", "order", "reconcile/probe.go", "		threshold = ps.def.SuccessThreshold\n", "		threshold = 1\n"},
	{"probe-late-answer-counts", "kill", "reconcile/probe.go", "	if e == nil || e.watch == nil || e.watch.run != op.run {\n", "	if e == nil || e.watch == nil {\n"},
	{"probe-unknown-is-failure", "kill", "reconcile/probe.go", "	if r.Outcome != ProbeUnknown {\n", "	if r.Outcome != \"\" {\n"},
	{"probe-memory-lost-with-the-daemon", "R12", "reconcile/next.go", " || !sameProbes(a.Probes, b.Probes) ||", " ||"},
	{"probe-adopted-is-unready", "R12", "reconcile/probe.go", "		p = &statedb.Probes{Started: true, Ready: true}\n", "		p = &statedb.Probes{}\n"},
	{"probe-new-run-ready-at-once", "order", "reconcile/hook.go", "		r.Probes = &statedb.Probes{}\n", "		r.Probes = &statedb.Probes{Started: true, Ready: true}\n"},
	{"probe-kill-without-count", "R8", "reconcile/restart.go", "	killed := asked && killReason(Reason(r.StopReason))\n", "	killed := asked && r.StopReason == \"\"\n"},
	{"probe-kill-taken-back", "R9", "reconcile/decide.go", " && !s.killing() {\n", " {\n"},
	{"probe-kill-of-what-cannot-start", "R3", "reconcile/health.go", "	if s.HoldStart != nil {\n		h := *s.HoldStart\n		return s.wait(StateRunning, h.Reason, f.Message", "	if s.HoldStart != nil && s.Draining {\n		h := *s.HoldStart\n		return s.wait(StateRunning, h.Reason, f.Message"},
	{"probe-grace-ignored", "R5", "reconcile/stop.go", "			grace = *s.Health.Failed.Grace\n", "			_ = *s.Health.Failed.Grace\n"},
	{"probe-exec-without-limit", "exec", "reconcile/health.go", "	if c.execs.most > 0 && c.execs.busy >= c.execs.most {\n", "	if c.execs.most > 1000 && c.execs.busy >= c.execs.most {\n"},
	{"probe-exec-line-stands-still", "R11", "reconcile/health.go", "	for len(x.line) > 0 && x.busy < x.most {\n", "	for len(x.line) > 0 && x.busy < x.most-1 {\n"},
	{"probe-unready-is-ready", "order", "reconcile/gate.go", "e.rec.Probes == nil || e.rec.Probes.Ready)", "e.rec.Probes == nil || e.rec.Probes.Started)"},
	{"hook-prestop-skipped", "hook", "reconcile/stop.go", "		if d, waits := s.preStop(h); waits {\n", "		if d, waits := s.preStop(h); waits && d.Hook == \"\" {\n"},
	{"hook-prestop-run-again", "hook", "reconcile/hook.go", "	begin, until := r.StopHook == \"\", r.StopAt\n", "	begin, until := s.Hook == \"\", r.StopAt\n"},
	{"hook-prestop-outlasts-the-grace", "R11", "reconcile/hook.go", "	if !waits || !s.Now.Before(until) {\n", "	if !waits {\n"},
	{"hook-prestop-leaves-no-moment", "R5", "reconcile/hook.go", "short := minShutdown - r.StopAt.Sub(s.Now); short > 0 {", "short := minShutdown - r.StopAt.Sub(s.Now); short > time.Hour {"},
	{"hook-poststart-run-again", "hook", "reconcile/hook.go", "	begin := h.PostStart == statedb.HookDue && ", "	begin := s.Hook == \"\" && "},
	{"hook-poststart-failure-forgiven", "hook", "reconcile/hook.go", "			e.hookFailed = &Failure{Reason: PostStartFailed, Message: ev.Message}\n", "			e.hookFailed = nil\n"},
	{"hook-ready-before-poststart", "order", "reconcile/gate.go", "	if h := e.rec.Hooks; h != nil && h.PostStart != \"\" {\n		return false\n", "	if h := e.rec.Hooks; h != nil && h.PostStart == \"never\" {\n		return false\n"},
}
