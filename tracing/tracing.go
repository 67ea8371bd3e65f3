// Package tracing sends what the daemon does to an OpenTelemetry collector, as
// spans over OTLP. The id of a change of the folder is the id of its trace: its
// first span goes from the first sight of the change to the handing on of what
// it asks for, and below it lies each step, exit and turn of state that goes
// back to it.
//
// It decides nothing, never waits for the collector and keeps nothing: spans
// that cannot be sent are dropped, and the log says so once. While it is off
// none of it exists. All of it is safe for concurrent use.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options say where spans go. What they leave open is read from the standard
// variables OTEL_EXPORTER_OTLP_… (endpoint, protocol, headers, certificates),
// OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER and OTEL_BSP_….
type Options struct {
	Endpoint string // URL of the collector; "": as the variables say
	Version  string // of the program
	Log      *slog.Logger
}

// Tracer makes spans. A nil Tracer is off: it does nothing.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// New returns a Tracer, or nil if none is asked for: there is an endpoint
// neither in o nor in the environment, or OTEL_SDK_DISABLED=true or
// OTEL_TRACES_EXPORTER=none say that there shall be none.
func New(ctx context.Context, o Options) (*Tracer, error) {
	switch exporter := os.Getenv("OTEL_TRACES_EXPORTER"); {
	case strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true"), exporter == "none":
		return nil, nil
	case exporter != "" && exporter != "otlp":
		return nil, fmt.Errorf("read OTEL_TRACES_EXPORTER: %q is not known here; otlp or none is expected", exporter)
	case o.Endpoint == "" && exporter == "" && os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" &&
		os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "":
		return nil, nil
	}
	e, err := newExporter(ctx, o.Endpoint)
	if err != nil {
		return nil, err
	}
	res, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "hcs-reconcile"), attribute.String("service.version", o.Version),
	), resource.WithHost(), resource.WithTelemetrySDK(), resource.WithFromEnv()) // what comes last counts
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, errors.Join(fmt.Errorf("read OTEL_RESOURCE_ATTRIBUTES: %w", err), e.Shutdown(ctx))
	}
	p := sdk.NewTracerProvider(sdk.WithBatcher(&told{SpanExporter: e, log: o.Log}), sdk.WithResource(res), sdk.WithIDGenerator(ids{}))
	return &Tracer{provider: p, tracer: p.Tracer("github.com/hcs-reconcile/hcs-reconcile")}, nil
}

// newExporter speaks the protocol that the environment asks for.
func newExporter(ctx context.Context, endpoint string) (sdk.SpanExporter, error) {
	protocol := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
	if protocol == "" {
		protocol = os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	var e sdk.SpanExporter
	var err error
	switch protocol {
	case "", "http/protobuf":
		var o []otlptracehttp.Option
		if endpoint != "" {
			o = append(o, otlptracehttp.WithEndpointURL(withPath(endpoint)))
		}
		e, err = otlptracehttp.New(ctx, o...)
	case "grpc":
		var o []otlptracegrpc.Option
		if endpoint != "" {
			o = append(o, otlptracegrpc.WithEndpointURL(endpoint))
		}
		e, err = otlptracegrpc.New(ctx, o...)
	default:
		return nil, fmt.Errorf("read OTEL_EXPORTER_OTLP_PROTOCOL: %q is not spoken here; http/protobuf or grpc is expected", protocol)
	}
	if err != nil {
		return nil, fmt.Errorf("open trace exporter: %w", err)
	}
	return e, nil
}

// withPath adds the standard path to an endpoint that has none, as
// OTEL_EXPORTER_OTLP_ENDPOINT does.
func withPath(endpoint string) string {
	_, rest, _ := strings.Cut(endpoint, "://")
	if strings.Contains(strings.TrimSuffix(rest, "/"), "/") {
		return endpoint
	}
	return strings.TrimSuffix(endpoint, "/") + "/v1/traces"
}

// closeLimit is how long the last spans may take.
const closeLimit = 3 * time.Second

// Close sends what is left, for 3 s at most.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send last traces: %w", err)
	}
	return nil
}

// told is an exporter whose failures are told once, until it works again. A
// collector that is away must not fill the log.
type told struct {
	sdk.SpanExporter
	log   *slog.Logger
	fails bool // the processor calls from one goroutine
}

// ExportSpans implements trace.SpanExporter. The error ends here.
func (e *told) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && !e.fails:
		e.log.Warn("traces not sent; they are dropped until the collector takes them", "err", err)
	case err == nil && e.fails:
		e.log.Info("traces are sent again")
	}
	e.fails = err != nil
	return nil
}
