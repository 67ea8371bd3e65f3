//go:build !windows

package main

import (
	"context"
	"errors"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

const defaultDriver = "local"

func checkHCS(*manifest.Container) []driver.Note { return nil }

func openHCS(context.Context, driverConfig) (driver.Driver, error) {
	return nil, errors.New("driver hcs: needs Windows; use --driver local")
}
