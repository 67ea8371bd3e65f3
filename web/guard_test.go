package web_test

import (
	"net/http"
	"strings"
	"testing"
)

var paths = []string{"/", "/metrics", "/healthz", "/readyz", "/api/v1/status", "/api/v1/containers", "/api/v1/containers/web", "/api/v1/events", "/api/v1/version", "/nowhere"}

func TestOnlyReading(t *testing.T) {
	for _, path := range paths {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, "BREW"} {
			w := ask(options(good(), nil), method, path)
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" || !strings.Contains(w.Body.String(), `"error"`) {
				t.Errorf("%s %s: status %d, Allow %q, %s", method, path, w.Code, w.Header().Get("Allow"), w.Body)
			}
		}
		if head, get := ask(options(good(), nil), http.MethodHead, path), ask(options(good(), nil), http.MethodGet, path); head.Code != get.Code {
			t.Errorf("HEAD %s: status %d, GET %d", path, head.Code, get.Code)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	for _, path := range paths {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			h := ask(options(good(), nil), method, path).Header()
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
				"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
			} {
				if got := h.Get(name); got != want {
					t.Errorf("%s %s: %s is %q", method, path, name, got)
				}
			}
			if h.Get("Content-Type") == "" {
				t.Errorf("%s %s: no content type", method, path)
			}
		}
	}
}

func TestHostsThatAreAnswered(t *testing.T) {
	tests := []struct {
		listen, host string
		code         int
	}{
		{"127.0.0.1:9847", "127.0.0.1:9847", 200},
		{"127.0.0.1:9847", "localhost:9847", 200},
		{"127.0.0.1:9847", "LocalHost.", 200},
		{"127.0.0.1:9847", "localhost", 200},
		{"127.0.0.1:9847", "[::1]:9847", 200},
		{"127.0.0.1:9847", "[::1]", 200},
		{"127.0.0.1:9847", "127.0.0.1.evil.example:9847", 403},
		{"127.0.0.1:9847", "localhost.evil.example", 403},
		{"127.0.0.1:9847", "evil.example:9847", 403},
		{"127.0.0.1:9847", "192.168.1.2", 403},
		{"127.0.0.1:9847", "", 403},
		{"", "", 403},
		{"", "evil.example", 403},
		{"", "localhost", 200},
		{"localhost:9847", "evil.example", 403},
		{"127.8.8.8:9847", "127.8.8.8:9847", 200},
		{"[::1]:9847", "evil.example", 403},
		{":9847", "host.example:9847", 200},
		{"0.0.0.0:9847", "host.example:9847", 200},
		{"host.example:9847", "other.example", 200},
	}
	for _, tc := range tests {
		t.Run(tc.listen+" asked as "+tc.host, func(t *testing.T) {
			o := options(good(), nil)
			o.Listen = tc.listen
			w := ask(o, http.MethodGet, "/healthz", func(r *http.Request) { r.Host = tc.host })
			if w.Code != tc.code {
				t.Errorf("status %d, want %d: %s", w.Code, tc.code, w.Body)
			}
			if tc.code == 403 && !strings.Contains(w.Body.String(), "ask for localhost") {
				t.Errorf("no help in %s", w.Body)
			}
		})
	}
}
