package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// stopLimit is how long answers under way may take when the daemon ends.
const stopLimit = 3 * time.Second

// Server is an http.Server whose clients cannot hold it up: one that dawdles
// is cut off. addr may be empty if the server is given a listener.
func Server(addr string, h http.Handler) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      time.Minute, // a scrape of many containers over a slow line
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
}

// Serve answers on l until ctx ends, then lets the answers under way finish,
// for 3 s at most. It closes l. nil means that it was asked to end.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := Server("", h)
	return serve(ctx, srv, func() error { return srv.Serve(l) })
}

// serve runs run, which serves by srv, until ctx ends.
func serve(ctx context.Context, srv *http.Server, run func() error) error {
	served := make(chan error, 1)
	go func() { served <- run() }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	err := srv.Shutdown(limit)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close()
	}
	return errors.Join(err, ended(<-served))
}

// ended is nil for the error by which a server tells that it was shut down.
func ended(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
