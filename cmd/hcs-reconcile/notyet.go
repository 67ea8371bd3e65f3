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
	const probes = "this version asks no probes: a container that runs counts as ready"
	add(s.StartupProbe != nil, "spec.startupProbe", probes)
	add(s.LivenessProbe != nil, "spec.livenessProbe", probes)
	add(s.ReadinessProbe != nil, "spec.readinessProbe", probes)
	add(s.Lifecycle.PostStart != nil, "spec.lifecycle.postStart", "this version runs no hooks")
	add(s.Lifecycle.PreStop != nil, "spec.lifecycle.preStop", "this version runs no hooks: the request to stop comes at once")
	add(s.Update.Strategy == manifest.UpdateStartFirst, "spec.update.strategy", "this version knows Recreate only")
	return notes
}
