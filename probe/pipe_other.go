//go:build !windows

package probe

import (
	"context"
	"errors"
)

// openPipe fails: there are no such pipes here.
func openPipe(context.Context, string) (string, error) {
	return "", errors.New("named pipes need Windows")
}
