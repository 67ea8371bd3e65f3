package control

import (
	_ "embed"
	"net/http"
	"slices"
	"strings"
)

//go:embed openapi.yaml
var openAPI []byte

// route is one thing that can be asked; openapi.yaml describes each.
type route struct {
	method, path string
	handler      http.Handler
}

func (s *server) routes() []route {
	return []route{
		{http.MethodGet, "/v1/view", answer(s.view)},
		{http.MethodGet, "/v1/memory", answer(s.memory)},
		{http.MethodGet, "/v1/specs/{name}", answer(s.specs)},
		{http.MethodGet, "/v1/versions/{name}", answer(s.versions)},
		{http.MethodGet, "/v1/events", http.HandlerFunc(s.events)},
		{http.MethodGet, "/v1/logs/{name}", http.HandlerFunc(s.logs)},
		{http.MethodGet, "/v1/stats", answer(s.allStats)},
		{http.MethodGet, "/v1/stats/{name}", answer(s.oneStats)},
		{http.MethodPost, "/v1/exec/{name}", http.HandlerFunc(s.exec)},
		{http.MethodPost, "/v1/restart/{name}", answer(s.restart)},
		{http.MethodPost, "/v1/retry/{name}", answer(s.retry)},
		{http.MethodPost, "/v1/hold/{name}", answer(s.hold)},
		{http.MethodPost, "/v1/release/{name}", answer(s.release)},
		{http.MethodPost, "/v1/rollback/{name}", answer(s.rollback)},
		{http.MethodPost, "/v1/confirm-prune", answer(s.confirmPrune)},
		{http.MethodGet, "/v1/openapi.yaml", http.HandlerFunc(s.openAPI)},
	}
}

// Handler serves the routes of openapi.yaml.
func Handler(c Config) http.Handler {
	mux, methods := http.NewServeMux(), map[string][]string{}
	for _, r := range (&server{c}).routes() {
		mux.Handle(r.method+" "+r.path, r.handler)
		methods[r.path] = append(methods[r.path], r.method)
	}
	for path, allowed := range methods {
		mux.Handle(path, otherMethod(allowed))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, &Failure{
			Status: http.StatusNotFound, Code: CodeNotFound, Message: "there is nothing at " + r.URL.Path,
			Hint: "/v1/openapi.yaml says what there is; a daemon of an older version has less",
		})
	})
	return mux
}

// otherMethod answers those who ask the right thing in the wrong way.
func otherMethod(allowed []string) http.Handler {
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(slices.Clone(allowed), http.MethodHead)
	}
	list := strings.Join(allowed, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", list)
		fail(w, &Failure{
			Status: http.StatusMethodNotAllowed, Code: CodeMethodNotAllowed,
			Message: r.Method + " " + r.URL.Path + ": this method is not allowed", Hint: "allowed: " + list,
		})
	})
}

func (s *server) openAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openAPI) // who asked has gone if this fails
}
