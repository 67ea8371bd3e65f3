package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// readOnly refuses every method that could mean a change.
func readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			sendError(w, http.StatusMethodNotAllowed, "this endpoint is read-only: use GET or HEAD")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// secure tells browsers to run, frame, guess and keep nothing.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// knownHost refuses, on a loopback listener, requests for hosts with other
// names: they come from a browser whose resolver was told that the name of some
// web site is this machine (DNS rebinding).
func knownHost(listen string, next http.Handler) http.Handler {
	listenHost := hostOnly(listen)
	if listen != "" && !loopback(listenHost) {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostOnly(r.Host)
		if !loopback(host) && (listenHost == "" || host != listenHost) {
			sendError(w, http.StatusForbidden, fmt.Sprintf("the host %q is not known here: ask for localhost, 127.0.0.1 or [::1]", host))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// hostOnly takes the port off, and what else may be written differently.
func hostOnly(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil { // no port
		host = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
