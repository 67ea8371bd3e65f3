// Package hcs is the driver for the Host Compute Service of Windows. So far it
// holds the pure part: what the service is told of a manifest.
package hcs
