package control

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// document is openapi.yaml, made strict: in this test a field that it does not
// know is an error.
func document(t *testing.T) (*openapi3.T, routers.Router) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range doc.Components.Schemas {
		strict(s.Value)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return doc, router
}

func strict(s *openapi3.Schema) {
	if s.Type.Is("object") && s.AdditionalProperties.Has == nil && s.AdditionalProperties.Schema == nil {
		no := false
		s.AdditionalProperties.Has = &no
	}
	for _, p := range s.Properties {
		if p.Ref == "" {
			strict(p.Value)
		}
	}
	if s.Items != nil && s.Items.Ref == "" {
		strict(s.Items.Value)
	}
}

// TestEveryRouteIsDocumented, and nothing else is.
func TestEveryRouteIsDocumented(t *testing.T) {
	doc, _ := document(t)
	var documented, served []string
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			documented = append(documented, method+" "+path)
			if op.Summary == "" || op.OperationID == "" || len(op.Tags) != 1 {
				t.Errorf("%s %s lacks a summary, an id or a tag", method, path)
			}
		}
	}
	for _, r := range (&server{}).routes() {
		served = append(served, r.method+" "+r.path)
	}
	slices.Sort(documented)
	slices.Sort(served)
	if !slices.Equal(documented, served) {
		t.Errorf("documented:\n  %s\nserved:\n  %s", strings.Join(documented, "\n  "), strings.Join(served, "\n  "))
	}
	for _, code := range []string{
		CodeBadRequest, CodeNotFound, CodeMethodNotAllowed, CodeRefused, CodeNotRunning, CodeInvalid, CodeUnsupported,
		CodeUnavailable, CodeTimeout, CodeInternal,
	} {
		if !slices.Contains(doc.Components.Schemas["Failure"].Value.Properties["code"].Value.Enum, any(code)) {
			t.Errorf("the code %s is not documented", code)
		}
	}
}

// TestAnswersAreAsDocumented asks for everything twice: with nothing there, and
// with every field of every answer set.
func TestAnswersAreAsDocumented(t *testing.T) {
	_, router := document(t)
	full := Config{Engine: &fakeEngine{view: filled[engine.View](t), held: []string{"web"}, versions: filled[[]engine.Version](t)}, Store: fullStore(t), Runtime: fullStats{t}}
	full.Daemon = filled[Daemon](t)
	full.Engine.(*fakeEngine).view.Containers[0].Name = "web"
	full.Engine.(*fakeEngine).view.Containers[0].Actual = []driver.Status{{Ref: driver.Ref{Name: "web"}, State: driver.Running}}
	for what, cfg := range map[string]Config{
		"empty": {Engine: &fakeEngine{}, Store: statedb.NewMem()}, "full": full,
		"failing": {Engine: &fakeEngine{err: engine.ErrStopped}, Store: statedb.Failing{Err: statedb.ErrClosed}},
	} {
		h := Handler(cfg)
		for _, r := range (&server{}).routes() {
			target := strings.ReplaceAll(r.path, "{name}", "web")
			switch r.path {
			case "/v1/exec/{name}":
				target += "?command=ls&command=-l&rows=3&cols=4&tty=true&stdin=false&workingDir=/"
			case "/v1/events":
				target += "?limit=5&sinceTime=2000-01-01T00:00:00Z&container=x%00y"
			}
			checked := check(t, router, h, r.method, target, "")
			if failing := what == "failing" && !strings.HasSuffix(target, ".yaml"); failing != (checked >= 400) && r.path != "/v1/exec/{name}" && what != "empty" {
				t.Errorf("%s: %s answers %d", what, target, checked)
			}
		}
		check(t, router, h, http.MethodPost, "/v1/hold/web", `{"until": "2026-11-22T08:00:00Z", "reason": "a look"}`)
		check(t, router, h, http.MethodGet, "/v1/events?since=0", "")
	}
}

// check asks h and holds question and answer against the document.
func check(t *testing.T, router routers.Router, h http.Handler, method, target, body string) int {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, "http://daemon"+target, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	route, params, err := router.FindRoute(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	in := &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route}
	if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil {
		t.Errorf("%s %s: %v", method, target, err)
	}
	req.Body = io.NopCloser(strings.NewReader(body))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: w.Code, Header: w.Header(), Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())),
	}
	if err := openapi3filter.ValidateResponse(t.Context(), out); err != nil {
		t.Errorf("%s %s answers %d %.300s: %v", method, target, w.Code, w.Body, err)
	}
	return w.Code
}

// fullStore has one of everything, with every field set.
func fullStore(t *testing.T) statedb.Store {
	m := statedb.NewMem()
	spec := filled[statedb.Spec](t)
	spec.Name, spec.JSON = "web", []byte(`{"metadata": {"name": "web"}}`)
	entry := filled[statedb.Entry](t)
	entry.Type, entry.Container = "Warning", "x\x00y"
	brake := filled[statedb.Brake](t)
	err := m.Save(statedb.Batch{
		Put: []statedb.Record{filled[statedb.Record](t)}, Specs: []statedb.Spec{spec}, Entries: []statedb.Entry{entry},
		Files: []statedb.ManifestFile{filled[statedb.ManifestFile](t)}, Brake: &brake,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

type fullStats struct{ t *testing.T }

func (f fullStats) Stats(context.Context, driver.Ref) (driver.Stats, error) {
	return filled[driver.Stats](f.t), nil
}

// filled sets every field to something that is not its zero value, so that one
// that the document does not know is found, also one that is added later.
func filled[T any](t *testing.T) T {
	var v T
	fill(t, reflect.ValueOf(&v).Elem())
	return v
}

func fill(t *testing.T, v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(moment))
	case v.Type() == reflect.TypeFor[json.RawMessage]():
		v.SetBytes([]byte("{}"))
	case v.Kind() == reflect.Struct:
		for _, field := range v.Fields() {
			fill(t, field)
		}
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case v.Kind() == reflect.Map:
		value := reflect.New(v.Type().Elem()).Elem()
		fill(t, value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), value)
	case v.Kind() == reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case v.CanInt():
		v.SetInt(41)
	case v.CanUint():
		v.SetUint(42)
	case v.CanFloat():
		v.SetFloat(0.5)
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.Kind() == reflect.String:
		v.SetString("text")
	default:
		t.Fatalf("no value known for a %s", v.Type())
	}
}

// TestTheDocumentNoticesAField that it does not have: strict works.
func TestTheDocumentNoticesAField(t *testing.T) {
	doc, _ := document(t)
	container := doc.Components.Schemas["Container"].Value
	text, err := json.Marshal(filled[reconcile.ContainerStatus](t))
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if err := container.VisitJSON(v); err != nil {
		t.Error(err)
	}
	v.(map[string]any)["unheardOf"] = true
	if container.VisitJSON(v) == nil {
		t.Error("a field that is not documented is taken")
	}
}
