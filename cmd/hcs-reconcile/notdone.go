package main

import (
	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// notDone lists what a manifest asks for and cannot have on any driver, or only
// in another way. It is told rather than refused. notes are the driver's own.
func notDone(c *manifest.Container, notes []driver.Note) []driver.Note {
	if c.Spec.Update.Strategy != manifest.UpdateStartFirst {
		return nil
	}
	field, why := reconcile.Alone(c, notes)
	if field == "" || field == "spec.update.strategy" { // the driver has said so
		return nil
	}
	return []driver.Note{{Field: "spec.update.strategy", Message: "Recreate is used, because of " + field + ": " + why}}
}
