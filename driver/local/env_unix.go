//go:build unix

package local

import (
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

var baseNames = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LC_ALL", "LC_CTYPE",
}

const (
	rootDir     = "/"
	defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

func sameVar(a, b string) bool { return a == b }

// shellCommand runs a raw line by the system's shell.
func shellCommand(line string) command {
	return command{path: "/bin/sh", argv: []string{"/bin/sh", "-c", line}}
}

// lookPath finds a program as the container's own PATH says. A name with a
// slash is taken as it stands, from the working directory.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	path, ok := lookupEnv(env, "PATH")
	if !ok {
		path = defaultPath
	}
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue
		}
		var st unix.Stat_t // os.Stat costs twice as much, in every folder before the right one
		file := dir + "/" + name
		if unix.Stat(file, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Mode&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("%w: exec %q: not found in PATH %s", driver.ErrInvalid, name, path)
}
