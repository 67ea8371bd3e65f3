package main

import (
	"context"
	"errors"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

const defaultDriver = "hcs"

func checkHCS(*manifest.Container) []driver.Note { return nil }

func openHCS(context.Context, driverConfig) (driver.Driver, error) {
	return nil, errors.New("driver hcs: arrives with the next version; this one has --driver local")
}
