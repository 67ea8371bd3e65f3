// Package otlptest is a collector for tests: it takes traces over OTLP as a
// real one does, by HTTP and by gRPC, and keeps them. It is for tests only.
package otlptest

import (
	"context"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// Span is what was received of one span.
type Span struct {
	Name, Trace, ID, Parent string // ids in hexadecimal digits
	Failed                  bool
	Attributes              map[string]string // the texts among them
	Resource                map[string]string
	Start, End              uint64 // Unix time in nanoseconds
}

// Collector keeps what it is sent.
type Collector struct {
	collector.UnimplementedTraceServiceServer

	HTTP, GRPC string // its endpoints, as URLs

	mu      sync.Mutex
	spans   []Span
	headers http.Header // of the last request over HTTP
}

// New starts a collector that ends with the test.
func New(t *testing.T) *Collector {
	t.Helper()
	c := &Collector{}
	web := httptest.NewServer(c)
	t.Cleanup(web.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer()
	collector.RegisterTraceServiceServer(srv, c)
	go func() { _ = srv.Serve(l) }() // ends by Stop
	t.Cleanup(srv.Stop)
	c.HTTP, c.GRPC = web.URL, "http://"+l.Addr().String()
	return c
}

// ServeHTTP takes spans as protobuf on the standard path.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, "POST protobuf to /v1/traces", http.StatusNotFound)
		return
	}
	text, err := io.ReadAll(r.Body)
	var req collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(text, &req)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	c.headers = r.Header
	c.mu.Unlock()
	c.keep(&req)
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// Export takes spans by gRPC.
func (c *Collector) Export(_ context.Context, req *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	c.keep(req)
	return &collector.ExportTraceServiceResponse{}, nil
}

func (c *Collector) keep(req *collector.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rs := range req.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			for _, s := range ss.GetSpans() {
				c.spans = append(c.spans, Span{
					Name: s.GetName(), Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()),
					Parent: hex.EncodeToString(s.GetParentSpanId()), Failed: s.GetStatus().GetCode() == 2,
					Attributes: texts(s.GetAttributes()), Resource: texts(rs.GetResource().GetAttributes()),
					Start: s.GetStartTimeUnixNano(), End: s.GetEndTimeUnixNano(),
				})
			}
		}
	}
}

func texts(kvs []*common.KeyValue) map[string]string {
	out := map[string]string{}
	for _, kv := range kvs {
		if s, ok := kv.GetValue().GetValue().(*common.AnyValue_StringValue); ok {
			out[kv.GetKey()] = s.StringValue
		}
	}
	return out
}

// Spans are all that were received so far.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

// Header is a header of the last request over HTTP.
func (c *Collector) Header(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.headers.Get(name)
}
