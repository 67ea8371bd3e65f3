package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

const (
	maxRedirects = 10
	maxBody      = 10 << 10 // read of an answer, in bytes
)

// web asks over HTTP as the kubelet does: certificates are not verified, because
// they are for the clients of the container and not for its host; no proxy is
// used; no connection is kept; redirects are followed on the same host only.
type web struct {
	agent  string
	client *http.Client
}

func newWeb(agent string) *web {
	return &web{agent: agent, client: &http.Client{
		CheckRedirect: onlyHere,
		Transport: &http.Transport{
			TLSClientConfig:    &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
			DisableKeepAlives:  true,
			DisableCompression: true,
		},
	}}
}

// onlyHere follows redirects on the host that was asked.
func onlyHere(req *http.Request, via []*http.Request) error {
	if req.URL.Hostname() != via[0].URL.Hostname() {
		return http.ErrUseLastResponse
	}
	if len(via) >= maxRedirects {
		return fmt.Errorf("stopped after %d redirects", maxRedirects)
	}
	return nil
}

// probe succeeds with a status of 200 to 399. A redirect to another host is a
// success, too: this one has answered.
func (w *web) probe(ctx context.Context, address string, g *manifest.HTTPGetAction) (string, error) {
	status, err := w.get(ctx, address, g)
	if err != nil {
		return "", err
	}
	if status < 200 || status >= 400 {
		return "", fmt.Errorf("HTTP status %d", status)
	}
	return fmt.Sprintf("HTTP status %d", status), nil
}

// hook takes any answer for a success, as a Pod's does.
func (w *web) hook(ctx context.Context, address string, g *manifest.HTTPGetAction) error {
	_, err := w.get(ctx, address, g)
	return err
}

func (w *web) get(ctx context.Context, address string, g *manifest.HTTPGetAction) (status int, err error) {
	req, err := w.request(ctx, address, g)
	if err != nil {
		return 0, err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, withoutURL(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody)) // so that the server need not see a broken connection
	return resp.StatusCode, nil
}

func (w *web) request(ctx context.Context, address string, g *manifest.HTTPGetAction) (*http.Request, error) {
	path, err := url.Parse(g.Path)
	if err != nil || path.IsAbs() || path.Host != "" {
		path = &url.URL{Path: g.Path}
	}
	path.Scheme, path.Host = strings.ToLower(g.Scheme), address
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, path.String(), http.NoBody)
	if err != nil {
		return nil, errors.New("the URL of the probe is not valid")
	}
	req.Header.Set("User-Agent", w.agent)
	req.Header.Set("Accept", "*/*")
	seen := map[string]bool{}
	for _, h := range g.HTTPHeaders {
		name := http.CanonicalHeaderKey(h.Name)
		if name == "Host" {
			req.Host = h.Value
			continue
		}
		if !seen[name] {
			req.Header.Del(name) // of our own
			seen[name] = true
		}
		req.Header.Add(name, h.Value)
	}
	return req, nil
}

// withoutURL takes the URL out of an error, which may hold secrets.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
