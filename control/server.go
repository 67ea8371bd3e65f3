package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// patience bounds the time of one request that is not a stream.
const patience = 10 * time.Second

// server answers from the engine, the store and the driver.
type server struct{ cfg Config }

// Serve answers on l until ctx ends. Then streams are cut, requests under way
// finish, and l is closed; when it returns, no handler is left.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	var handlers sync.WaitGroup // also those that took their connection over
	defer handlers.Wait()
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			handlers.Add(1)
			defer handlers.Done()
			h.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: patience, WriteTimeout: 2 * patience, IdleTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.WithoutCancel(ctx), endingKey{}, ctx.Done())
		},
		ConnContext: withPeer,
	}
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

type endingKey struct{}

// ending is closed when the daemon ends: streams must.
func ending(ctx context.Context) <-chan struct{} {
	c, _ := ctx.Value(endingKey{}).(<-chan struct{})
	return c
}

// answer turns a function into a handler of JSON.
func answer[T any](f func(*http.Request) (T, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		v, err := f(r.WithContext(ctx))
		if err != nil {
			fail(w, err)
			return
		}
		write(w, http.StatusOK, v)
	})
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The caller has gone away if this fails; there is nobody to tell.
	_ = json.NewEncoder(w).Encode(v)
}

func (s *server) view(r *http.Request) (View, error) {
	v, err := s.cfg.Engine.View(r.Context())
	if err != nil {
		return View{}, err
	}
	out := View{Daemon: s.cfg.Daemon, View: v}
	for _, c := range v.Containers {
		out.Actual = append(out.Actual, c.Actual...)
	}
	return out, nil
}

func (s *server) memory(*http.Request) (Memory, error) {
	st, err := s.cfg.Store.Load()
	return Memory{Records: st.Records, Brake: st.Brake, Files: st.Files}, err
}

func (s *server) specs(r *http.Request) ([]Spec, error) {
	kept, err := s.cfg.Store.Specs(r.PathValue("name"))
	return Specs(kept), err
}
