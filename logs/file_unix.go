//go:build unix

package logs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// openAppend opens a file to be written at its end, and makes its folder.
func openAppend(path string) (*os.File, error) {
	const flags = os.O_WRONLY | os.O_APPEND | os.O_CREATE
	f, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
		return os.OpenFile(path, flags, 0o600)
	}
	return f, err
}

// openRead opens a file so that it can be moved and removed meanwhile.
func openRead(path string) (*os.File, error) { return os.Open(path) }

// discard removes a file, and frees its name.
func discard(path string) error { return os.Remove(path) }
