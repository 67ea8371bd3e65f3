// Package trust tells whether a folder is safe from ordinary users: whoever
// can write manifests or state is administrator of the host. It looks at the
// folder, at everything in it, and at the folders that lead to it, and makes
// the private folders that the daemon needs. It changes nothing that is there.
//
// Its functions may be called by many goroutines; what they say holds for the
// moment of the call.
package trust

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Finding is a file or folder that somebody can write who should not.
type Finding struct {
	Path string
	Why  string // who can write, and by what
	Fix  string // a command or a hint
}

// Error implements error.
func (f *Finding) Error() string { return fmt.Sprintf("%s: %s (%s)", f.Path, f.Why, f.Fix) }

// Check returns a *Finding if ordinary users can write to dir, to anything
// below it, or to a folder on the way to it, and another error if that cannot
// be found out. A folder that does not exist is judged by where it would be.
func Check(dir string) error {
	at, exists, err := resolve(dir)
	if err != nil {
		return err
	}
	if exists {
		if err := checkBelow(at); err != nil {
			return err
		}
	}
	for at = filepath.Dir(at); ; at = filepath.Dir(at) {
		if err := judge(at, passage); err != nil && !os.IsNotExist(err) {
			return err
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// place is what a file or folder is to the folder that is checked.
type place int

const (
	content place = iota // the folder itself, or in it
	passage              // a folder on the way to it
)

// resolve follows links; of a path that does not exist it follows what does.
func resolve(dir string) (path string, exists bool, err error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", false, err
	}
	path, err = filepath.EvalSymlinks(abs)
	if err == nil || !os.IsNotExist(err) {
		return path, err == nil, err
	}
	if abs == filepath.Dir(abs) {
		return abs, false, nil
	}
	parent, _, err := resolve(filepath.Dir(abs))
	return filepath.Join(parent, filepath.Base(abs)), false, err
}

func checkBelow(dir string) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // gone while we looked
		}
		if err != nil {
			return err
		}
		err = judge(path, content)
		if os.IsNotExist(err) {
			return nil
		}
		return err
	})
}
