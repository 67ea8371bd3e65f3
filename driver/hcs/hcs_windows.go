package hcs

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sys/windows"

	"github.com/hcs-reconcile/hcs-reconcile/keeper"

	_ "github.com/hcs-reconcile/hcs-reconcile/driver/hcs/timeouts" // before hcsshim: see there
)

// Open returns a driver on this host's service. It adopts what runs already,
// and removes, some seconds later, what an earlier daemon left behind.
func Open(ctx context.Context, cfg Config) (*Driver, error) {
	d, err := openHost(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open hcs driver: %w", err)
	}
	return d, nil
}

func openHost(ctx context.Context, cfg Config) (*Driver, error) {
	if err := windows.NewLazySystemDLL("vmcompute.dll").Load(); err != nil {
		return nil, fmt.Errorf("this host lacks the Containers feature of Windows: %w", err)
	}
	return openOn(ctx, cfg, thisHost(), runtime.NumCPU(), func(c keeper.LinkConfig) link { return keeper.NewLink(c) })
}

func thisHost() machine {
	return machine{compute: hostCompute{}, storage: hostStorage{}, network: hostNetwork{}, processTable: hostProcesses{}}
}

// NewLauncher returns what the keeper runs init processes with.
func NewLauncher() (keeper.Launcher, error) { return launcher{thisHost()}, nil }
