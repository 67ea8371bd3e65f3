//go:build unix

package control

import (
	"errors"
	"net"
	"os/user"
	"syscall"
)

// administrator names who else may open the socket.
const administrator = "root"

// onSocket lets do use the file descriptor of a connection.
func onSocket(c net.Conn, do func(fd int) error) error {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return errors.ErrUnsupported
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	outer := raw.Control(func(fd uintptr) { inner = do(int(fd)) })
	return errors.Join(outer, inner)
}

// userName is the name of a user id, or what can be said without one.
func userName(uid string) string {
	if u, err := user.LookupId(uid); err == nil {
		return u.Username
	}
	return "uid " + uid
}
