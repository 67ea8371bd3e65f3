//go:build !windows

package main

import (
	"fmt"
	"os"

	"github.com/hcs-reconcile/hcs-reconcile/driver/local"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
)

// launchers are what the keeper can hold on this system.
func launchers() (map[string]keeper.Launcher, error) {
	l, err := local.NewLauncher()
	return map[string]keeper.Launcher{local.Kind: l}, err
}

// keeperProgram is the program that the keeper runs: this one.
func keeperProgram(string) (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program, for the keeper: %w", err)
	}
	return exe, nil
}
