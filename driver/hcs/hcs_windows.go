package hcs

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sys/windows"

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
	m := machine{compute: hostCompute{}, storage: hostStorage{}, network: hostNetwork{}, processTable: hostProcesses{}}
	return openOn(ctx, cfg, m, runtime.NumCPU())
}
