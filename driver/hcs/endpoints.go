package hcs

import (
	"context"
	"fmt"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// ensureEndpoints returns the endpoints of a container: those that the
// manifest names, or one of our own. Ours is made anew for each system,
// because a stale one keeps its address but leads nowhere.
func (d *Driver) ensureEndpoints(ctx context.Context, b *box, s *manifest.Spec) ([]string, error) {
	name := networkName(s)
	if name == "" {
		return s.Network.Endpoints, nil
	}
	network, nat, err := d.machine.findNetwork(name)
	if is(err, driver.ErrNotFound) {
		return nil, fmt.Errorf("%w: network %q is not there: %w", driver.ErrInvalid, name, err)
	}
	if err != nil {
		return nil, err
	}
	doc, err := endpointDocument(s, b.id, network, nat)
	if err != nil {
		return nil, err
	}
	if err := d.releaseEndpoint(b.id); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	id, err := d.machine.createEndpoint(doc)
	if err != nil {
		return nil, fmt.Errorf("create endpoint: %w", err)
	}
	d.enter(b, func(n *note) { n.Endpoint = id })
	return []string{id}, nil
}

// releaseEndpoint deletes the endpoints that bear id as their name.
func (d *Driver) releaseEndpoint(id string) error {
	all, err := d.machine.endpoints()
	if err != nil {
		return fmt.Errorf("list endpoints: %w", err)
	}
	for _, e := range all {
		if e.Name != id {
			continue
		}
		if err := d.machine.deleteEndpoint(e.ID); err != nil && !is(err, driver.ErrNotFound) {
			return fmt.Errorf("delete endpoint: %w", err)
		}
	}
	return nil
}

// sharedID finds the container whose network s uses.
func (d *Driver) sharedID(s *manifest.Spec) (string, error) {
	name := s.Network.ShareWith
	if name == "" {
		return "", nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for r, b := range d.boxes {
		if r.Name == name && b.alive() {
			return b.id, nil
		}
	}
	return "", fmt.Errorf("%w: spec.network.shareWith: container %s does not run", driver.ErrInvalid, name)
}
