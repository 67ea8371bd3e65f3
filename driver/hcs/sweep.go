package hcs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// sweepOnce removes, once per life of the daemon, what an earlier one left
// behind. It waits until the calls of that one have certainly landed, and
// until a listing tells what is still in use.
func (d *Driver) sweepOnce() {
	wait := linger
	for pause(d.ctx, wait) {
		ctx, cancel := context.WithTimeout(d.ctx, callLimit)
		err := d.guard("sweep", func() error { return d.sweep(ctx) })
		cancel()
		if err == nil || d.ctx.Err() != nil {
			return
		}
		d.log.Warn("leftovers not removed; it is tried again", "err", err)
		wait = callLimit
	}
}

// sweep removes scratch layers, endpoints and notes that bear our owner and
// belong to no container. Others' are never looked into.
func (d *Driver) sweep(ctx context.Context) error {
	if _, err := d.List(ctx); err != nil {
		return err
	}
	d.forgetStrangers(ctx)
	left, failed := d.leftovers()
	for r := range left {
		if err := d.sweepOne(ctx, r); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", r, err))
		}
	}
	return failed
}

// leftovers names everything of ours that is on the host, as far as that can
// be told.
func (d *Driver) leftovers() (map[driver.Ref]bool, error) {
	found := map[driver.Ref]bool{}
	add := func(id string) {
		if owner, r, ok := parseID(id); ok && owner == d.owner {
			found[r] = true
		}
	}
	folders, foldersErr := os.ReadDir(filepath.Join(d.dir, "layers"))
	for _, f := range folders {
		add(strings.TrimSuffix(f.Name(), removing))
	}
	notes, notesErr := d.notes.load(d.owner)
	for _, n := range notes {
		add(n.ID)
	}
	endpoints, endpointsErr := d.machine.endpoints()
	for _, e := range endpoints {
		add(e.Name)
	}
	return found, errors.Join(foldersErr, notesErr, endpointsErr)
}

// sweepOne removes what is left of r, unless r is a container or just being
// made into one.
func (d *Driver) sweepOne(ctx context.Context, r driver.Ref) error {
	id, err := systemID(d.owner, r)
	if err != nil || d.find(r) != nil {
		return err
	}
	b := d.claim(r, id)
	if err := b.main.enter(ctx, "sweep"); err != nil {
		return err
	}
	defer b.main.leave()
	defer d.forget(b)
	if state, _, _, _ := d.look(b); state != "" || !d.current(b) {
		return nil
	}
	p, err := d.single(id)
	if err != nil || p != nil {
		return err
	}
	if err := d.release(ctx, b); err != nil {
		return err
	}
	d.log.Info("leftovers of a container removed", "container", r.Name, "revision", string(r.Revision))
	return d.drop(b)
}
