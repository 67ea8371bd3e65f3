//go:build unix

package socket

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

// Address is where name listens in a state folder.
func Address(stateDir, name string) string { return filepath.Join(stateDir, name+".sock") }

// Listen opens the socket. The caller holds a lock, so a socket that is found
// there is one that a dead process left. It is made in a folder that nobody
// else can enter, and moved to its place when its mode is set: there is no
// moment at which others could connect. Close removes it, unless another took
// its place.
func Listen(stateDir, name string) (net.Listener, error) {
	path, fresh := Address(stateDir, name), filepath.Join(stateDir, "."+name+"-new")
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
	temp := filepath.Join(fresh, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: temp, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(temp, 0o600), os.Rename(temp, path)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	mine, err := os.Lstat(path)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &socket{Listener: l, path: path, mine: mine}, nil
}

// socket removes its file when it is closed.
type socket struct {
	net.Listener
	path string
	mine fs.FileInfo
}

// Close implements net.Listener.
func (s *socket) Close() error {
	err := s.Listener.Close()
	if errors.Is(err, net.ErrClosed) {
		return err
	}
	if there, e := os.Lstat(s.path); e != nil || !os.SameFile(s.mine, there) {
		return err
	}
	return errors.Join(err, os.Remove(s.path))
}

// Dial connects to a socket.
func Dial(ctx context.Context, stateDir, name string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "unix", Address(stateDir, name))
}

// NobodyThere reports whether an error of Dial says that nobody listens.
func NobodyThere(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOTDIR)
}

// There reports whether the file of a socket exists, served or not.
func There(stateDir, name string) bool {
	_, err := os.Lstat(Address(stateDir, name))
	return err == nil
}
