package main

import "slices"

// mutants are the planted bugs. Each is one that a tired person might write.
var mutants = slices.Concat(decisions, stops, restarts, facts, turns, gates, loops, edges, health, operators, updates)

const (
	decideFile   = "reconcile/decide.go"
	recordFile   = "reconcile/record.go"
	pickFile     = "reconcile/pick.go"
	rolloutFile  = "reconcile/rollout.go"
	updateFile   = "reconcile/update.go"
	versionFile  = "reconcile/version.go"
	operatorFile = "reconcile/operator.go"
	stopFile     = "reconcile/stop.go"
	restartFile  = "reconcile/restart.go"
	delayFile    = "reconcile/delay.go"
	factsFile    = "reconcile/facts.go"
	coreFile     = "reconcile/core.go"
	nextFile     = "reconcile/next.go"
	gateFile     = "reconcile/gate.go"
	brakeFile    = "reconcile/brake.go"
	consentFile  = "reconcile/consent.go"
	wakeFile     = "reconcile/wake.go"
	loopFile     = "reconcile/engine/loop.go"
	saveFile     = "reconcile/engine/save.go"
	workerFile   = "reconcile/engine/worker.go"
	errorsFile   = "driver/errors.go"
	settleFile   = "manifest/folder/settle.go"
)

var decisions = []mutant{
	{"upgrade-replaces-unknown", "R3", pickFile, "	return same || !known\n}\n\n// rank", "	return same && known\n}\n\n// rank"},
	{"upgrade-drops-old-hash", "R3", pickFile, "	return same || !known\n}\n\n// rank", "	return !same && !known\n}\n\n// rank"},
	{"numbers-outlive-their-version", "R7", recordFile, "		if r.Revision == \"\" || known && !same {\n", "		if r.Revision == \"\" || !known && same {\n"},
	{"verdict-ignored-when-gone", "R7", decideFile, "	why := s.pardon(NewContainer)\n	if d, over := s.verdict(); over {\n", "	why := s.pardon(NewContainer)\n	if d, over := s.verdict(); over && false {\n"},
	{"verdict-ignored-at-start", "R7", decideFile, "	why = s.pardon(why)\n	if d, over := s.verdict(); over {\n", "	why = s.pardon(why)\n	if d, over := s.verdict(); over && false {\n"},
	{"backoff-ignored", "R6", decideFile, "if at := s.retryAt(); at.After(s.Now) {", "if at := s.retryAt(); at.Before(s.Now) && false {"},
	{"start-not-remembered", "R7", decideFile, "		d.Record.Ran, d.Record.Live = true, s.Want.Live\n", "		d.Record.Live = s.Want.Live\n"},
	{"replaced-without-successor", "R3", decideFile, "	if s.HoldStart != nil && live(&old) && !s.stopping(&old) {\n", "	if s.HoldStart != nil && !live(&old) {\n"},
	{"exit-counted-again", "R8", restartFile, "	case r.SeenExit.IsZero() || !s.cur.Exit.At.Equal(r.SeenExit):\n", "	case true:\n"},
	{"rest-forgets-the-end", "R7", decideFile, "	s.turnTo(v.Want)\n	s.count()\n", "	s.turnTo(v.Want)\n	if v.Want.Spec.DesiredState != manifest.DesiredStopped {\n		s.count()\n	}\n"},
	{"in-place-never-applied", "R11", decideFile, "	if s.rec.Live != s.Want.Live && s.HoldStart == nil {\n", "	if s.rec.Live == \"never\" && s.HoldStart == nil {\n"},
	{"stop-not-taken-back", "R5", decideFile, "		s.recall(s.cur)\n", ""},
	{"stop-outlives-its-container", "prune", decideFile, "	clearStop(&s.rec) // what was being stopped is gone\n", ""},
	{"gave-up-not-forgiven", "R9", restartFile, "		if r.Edit == c.Digest() {\n", "		if r.Edit == c.Digest() || r.Edit != \"\" {\n"},
	{"ended-for-good-for-ever", "R11", restartFile, "		if r.LastExit == nil {\n", "		if true {\n"},
	{"paused-stays-paused", "R11", decideFile, "	return s.act(driver.Resume, s.cur.Ref, DesiredRunning, StatePaused)\n", "	return s.wait(StatePaused, UpToDate, \"\", time.Time{})\n"},
}

var stops = []mutant{
	{"killed-at-once", "R5", stopFile, "	if s.Now.Before(r.StopAt) || !stopping || owed {\n", "	if !stopping || owed {\n"},
	{"half-the-grace", "R5", stopFile, "= s.Now.Add(grace), false,", "= s.Now.Add(grace/2), false,"},
	{"never-killed", "R11", stopFile, "	if s.Now.Before(r.StopAt) || !stopping || owed {\n", "	if true || owed {\n"},
	{"stop-hold-ignored", "prune", stopFile, "	if s.HoldStop != nil && (!stopping ||", "	if s.HoldStop != nil && s.Draining && (!stopping ||"},
	{"going-on-past-the-brake", "brake", stopFile, " && (!stopping || s.HoldStop.Reason != DependentsRunning) {", " && !stopping {"},
	{"failed-call-repeated-at-once", "R12", stopFile, "	if r.FailedOp == string(a) && s.Now.Before(s.opRetryAt()) {\n", "	if r.FailedOp == \"never\" && s.Now.Before(s.opRetryAt()) {\n"},
	{"asked-again-and-again", "R12", stopFile, "	if !s.rec.StopSent {\n", "	if true {\n"},
	{"grace-of-a-pod-forgotten", "R5", stopFile, "		return 30 * time.Second\n", "		return 3 * time.Second\n"},
	{"clock-back-delays-the-kill", "R11", stopFile, "	if r.StopAt.Sub(s.Now) > grace {", "	if r.StopAt.Sub(s.Now) > 1000*time.Hour {"},
}

var restarts = []mutant{
	{"asked-exit-counted", "R8", restartFile, "	if asked && !killed {\n		return\n", "	if asked && !killed && r.Restarts > 1000 {\n		return\n"},
	{"early-end-taken-for-an-answer", "R7", restartFile, "	return !e.At.Before(r.StopAt.Add(-r.Grace)) && ", "	return "},
	{"late-end-taken-for-an-answer", "R8", restartFile, " && !e.At.After(r.StopAt.Add(askedMargin))\n", "\n"},
	{"one-restart-too-many", "R6", restartFile, "		if len(r.Recent) >= b.MaxRestarts {\n", "		if len(r.Recent) > b.MaxRestarts {\n"},
	{"failures-never-reset", "R9", restartFile, "e.At.Sub(started) >= b.ResetAfter {\n", "e.At.Sub(started) >= 1000*b.ResetAfter {\n"},
	{"failures-not-counted", "R6", restartFile, "	r.Failures++\n", ""},
	{"policy-on-failure-reversed", "R7", restartFile, "spec.RestartPolicy == manifest.RestartOnFailure && !good:", "spec.RestartPolicy == manifest.RestartOnFailure && good:"},
	{"exit-rules-skipped", "R7", restartFile, "	if e.Known {\n		switch a, _", "	if !e.Known {\n		switch a, _"},
	{"window-never-slides", "R9", restartFile, "		if now.Sub(t) < window {\n", "		if now.Sub(t) < 1000*window {\n"},
	{"clock-back-delays-the-start", "R11", restartFile, "s.rec.RetryAt.After(limit) {\n", "s.rec.RetryAt.After(limit.Add(1000 * time.Hour)) {\n"},
	{"delay-grows-late", "R6", delayFile, "float64(n-1))", "float64(max(n-2, 0)))"},
	{"delay-without-limit", "R9", delayFile, "	d = min(d, float64(max(b.MaxDelay, b.InitialDelay)))\n", ""},
}

var facts = []mutant{
	{"old-listing-believed", "R1", factsFile, "	if e.busy != nil || e.factAt.After(asked) {\n", "	if e.busy != nil && e.factAt.After(asked) {\n"},
	{"listing-older-than-quarantine", "R1", factsFile, "!e.quarantine.IsZero() && !asked.Before(e.quarantine)\n", "!e.quarantine.IsZero()\n"},
	{"blind-call-trusted", "R1", factsFile, "	} else {\n		e.quarantine = now.Add(c.cfg.Linger)\n	}\n	if err == nil {", "	}\n	if err == nil {"},
	{"timeout-trusted", "R1", factsFile, "	if driver.TimedOut(err) {\n", "	if driver.TimedOut(err) && false {\n"},
	{"late-hint-ends-next-run", "R8", factsFile, " || !sameRun(*old, st) {\n", " {\n"},
	{"hint-during-a-call-lost", "R9", factsFile, "		e.hint = &st\n", ""},
	{"doubtful-start-forgotten", "R7", factsFile, "	return !driver.TimedOut(err) && (", "	return ("},
	{"missed-effect-is-success", "R6", factsFile, "	if !missed {\n", "	if !missed || missed {\n"},
	{"unsaved-turn-kept", "R10", factsFile, "			e.busy, e.rec = nil, e.before\n", "			e.busy = nil\n"},
	{"unsaved-record-thought-saved", "R10", factsFile, "			e.saved.Name = \"\" // differs from any record: is written again\n", ""},
	{"unsaved-drop-forgotten", "R10", factsFile, "		e := c.entry(name)\n		e.onDisk = true\n", "		e := c.entry(name)\n"},
	{"failed-update-thought-applied", "R11", factsFile, "		r.Live = \"\"\n", ""},
}

var turns = []mutant{
	{"crash-forgets-the-call", "R1", coreFile, "			e.quarantine = now.Add(cfg.Linger)\n", ""},
	{"crash-trusts-the-update", "R11", coreFile, "			e.rec.Live = \"\"\n", ""},
	{"full-reading-adds-only", "R11", coreFile, "		c.dropOthers(ch.Put, ch.ID)\n", ""},
	{"dependents-not-told", "R9", coreFile, "	c.touch(e)\n	c.touchAround(e)\n}\n\n// Drain", "	c.touch(e)\n}\n\n// Drain"},
	{"decided-half-blind", "R2", nextFile, "	if !c.wantSeen || !c.haveSeen {\n", "	if !c.wantSeen && !c.haveSeen {\n"},
	{"second-call-at-once", "R1", nextFile, "	if e.busy != nil {\n		return\n", "	if e.busy != nil && free > 100 {\n		return\n"},
	{"record-left-behind", "R10", nextFile, "	if e.onDisk {\n		t.Drop", "	if !e.onDisk {\n		t.Drop"},
	{"step-before-its-record", "R10", nextFile, "	if d.Action != \"\" || d.Hook != \"\" || !e.onDisk || differs", "	if d.Hook != \"\" || !e.onDisk || differs"},
	{"verdict-not-written", "R10", nextFile, " || a.Verdict != b.Verdict || ", " || "},
	{"seen-exit-not-written", "R8", nextFile, " || !a.SeenExit.Equal(b.SeenExit) || ", " || "},
	{"waiting-for-a-worker-for-ever", "R9", nextFile, "	for len(c.ready) > 0 && len(t.Ops) < free {\n", "	for len(c.ready) > 0 && len(t.Ops) > free {\n"},
	{"more-steps-than-workers", "R9", nextFile, "	if (d.Action != \"\" || d.Hook != \"\") && free < 1 {\n", "	if (d.Action != \"\" || d.Hook != \"\") && free < -1000 {\n"},
	{"wake-forgotten", "R9", nextFile, "	if !d.Wake.IsZero() {\n", "	if !d.Wake.IsZero() && d.Action != \"\" {\n"},
	{"wakes-out-of-order", "R9", wakeFile, "		return a.wake.Before(b.wake)\n", "		return a.wake.After(b.wake)\n"},
}

var gates = []mutant{
	{"dependency-always-met", "order", gateFile, "		met = completed || e.running()\n", "		met = true\n"},
	{"completed-is-enough-to-run", "order", gateFile, "		met = completed\n	case", "		met = e.running()\n	case"},
	{"stopped-with-dependents", "order", gateFile, "c.leaving(d) && d.anyLive() &&", "c.leaving(d) && !d.anyLive() &&"},
	{"ring-waits-for-itself", "R11", gateFile, " && !c.reaches(e, d.name, map[string]bool{}) {", " {"},
	{"doubt-ignored", "prune", gateFile, "		if c.doubt != \"\" {\n", "		if c.doubt == \"never\" {\n"},
	{"blocked-manifest-started", "R4", gateFile, "	if e.blocked != \"\" {\n", "	if e.blocked == \"never\" {\n"},
	{"brake-from-four-on", "brake", brakeFile, "total >= b.cfg.Min &&", "total > b.cfg.Min &&"},
	{"brake-at-half", "brake", brakeFile, "float64(total) > b.cfg.MaxShare", "float64(total) >= b.cfg.MaxShare"},
	{"brake-lets-go-by-itself", "brake", brakeFile, "	case why != \"\" || len(b.blocked) > 0 && !l.returned:\n", "	case why != \"\":\n"},
	{"brake-sees-one-reading", "brake", brakeFile, "		b.removed = append(b.removed, statedb.Removal{Name: n, At: now})\n", ""},
	{"brake-lets-through-twice", "brake", brakeFile, "	delete(b.passed, name)\n", ""},
	{"last-one-goes-unasked", "brake", brakeFile, "l.empty && !b.cfg.AllowEmpty:", "l.empty && b.cfg.AllowEmpty:"},
	{"labels-take-away-unasked", "brake", brakeFile, "	case l.suspect != \"\":\n", "	case l.suspect != \"\" && l.empty:\n"},
	{"permit-never-ends", "brake", consentFile, "(p.Until.IsZero() || now.Before(p.Until))", "true"},
	{"permit-for-all", "brake", consentFile, "	return named && p.Void", "	return (named || true) && p.Void"},
	{"void-permit-counts", "brake", consentFile, "p.Void == \"\" && (p.Until", "(p.Until"},
	{"brake-counts-the-long-gone", "brake", brakeFile, "now.Sub(r.At) >= b.cfg.Window })\n", "now.Sub(r.At) >= 1000*b.cfg.Window })\n"},
}

var loops = []mutant{
	{"step-taken-unsaved", "R10", saveFile, "		l.core.NotSaved(now, t)\n		return told, false\n", "		l.core.NotSaved(now, t)\n		return told, true\n"},
	{"core-not-told-unsaved", "R10", saveFile, "		l.core.NotSaved(now, t)\n", ""},
	{"hung-call-holds-a-worker", "R9", workerFile, "		if !r.late {\n			n++\n", "		if !r.late || r.late {\n			n++\n"},
	{"hung-call-not-shown", "R9", loopFile, "		l.core.Overdue(now, op)\n", "		_ = op\n"},
	{"listing-never-asked", "R9", loopFile, "	if t.List {\n", "	if t.List && false {\n"},
	{"failed-look-is-gone", "R1", workerFile, "	look.Known = err == nil || errors.Is(err, driver.ErrNotFound)\n", "	look.Known = err == nil || !errors.Is(err, driver.ErrNotFound)\n"},
}

var edges = []mutant{
	{"exists-is-failure", "R11", errorsFile, "		return []error{ErrPending, ErrExists}\n", "		return []error{ErrPending}\n"},
	{"gone-is-failure", "R11", errorsFile, "		return []error{ErrPending, ErrNotFound}\n", "		return []error{ErrPending}\n"},
	{"lost-connection-is-an-answer", "R1", errorsFile, "ErrTimeout, ErrConnectionLost, context.Dead", "ErrTimeout, context.Dead"},
	{"unsupported-is-retried", "R9", errorsFile, "!errors.Is(err, ErrUnsupported) && ", ""},
	{"harm-is-fast", "settle", settleFile, "		return s.last.Add(s.Change)\n", "		return s.last.Add(s.Add)\n"},
	{"half-written-counts", "settle", settleFile, "(agree || !harm) {\n", "(agree || harm) {\n"},
	{"never-quiet-never-read", "settle", settleFile, "	return agree && !now.Before(s.boundOf(c))\n", "	return false\n"},
	{"differing-reading-is-quiet", "settle", settleFile, "	if !c.read.IsZero() && !agree {\n", "	if c.read.IsZero() && !agree {\n"},
}

var operators = []mutant{
	{"restart-forgotten-before-its-start", "R9", recordFile, "		if r.Ask == statedb.AskRetry { // there", "		if r.Ask != \"\" { // there"},
	{"restart-done-again-and-again", "R3", decideFile, "		clearAsk(&d.Record) // not before", "		clearStop(&d.Record) // not before"},
	{"restart-waits-for-the-delay", "R9", operatorFile, "r.Failures, r.Recent, r.RetryAt = \"\", \"\", 0, nil, time.Time{}\n	if r.Ask", "r.Failures, r.Recent = \"\", \"\", 0, nil\n	if r.Ask"},
	{"restart-kept-from-the-completed", "R9", operatorFile, "	r.Verdict, r.Edit, r.Failures, r.Recent, r.RetryAt =", "	_, r.Edit, r.Failures, r.Recent, r.RetryAt ="},
	{"restart-taken-back-at-once", "R9", decideFile, "	if s.cur != nil && !s.restarting() && !s.killing() {\n", "	if s.cur != nil && !s.killing() {\n"},
	{"restart-of-what-cannot-start", "R3", operatorFile, "	if s.HoldStart != nil && !s.restarting() {\n", "	if s.HoldStart != nil && s.restarting() {\n"},
	{"retry-starts-the-completed", "R7", operatorFile, ", r.Ask == statedb.AskRetry && r.Verdict == statedb.Completed:", ", r.Ask == statedb.AskRetry && r.Verdict == statedb.GaveUp:"},
	{"wish-not-written-during-a-call", "R10", nextFile, "	c.putWishes(&t)\n	t.Events", "	t.Events"},
	{"wish-hides-the-call", "R1", operatorFile, "			r.Op = e.saved.Op //", "			r.Op = \"\" //"},
	{"wish-lost-by-a-full-disk", "R10", factsFile, "				c.wishes = append(c.wishes, e)\n", ""},
	{"hold-not-written", "R10", nextFile, " || !sameHold(a.Hold, b.Hold) {", " {"},
	{"hold-ends-with-the-manifest", "hold", decideFile, "		if d, held := s.onHold(); held {\n			return d\n		}\n		return s.discard()", "		return s.discard()"},
	{"hold-of-the-running-only", "hold", decideFile, "	s.count()\n	if d, held := s.onHold(); held {", "	s.count()\n	if d, held := s.onHold(); held && s.cur != nil && live(s.cur) {"},
	{"hold-never-expires", "R9", operatorFile, "	if !h.Until.IsZero() && !s.Now.Before(h.Until) {\n", "	if h.Until.IsZero() && !s.Now.Before(h.Until) && false {\n"},
	{"hold-expires-unseen", "R9", operatorFile, "holdText(s.Now, h), h.Until)", "holdText(s.Now, h), time.Time{})"},
	{"hold-outlasts-the-daemons-end", "order", operatorFile, "	if h == nil || s.Draining {\n", "	if h == nil {\n"},
	{"hold-hides-the-exit", "R8", decideFile, "	s.turnTo(v.Want)\n	s.count()\n", "	s.turnTo(v.Want)\n	if v.Record.Hold == nil {\n		s.count()\n	}\n"},
	{"ready-without-running", "order", gateFile, "return s.State == driver.Running && e.wants(s.Revision) &&", "return e.wants(s.Revision) &&"},
}
