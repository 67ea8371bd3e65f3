package control

import (
	"context"
	"net"
)

type peerKey struct{}

// withPeer keeps in the context of a connection's requests who is at its other
// end, for the events that tell of what they ask for.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, peerOf(c))
}

// unknownPeer stands for one whom the system does not tell; since only they can
// open the socket, it says no more than that.
const unknownPeer = "an administrator"

// askedBy names who asks.
func askedBy(ctx context.Context) string {
	if p, ok := ctx.Value(peerKey{}).(string); ok && p != "" {
		return p
	}
	return unknownPeer
}
