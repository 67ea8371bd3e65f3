package web_test

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/hcs-reconcile/hcs-reconcile/web"
	"github.com/hcs-reconcile/hcs-reconcile/web/page"
)

// paths are all pages that there are, and one that is not.
var paths = func() []string {
	all := []string{"/nowhere"}
	for _, p := range web.Patterns(everything()) {
		if path := strings.NewReplacer("{$}", "", "{name}", "web", "{file}", "page.css").Replace(p); path != "/debug/pprof/profile" && path != "/debug/pprof/trace" {
			all = append(all, path) // the two left out take their time
		}
	}
	return all
}()

// everything is all that can be turned on.
func everything() web.Options {
	o := options(good(), nil)
	o.Profiles = true
	o.Page = page.New(page.Options{View: o.View, History: o.History, Log: o.Log})
	return o
}

// TestOnlyReading walks every page with every method that could change something.
func TestOnlyReading(t *testing.T) {
	for _, path := range paths {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, http.MethodConnect, http.MethodTrace, "BREW", "get"} {
			w := ask(everything(), method, path)
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" || !strings.Contains(w.Body.String(), `"error"`) {
				t.Errorf("%s %s: status %d, Allow %q, %s", method, path, w.Code, w.Header().Get("Allow"), w.Body)
			}
		}
		if head, get := ask(everything(), http.MethodHead, path), ask(everything(), http.MethodGet, path); head.Code != get.Code {
			t.Errorf("HEAD %s: status %d, GET %d", path, head.Code, get.Code)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	for _, path := range paths {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			h := ask(everything(), method, path).Header()
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
			} {
				if got := h.Get(name); got != want {
					t.Errorf("%s %s: %s is %q", method, path, name, got)
				}
			}
			policy := h.Get("Content-Security-Policy")
			if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
				t.Errorf("%s %s: content policy %q", method, path, policy)
			}
			if h.Get("Content-Type") == "" {
				t.Errorf("%s %s: no content type", method, path)
			}
		}
	}
}

// over makes a request that came to one of our addresses.
func over(addr string) func(*http.Request) {
	return func(r *http.Request) {
		var local net.Addr = &net.UnixAddr{Name: "/run/hcs-reconcile.sock", Net: "unix"}
		if addr != "" {
			local = net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))
		}
		*r = *r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
	}
}

func TestHostsThatAreAnswered(t *testing.T) {
	tests := []struct {
		listen, local, host string
		code                int
	}{
		{"127.0.0.1:9847", "127.0.0.1:9847", "127.0.0.1:9847", 200},
		{"127.0.0.1:9847", "127.0.0.1:9847", "localhost:9847", 200},
		{"127.0.0.1:9847", "127.0.0.1:9847", "LocalHost.", 200},
		{"127.0.0.1:9847", "127.0.0.1:9847", "localhost", 200},
		{"127.0.0.1:9847", "127.0.0.1:9847", "[::1]:9847", 200},
		{"127.0.0.1:9847", "127.0.0.1:9847", "[::1]", 200},
		{"127.0.0.1:9847", "127.0.0.1:9847", "127.0.0.1.evil.example:9847", 403},
		{"127.0.0.1:9847", "127.0.0.1:9847", "localhost.evil.example", 403},
		{"127.0.0.1:9847", "127.0.0.1:9847", "evil.example:9847", 403},
		{"127.0.0.1:9847", "127.0.0.1:9847", "192.168.1.2", 403},
		{"127.0.0.1:9847", "127.0.0.1:9847", "", 403},
		{"", "", "", 403},
		{"", "", "evil.example", 403},
		{"", "", "localhost", 200},
		{"localhost:9847", "127.0.0.1:9847", "evil.example", 403},
		{"127.8.8.8:9847", "127.8.8.8:9847", "127.8.8.8:9847", 200},
		{"[::1]:9847", "[::1]:9847", "evil.example", 403},
		{"web.example:9847", "127.0.1.1:9847", "web.example", 200}, // as Debian's /etc/hosts has it
		{"web.example:9847", "127.0.1.1:9847", "other.example", 403},
		{":9847", "10.1.2.3:9847", "host.example:9847", 200},
		{":9847", "127.0.0.1:9847", "host.example:9847", 403}, // a browser of this machine, and the name of a web site
		{":9847", "127.0.0.1:9847", "localhost:9847", 200},
		{"0.0.0.0:9847", "10.1.2.3:9847", "host.example:9847", 200},
		{"[::]:9847", "[2001:db8::1]:9847", "host.example:9847", 200},
	}
	for _, tc := range tests {
		t.Run(tc.listen+" at "+tc.local+" asked as "+tc.host, func(t *testing.T) {
			o := options(good(), nil)
			o.Listen = []string{tc.listen}
			w := ask(o, http.MethodGet, "/healthz", over(tc.local), func(r *http.Request) { r.Host = tc.host })
			if w.Code != tc.code {
				t.Errorf("status %d, want %d: %s", w.Code, tc.code, w.Body)
			}
			if tc.code == 403 && !strings.Contains(w.Body.String(), "ask for localhost") {
				t.Errorf("no help in %s", w.Body)
			}
		})
	}
}

// TestOtherHostsSeeWhatMonitoringNeeds walks every page as seen from another
// host: unprotected only what a scrape needs is shown there.
func TestOtherHostsSeeWhatMonitoringNeeds(t *testing.T) {
	no, yes := func() bool { return false }, func() bool { return true }
	for _, path := range paths {
		public := path == "/metrics" || path == "/healthz" || path == "/readyz"
		for _, tc := range []struct {
			local     string
			protected func() bool
			shown     bool
		}{
			{"10.1.2.3:9847", nil, public},
			{"10.1.2.3:9847", no, public},
			{"[2001:db8::1]:9847", no, public},
			{"10.1.2.3:9847", yes, true},
			{"127.0.0.1:9847", no, true},
			{"", no, true}, // a socket in the file system
		} {
			o := everything()
			o.Protected = tc.protected
			w := ask(o, http.MethodGet, path, over(tc.local), func(r *http.Request) { r.Host = "localhost" })
			if refused := w.Code == http.StatusForbidden; refused == tc.shown {
				t.Errorf("%s at %q: status %d, shown shall be %t", path, tc.local, w.Code, tc.shown)
			} else if refused && !strings.Contains(w.Body.String(), "--web.config.file") {
				t.Errorf("%s: no help in %s", path, w.Body)
			}
		}
	}
}

func TestProfilesOnlyWhenAskedFor(t *testing.T) {
	for profiles, code := range map[bool]int{false: 404, true: 200} {
		o := options(good(), nil)
		o.Profiles = profiles
		for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline"} {
			if w := ask(o, http.MethodGet, path); w.Code != code {
				t.Errorf("profiles %t: %s gives status %d", profiles, path, w.Code)
			}
		}
	}
}

// TestOnlyTheNetworkIsSparedBytes: over loopback compressing takes longer than
// sending.
func TestOnlyTheNetworkIsSparedBytes(t *testing.T) {
	for local, want := range map[string]string{"127.0.0.1:9847": "", "10.1.2.3:9847": "gzip"} {
		w := ask(options(good(), nil), http.MethodGet, "/metrics", over(local), header("Accept-Encoding", "gzip"))
		if got := w.Header().Get("Content-Encoding"); w.Code != 200 || got != want {
			t.Errorf("%s: status %d, encoding %q, want %q", local, w.Code, got, want)
		}
	}
}
