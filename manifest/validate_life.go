package manifest

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// maxSeconds is one year: longer times are typing errors, and much longer
// ones would overflow a time.Duration.
const maxSeconds = 365 * 24 * 60 * 60

func checkRestart(c *Container, r *report) {
	const at = "spec.restart"
	s := &c.Spec.Restart
	notNegative(r, at+".initialDelay", *s.InitialDelay)
	notNegative(r, at+".maxDelay", *s.MaxDelay)
	notNegative(r, at+".resetAfter", *s.ResetAfter)
	notNegative(r, at+".window", s.Window)
	if *s.MaxDelay >= 0 && *s.MaxDelay < *s.InitialDelay {
		r.add(at+".maxDelay", "%v is shorter than initialDelay (%v)", *s.MaxDelay, *s.InitialDelay)
	}
	if *s.Factor < 1 {
		r.add(at+".factor", "must be at least 1, not %v", *s.Factor)
	}
	between(r, at+".jitter", *s.Jitter, 0, 1)
	if s.MaxRestarts < 0 {
		r.add(at+".maxRestarts", "must not be negative; 0 means no limit")
	}
}

func notNegative(r *report, path string, d Duration) {
	if d < 0 {
		r.add(path, "must not be negative")
	}
}

func checkExitRules(c *Container, r *report) {
	for i, rule := range c.Spec.Restart.ExitRules {
		at := index("spec.restart.exitRules", i)
		oneOf(r, at+".action", rule.Action, ExitRestart, ExitComplete, ExitGiveUp)
		if len(rule.Codes) == 0 {
			r.add(at+".codes", "is required: exit codes, ranges a..b or NTSTATUS names")
		}
		for j, codes := range rule.Codes {
			if codes.Text == "" {
				r.add(index(at+".codes", j), "is empty; an exit code, a range a..b or an NTSTATUS name is expected")
			}
		}
	}
}

func checkGrace(c *Container, r *report) {
	between(r, "spec.terminationGracePeriodSeconds", *c.Spec.TerminationGracePeriodSeconds, 0, maxSeconds)
}

func checkLifecycle(c *Container, r *report) {
	l := &c.Spec.Lifecycle
	checkHook(r, "spec.lifecycle.postStart", l.PostStart)
	checkHook(r, "spec.lifecycle.preStop", l.PreStop)
	grace := *c.Spec.TerminationGracePeriodSeconds
	if l.PreStop != nil && l.PreStop.Sleep != nil && l.PreStop.Sleep.Seconds > grace {
		r.add("spec.lifecycle.preStop.sleep.seconds", "must not exceed terminationGracePeriodSeconds (%d)", grace)
	}
}

func checkHook(r *report, at string, h *Hook) {
	if h == nil {
		return
	}
	exactlyOne(r, at, "exec, httpGet, sleep", h.Exec != nil, h.HTTPGet != nil, h.Sleep != nil)
	checkExec(r, at, h.Exec)
	checkHTTPGet(r, at, h.HTTPGet)
	if h.Sleep != nil {
		between(r, at+".sleep.seconds", h.Sleep.Seconds, 0, maxSeconds)
	}
}

// exactlyOne reports if not one of the named actions is set.
func exactlyOne(r *report, at, names string, set ...bool) {
	n := 0
	for _, s := range set {
		if s {
			n++
		}
	}
	switch n {
	case 1:
	case 0:
		r.add(at, "says nothing to do; exactly one of %s is expected", names)
	default:
		r.add(at, "has %d actions; exactly one of %s is expected", n, names)
	}
}

func checkProbes(c *Container, r *report) {
	s := &c.Spec
	checkProbe(r, "spec.startupProbe", s.StartupProbe)
	checkProbe(r, "spec.livenessProbe", s.LivenessProbe)
	checkProbe(r, "spec.readinessProbe", s.ReadinessProbe)
	if p := s.ReadinessProbe; p != nil && p.TerminationGracePeriodSeconds != nil {
		r.add("spec.readinessProbe.terminationGracePeriodSeconds", "goes only with startupProbe and livenessProbe; a readiness probe stops nothing")
	}
	for _, p := range []struct {
		at    string
		probe *Probe
	}{{"spec.startupProbe", s.StartupProbe}, {"spec.livenessProbe", s.LivenessProbe}} {
		if p.probe != nil && p.probe.SuccessThreshold != 1 {
			r.add(p.at+".successThreshold", "must be 1; only readinessProbe can ask for more")
		}
	}
}

func checkProbe(r *report, at string, p *Probe) {
	if p == nil {
		return
	}
	exactlyOne(r, at, "exec, httpGet, tcpSocket, grpc, namedPipe",
		p.Exec != nil, p.HTTPGet != nil, p.TCPSocket != nil, p.GRPC != nil, p.NamedPipe != nil)
	checkExec(r, at, p.Exec)
	checkHTTPGet(r, at, p.HTTPGet)
	if p.TCPSocket != nil {
		checkPort(r, at+".tcpSocket.port", p.TCPSocket.Port)
	}
	if p.GRPC != nil {
		checkPort(r, at+".grpc.port", p.GRPC.Port)
	}
	if p.NamedPipe != nil && !namedPipe(p.NamedPipe.Path) {
		r.add(at+".namedPipe.path", `%s is not a named pipe \\.\pipe\name`, shown(p.NamedPipe.Path))
	}
	between(r, at+".initialDelaySeconds", p.InitialDelaySeconds, 0, maxSeconds)
	between(r, at+".timeoutSeconds", p.TimeoutSeconds, 1, maxSeconds)
	between(r, at+".periodSeconds", p.PeriodSeconds, 1, maxSeconds)
	between(r, at+".successThreshold", p.SuccessThreshold, 1, maxSeconds)
	between(r, at+".failureThreshold", p.FailureThreshold, 1, maxSeconds)
	if g := p.TerminationGracePeriodSeconds; g != nil {
		between(r, at+".terminationGracePeriodSeconds", *g, 1, maxSeconds)
	}
}

func checkExec(r *report, at string, e *ExecAction) {
	if e == nil {
		return
	}
	if len(e.Command) == 0 || e.Command[0] == "" {
		r.add(at+".exec.command", "is required: the program to run and its arguments")
	}
	for i, a := range e.Command {
		noNUL(r, index(at+".exec.command", i), a)
	}
}

func checkHTTPGet(r *report, at string, g *HTTPGetAction) {
	if g == nil {
		return
	}
	at += ".httpGet"
	checkPort(r, at+".port", g.Port)
	oneOf(r, at+".scheme", g.Scheme, "HTTP", "HTTPS")
	if !strings.HasPrefix(g.Path, "/") {
		r.add(at+".path", "%s does not begin with /", shown(g.Path))
	}
	for i, h := range g.HTTPHeaders {
		r.addAll(index(at+".httpHeaders", i)+".name", h.Name, validation.IsHTTPHeaderName(h.Name))
	}
}
