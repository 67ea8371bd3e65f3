package driver

import (
	"context"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// Addresser is a Driver whose containers have addresses of their own. Those of
// other drivers are reached at loopback. It is safe for concurrent use.
type Addresser interface {
	// Address returns the IP address, or host name, at which the host reaches
	// the ports of the running container r. c is what it was made from.
	Address(ctx context.Context, r Ref, c *manifest.Container) (string, error)
}
