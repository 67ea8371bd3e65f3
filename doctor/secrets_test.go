package doctor

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// planted is a manifest with a secret in every place that can hold one.
func planted(dir string) string {
	return `apiVersion: hcs-reconcile/v1
kind: Container
metadata:
  name: web
  annotations: {ticket: s3cret-annotation}
spec:
  command: [web.exe, --db-password, s3cret-argument]
  args: ["--api-key=s3cret-inline", "https://user:s3cret-url@example.com/x", "Server=db;Password=s3cret-connection;"]
  env:
  - {name: A, value: "s3cret \"quoted\" value"}
  - {name: PEM, value: "first s3cret line\nsecond s3cret line"}
  - {name: B, valueFrom: {file: ` + filepath.Join(dir, "file") + `}}
  - {name: C, valueFrom: {hostEnv: PLANTED_SECRET}}
  securityContext: {windowsOptions: {gmsaCredentialSpec: '{"CmsPlugins": ["s3cret-gmsa"]}'}}
  readinessProbe: {httpGet: {port: 80, httpHeaders: [{name: Authorization, value: "Bearer s3cret-header-token"}]}}
---
metadata: {name: broken}
spec: {nonsense: true, env: [{name: D, value: s3cret-in-a-broken-one}]}
`
}

var plantedSecrets = []string{
	"s3cret-annotation", "s3cret-argument", "s3cret-inline", "s3cret-url", "s3cret-connection", `s3cret "quoted" value`,
	"first s3cret line", "second s3cret line", "s3cret-from-a-file", "s3cret-of-the-host", "s3cret-gmsa", "s3cret-header-token",
	"s3cret-in-a-broken-one",
}

func learned(t testing.TB) *secrets {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("s3cret-from-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_ = os.Setenv("PLANTED_SECRET", "s3cret-of-the-host")
	t.Cleanup(func() { _ = os.Unsetenv("PLANTED_SECRET") })
	s := &secrets{}
	s.learn([]byte(planted(dir)))
	return s
}

// TestNoPlantedSecretIsShown writes each secret in the ways that texts have.
func TestNoPlantedSecretIsShown(t *testing.T) {
	s := learned(t)
	for _, secret := range plantedSecrets {
		quoted, _ := json.Marshal(secret)
		twice, _ := json.Marshal(string(quoted))
		for _, text := range []string{
			secret, "connected with " + secret + ", ok", string(quoted), string(twice), "x=" + secret + ";y", "https://h/?q=" + url.QueryEscape(secret),
		} {
			if got := s.text(text); strings.Contains(got, secret) || strings.Contains(got, url.QueryEscape(secret)) {
				t.Errorf("%q stays in %q", secret, got)
			}
		}
	}
}

// TestWhatLooksLikeASecretIsHidden covers those that no manifest holds.
func TestWhatLooksLikeASecretIsHidden(t *testing.T) {
	s := &secrets{}
	for text, want := range map[string]string{
		"postgres://app:hunter2@db:5432/x":            "postgres://(hidden)@db:5432/x",
		"https://hunter2@host/":                       "https://(hidden)@host/",
		"DB_PASSWORD=hunter2 next":                    "DB_PASSWORD=(hidden) next",
		"Server=x;Pwd=hunter2;Database=y":             "Server=x;Pwd=(hidden);Database=y",
		"web --token hunter2 --port 80":               "web --token (hidden) --port 80",
		`secret: "hunter2 and 3"`:                     "secret: (hidden)",
		"Authorization: Bearer abcdefgh12345678":      "Authorization: Bearer (hidden)",
		"eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl ends": "(hidden) ends",
		"a\n-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----\nb": "a\n-----BEGIN RSA PRIVATE KEY-----(hidden)\nb",
		"exited with 3; 1 exit in a row":                                                "exited with 3; 1 exit in a row",
		"https://example.com/a@b":                                                       "https://example.com/a@b",
		"db shall be Ready":                                                             "db shall be Ready",
	} {
		if got := s.text(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestDocumentsStayDocuments(t *testing.T) {
	s := learned(t)
	var doc any
	text := `{"env": [{"name": "A", "value": "x"}, {"name": "B", "value": ""}], "args": ["--token", "y", "s3cret-inline"], "restarts": 3, "s3cret-argument": [true, null]}`
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(s.document("", doc))
	want := `{"(hidden)":[true,null],"args":["--token","(hidden)","(hidden)"],"env":[{"name":"A","value":"(hidden)"},{"name":"B","value":"(hidden)"}],"restarts":3}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

// FuzzSecrets plants any text as the value of a variable, and looks for it in
// what is shown of any other text around it.
func FuzzSecrets(f *testing.F) {
	f.Add("hunter2", "password is ", "!")
	f.Add("a\"b\\c\nd", "{", "}")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		s := &secrets{}
		manifest, err := json.Marshal(map[string]any{"spec": map[string]any{"env": []any{map[string]any{"name": "A", "value": secret}}}})
		if err != nil {
			t.Skip()
		}
		s.learn(manifest)
		if trimmed := strings.TrimSpace(secret); len(trimmed) < shortest || !s.known[trimmed] || strings.Contains(hidden, trimmed) {
			t.Skip() // too short to be looked for, or not text that JSON gives back
		}
		if got := s.text(before + secret + after); strings.Contains(got, strings.TrimSpace(secret)) && !strings.Contains(before+hidden+after, strings.TrimSpace(secret)) {
			t.Errorf("%q stays in %q", secret, got)
		}
	})
}
