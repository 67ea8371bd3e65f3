package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/logs"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/metrics"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
	"github.com/hcs-reconcile/hcs-reconcile/web/page"
)

// newPage makes the status page of d. m is asked for figures while somebody looks.
func (d *daemon) newPage(usage *page.Usage, m *metrics.Metrics) *page.Page {
	host, err := os.Hostname()
	if err != nil {
		host = "this host"
	}
	return page.New(page.Options{
		View:    func(ctx context.Context) (engine.View, error) { return d.engine.View(ctx) },
		History: d.host.store.History, Log: d.log,
		Host: host, Owner: d.about.Owner, Driver: d.about.Driver, Version: d.about.Version,
		Usage: usage, Sample: m.Sample,
		Differences: func(_ context.Context, st reconcile.ContainerStatus) ([]manifest.FieldChange, error) {
			return differencesOf(d.host.store, &st)
		},
		Tail: func(ctx context.Context, name string, lines int) ([]page.Line, error) {
			return tailOf(ctx, filepath.Join(d.about.StateDir, "logs"), name, lines)
		},
	})
}

// maxShown bounds what is shown of one line of a log, in bytes.
const maxShown = 2000

// tailOf reads the end of a container's log; it is empty where there is none.
func tailOf(ctx context.Context, dir, name string, lines int) ([]page.Line, error) {
	var out []page.Line
	err := logs.Read(ctx, dir, name, logs.Query{Tail: lines}, func(l logs.Line) error {
		text := l.Text
		if len(text) > maxShown {
			text = append(text[:maxShown:maxShown], "…"...)
		}
		out = append(out, page.Line{At: l.At, Stderr: l.From == logs.Stderr, Text: strings.ToValidUTF8(string(text), "\uFFFD")})
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return out, err
}

// differencesOf tells which fields of what runs are not as the last good
// manifest has them; none where that cannot be known any more.
func differencesOf(store statedb.Store, st *reconcile.ContainerStatus) ([]manifest.FieldChange, error) {
	if st.RunningRevision == "" || st.Revision == "" || st.RunningRevision == st.Revision {
		return nil, nil
	}
	memory, err := store.Load()
	if err != nil {
		return nil, fmt.Errorf("compare %s: %w", st.Name, err)
	}
	specs, err := store.Specs(st.Name)
	if err != nil {
		return nil, fmt.Errorf("compare %s: %w", st.Name, err)
	}
	wanted := last(memory.Files)[st.Name]
	for _, spec := range specs {
		if wanted == nil || spec.Revision != string(st.RunningRevision) {
			continue
		}
		text, err := manifest.Redacted(wanted)
		if err != nil {
			return nil, fmt.Errorf("compare %s: %w", st.Name, err)
		}
		return manifest.Diff(spec.JSON, text)
	}
	return nil, nil
}
