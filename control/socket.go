package control

import (
	"context"
	"fmt"
	"net"

	"github.com/hcs-reconcile/hcs-reconcile/internal/socket"
)

// socketName is that of the daemon's socket; the keeper has another.
const socketName = "control"

// Address is where the daemon of a state folder listens.
func Address(stateDir string) string { return socket.Address(stateDir, socketName) }

// Listen opens the socket of a state folder. The caller holds the lock of the
// state, so a socket that is found there is one that a dead daemon left.
func Listen(stateDir string) (net.Listener, error) {
	l, err := socket.Listen(stateDir, socketName)
	if err != nil {
		return nil, fmt.Errorf("open control socket: %w", err)
	}
	return l, nil
}

func dial(ctx context.Context, stateDir string) (net.Conn, error) {
	return socket.Dial(ctx, stateDir, socketName)
}

func nobodyThere(err error) bool { return socket.NobodyThere(err) }
