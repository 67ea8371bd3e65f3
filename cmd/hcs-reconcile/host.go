package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/internal/trust"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// check judges the settings as a whole, and makes the folders absolute.
func (s *settings) check() error {
	var problems []error
	for _, dir := range []*string{&s.manifests, &s.stateDir} {
		if *dir == "" {
			continue
		}
		abs, err := filepath.Abs(*dir)
		*dir = abs
		problems = append(problems, err)
	}
	if s.driver != "" {
		_, err := findDriver(s.driver)
		problems = append(problems, err)
	}
	problems = append(problems, s.web.check())
	problems = append(problems, s.checkLabels())
	if s.brake.MaxShare < 0 || s.brake.MaxShare > 1 {
		problems = append(problems, fmt.Errorf("prune-max-share %v: a share from 0 to 1 is expected", s.brake.MaxShare))
	}
	return errors.Join(problems...)
}

// distrust returns an error if ordinary users could tell us what to run.
func (s *settings) distrust(log *slog.Logger) error {
	for _, dir := range []string{s.manifests, s.stateDir} {
		err := trust.Check(dir)
		var f *trust.Finding
		switch {
		case err == nil:
		case !errors.As(err, &f):
			log.Warn("folder not checked for who can write to it", "folder", dir, keyErr, err)
		case s.allowInsecure:
			log.Warn("ordinary users can write to a folder: whoever does is administrator of this host", keyErr, err)
		default:
			return fmt.Errorf("trust folder %s: %w\nWhoever can write there is administrator of this host; --allow-insecure-folders goes on all the same", dir, err)
		}
	}
	return nil
}

// host is what is held while containers are looked after: the state with its
// lock, and the driver with its own.
type host struct {
	store  *statedb.DB
	saved  statedb.State
	driver driver.Driver
}

func (s *settings) openHost(ctx context.Context, log *slog.Logger) (*host, error) {
	kind, err := findDriver(s.driver)
	if err != nil {
		return nil, err
	}
	if err := trust.MakePrivate(s.stateDir); err != nil {
		return nil, fmt.Errorf("make state folder: %w", err)
	}
	h := &host{}
	if h.store, err = statedb.Open(ctx, filepath.Join(s.stateDir, "state.db"), time.Now()); err != nil {
		return nil, err
	}
	if h.saved, err = h.store.Load(); err != nil {
		return nil, errors.Join(fmt.Errorf("load state: %w", err), h.close())
	}
	tellDamage(log, h.store, h.saved)
	if h.driver, err = kind.open(ctx, driverConfig{s.owner, s.stateDir, s.looking, log}); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

func tellDamage(log *slog.Logger, db *statedb.DB, st statedb.State) {
	if r := db.Recovered(); r != "" {
		log.Error("STATE LOST: it is built anew from what runs; restart counts and the last good texts of broken manifests are gone", "detail", r)
	}
	for _, b := range st.Bad {
		log.Error("entry of the state not readable; set aside", "table", b.Bucket, "key", b.Key, keyErr, b.Err)
	}
}

func (h *host) close() error {
	var err error
	if h.driver != nil {
		err = h.driver.Close()
	}
	return errors.Join(err, h.store.Close())
}

// start is what a reading of the folder starts from.
func (s *settings) start(files []statedb.ManifestFile, records []statedb.Record) folder.Start {
	return folder.Start{Known: known(files), Owners: owners(records), Labels: s.allLabels()}
}

// known and owners are what reading a folder starts from.
func known(files []statedb.ManifestFile) []folder.KnownGood {
	out := make([]folder.KnownGood, len(files))
	for i, f := range files {
		out[i] = folder.KnownGood{Path: f.Path, Text: f.Text}
	}
	return out
}

func owners(records []statedb.Record) map[string]string {
	out := make(map[string]string, len(records))
	for _, r := range records {
		if r.Source != "" {
			out[r.Name] = r.Source
		}
	}
	return out
}
