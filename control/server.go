package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// patience bounds the time of one request.
const patience = 10 * time.Second

// server answers from the engine and the store.
type server struct {
	daemon Daemon
	engine Engine
	store  Store
}

// Handler serves the routes of the package comment.
func Handler(d Daemon, e Engine, s Store) http.Handler {
	srv := &server{d, e, s}
	mux := http.NewServeMux()
	mux.Handle("GET /v1/view", answer(srv.view))
	mux.Handle("GET /v1/memory", answer(srv.memory))
	mux.Handle("GET /v1/specs/{name}", answer(srv.specs))
	mux.Handle("GET /v1/events", answer(srv.events))
	mux.Handle("POST /v1/confirm-prune", answer(srv.confirmPrune))
	return mux
}

// Serve answers on l until ctx ends, then lets requests under way finish, and
// closes l.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: patience, WriteTimeout: 2 * patience, IdleTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		ended <- srv.Shutdown(last)
	}()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve control socket: %w", err)
	}
	return <-ended
}

// badRequest is an error of the caller.
type badRequest string

func (b badRequest) Error() string { return string(b) }

// answer turns a function into a handler of JSON.
func answer[T any](f func(*http.Request) (T, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		v, err := f(r.WithContext(ctx))
		if err == nil {
			write(w, http.StatusOK, v)
			return
		}
		status := http.StatusInternalServerError
		if errors.As(err, new(badRequest)) {
			status = http.StatusBadRequest
		}
		write(w, status, failure{err.Error()})
	})
}

// failure is the answer to what went wrong.
type failure struct {
	Error string `json:"error"`
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The caller has gone away if this fails; there is nobody to tell.
	_ = json.NewEncoder(w).Encode(v)
}

func (s *server) view(r *http.Request) (View, error) {
	v, err := s.engine.View(r.Context())
	if err != nil {
		return View{}, err
	}
	out := View{Daemon: s.daemon, View: v}
	for _, c := range v.Containers {
		out.Actual = append(out.Actual, c.Actual...)
	}
	return out, nil
}

func (s *server) memory(*http.Request) (Memory, error) {
	st, err := s.store.Load()
	return Memory{Records: st.Records, Brake: st.Brake, Files: st.Files}, err
}

func (s *server) specs(r *http.Request) ([]Spec, error) {
	kept, err := s.store.Specs(r.PathValue("name"))
	return Specs(kept), err
}

func (s *server) events(r *http.Request) ([]Event, error) {
	limit := 100
	if text := r.FormValue("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 0 {
			return nil, badRequest(fmt.Sprintf("limit %q: a number is expected; 0 means all", text))
		}
	}
	kept, err := s.store.History(r.FormValue("container"), limit)
	out := make([]Event, 0, len(kept))
	for _, e := range kept {
		out = append(out, Event{
			Seq: e.Seq, At: e.At, Container: e.Container, Type: e.Type, Action: e.Action, Reason: e.Reason, Message: e.Message, Source: e.Source,
		})
	}
	return out, err
}

func (s *server) confirmPrune(r *http.Request) (Confirmed, error) {
	names, err := s.engine.ConfirmPrune(r.Context(), "the command line")
	return Confirmed{Released: append([]string{}, names...)}, err
}
