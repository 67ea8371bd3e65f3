//go:build !linux

package statedb

import "os"

func syncData(f *os.File) error { return f.Sync() }
