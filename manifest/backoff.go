package manifest

import "time"

// Backoff is Restart with its defaults resolved, in plain values.
type Backoff struct {
	InitialDelay time.Duration
	Factor       float64
	MaxDelay     time.Duration
	Jitter       float64 // share of the delay added at most, 0..1
	ResetAfter   time.Duration
	MaxRestarts  int           // 0: no limit
	Window       time.Duration // 0: since the last reset
}

// Backoff returns the delays of s; it allocates nothing.
func (s *Spec) Backoff() Backoff {
	r := &s.Restart
	return Backoff{
		InitialDelay: valueOr(r.InitialDelay, defaultInitialDelay).D(),
		Factor:       valueOr(r.Factor, defaultFactor),
		MaxDelay:     valueOr(r.MaxDelay, max(defaultMaxDelay, valueOr(r.InitialDelay, 0))).D(),
		Jitter:       valueOr(r.Jitter, defaultJitter),
		ResetAfter:   valueOr(r.ResetAfter, defaultResetAfter).D(),
		MaxRestarts:  r.MaxRestarts,
		Window:       r.Window.D(),
	}
}

// ExitAction returns what the exit rules decide for code; ok is false if none
// of them matches.
func (s *Spec) ExitAction(code uint32) (a ExitAction, ok bool) {
	for i := range s.Restart.ExitRules {
		rule := &s.Restart.ExitRules[i]
		for _, codes := range rule.Codes {
			if codes.Contains(code) {
				return rule.Action, true
			}
		}
	}
	return "", false
}

// GracePeriod is the time between Shutdown and Terminate.
func (c *Container) GracePeriod() time.Duration {
	return time.Duration(valueOr(c.Spec.TerminationGracePeriodSeconds, defaultGraceSeconds)) * time.Second
}

// ProgressDeadline is how long a new revision may take to become ready.
func (c *Container) ProgressDeadline() time.Duration {
	return valueOr(c.Spec.Update.ProgressDeadline, defaultProgressDeadline).D()
}

// Rollback reports whether a new revision that does not become ready is
// replaced by the last one that was.
func (c *Container) Rollback() bool { return valueOr(c.Spec.Update.Rollback, true) }

// LogLimits returns the size of one log file in bytes and the number of files.
func (c *Container) LogLimits() (maxSize int64, maxFiles int) {
	maxSize = defaultLogSize
	if q := c.Spec.Logs.MaxSize; q != nil {
		maxSize = q.Value()
	}
	return maxSize, valueOr(c.Spec.Logs.MaxFiles, defaultLogFiles)
}

func valueOr[T any](p *T, def T) T {
	if p == nil {
		return def
	}
	return *p
}
