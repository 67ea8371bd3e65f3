package manifest

import (
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// The defaults that are not the zero value of their field. A test holds them
// against the Default column of Fields.
const (
	defaultGraceSeconds     = 30
	defaultInitialDelay     = Duration(time.Second)
	defaultFactor           = 2.0
	defaultMaxDelay         = Duration(time.Minute)
	defaultJitter           = 0.2
	defaultResetAfter       = Duration(10 * time.Minute)
	defaultProgressDeadline = Duration(5 * time.Minute)
	defaultLogSize          = 10 << 20
	defaultLogFiles         = 5
	defaultProbeTimeout     = 1
	defaultProbePeriod      = 10
	defaultSuccessThreshold = 1
	defaultFailureThreshold = 3
	defaultHTTPPath         = "/"
	defaultHTTPScheme       = "HTTP"
)

// setDefaults fills in every field that has a default and was left out.
func setDefaults(c *Container) {
	s := &c.Spec
	orValue(&s.DesiredState, DesiredRunning)
	orValue(&s.OS, OSWindows)
	orValue(&s.Isolation, IsolationProcess)
	for i := range s.Ports {
		orValue(&s.Ports[i].Protocol, ProtocolTCP)
	}
	for i := range s.DependsOn {
		orValue(&s.DependsOn[i].Condition, ConditionStarted)
	}
	orValue(&s.RestartPolicy, RestartAlways)
	orPointer(&s.TerminationGracePeriodSeconds, int64(defaultGraceSeconds))
	restartDefaults(&s.Restart)
	updateDefaults(s)
	for _, p := range []*Probe{s.StartupProbe, s.LivenessProbe, s.ReadinessProbe} {
		probeDefaults(p)
	}
	for _, h := range []*Hook{s.Lifecycle.PostStart, s.Lifecycle.PreStop} {
		if h != nil {
			httpDefaults(h.HTTPGet)
		}
	}
}

func restartDefaults(r *Restart) {
	orPointer(&r.InitialDelay, defaultInitialDelay)
	orPointer(&r.Factor, defaultFactor)
	orPointer(&r.MaxDelay, max(defaultMaxDelay, *r.InitialDelay))
	orPointer(&r.Jitter, defaultJitter)
	orPointer(&r.ResetAfter, defaultResetAfter)
}

func updateDefaults(s *Spec) {
	orValue(&s.Update.Strategy, UpdateRecreate)
	orPointer(&s.Update.ProgressDeadline, defaultProgressDeadline)
	orPointer(&s.Update.Rollback, true)
	orPointer(&s.Logs.MaxFiles, defaultLogFiles)
	if s.Logs.MaxSize == nil {
		s.Logs.MaxSize = resource.NewQuantity(defaultLogSize, resource.BinarySI)
	}
}

func probeDefaults(p *Probe) {
	if p == nil {
		return
	}
	orValue(&p.TimeoutSeconds, defaultProbeTimeout)
	orValue(&p.PeriodSeconds, defaultProbePeriod)
	orValue(&p.SuccessThreshold, defaultSuccessThreshold)
	orValue(&p.FailureThreshold, defaultFailureThreshold)
	httpDefaults(p.HTTPGet)
}

func httpDefaults(g *HTTPGetAction) {
	if g == nil {
		return
	}
	orValue(&g.Path, defaultHTTPPath)
	orValue(&g.Scheme, defaultHTTPScheme)
}

func orValue[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

func orPointer[T any](p **T, v T) {
	if *p == nil {
		*p = &v
	}
}

// normalizeQuantities gives every quantity the notation that suits it, so that
// equal values read the same: bytes in powers of 1024, processors in decimals.
// It also makes them remember their text: String would otherwise write it on
// first use, which is a race between readers.
func (s *Spec) normalizeQuantities() {
	for _, q := range s.byteQuantities() {
		if *q != nil {
			*q = resource.NewQuantity((*q).Value(), resource.BinarySI)
			_ = (*q).String()
		}
	}
	if cpu := plainQuantity(s.Resources.Limits.CPU); cpu != nil {
		_ = cpu.String()
		s.Resources.Limits.CPU = cpu
	}
}

// byteQuantities lists where a Spec can hold a number of bytes.
func (s *Spec) byteQuantities() []**resource.Quantity {
	all := []**resource.Quantity{&s.Resources.Limits.Memory, &s.Logs.MaxSize}
	if s.RootFS != nil {
		all = append(all, &s.RootFS.ScratchSize)
	}
	return all
}
