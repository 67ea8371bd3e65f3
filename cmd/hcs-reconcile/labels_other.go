//go:build !windows

package main

// systemLabels are what only some systems have.
func systemLabels() map[string]string { return nil }
