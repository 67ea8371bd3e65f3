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

// contentPolicy lets a page load its own files and nothing else: no inline
// script or style, nothing from other hosts, no frame around it.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// secure tells browsers to run, frame, guess and keep nothing that is not ours.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// knownHost refuses requests that came over loopback for hosts with other
// names: they come from a browser whose resolver was told that the name of some
// web site is this machine (DNS rebinding). listen are our own addresses.
func knownHost(listen []string, next http.Handler) http.Handler {
	own := map[string]bool{}
	for _, address := range listen {
		own[hostOnly(address)] = true
	}
	delete(own, "") // of ":9847"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostOnly(r.Host)
		if near(localAddr(r)) && !loopback(host) && !own[host] {
			sendError(w, http.StatusForbidden, fmt.Sprintf("the host %q is not known here: ask for localhost, 127.0.0.1 or [::1]", host))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// public is what may be read from other hosts although nothing protects it: what
// monitoring asks for. Command lines and logs are not among it.
var public = map[string]bool{"/metrics": true, "/healthz": true, "/readyz": true}

// exposed refuses requests from other hosts for anything but public while
// protected says no. nil: there is no protection.
func exposed(protected func() bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !public[r.URL.Path] && !near(localAddr(r)) && (protected == nil || !protected()) {
			sendError(w, http.StatusForbidden, "from other hosts this is shown only with TLS and authentication: "+
				"start the daemon with a --web.config.file that has tls_server_config and basic_auth_users or client certificates")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// localAddr is our end of the connection, nil outside a server.
func localAddr(r *http.Request) net.Addr {
	a, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return a
}

// near reports whether only this machine reaches an address of ours.
func near(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
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
