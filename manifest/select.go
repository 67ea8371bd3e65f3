package manifest

import (
	"fmt"
	"maps"
	"slices"
)

// Mismatch lists what of the nodeSelector a host with these labels lacks,
// sorted, in words for a person; empty: the host is to run the container.
func (c *Container) Mismatch(labels map[string]string) []string {
	var lacks []string
	for _, key := range slices.Sorted(maps.Keys(c.Spec.NodeSelector)) {
		want := c.Spec.NodeSelector[key]
		switch is, ok := labels[key]; {
		case !ok:
			lacks = append(lacks, fmt.Sprintf("%s=%s, and this host has no %s", key, want, key))
		case is != want:
			lacks = append(lacks, fmt.Sprintf("%s=%s, and this host has %s=%s", key, want, key, is))
		}
	}
	return lacks
}

// Together reports whether some host could be asked to run both c and o: no
// label is wanted with two values.
func (c *Container) Together(o *Container) bool {
	for key, v := range c.Spec.NodeSelector {
		if w, ok := o.Spec.NodeSelector[key]; ok && v != w {
			return false
		}
	}
	return true
}
