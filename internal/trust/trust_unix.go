//go:build unix

package trust

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
)

// judge looks at owner and mode. Root may own and write everything; the group
// of root is as good as root. In a passage the sticky bit is enough: others may
// add there, but not replace what leads to the folder.
func judge(path string, p place) error {
	st, err := os.Lstat(path)
	if err != nil {
		return err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok || st.Mode()&fs.ModeSymlink != 0 {
		return nil // where a link leads decides, and who may replace it is judged by its folder
	}
	if uid := int(sys.Uid); uid != 0 && uid != os.Geteuid() {
		return &Finding{path, fmt.Sprintf("belongs to user %d", uid), "chown it to the user of the daemon"}
	}
	if p == passage && st.Mode()&fs.ModeSticky != 0 {
		return nil
	}
	switch mode := st.Mode().Perm(); {
	case mode&0o002 != 0:
		return &Finding{path, fmt.Sprintf("everybody can write (mode %#o)", mode), "chmod o-w " + strconv.Quote(path)}
	case mode&0o020 != 0 && sys.Gid != 0:
		return &Finding{path, fmt.Sprintf("group %d can write (mode %#o)", sys.Gid, mode), "chmod g-w " + strconv.Quote(path)}
	}
	return nil
}

// MakePrivate makes a folder, and those that lead to it, for the user of the
// daemon alone; one that exists stays as it is.
func MakePrivate(dir string) error { return os.MkdirAll(dir, 0o700) }
