//go:build unix

package keeper

import (
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// startDetached starts cmd in a session of its own. Nobody waits for it: it
// outlives us.
func startDetached(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd.Start()
}

// hasEnded reports whether cmd has ended, and then takes its place in the
// table of processes away.
func hasEnded(cmd *exec.Cmd) bool {
	pid, err := unix.Wait4(cmd.Process.Pid, nil, unix.WNOHANG, nil)
	return pid == cmd.Process.Pid || err == unix.ECHILD
}
