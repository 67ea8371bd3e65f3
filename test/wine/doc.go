// Package wine runs Windows programs on Linux, under Wine, against our own
// stand-in for the Host Compute Service: a vmcompute.dll and a broker process
// that owns compute systems, their real child processes, layers and networks.
// Tests start a Host, run programs on it, disturb it with faults, and read what
// was called from its journal. README.md tells what is imitated and what is not.
//
// The package exists on Linux only and is imported by tests only. A Host is
// safe for concurrent use; several hosts may run side by side.
package wine
