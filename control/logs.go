package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/logs"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// LogQuery says which lines of a container's output are asked for. The zero
// value asks for all that are kept.
type LogQuery struct {
	Tail      int         // at most so many, the newest; 0 is all, below 0 none but what comes
	SinceTime time.Time   // none before
	Source    logs.Source // only of this stream; "" is both
	Previous  bool        // of the last run that has ended
	Follow    bool        // go on with those that come
}

// LogDir is where the logs of a state folder are.
func LogDir(stateDir string) string { return filepath.Join(stateDir, "logs") }

func parseLogs(raw string) (LogQuery, error) {
	q := newQuery(raw, "tail", "sinceTime", "stream", "previous", "follow")
	l := LogQuery{
		Tail: read(q, "tail", 0, "a number, where 0 is all lines and -1 none but what comes,", func(s string) (int, bool) {
			n, err := strconv.Atoi(s)
			return n, err == nil
		}),
		SinceTime: read(q, "sinceTime", time.Time{}, "a time such as 2026-11-22T08:00:00Z", func(s string) (time.Time, bool) {
			t, err := time.Parse(time.RFC3339Nano, s)
			return t, err == nil
		}),
		Source: read(q, "stream", "", "stdout or stderr", func(s string) (logs.Source, bool) {
			return logs.Source(s), s == string(logs.Stdout) || s == string(logs.Stderr)
		}),
		Previous: q.flag("previous"),
		Follow:   q.flag("follow"),
	}
	if l.Previous && l.Follow {
		q.fail("previous and follow: a run that has ended writes nothing more")
	}
	return l, q.err
}

// encode is the inverse of parseLogs.
func (l *LogQuery) encode() string {
	v := url.Values{}
	if l.Tail != 0 {
		v.Set("tail", strconv.Itoa(l.Tail))
	}
	if !l.SinceTime.IsZero() {
		v.Set("sinceTime", l.SinceTime.Format(time.RFC3339Nano))
	}
	if l.Source != "" {
		v.Set("stream", string(l.Source))
	}
	if l.Previous {
		v.Set("previous", "true")
	}
	if l.Follow {
		v.Set("follow", "true")
	}
	return v.Encode()
}

// slowestLog is how long somebody who reads a log may take nothing: a pager is
// patient. Nobody waits for him but his own goroutine.
const slowestLog = 10 * time.Minute

// logs writes lines in the CRI log format, long ones in one piece, as they
// stand in the files and as they come.
func (s *server) logs(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	asked, err := parseLogs(r.URL.RawQuery)
	if err != nil {
		fail(w, err)
		return
	}
	q := logs.Query{Tail: asked.Tail, Since: asked.SinceTime, Source: asked.Source, Follow: asked.Follow}
	status, err := s.statusOf(r.Context(), name)
	if err == nil && asked.Previous {
		err = previousRun(&q, status)
	}
	if err != nil {
		fail(w, err)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	out := newLogWriter(ctx, w)
	go func() {
		select {
		case <-ending(r.Context()):
			cancel()
			_ = out.control.SetWriteDeadline(time.Now()) // also for who reads nothing
		case <-ctx.Done():
		}
	}()
	q.Idle = out.flush
	err = logs.Read(ctx, LogDir(s.cfg.Daemon.StateDir), name, q, out.line)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil: // it has written nothing yet
		_ = out.flush()
	case !out.begun && ctx.Err() == nil:
		fail(w, err)
	case ctx.Err() == nil:
		panic(http.ErrAbortHandler) // so that the client sees that this is not the end
	}
}

// statusOf is what is known of one container.
func (s *server) statusOf(ctx context.Context, name string) (reconcile.ContainerStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	v, err := s.cfg.Engine.View(ctx)
	if err != nil {
		return reconcile.ContainerStatus{}, err
	}
	i := slices.IndexFunc(v.Containers, func(c reconcile.ContainerStatus) bool { return c.Name == name })
	if i < 0 {
		return reconcile.ContainerStatus{}, fmt.Errorf("read log of %s: %w", name, engine.ErrNoContainer)
	}
	return v.Containers[i], nil
}

// previousRun narrows q to the last run that has ended, by the times of the
// runs: all runs of a name share its files.
func previousRun(q *logs.Query, c reconcile.ContainerStatus) error {
	exit := c.LastExit
	if exit == nil {
		return &Failure{
			Status: http.StatusConflict, Code: CodeRefused,
			Message: fmt.Sprintf("read log of %s: no run of it has ended", c.Name), Hint: "without --previous there is the log of the one that runs",
		}
	}
	if q.Since.Before(exit.Started) {
		q.Since = exit.Started
	}
	for _, a := range c.Actual {
		if (a.State == driver.Running || a.State == driver.Paused) && (q.Until.IsZero() || a.Started.Before(q.Until)) {
			q.Until = a.Started
		}
	}
	return nil
}

// logWriter sends lines in batches.
type logWriter struct {
	ctx     context.Context
	buf     *bufio.Writer
	control *http.ResponseController
	w       http.ResponseWriter
	entry   []byte
	begun   bool
}

func newLogWriter(ctx context.Context, w http.ResponseWriter) *logWriter {
	o := &logWriter{ctx: ctx, w: w, control: http.NewResponseController(w)}
	o.buf = bufio.NewWriterSize(writerFunc(o.send), 64<<10)
	return o
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func (o *logWriter) line(l logs.Line) error {
	o.entry = l.Append(o.entry[:0])
	_, err := o.buf.Write(o.entry)
	return err
}

// send writes p with a limit of its own.
func (o *logWriter) send(p []byte) (int, error) {
	o.begin()
	if err := o.control.SetWriteDeadline(time.Now().Add(slowestLog)); err != nil {
		return 0, err
	}
	if err := o.ctx.Err(); err != nil { // the deadline of the end was overwritten
		return 0, err
	}
	return o.w.Write(p)
}

func (o *logWriter) begin() {
	if !o.begun {
		o.w.Header().Set("Content-Type", "text/plain")
		o.w.Header().Set("X-Content-Type-Options", "nosniff")
		o.w.WriteHeader(http.StatusOK)
		o.begun = true
	}
}

// flush sends what there is; the first time also the head of the answer.
func (o *logWriter) flush() error {
	if o.begun && o.buf.Buffered() == 0 {
		return nil
	}
	o.begin()
	if err := o.buf.Flush(); err != nil {
		return err
	}
	return o.control.Flush()
}

// Logs calls emit with the lines of a container's output, oldest first; with
// Follow, until ctx or the daemon ends, which is an error. The text of a line is valid until emit
// returns. When no more is there for now idle is called.
func (c *Client) Logs(ctx context.Context, name string, q LogQuery, emit func(logs.Line) error, idle func() error) error {
	path := "/v1/logs/" + url.PathEscape(name)
	if e := q.encode(); e != "" {
		path += "?" + e
	}
	res, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	told := false // that the error is of emit or idle
	err = logs.Lines(res.Body, func(l logs.Line) error {
		err := emit(l)
		told = err != nil
		return err
	}, func() error {
		err := idle()
		told = err != nil
		return err
	})
	switch {
	case told || err == nil && !q.Follow:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		return fmt.Errorf("follow log of %s: the daemon has ended", name)
	default:
		return fmt.Errorf("read log of %s: the connection to the daemon has ended: %w", name, err)
	}
}
