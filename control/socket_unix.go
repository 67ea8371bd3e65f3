//go:build unix

package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// maxAddress is what every Unix can take of a socket's path.
const maxAddress = 103

// Address is where the daemon of a state folder listens.
func Address(stateDir string) string { return filepath.Join(stateDir, "control.sock") }

// Listen opens the socket of a state folder. The caller holds the lock of the
// state, so a socket that is found there is one that a dead daemon left.
func Listen(stateDir string) (net.Listener, error) {
	l, err := listen(stateDir)
	if err != nil {
		return nil, fmt.Errorf("open control socket: %w", err)
	}
	return l, nil
}

// listen makes the socket in a folder that nobody else can enter, and moves it
// to its place when its mode is set: there is no moment at which others could
// connect.
func listen(stateDir string) (net.Listener, error) {
	path, fresh := Address(stateDir), filepath.Join(stateDir, ".new")
	if len(path) > maxAddress {
		return nil, fmt.Errorf("%s: %d bytes are too long for a socket, at most %d; choose a shorter --state-dir", path, len(path), maxAddress)
	}
	if err := os.RemoveAll(fresh); err != nil {
		return nil, err
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return nil, err
	}
	defer os.RemoveAll(fresh)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(fresh, "s"), Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(filepath.Join(fresh, "s"), 0o600), os.Rename(filepath.Join(fresh, "s"), path)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &socket{Listener: l, path: path}, nil
}

// socket removes its file when it is closed.
type socket struct {
	net.Listener
	path string
}

// Close implements net.Listener.
func (s *socket) Close() error {
	err := s.Listener.Close()
	if errors.Is(err, net.ErrClosed) {
		return err
	}
	return errors.Join(err, os.Remove(s.path))
}

func dial(ctx context.Context, stateDir string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "unix", Address(stateDir))
}

func nobodyThere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOTDIR)
}
