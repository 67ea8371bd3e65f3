package control

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
)

// Client asks the daemon of one state folder.
type Client struct {
	stateDir string
	http     *http.Client
}

// NewClient prepares a client; nothing is dialled before the first call.
func NewClient(stateDir string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, stateDir) }
	return &Client{stateDir: stateDir, http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// View returns what the daemon knows now.
func (c *Client) View(ctx context.Context) (View, error) {
	return call[View](ctx, c, http.MethodGet, "/v1/view")
}

// Memory returns what the daemon remembers.
func (c *Client) Memory(ctx context.Context) (Memory, error) {
	return call[Memory](ctx, c, http.MethodGet, "/v1/memory")
}

// Specs returns the revisions of a name that are kept, newest first.
func (c *Client) Specs(ctx context.Context, name string) ([]Spec, error) {
	return call[[]Spec](ctx, c, http.MethodGet, "/v1/specs/"+url.PathEscape(name))
}

// Events returns the history of a container, or of all if it is "", newest
// first; limit 0 means all.
func (c *Client) Events(ctx context.Context, container string, limit int) ([]Event, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if container != "" {
		q.Set("container", container)
	}
	return call[[]Event](ctx, c, http.MethodGet, "/v1/events?"+q.Encode())
}

// ConfirmPrune lets go what the prune brake holds back.
func (c *Client) ConfirmPrune(ctx context.Context) (Confirmed, error) {
	return call[Confirmed](ctx, c, http.MethodPost, "/v1/confirm-prune")
}

// call sends one request. The error wraps ErrNoDaemon if nobody listens.
func call[T any](ctx context.Context, c *Client, method, path string) (v T, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://daemon"+path, nil)
	if err != nil {
		return v, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return v, c.explain(ctx, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		var f failure
		if err := json.NewDecoder(res.Body).Decode(&f); err != nil || f.Error == "" {
			f.Error = res.Status
		}
		return v, fmt.Errorf("ask daemon for %s: %s", path, f.Error)
	}
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
		return v, fmt.Errorf("ask daemon for %s: %w", path, err)
	}
	return v, nil
}

func (c *Client) explain(ctx context.Context, err error) error {
	if ctx.Err() == nil && nobodyThere(err) {
		return fmt.Errorf("%w on %s: is `hcs-reconcile run` running with this --state-dir?", ErrNoDaemon, Address(c.stateDir))
	}
	return fmt.Errorf("ask daemon on %s: %w", Address(c.stateDir), err)
}
