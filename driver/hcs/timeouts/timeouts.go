// Package timeouts gives hcsshim its limits. hcsshim reads them from the
// environment while it is initialised, long before any configuration is read,
// and its own default of four minutes would keep a container stuck that long
// after a lost notification.
//
// It must therefore run first, and does: Go initialises, of the packages whose
// imports are ready, the one whose path sorts first. This package imports only
// syscall, which os needs as well, and its path sorts before "os". So it comes
// before os, and before every package that imports os to read a variable. A
// test holds this. It must never import anything else.
//
// Variables that are set already are left alone; an operator sets them for the
// service. HCS_RECONCILE_HCS_TIMEOUT (whole seconds) replaces all the limits
// below at once.
//
// Importing it is all that there is to do.
package timeouts

import "syscall"

// Variable replaces the limits of this package; in whole seconds.
const Variable = "HCS_RECONCILE_HCS_TIMEOUT"

// Limits are the variables of hcsshim with their limits in seconds. Create and
// start include the boot of a utility VM on a slow disk.
var Limits = [...]struct{ Name, Seconds string }{
	{"HCSSHIM_TIMEOUT_SYSTEMCREATE", "120"},
	{"HCSSHIM_TIMEOUT_SYSTEMSTART", "120"},
	{"HCSSHIM_TIMEOUT_SYSTEMPAUSE", "60"},
	{"HCSSHIM_TIMEOUT_SYSTEMRESUME", "60"},
	{"HCSSHIM_TIMEOUT_SYSTEMSAVE", "60"},
	{"HCSSHIM_TIMEOUT_SYSCALLWATCHER", "60"},
}

var _ = set()

func set() bool {
	all, replaced := syscall.Getenv(Variable)
	for _, l := range Limits {
		if _, ok := syscall.Getenv(l.Name); ok {
			continue
		}
		value := l.Seconds
		if replaced && all != "" {
			value = all // hcsshim falls back to its default for what is no number
		}
		if syscall.Setenv(l.Name, value) != nil {
			return false
		}
	}
	return true
}
