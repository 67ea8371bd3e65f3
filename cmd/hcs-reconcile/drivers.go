package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/local"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// driverConfig is what every driver is opened with.
type driverConfig struct {
	owner, stateDir string
	log             *slog.Logger
}

// driverKind is a driver that --driver can name.
type driverKind struct {
	name string
	// check is the driver's Check without an open driver, for plan beside a
	// running daemon.
	check func(*manifest.Container) []driver.Note
	open  func(context.Context, driverConfig) (driver.Driver, error)
}

// driverKinds lists all drivers. The one for HCS is in drivers_windows.go.
func driverKinds() []driverKind {
	return []driverKind{
		{name: "local", check: new(local.Driver).Check, open: openLocal},
		{name: "hcs", check: checkHCS, open: openHCS},
	}
}

func findDriver(name string) (driverKind, error) {
	kinds := driverKinds()
	i := slices.IndexFunc(kinds, func(k driverKind) bool { return k.name == name })
	if i < 0 {
		names := make([]string, len(kinds))
		for i, k := range kinds {
			names[i] = k.name
		}
		return driverKind{}, fmt.Errorf("driver %q: %s is expected", name, strings.Join(names, " or "))
	}
	return kinds[i], nil
}

func openLocal(ctx context.Context, c driverConfig) (driver.Driver, error) {
	return local.Open(ctx, local.Config{Owner: c.owner, StateDir: c.stateDir, Logger: c.log})
}
