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
	"golang.org/x/sys/windows"
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
	l, err := winio.ListenPipe(Address(stateDir, name), &winio.PipeConfig{SecurityDescriptor: onlyAdministrators})
	if err != nil {
		return nil, err
	}
	return &pipe{Listener: l, first: takeFirst(Address(stateDir, name))}, nil
}

// pipe is a listener with what takeFirst took.
type pipe struct {
	net.Listener
	first windows.Handle
}

// Close implements net.Listener.
func (p *pipe) Close() error {
	err := p.Listener.Close()
	if p.first != windows.InvalidHandle {
		err = errors.Join(err, windows.CloseHandle(p.first))
		p.first = windows.InvalidHandle
	}
	return err
}

// takeFirst connects to the instance of a pipe by which winio holds the name,
// and which it never serves. Windows lets nobody connect to it, and says so at
// once; Wine does, and the first client would wait for ever. It is one try
// without a limit of time: one that is over before the try would leave the
// instance to a client.
func takeFirst(address string) windows.Handle {
	name, err := windows.UTF16PtrFromString(address)
	if err != nil {
		return windows.InvalidHandle
	}
	const flags = windows.FILE_FLAG_OVERLAPPED | windows.SECURITY_SQOS_PRESENT | windows.SECURITY_ANONYMOUS
	h, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE, 0, nil, windows.OPEN_EXISTING, flags, 0)
	if err != nil {
		return windows.InvalidHandle
	}
	return h
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
