package control

import (
	"net"

	"golang.org/x/sys/windows"
)

// administrator names who else may open the pipe.
const administrator = "administrators"

// peerOf names the user of the process at the other end of the pipe; "" if the
// system does not tell.
func peerOf(c net.Conn) string {
	pipe, ok := c.(interface{ Fd() uintptr })
	if !ok {
		return ""
	}
	var pid uint32
	if windows.GetNamedPipeClientProcessId(windows.Handle(pipe.Fd()), &pid) != nil {
		return ""
	}
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err != nil {
		return ""
	}
	defer windows.CloseHandle(process)
	var token windows.Token
	if windows.OpenProcessToken(process, windows.TOKEN_QUERY, &token) != nil {
		return ""
	}
	defer token.Close()
	u, err := token.GetTokenUser()
	if err != nil {
		return ""
	}
	account, domain, _, err := u.User.Sid.LookupAccount("")
	if err != nil {
		return u.User.Sid.String()
	}
	return domain + `\` + account
}
