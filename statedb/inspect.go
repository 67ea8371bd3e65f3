package statedb

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Health is what Inspect found of a state file.
type Health struct {
	Exists   bool
	Bytes    int64
	Schema   int      // 0 if Damage
	Known    int      // the newest schema that this program knows
	Damage   error    // nil: its pages are whole
	OneMeta  bool     // one of its two headers is lost; the next daemon writes it anew
	LockedBy string   // whoever holds it, "" if nobody does; what was read may then be torn
	SetAside []string // damaged files of earlier days, kept beside it
}

// Inspect reads the state at path without changing, creating or locking
// anything. While a daemon writes, it may take a moment's mixture for damage:
// ask the daemon then.
func Inspect(path string) (Health, error) {
	h := Health{Known: schema}
	var err error
	if h.SetAside, err = filepath.Glob(path + ".corrupt-*"); err != nil {
		return h, err
	}
	if h.LockedBy, err = lockedBy(path + ".lock"); err != nil {
		return h, err
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		return h, err
	}
	h.Exists, h.Bytes = true, int64(len(data))
	h.judge(data)
	return h, nil
}

func (h *Health) judge(data []byte) {
	im, err := inspect(data)
	if err != nil {
		h.Damage = err
		return
	}
	h.OneMeta = im.oneMeta
	if h.Schema, err = parseVersion(im.version); errors.Is(err, ErrNewer) {
		h.Schema, err = schema+1, nil // or later, which is no damage
	}
	h.Damage = err
}

// lockedBy tells who holds the lock at path. It takes it for a moment.
func lockedBy(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	err = tryLock(f)
	if errors.Is(err, errHeld) {
		if who := owner(f); who != "" {
			return who[:len(who)-len("; ")], nil
		}
		return "another process", nil
	}
	return "", err
}
