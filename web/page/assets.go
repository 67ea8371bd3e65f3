package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

//go:embed static/*
var static embed.FS

//go:embed templates/*.html
var templates embed.FS

// pages are the templates; what they are given is always escaped for its place.
var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"asset":  assetPath,
	"path":   url.PathEscape,
	"short":  short,
	"iso":    func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
	"clock":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	"count":  count,
	"millis": func(d time.Duration) int64 { return d.Milliseconds() },
}).ParseFS(templates, "templates/*.html"))

// assetPath names an embedded file such that another content has another name:
// browsers may keep it for ever.
func assetPath(name string) (string, error) {
	text, err := static.ReadFile("static/" + name)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	ext := path.Ext(name)
	return "/page/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:5]) + ext, nil
}

// types are told here and not asked of the host: some registries of Windows
// call scripts text.
var types = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// asset serves an embedded file under the name that assetPath gives it.
func asset(w http.ResponseWriter, r *http.Request) {
	name := plainName(r.PathValue("file"))
	if is, err := assetPath(name); err != nil || is != r.URL.Path {
		http.Error(w, "no such file; reload the page", http.StatusNotFound)
		return
	}
	text, err := static.ReadFile("static/" + name)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", types[path.Ext(name)])
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	zip(w, r, http.StatusOK, text)
}

// plainName takes the hash out: page.0123456789.css is page.css.
func plainName(hashed string) string {
	ext := path.Ext(hashed)
	stem := strings.TrimSuffix(hashed, ext)
	return strings.TrimSuffix(stem, path.Ext(stem)) + ext
}

// answer is a page that is ready to be sent.
type answer struct {
	code int
	body []byte
}

// zipped serves pages made by f, smaller where the browser can take it.
func zipped(f func(*http.Request) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a := f(r)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		zip(w, r, a.code, a.body)
	}
}

// zip sends text in the smallest form that the browser takes.
func zip(w http.ResponseWriter, r *http.Request, code int, text []byte) {
	w.Header().Set("Vary", "Accept-Encoding")
	if len(text) > 1024 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level is a good one
		_, _ = z.Write(text)                            // into memory
		if z.Close() == nil {
			w.Header().Set("Content-Encoding", "gzip")
			text = b.Bytes()
		}
	}
	w.WriteHeader(code)
	_, _ = w.Write(text) // who asked has gone; nobody is left to tell
}

// render makes a page of a template. A template that fails is an error of
// ours, which is told rather than half a page.
func render(code int, name string, data any) (answer, error) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		return answer{http.StatusInternalServerError, []byte("the page cannot be made; see the log of the daemon\n")}, err
	}
	return answer{code, b.Bytes()}, nil
}
