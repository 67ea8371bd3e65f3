package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/hcs"
	"github.com/hcs-reconcile/hcs-reconcile/driver/hcs/timeouts"
	"github.com/hcs-reconcile/hcs-reconcile/driver/local"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// driverConfig is what every driver is opened with.
type driverConfig struct {
	owner, stateDir string
	looking         bool // nothing will be started
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

// driverKinds lists all drivers, on every system: plan tells anywhere what HCS
// would refuse of a manifest.
func driverKinds() []driverKind {
	return []driverKind{
		{name: "local", check: new(local.Driver).Check, open: openLocal},
		{name: "hcs", check: hcs.Check, open: openHCS},
	}
}

func defaultDriver() string {
	if runtime.GOOS == "windows" {
		return "hcs"
	}
	return "local"
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
	k, err := keeperCommand(c)
	if err != nil {
		return nil, err
	}
	return opened(local.Open(ctx, local.Config{
		Owner: c.owner, StateDir: c.stateDir, Logger: c.log, Version: thisBuild().Version, Keeper: k,
	}))
}

func openHCS(ctx context.Context, c driverConfig) (driver.Driver, error) {
	if runtime.GOOS != "windows" {
		return nil, errors.New("driver hcs: needs Windows; use --driver local")
	}
	k, err := keeperCommand(c)
	if err != nil {
		return nil, err
	}
	if k != nil {
		for _, l := range timeouts.Limits { // of hcsshim, as this process has them
			k.Env = append(k.Env, l.Name+"="+os.Getenv(l.Name))
		}
	}
	return opened(hcs.Open(ctx, hcs.Config{Owner: c.owner, StateDir: c.stateDir, Logger: c.log, Version: thisBuild().Version, Keeper: k}))
}

// opened keeps the nil of a driver that did not open from becoming an
// interface that is not nil.
func opened[D driver.Driver](d D, err error) (driver.Driver, error) {
	if err != nil {
		return nil, err
	}
	return d, nil
}
