//go:build !windows

package hcs

import (
	"context"
	"errors"
)

// Open fails: the Host Compute Service is part of Windows.
func Open(context.Context, Config) (*Driver, error) {
	return nil, errors.New("driver hcs: needs Windows")
}
