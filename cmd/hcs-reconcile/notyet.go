package main

import (
	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// notYet lists what a manifest asks for and this version does not do, whatever
// the driver. It is told rather than refused: manifests may be written for
// hosts that are further.
func notYet(c *manifest.Container) (notes []driver.Note) {
	s := &c.Spec
	add := func(set bool, field, message string) {
		if set {
			notes = append(notes, driver.Note{Field: field, Message: message})
		}
	}
	add(s.Update.Strategy == manifest.UpdateStartFirst, "spec.update.strategy", "this version knows Recreate only")
	return notes
}
