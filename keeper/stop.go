package keeper

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/internal/socket"
)

// Stop ends the keeper of a state folder, of whatever version it is, and
// returns when it has gone. What it held goes on; exits until the next keeper
// takes over may not be seen. ErrNoKeeper if there is none.
func Stop(ctx context.Context, stateDir string) error {
	conn, err := socket.Dial(ctx, stateDir, socketName)
	if err != nil {
		if socket.NobodyThere(err) {
			return ErrNoKeeper
		}
		return fmt.Errorf("connect to keeper on %s: %w", Address(stateDir), err)
	}
	defer conn.Close()
	b, err := appendFrame(nil, message{ID: 1, Op: opStop})
	if err != nil {
		return err
	}
	if _, err := conn.Write(b); err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	return awaitGone(ctx, stateDir)
}

// awaitGone waits until no keeper, and nothing that one was starting, is left.
func awaitGone(ctx context.Context, stateDir string) error {
	for !isFree(stateDir) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the end of the keeper: %w", ctx.Err())
		case <-time.After(startPoll):
		}
	}
	return nil
}

// isFree reports whether nobody has the lock of the keeper's folder. A folder
// that cannot be used is nobody's.
func isFree(stateDir string) bool {
	f, ok, err := tryLock(filepath.Join(dirOf(stateDir), lockFile))
	if ok {
		_ = f.Close()
	}
	return ok || err != nil
}
