package main

import (
	"context"
	"log/slog"

	"github.com/hcs-reconcile/hcs-reconcile/tracing"
)

func (s *settings) tracingGroup() group {
	g := newGroup("Tracing")
	g.flags.StringVar(&s.traces, "tracing.otlp-endpoint", "",
		"`URL` of an OpenTelemetry collector that gets the traces; what it leaves open, and itself, can stand in the OTEL_… variables")
	return g
}

// newTracer is nil where nobody asked for traces.
func (s *settings) newTracer(ctx context.Context, log *slog.Logger) (*tracing.Tracer, error) {
	return tracing.New(ctx, tracing.Options{Endpoint: s.traces, Version: thisBuild().Version, Log: log})
}

// closeTracer sends the last spans. That they cannot be sent is no failure of
// the daemon.
func closeTracer(ctx context.Context, t *tracing.Tracer, log *slog.Logger) {
	if err := t.Close(ctx); err != nil {
		log.Warn("last traces not sent", keyErr, err)
	}
}
