package monitoring

import (
	"net"
	"os"
	"os/exec"
	"testing"
)

// TestSystemdSocket hands the daemon an open socket as systemd does: it serves
// there, and listens nowhere else.
func TestSystemdSocket(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"`, program(t))
	cmd.ExtraFiles = []*os.File{socket} // file 3, where systemd's begin
	d := run(t, t.TempDir(), cmd, "--web.systemd-socket")
	if d.address != l.Addr().String() {
		t.Errorf("listens on %s, and was given %s", d.address, l.Addr())
	}
	until(t, "readiness", d.output, func() bool { return d.get("/readyz") == "ok\n" })
}
