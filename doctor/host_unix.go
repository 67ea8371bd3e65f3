//go:build unix

package doctor

import "golang.org/x/sys/unix"

// space tells the bytes that we may use of a disk, and all that it has.
func space(dir string) (free, total uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, err
	}
	size := uint64(st.Bsize) //nolint:gosec // of another type on other systems
	return st.Bavail * size, st.Blocks * size, nil
}

func addressInUse(error) bool { return false } // syscall.EADDRINUSE says it all
