package hcs

import (
	"context"
	"errors"
	"fmt"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

var _ driver.Addresser = (*Driver)(nil)

// errNoEndpoint says what a manifest lacks for probes over the network.
var errNoEndpoint = errors.New("the container has no network endpoint; name a network in spec.network, or a host in the probe")

// Address is that of the container's endpoint, or of the one whose network it
// shares. It is asked for once per endpoint, which never changes its address.
func (d *Driver) Address(ctx context.Context, r driver.Ref, c *manifest.Container) (string, error) {
	if c != nil && c.Spec.Network.ShareWith != "" {
		r = d.sharing(c.Spec.Network.ShareWith)
		c = nil
	}
	var address string
	err := d.on(ctx, "address", r, lookLimit, func(b *box) *lane { return b.stat }, func(_ context.Context, b *box) (err error) {
		address, err = d.addressOf(b, c)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("address of %s: %w", r.Name, err)
	}
	return address, nil
}

// sharing finds the container that runs and is called name.
func (d *Driver) sharing(name string) driver.Ref {
	d.mu.Lock()
	defer d.mu.Unlock()
	for r, b := range d.boxes {
		if r.Name == name && b.alive() {
			return r
		}
	}
	return driver.Ref{Name: name}
}

// addressOf asks for the address of b's endpoint. b.stat is held.
func (d *Driver) addressOf(b *box, c *manifest.Container) (string, error) {
	_, _, _, n := d.look(b)
	id := n.Endpoint
	if id == "" && c != nil && len(c.Spec.Network.Endpoints) > 0 {
		id = c.Spec.Network.Endpoints[0]
	}
	if id == "" {
		return "", errNoEndpoint
	}
	d.mu.Lock()
	known := b.address
	d.mu.Unlock()
	if known.endpoint == id {
		return known.ip, nil
	}
	ip, err := d.machine.address(id)
	if err == nil && ip == "" {
		err = fmt.Errorf("endpoint %s has no address yet", id)
	}
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	b.address = endpointAddress{id, ip}
	d.mu.Unlock()
	return ip, nil
}

// endpointAddress is an address that was asked for before.
type endpointAddress struct{ endpoint, ip string }
