package control

import (
	"net"
	"strconv"

	"golang.org/x/sys/unix"
)

// peerOf names the user at the other end; "" if the kernel does not tell.
func peerOf(c net.Conn) string {
	var cred *unix.Xucred
	err := onSocket(c, func(fd int) (err error) {
		cred, err = unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
		return err
	})
	if err != nil {
		return ""
	}
	return userName(strconv.FormatUint(uint64(cred.Uid), 10))
}
