package socket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"strings"

	"github.com/Microsoft/go-winio"
)

// onlyAdministrators gives the pipe to the system and to administrators.
const onlyAdministrators = "D:P(A;;GA;;;SY)(A;;GA;;;BA)"

// Address is where name listens for a state folder.
func Address(stateDir, name string) string {
	if abs, err := filepath.Abs(stateDir); err == nil {
		stateDir = abs
	}
	sum := sha256.Sum256([]byte(strings.ToLower(filepath.Clean(stateDir))))
	return `\\.\pipe\hcs-reconcile-` + name + "-" + hex.EncodeToString(sum[:8])
}

// Listen opens the pipe. It fails if somebody else has a pipe of that name, so
// that nobody can pose as us.
func Listen(stateDir, name string) (net.Listener, error) {
	return winio.ListenPipe(Address(stateDir, name), &winio.PipeConfig{SecurityDescriptor: onlyAdministrators})
}

// Dial connects to a pipe.
func Dial(ctx context.Context, stateDir, name string) (net.Conn, error) {
	return winio.DialPipeContext(ctx, Address(stateDir, name))
}

// NobodyThere reports whether an error of Dial says that nobody listens.
func NobodyThere(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// There reports whether the name of a pipe is in use. It always is while we
// listen: nobody can take it away.
func There(string, string) bool { return true }
