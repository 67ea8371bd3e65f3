package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"strings"

	"github.com/Microsoft/go-winio"
)

// onlyAdministrators gives the pipe to the system and to administrators.
const onlyAdministrators = "D:P(A;;GA;;;SY)(A;;GA;;;BA)"

// Address is where the daemon of a state folder listens.
func Address(stateDir string) string {
	if abs, err := filepath.Abs(stateDir); err == nil {
		stateDir = abs
	}
	sum := sha256.Sum256([]byte(strings.ToLower(filepath.Clean(stateDir))))
	return `\\.\pipe\hcs-reconcile-` + hex.EncodeToString(sum[:8])
}

// Listen opens the pipe of a state folder. It fails if somebody else has a
// pipe of that name, so that nobody can pose as the daemon.
func Listen(stateDir string) (net.Listener, error) {
	l, err := winio.ListenPipe(Address(stateDir), &winio.PipeConfig{SecurityDescriptor: onlyAdministrators})
	if err != nil {
		return nil, fmt.Errorf("open control pipe: %w", err)
	}
	return l, nil
}

func dial(ctx context.Context, stateDir string) (net.Conn, error) {
	return winio.DialPipeContext(ctx, Address(stateDir))
}

func nobodyThere(err error) bool { return errors.Is(err, fs.ErrNotExist) }
