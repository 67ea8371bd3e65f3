package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/driver/hcs"
	"github.com/hcs-reconcile/hcs-reconcile/driver/local"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
)

// launchers are what the keeper can hold on this system.
func launchers() (map[string]keeper.Launcher, error) {
	forLocal, err1 := local.NewLauncher()
	forHCS, err2 := hcs.NewLauncher()
	return map[string]keeper.Launcher{local.Kind: forLocal, hcs.Kind: forHCS}, errors.Join(err1, err2)
}

// keeperProgram is the program that the keeper runs. Windows does not let the
// file of a running program be replaced, and a keeper runs for as long as its
// containers do: so it is a copy of this one in the state folder, named after
// its content. Copies that nothing runs any more are removed.
func keeperProgram(stateDir string) (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program, for the keeper: %w", err)
	}
	sum, err := hashFile(exe)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(stateDir, "keeper")
	if filepath.Dir(exe) == dir {
		return exe, nil // we are a copy ourselves
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make keeper folder: %w", err)
	}
	const prefix = "hcs-reconcile-"
	path := filepath.Join(dir, prefix+sum[:16]+".exe")
	if have, err := hashFile(path); err != nil || have != sum {
		if err := copyProgram(exe, path); err != nil {
			return "", fmt.Errorf("copy this program, for the keeper: %w", err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return path, nil //nolint:nilerr // old copies may stay
	}
	for _, e := range entries {
		if old := filepath.Join(dir, e.Name()); strings.HasPrefix(e.Name(), prefix) && old != path {
			_ = os.Remove(old) // Windows refuses it for one that runs
		}
	}
	return path, nil
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func copyProgram(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(to), "hcs-reconcile-*.new")
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err == nil {
		err = os.Rename(out.Name(), to)
	}
	if err != nil {
		_ = os.Remove(out.Name())
	}
	return err
}
