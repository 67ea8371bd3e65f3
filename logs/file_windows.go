package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/windows"
)

// open opens a file as os.OpenFile does, but lets everybody move and remove it
// meanwhile: os does not share that.
func open(path string, access, how uint32) (*os.File, error) {
	fail := func(err error) (*os.File, error) { return nil, &fs.PathError{Op: "open", Path: path, Err: err} }
	abs, err := filepath.Abs(path)
	if err != nil {
		return fail(err)
	}
	name, err := windows.UTF16PtrFromString(abs)
	if err != nil {
		return fail(err)
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	h, err := windows.CreateFile(name, access, share, nil, how, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return fail(err)
	}
	return os.NewFile(uintptr(h), path), nil
}

// openAppend opens a file to be written at its end, and makes its folder.
func openAppend(path string) (*os.File, error) {
	// Without FILE_WRITE_DATA the system itself writes at the end.
	const access = windows.FILE_APPEND_DATA | windows.FILE_READ_ATTRIBUTES | windows.SYNCHRONIZE
	f, err := open(path, access, windows.OPEN_ALWAYS)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
		return open(path, access, windows.OPEN_ALWAYS)
	}
	return f, err
}

// openRead opens a file so that it can be moved and removed meanwhile.
func openRead(path string) (*os.File, error) {
	return open(path, windows.GENERIC_READ, windows.OPEN_EXISTING)
}

// discard removes a file, and frees its name: a file that somebody still reads
// keeps its name until it is closed, so it gets another one first.
func discard(path string) error {
	gone := fmt.Sprintf("%s.gone%d", path, time.Now().UnixNano())
	if err := os.Rename(path, gone); err != nil {
		return err
	}
	return os.Remove(gone)
}
