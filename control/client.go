package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// Client asks the daemon of one state folder. What the daemon answers for an
// error is a *Failure; that it is not reached, ErrNoDaemon or ErrDenied.
type Client struct {
	stateDir string
	http     *http.Client
}

// NewClient prepares a client; nothing is dialled before the first call.
func NewClient(stateDir string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, stateDir) }
	return &Client{stateDir: stateDir, http: &http.Client{Transport: &http.Transport{
		DialContext: dial, DisableKeepAlives: true, ResponseHeaderTimeout: 2 * patience,
	}}}
}

// View returns what the daemon knows now.
func (c *Client) View(ctx context.Context) (View, error) {
	return call[View](ctx, c, http.MethodGet, "/v1/view", nil)
}

// Memory returns what the daemon remembers.
func (c *Client) Memory(ctx context.Context) (Memory, error) {
	return call[Memory](ctx, c, http.MethodGet, "/v1/memory", nil)
}

// Specs returns the revisions of a name that are kept, newest first.
func (c *Client) Specs(ctx context.Context, name string) ([]Spec, error) {
	return call[[]Spec](ctx, c, http.MethodGet, "/v1/specs/"+url.PathEscape(name), nil)
}

// Stats returns the figures of what runs, by name; of one container, if name
// is not "".
func (c *Client) Stats(ctx context.Context, name string) ([]Stats, error) {
	if name == "" {
		return call[[]Stats](ctx, c, http.MethodGet, "/v1/stats", nil)
	}
	one, err := call[Stats](ctx, c, http.MethodGet, "/v1/stats/"+url.PathEscape(name), nil)
	return []Stats{one}, err
}

// Restart has a container stopped and started anew. It returns when the wish
// is on disk, as the verbs below do.
func (c *Client) Restart(ctx context.Context, name string) (Done, error) {
	return call[Done](ctx, c, http.MethodPost, "/v1/restart/"+url.PathEscape(name), nil)
}

// Retry has a container tried again now that waits, or was given up.
func (c *Client) Retry(ctx context.Context, name string) (Done, error) {
	return call[Done](ctx, c, http.MethodPost, "/v1/retry/"+url.PathEscape(name), nil)
}

// Hold forbids every step for a container.
func (c *Client) Hold(ctx context.Context, name string, h HoldRequest) (Done, error) {
	return call[Done](ctx, c, http.MethodPost, "/v1/hold/"+url.PathEscape(name), h)
}

// Release ends a hold.
func (c *Client) Release(ctx context.Context, name string) (Done, error) {
	return call[Done](ctx, c, http.MethodPost, "/v1/release/"+url.PathEscape(name), nil)
}

// Rollback returns a container to an earlier version that was ready.
func (c *Client) Rollback(ctx context.Context, name string, r RollbackRequest) (Done, error) {
	return call[Done](ctx, c, http.MethodPost, "/v1/rollback/"+url.PathEscape(name), r)
}

// Versions lists the kept versions of a container, newest first.
func (c *Client) Versions(ctx context.Context, name string) ([]engine.Version, error) {
	return call[[]engine.Version](ctx, c, http.MethodGet, "/v1/versions/"+url.PathEscape(name), nil)
}

// ConfirmPrune lets go what the prune brake holds back.
func (c *Client) ConfirmPrune(ctx context.Context) (Confirmed, error) {
	return call[Confirmed](ctx, c, http.MethodPost, "/v1/confirm-prune", nil)
}

// Events returns events of the history: the newest first, or with q.Since the
// oldest first. It does not follow.
func (c *Client) Events(ctx context.Context, q EventQuery) ([]Event, error) {
	q.Follow = false
	return call[[]Event](ctx, c, http.MethodGet, "/v1/events?"+q.encode(), nil)
}

// FollowEvents hands each event to take as it comes, oldest first, until ctx
// ends, take returns an error, or the daemon is gone, which is io.EOF.
func (c *Client) FollowEvents(ctx context.Context, q EventQuery, take func(Event) error) error {
	q.Follow = true
	res, err := c.send(ctx, http.MethodGet, "/v1/events?"+q.encode(), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	dec := json.NewDecoder(res.Body)
	for {
		var ev Event
		if err := dec.Decode(&ev); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return io.EOF // whatever it was, there is no more to come
		}
		if err := take(ev); err != nil {
			return err
		}
	}
}

// call sends one request and reads the answer.
func call[T any](ctx context.Context, c *Client, method, path string, body any) (v T, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	res, err := c.send(ctx, method, path, body)
	if err != nil {
		return v, err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
		return v, fmt.Errorf("ask daemon for %s: %w", path, err)
	}
	return v, nil
}

// send returns an answer that is good; the caller closes its body.
func (c *Client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var text io.Reader
	if body != nil {
		js, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		text = bytes.NewReader(js)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://daemon"+path, text)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		return nil, failureIn(res, path)
	}
	return res, nil
}

// failureIn reads what the daemon says went wrong.
func failureIn(res *http.Response, path string) error {
	f := &Failure{}
	if json.NewDecoder(io.LimitReader(res.Body, maxBody)).Decode(f) != nil || f.Message == "" {
		f.Message = fmt.Sprintf("ask daemon for %s: %s", path, res.Status)
	}
	f.Status = res.StatusCode
	return f
}

// notReached is the error when no daemon is reached.
type notReached struct {
	cause        error
	text, advice string
}

func (n *notReached) Error() string  { return n.text }
func (n *notReached) Unwrap() error  { return n.cause }
func (n *notReached) Advice() string { return n.advice }

// explain tells nobody there from not allowed in from everything else.
func (c *Client) explain(ctx context.Context, err error) error {
	at := Address(c.stateDir)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("ask daemon on %s: %w", at, context.Cause(ctx))
	case nobodyThere(err):
		return &notReached{
			ErrNoDaemon, fmt.Sprintf("%v on %s: is `hcs-reconcile run` running with this --state-dir?", ErrNoDaemon, at),
			fmt.Sprintf("start it with `hcs-reconcile run --state-dir %s --manifests DIR`, or name the state folder of the one that runs", c.stateDir),
		}
	case errors.Is(err, fs.ErrPermission):
		return &notReached{
			ErrDenied, fmt.Sprintf("open %s: %v", at, ErrDenied),
			"only the user whose daemon it is, and " + administrator + ", may talk to it",
		}
	}
	return fmt.Errorf("ask daemon on %s: %w", at, err)
}
