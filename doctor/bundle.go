package doctor

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/control"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
	"github.com/hcs-reconcile/hcs-reconcile/logs"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// BundleOptions say what else goes into a bundle.
type BundleOptions struct {
	Report   Report
	Settings map[string]string // flags as they are in force
	Build    any               // what program this is
	// Logs adds the ends of the containers' logs. Known secrets are hidden in
	// them too, but a program may print others.
	Logs bool
}

const (
	bundleEvents = 5000
	bundleLines  = 500       // of each log
	bundleBytes  = 8 << 20   // of each answer over HTTP
	bundleEnd    = 256 << 10 // of each file
	manifestMax  = 10 << 20
)

const bundleText = `What support needs to know of one host that runs hcs-reconcile.

doctor.txt, doctor.json  what hcs-reconcile doctor found
version.json             the program
settings.json            its flags as they were in force
host.json                the machine
status.json              what the daemon knew
memory.json              what it remembers: restart counts, verdicts, backoff
events.json              what happened, newest first
keeper.json, keeper.log  the runs that the keeper has recorded, and what it says
manifests/               the manifests that were last good
metrics.txt              one scrape
goroutines.txt           what the daemon was doing (with --web.enable-pprof)
logs/                    the ends of the containers' logs (only with --include-logs)
missing.txt              what could not be had, and why

Hidden: the values of environment variables, credential specs, annotations and
HTTP headers; passwords in URLs; what follows flags and names like password,
secret, token or key; and each of these wherever else it is written. A value of
fewer than 6 characters is hidden in its place only. Manifests that cannot be
parsed are left out. Names of variables, images, commands, files and labels stay.
`

// bundle collects the files.
type bundle struct {
	zip     *zip.Writer
	at      time.Time
	secrets secrets
	missing []string
	err     error
}

// Bundle writes a zip with everything that support needs. No file in it holds
// a secret that is known to this host; README.txt in it says what is hidden.
func (h *Host) Bundle(ctx context.Context, w io.Writer, o BundleOptions) error {
	b := &bundle{zip: zip.NewWriter(w), at: o.Report.At}
	client := control.NewClient(h.StateDir)
	memory, memoryErr := client.Memory(ctx)
	h.learn(b, memory)

	b.text("README.txt", bundleText)
	b.text("doctor.txt", o.Report.Text(16, func(_ Level, s string) string { return s }))
	b.json("doctor.json", o.Report)
	b.json("version.json", o.Build)
	b.json("settings.json", o.Settings)
	b.json("host.json", hostFacts())
	v, err := h.ask(ctx)
	b.orMissing("status.json", v, err)
	for i := range memory.Files {
		memory.Files[i].Text = nil
	}
	b.orMissing("memory.json", memory, memoryErr)
	events, err := client.Events(ctx, control.EventQuery{Limit: bundleEvents})
	b.orMissing("events.json", events, err)
	runs, err := keeper.Recorded(h.StateDir)
	b.orMissing("keeper.json", runs, err)
	b.end("keeper.log", keeper.LogPath(h.StateDir))
	for _, c := range h.wanted() {
		b.manifest(c)
	}
	b.fetch(ctx, "metrics.txt", v.Daemon.Web, "/metrics")
	b.fetch(ctx, "goroutines.txt", v.Daemon.Web, "/debug/pprof/goroutine?debug=2")
	h.logs(ctx, b, o.Logs)
	b.text("missing.txt", strings.Join(b.missing, "\n")+"\n")
	if err := errors.Join(b.err, b.zip.Close()); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return nil
}

// learn finds the secrets in what the daemon remembers and in what lies in the
// folder now, good or not.
func (h *Host) learn(b *bundle, memory control.Memory) {
	for _, f := range memory.Files {
		b.secrets.learn(f.Text)
	}
	_ = filepath.WalkDir(h.Manifests, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // what cannot be read is not shown either
		}
		if info, err := os.Stat(path); err != nil || info.Size() > manifestMax {
			return nil //nolint:nilerr // likewise
		}
		if text, err := os.ReadFile(path); err == nil {
			b.secrets.learn(text)
		}
		return nil
	})
}

func hostFacts() map[string]any {
	name, _ := os.Hostname()
	return map[string]any{"name": name, "os": runtime.GOOS, "arch": runtime.GOARCH, "cpus": runtime.NumCPU(), "time": time.Now()}
}

// text adds a file of text without secrets.
func (b *bundle) text(name, text string) { b.add(name, b.secrets.text(text)) }

func (b *bundle) add(name, text string) {
	w, err := b.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: b.at})
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	b.err = errors.Join(b.err, err)
}

// json adds a document without secrets; it stays a document.
func (b *bundle) json(name string, v any) {
	text, err := json.Marshal(v)
	var doc any
	if err == nil {
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		err = dec.Decode(&doc)
	}
	if err == nil {
		text, err = json.MarshalIndent(b.secrets.document("", doc), "", "  ")
	}
	if err != nil {
		b.lack(name, err)
		return
	}
	b.add(name, string(text)+"\n")
}

func (b *bundle) orMissing(name string, v any, err error) {
	if err != nil {
		b.lack(name, err)
		return
	}
	b.json(name, v)
}

func (b *bundle) lack(name string, err error) {
	b.missing = append(b.missing, fmt.Sprintf("%s: %v", name, err))
}

// end adds the end of a file of text, from its first whole line on.
func (b *bundle) end(name, path string) {
	f, err := os.Open(path)
	if err != nil {
		b.lack(name, err)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.lack(name, err)
		return
	}
	from := max(info.Size()-bundleEnd, 0)
	text, err := io.ReadAll(io.NewSectionReader(f, from, bundleEnd))
	if err != nil {
		b.lack(name, err)
		return
	}
	if _, rest, found := bytes.Cut(text, []byte("\n")); from > 0 && found {
		text = rest // the rest of a line could be the rest of a secret
	}
	b.text(name, string(text))
}

func (b *bundle) manifest(c *manifest.Container) {
	name := "manifests/" + c.Name() + ".json"
	text, err := manifest.Redacted(c)
	b.orMissing(name, json.RawMessage(text), err)
}

// fetch adds what the daemon's web endpoint answers.
func (b *bundle) fetch(ctx context.Context, name, addresses, path string) {
	address, _, _ := strings.Cut(addresses, ",")
	if address == "" {
		b.lack(name, errors.New("no daemon with a web endpoint"))
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		b.lack(name, err)
		return
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.lack(name, err)
		return
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, bundleBytes))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("the web endpoint answers %s", res.Status)
	}
	if err != nil {
		b.lack(name, err)
		return
	}
	b.text(name, string(text))
}

// logs adds the ends of all logs, or says why not.
func (h *Host) logs(ctx context.Context, b *bundle, include bool) {
	if !include {
		b.lack("logs/", errors.New("left out without --include-logs: programs print what they like"))
		return
	}
	dir := filepath.Join(h.StateDir, "logs")
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		b.lack("logs/", err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".log")
		var text strings.Builder
		err := logs.Read(ctx, dir, name, logs.Query{Tail: bundleLines}, func(l logs.Line) error {
			fmt.Fprintf(&text, "%s %s %s\n", l.At.UTC().Format(time.RFC3339Nano), l.From, l.Text)
			return nil
		})
		if err != nil {
			b.lack("logs/"+name+".log", err)
			continue
		}
		b.text("logs/"+name+".log", text.String())
	}
}
