package tracing

import (
	"context"
	"crypto/rand"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/hcs-reconcile/hcs-reconcile/internal/logkey"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

var _ engine.Observer = (*Tracer)(nil)

// The names of spans that are no step; a step's span is named for its action.
const (
	spanChange = "change" // of the folder: from its first sight to its handing on
	spanExit   = "exit"
	spanState  = "state"
)

var otherSpans = map[reconcile.Kind]string{reconcile.Asked: "asked", reconcile.Probed: "probe", reconcile.Hooked: "hook"}

// filesTold bounds how many files one span names.
const filesTold = 8

// Changed tells of an update of the folder that was handed on at now.
func (t *Tracer) Changed(u folder.Update, now time.Time) {
	if t == nil {
		return
	}
	files := make([]string, 0, filesTold)
	for _, f := range u.Files[:min(len(u.Files), filesTold)] {
		files = append(files, f.Path)
	}
	ctx := context.WithValue(context.Background(), changeKey{}, u.ID)
	_, span := t.tracer.Start(ctx, spanChange, trace.WithNewRoot(), trace.WithTimestamp(u.SeenAt), trace.WithAttributes(
		attribute.String(logkey.Change, u.ID), attribute.StringSlice(logkey.File, files), attribute.Int("files", len(u.Files)+len(u.Gone)),
		attribute.Int("containers", len(u.Put)+len(u.Drop)), attribute.String("source_revision", u.Source.Revision),
	))
	if u.Doubt != "" {
		span.SetStatus(codes.Error, u.Doubt)
	}
	span.End(trace.WithTimestamp(now))
}

// Observe makes a span of an event. It never waits.
func (t *Tracer) Observe(ev reconcile.Event) {
	if t == nil {
		return
	}
	switch ev.Kind {
	case reconcile.Decided: // its Done tells of both
	case reconcile.Done:
		more := []attribute.KeyValue{attribute.String(logkey.Action, string(ev.Action)), attribute.String(logkey.Reason, string(ev.Reason))}
		if ev.Lag > 0 {
			more = append(more, attribute.Float64(logkey.Lag, ev.Lag.Seconds()))
		}
		t.span(string(ev.Action), ev, more...)
	case reconcile.Exited:
		t.span(spanExit, ev)
	case reconcile.Asked, reconcile.Probed, reconcile.Hooked:
		t.span(otherSpans[ev.Kind], ev, attribute.String(logkey.Reason, string(ev.Reason)))
	case reconcile.Became:
		t.span(spanState, ev, attribute.String(logkey.State, string(ev.State)), attribute.String(logkey.Reason, string(ev.Reason)))
	}
}

func (t *Tracer) span(name string, ev reconcile.Event, more ...attribute.KeyValue) {
	ctx := under(ev.Change)
	_, span := t.tracer.Start(ctx, name, trace.WithTimestamp(ev.At.Add(-ev.Took)), trace.WithAttributes(more...), trace.WithAttributes(
		attribute.String(logkey.Container, ev.Container), attribute.String(logkey.Revision, ev.Revision),
		attribute.String(logkey.Change, ev.Change),
	))
	if ev.Message != "" {
		span.SetAttributes(attribute.String(logkey.Message, ev.Message))
	}
	if ev.Warning {
		span.SetStatus(codes.Error, ev.Message)
	}
	span.End(trace.WithTimestamp(ev.At))
}

// under is a context below the first span of a change. A text that is no id
// gives one without a parent.
func under(change string) context.Context {
	id, err := trace.TraceIDFromHex(change)
	if err != nil {
		return context.Background()
	}
	return trace.ContextWithRemoteSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: id, SpanID: first(id), TraceFlags: trace.FlagsSampled, Remote: true,
	}))
}

// first is the id of a trace's first span. It follows from that of the trace,
// so that nobody need remember it.
func first(id trace.TraceID) (s trace.SpanID) {
	copy(s[:], id[8:])
	return s
}

// changeKey is where a context has the change that a new trace is of.
type changeKey struct{}

// ids gives the first span of a change the ids that follow from the change.
type ids struct{}

// NewIDs implements trace.IDGenerator.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if change, ok := ctx.Value(changeKey{}).(string); ok {
		if id, err := trace.TraceIDFromHex(change); err == nil {
			return id, first(id)
		}
	}
	var id trace.TraceID
	_, _ = rand.Read(id[:]) // never fails
	return id, ids{}.NewSpanID(ctx, id)
}

// NewSpanID implements trace.IDGenerator.
func (ids) NewSpanID(context.Context, trace.TraceID) (s trace.SpanID) {
	_, _ = rand.Read(s[:]) // never fails
	return s
}
