package web_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/hcs-reconcile/hcs-reconcile/internal/certtest"
	"github.com/hcs-reconcile/hcs-reconcile/web"
)

const (
	withTLS = "tls_server_config: {cert_file: server.pem, key_file: server.key}\n"
	withIDs = "tls_server_config: {cert_file: server.pem, key_file: server.key, client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert}\n"
	// The password is the toolkit's own example, fakepassword.
	withUsers = "basic_auth_users: {prometheus: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi}\n"
	password  = "fakepassword"
)

// open serves good pages on loopback by the configuration text.
func open(t *testing.T, dir, config string) (e *web.Endpoint, address string) {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, leaks) })
	path := filepath.Join(dir, "web.yml")
	certtest.Put(t, path, config)
	e, err := web.Listen(web.EndpointOptions{Addresses: []string{"127.0.0.1:0"}, ConfigFile: path, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	o := options(good(), nil)
	o.Protected = e.Protected
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Serve(ctx, web.Handler(o)) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return e, e.Addresses()[0]
}

// reach asks for the status page, and returns the status or what went wrong.
func reach(t *testing.T, c *http.Client, url string, userAndPassword ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(userAndPassword) == 2 {
		r.SetBasicAuth(userAndPassword[0], userAndPassword[1])
	}
	resp, err := c.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestTLSAndUsers(t *testing.T) {
	ca, dir := certtest.NewAuthority(t), t.TempDir()
	ca.Save(dir, ca.Issue("first"))
	e, address := open(t, dir, withTLS+withUsers)
	if !e.Protected() {
		t.Error("not protected")
	}
	for _, tc := range []struct {
		name, scheme string
		client       *http.Client
		login        []string
		code         int
		text         string
	}{
		{"right", "https", ca.Client(), []string{"prometheus", password}, 200, "ok"},
		{"wrong password", "https", ca.Client(), []string{"prometheus", "wrong"}, 401, "Unauthorized"},
		{"unknown user", "https", ca.Client(), []string{"root", password}, 401, "Unauthorized"},
		{"no password", "https", ca.Client(), nil, 401, "Unauthorized"},
		{"client that does not know the authority", "https", certtest.NewAuthority(t).Client(), nil, 0, "unknown authority"},
		{"without TLS", "http", ca.Client(), []string{"prometheus", password}, 400, "HTTPS server"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, page := range []string{"/healthz", "/metrics", "/api/v1/status"} {
				code, text := reach(t, tc.client, tc.scheme+"://"+address+page, tc.login...)
				if code != tc.code || page == "/healthz" && !strings.Contains(text, tc.text) {
					t.Errorf("%s: status %d, %q; want %d, %q", page, code, text, tc.code, tc.text)
				}
			}
		})
	}
}

func TestClientCertificates(t *testing.T) {
	ca, other, dir := certtest.NewAuthority(t), certtest.NewAuthority(t), t.TempDir()
	ca.Save(dir, ca.Issue("server"))
	e, address := open(t, dir, withIDs)
	if !e.Protected() {
		t.Error("not protected")
	}
	for name, tc := range map[string]struct {
		client *http.Client
		code   int
		text   string
	}{
		"of the authority":     {ca.Client(ca.Issue("prometheus")), 200, "ok"},
		"none":                 {ca.Client(), 0, "certificate required"},
		"of another authority": {ca.Client(other.Issue("prometheus")), 0, "unknown certificate authority"},
	} {
		t.Run(name, func(t *testing.T) {
			if code, text := reach(t, tc.client, "https://"+address+"/healthz"); code != tc.code || !strings.Contains(text, tc.text) {
				t.Errorf("status %d, %q; want %d, %q", code, text, tc.code, tc.text)
			}
		})
	}
}

// TestProtectionChangesWithoutARestart renews the certificate, exchanges the
// users and takes all of it away while the endpoint serves.
func TestProtectionChangesWithoutARestart(t *testing.T) {
	ca, dir := certtest.NewAuthority(t), t.TempDir()
	ca.Save(dir, ca.Issue("first"))
	e, address := open(t, dir, withTLS+withUsers)
	served := func() string {
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if got := served(); got != "first" {
		t.Errorf("certificate of %q", got)
	}
	ca.Save(dir, ca.Issue("second"))
	if got := served(); got != "second" {
		t.Errorf("certificate of %q after it was renewed", got)
	}
	certtest.Put(t, filepath.Join(dir, "web.yml"), withTLS+strings.Replace(withUsers, "prometheus", "grafana", 1))
	if code, _ := reach(t, ca.Client(), "https://"+address+"/healthz", "prometheus", password); code != 401 {
		t.Errorf("status %d for the old user", code)
	}
	if code, _ := reach(t, ca.Client(), "https://"+address+"/healthz", "grafana", password); code != 200 {
		t.Errorf("status %d for the new user", code)
	}
	certtest.Put(t, filepath.Join(dir, "web.yml"), withTLS)
	if code, _ := reach(t, ca.Client(), "https://"+address+"/healthz"); code != 200 || e.Protected() {
		t.Errorf("status %d, protected %t after the users were taken away", code, e.Protected())
	}
}

func TestProtected(t *testing.T) {
	ca, dir := certtest.NewAuthority(t), t.TempDir()
	ca.Save(dir, ca.Issue("server"))
	for config, want := range map[string]bool{
		"":                  false,
		withTLS:             false,
		withUsers:           false, // a password that everybody on the way can read
		withTLS + withUsers: true,
		withIDs:             true,
		strings.Replace(withIDs, "RequireAndVerifyClientCert", "VerifyClientCertIfGiven", 1): false,
		strings.Replace(withIDs, "RequireAndVerifyClientCert", "RequireAnyClientCert", 1):    false,
	} {
		path := filepath.Join(dir, "web.yml")
		certtest.Put(t, path, config)
		e, err := web.Listen(web.EndpointOptions{ConfigFile: path})
		if err != nil {
			t.Errorf("%s: %v", config, err)
			continue
		}
		if got := e.Protected(); got != want {
			t.Errorf("protected %t, want %t with\n%s", got, want, config)
		}
		if err := os.Remove(path); err != nil || e.Protected() {
			t.Errorf("protected by a file that is gone; error %v", err)
		}
	}
}

func TestListenTellsWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	file := func(text string) string {
		path := filepath.Join(dir, "web.yml")
		certtest.Put(t, path, text)
		return path
	}
	for want, o := range map[string]web.EndpointOptions{
		"already in use; choose another --web.listen-address": {Addresses: []string{"127.0.0.1:0", taken.Addr().String()}},
		"open --web.listen-address":                           {Addresses: []string{"127.0.0.1:99999"}},
		"no such file":                                        {ConfigFile: filepath.Join(dir, "none.yml")},
		"field tls not found":                                 {ConfigFile: file("tls: {}\n")},
	} {
		if _, err := web.Listen(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	for text, want := range map[string]string{
		"basic_auth_users: {a: plain}":                           "bcrypt",
		"tls_server_config: {cert_file: a.pem, key_file: b.key}": "a.pem",
	} {
		if _, err := web.Listen(web.EndpointOptions{ConfigFile: file(text)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

// TestOpenDoorIsToldOf wants a loud line for each address that other hosts
// reach unprotected, and none for the others.
func TestOpenDoorIsToldOf(t *testing.T) {
	for address, want := range map[string]int{"127.0.0.1:0": 0, "0.0.0.0:0": 1, "[::]:0": 1} {
		var log bytes.Buffer
		e, err := web.Listen(web.EndpointOptions{Addresses: []string{address}, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			if strings.Contains(address, "[") {
				continue // a machine without IPv6
			}
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if err := e.Serve(ctx, http.NotFoundHandler()); err != nil {
			t.Error(err)
		}
		if got := strings.Count(log.String(), "level=WARN"); got != want || strings.Count(log.String(), "\n") != want {
			t.Errorf("%s: %d warnings, want %d: %s", address, got, want, &log)
		}
	}
}

// TestSeveralListeners are served together, and end together.
func TestSeveralListeners(t *testing.T) {
	e, err := web.Listen(web.EndpointOptions{Addresses: []string{"127.0.0.1:0", "127.0.0.1:0"}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- e.Serve(ctx, web.Handler(options(good(), nil))) }()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	for _, address := range e.Addresses() {
		if code, text := reach(t, client, "http://"+address+"/healthz"); code != 200 {
			t.Errorf("%s: status %d, %s", address, code, text)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, address := range e.Addresses() {
		if code, _ := reach(t, client, "http://"+address+"/healthz"); code != 0 {
			t.Errorf("%s still answers", address)
		}
	}
}
