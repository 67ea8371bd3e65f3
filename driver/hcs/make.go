package hcs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// retryAfter are the pauses after transient errors of a create.
var retryAfter = []time.Duration{100 * time.Millisecond, 400 * time.Millisecond, 1600 * time.Millisecond}

// makeNew makes the container of a box that has no state yet. b.main is held.
func (d *Driver) makeNew(ctx context.Context, b *box, c *manifest.Container) error {
	if scratch := d.scratch(b.id); folderExists(scratch) || folderExists(scratch+removing) {
		if err := d.clearLeftovers(ctx, b); err != nil {
			return err
		}
	}
	d.enter(b, func(n *note) { *n = note{ID: b.id, Phase: making, VM: isVM(&c.Spec)} })
	folders, _, err := d.image(c)
	if err == nil {
		err = d.makeSystem(ctx, b, c, folders)
	}
	if state, _, _, _ := d.look(b); err != nil && state == "" {
		undo, cancel := undoing(ctx)
		defer cancel()
		if released := d.release(undo, b); released != nil {
			return errors.Join(err, released) // the note stays, so that the sweep finds it
		}
		return errors.Join(err, d.drop(b))
	}
	return err
}

// clearLeftovers removes what an earlier daemon, or an abandoned call, has left
// of b's name. A system that is there after all is taken over instead.
func (d *Driver) clearLeftovers(ctx context.Context, b *box) error {
	p, err := d.single(b.id)
	switch {
	case err != nil:
		return err
	case p == nil:
		return d.release(ctx, b)
	case p.Owner != d.owner:
		return fmt.Errorf("%w: system %s has owner %q", driver.ErrForeign, b.id, p.Owner)
	}
	d.adopt(b, *p)
	return driver.ErrExists
}

// single lists one system; nil if there is none.
func (d *Driver) single(id string) (*properties, error) {
	all, err := d.machine.systems(id)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.ID == id && !p.gone() {
			return &p, nil
		}
	}
	return nil, nil
}

// gone reports that the system exists only because somebody still has it open.
func (p properties) gone() bool { return p.Stopped || p.State == "Stopped" }

// image returns the layer folders of c, topmost first, and what they run.
func (d *Driver) image(c *manifest.Container) ([]string, imageConfig, error) {
	if c.Spec.RootFS != nil {
		return c.Spec.RootFS.Layers, imageConfig{}, nil
	}
	return d.images.resolve(c.Spec.Image)
}

// makeSystem makes the system of b, with scratch layer and endpoint, and
// leaves it Created. What it made is undone by release.
func (d *Driver) makeSystem(ctx context.Context, b *box, c *manifest.Container, folders []string) error {
	p, err := d.prepare(ctx, b, c, folders)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	sys, err := d.newSystem(ctx, b, containerDocument(c, p))
	if err != nil {
		return err
	}
	d.enter(b, func(n *note) {
		n.VM = isVM(&c.Spec)
		if n.Phase == making {
			n.Phase = created
		}
		b.sys, b.fresh = sys, true
		if b.state == "" {
			b.state = driver.Created
		}
	})
	return nil
}

// prepare gathers, and makes, what the document of b refers to.
func (d *Driver) prepare(ctx context.Context, b *box, c *manifest.Container, folders []string) (place, error) {
	s := &c.Spec
	_, _, _, n := d.look(b)
	p := place{owner: d.owner, id: b.id, cpus: d.cpus, scratch: d.scratch(b.id), firstBoot: !n.Booted}
	for _, f := range folders {
		if !d.machine.exists(f) {
			return p, fmt.Errorf("%w: layer folder %s is not there", driver.ErrInvalid, f)
		}
	}
	var err error
	if p.layers, err = layerList(s, folders, d.machine.guid); err != nil {
		return p, err
	}
	if s.Isolation == manifest.IsolationHyperV && s.OS != manifest.OSLinux {
		if p.utilityVM, err = findUtilityVM(folders, d.machine.exists); err != nil {
			return p, err
		}
	}
	if p.credentials, err = d.credentials(s); err != nil {
		return p, err
	}
	if p.volume, err = d.ensureScratch(ctx, s, b.id, folders); err != nil {
		return p, err
	}
	if p.shareWith, err = d.sharedID(s); err != nil {
		return p, err
	}
	p.endpoints, err = d.ensureEndpoints(ctx, b, s)
	return p, err
}

// credentials returns the text of the credential spec.
func (d *Driver) credentials(s *manifest.Spec) (string, error) {
	w := s.SecurityContext.WindowsOptions
	if s.OS == manifest.OSLinux || w.GMSACredentialSpecName == "" {
		return w.GMSACredentialSpec, nil
	}
	text, err := readFile(filepath.Join(d.specs, filepath.Base(w.GMSACredentialSpecName)))
	if err != nil {
		return "", fmt.Errorf("%w: credential spec: %w", driver.ErrInvalid, err)
	}
	return text, nil
}

// newSystem creates the system, again after errors that are known to pass.
func (d *Driver) newSystem(ctx context.Context, b *box, doc *containerConfig) (system, error) {
	for try := 0; ; try++ {
		sys, err := d.createOne(ctx, b.id, doc)
		if err == nil {
			return sys, nil
		}
		if codeOf(err) == codeExists {
			if sys, err = d.takeOver(ctx, b); sys != nil || err != nil {
				return sys, err
			}
			err = driver.ErrExists // it was ours and in the way; it is gone now
		} else {
			// The call may have failed after the system was made.
			undo, cancel := undoing(ctx)
			err = errors.Join(err, d.scrap(undo, b.id))
			cancel()
		}
		if again := transient[codeOf(err)] || errors.Is(err, driver.ErrExists); !again || try == len(retryAfter) || !pause(ctx, retryAfter[try]) {
			return nil, err
		}
	}
}

// createOne calls the service when it is its turn. A call that hangs gives its
// turn up when its caller does.
func (d *Driver) createOne(ctx context.Context, id string, doc *containerConfig) (system, error) {
	select {
	case d.creates <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for other creates: %w", ctx.Err())
	}
	release := sync.OnceFunc(func() { <-d.creates })
	stop := context.AfterFunc(ctx, release)
	defer func() { stop(); release() }()
	return d.machine.create(id, doc)
}

// takeOver looks at a system that already has b's ID. One of ours that is
// Created is used; one that runs is adopted; the remains of another are ended,
// and then it returns nothing.
func (d *Driver) takeOver(ctx context.Context, b *box) (system, error) {
	p, err := d.single(b.id)
	switch {
	case err != nil || p == nil:
		return nil, err
	case p.Owner != d.owner:
		return nil, fmt.Errorf("%w: system %s has owner %q", driver.ErrForeign, b.id, p.Owner)
	case p.State == "Created":
		return d.machine.open(b.id)
	case p.State == "Running" || p.State == "Paused":
		if state, _, _, _ := d.look(b); state == "" {
			d.enter(b, func(n *note) { n.Phase = "" }) // what we were making is not what runs
			d.adopt(b, *p)
			return nil, driver.ErrExists
		}
	}
	return nil, d.scrap(ctx, b.id)
}

// endSystem ends the system of b, if there is one, and verifies it.
func (d *Driver) endSystem(ctx context.Context, b *box) error {
	_, sys, _, _ := d.look(b)
	if sys == nil {
		return d.scrap(ctx, b.id)
	}
	if err := d.finish(ctx, b.id, sys); err != nil {
		return err
	}
	d.change(b, func() {
		if b.sys == sys {
			b.sys, b.fresh = nil, false
		}
	})
	return nil
}

// scrap ends the system that the service has under an ID of ours. Nothing of
// another owner is touched.
func (d *Driver) scrap(ctx context.Context, id string) error {
	p, err := d.single(id)
	if err != nil || p == nil || p.Owner != d.owner {
		return err
	}
	sys, err := d.machine.open(id)
	if is(err, driver.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := d.finish(ctx, id, sys); err != nil {
		return errors.Join(err, sys.close())
	}
	return nil
}

// finish terminates a system, waits for its end, makes sure of it by a listing
// and closes the handle. After an error the handle stays open.
func (d *Driver) finish(ctx context.Context, id string, sys system) error {
	err := accepted(sys.terminate())
	if err != nil && !is(err, driver.ErrNotRunning) && !is(err, driver.ErrNotFound) {
		return fmt.Errorf("terminate: %w", err)
	}
	exited := make(chan struct{})
	if !d.spawn(func() {
		_ = sys.wait() // whatever it says, the listing below decides
		close(exited)
	}) {
		return driver.ErrConnectionLost
	}
	for {
		select {
		case <-exited:
		case <-time.After(lookAgain): // the notification may be lost
		case <-ctx.Done():
			return fmt.Errorf("wait for the end of the system: %w", ctx.Err())
		}
		p, err := d.single(id)
		if err != nil {
			return fmt.Errorf("make sure that the system has ended: %w", err)
		}
		if p == nil {
			return sys.close()
		}
		if !pause(ctx, lookAgain/10) {
			return fmt.Errorf("the system is still listed: %w", ctx.Err())
		}
	}
}

// lookAgain is how long a notification is waited for before it counts as lost.
const lookAgain = time.Second
