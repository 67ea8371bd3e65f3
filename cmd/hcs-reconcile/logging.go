package main

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/hcs-reconcile/hcs-reconcile/internal/logkey"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// The keys of log lines.
const (
	keyContainer = logkey.Container
	keyAction    = logkey.Action
	keyReason    = logkey.Reason
	keyState     = logkey.State
	keyMessage   = logkey.Message
	keyTook      = logkey.Took
	keyErr       = logkey.Err
	keyRevision  = logkey.Revision
	keyLag       = logkey.Lag
	keyProblem   = logkey.Problem
	keyChange    = logkey.Change
	keyFile      = logkey.File
)

// newLogger writes to w as the settings say.
func (s *settings) newLogger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.logLevel)); err != nil {
		return nil, fmt.Errorf("log.level %q: debug, info, warn or error is expected", s.logLevel)
	}
	o := &slog.HandlerOptions{Level: level}
	switch s.logFormat {
	case "text":
		return slog.New(slog.NewTextHandler(w, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	default:
		return nil, fmt.Errorf("log.format %q: text or json is expected", s.logFormat)
	}
}

// eventLog writes the events of the engine as log lines.
type eventLog struct{ log *slog.Logger }

// Observe implements engine.Observer.
func (l eventLog) Observe(ev reconcile.Event) {
	log := l.log.With(keyContainer, ev.Container)
	if ev.Source != "" {
		log = log.With("source_revision", ev.Source)
	}
	switch ev.Kind {
	case reconcile.Decided:
		log.Debug("step decided", keyAction, ev.Action, keyReason, ev.Reason, keyRevision, ev.Revision, keyChange, ev.Change)
	case reconcile.Done:
		if ev.Err != nil {
			log.Warn("step failed", keyAction, ev.Action, keyReason, ev.Reason, keyTook, ev.Took, keyErr, ev.Err, keyChange, ev.Change)
			return
		}
		if ev.Lag > 0 {
			log = log.With(keyLag, ev.Lag)
		}
		log.Info("step", keyAction, ev.Action, keyReason, ev.Reason, keyTook, ev.Took, keyRevision, ev.Revision, keyChange, ev.Change)
	case reconcile.Exited:
		atLevel(log, ev.Warning)("container exited", keyMessage, ev.Message, keyRevision, ev.Revision, keyChange, ev.Change)
	case reconcile.Probed:
		atLevel(log, ev.Warning)("probe", keyReason, ev.Reason, keyMessage, ev.Message, keyTook, ev.Took, keyChange, ev.Change)
	case reconcile.Hooked:
		atLevel(log, ev.Warning)("hook", keyReason, ev.Reason, keyMessage, ev.Message, keyTook, ev.Took, keyChange, ev.Change)
	case reconcile.Asked:
		log.Info("operator", keyReason, ev.Reason, keyMessage, ev.Message, keyChange, ev.Change)
	case reconcile.Became:
		if ev.Message != "" {
			log = log.With(keyMessage, ev.Message)
		}
		atLevel(log, ev.Warning)("container state", keyState, ev.State, keyReason, ev.Reason, keyChange, ev.Change)
	}
}

func atLevel(log *slog.Logger, warning bool) func(string, ...any) {
	if warning {
		return log.Warn
	}
	return log.Info
}
