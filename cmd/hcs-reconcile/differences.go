package main

import (
	"fmt"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
)

// differences tells for each container that exists which fields change: those
// of what runs where its revision is another one, else those of the manifest
// as it was last followed.
func (sit *situation) differences(put []folder.Wanted) (map[string][]manifest.FieldChange, error) {
	before := last(sit.memory.Files)
	out := map[string][]manifest.FieldChange{}
	for _, w := range put {
		old, err := sit.old(w.Container, before[w.Container.Name()])
		if err != nil {
			return nil, err
		}
		if old == nil {
			continue
		}
		text, err := manifest.Redacted(w.Container)
		if err != nil {
			return nil, fmt.Errorf("compare %s: %w", w.Container.Name(), err)
		}
		fields, err := manifest.Diff(old, text)
		if err != nil {
			return nil, fmt.Errorf("compare %s: %w", w.Container.Name(), err)
		}
		out[w.Container.Name()] = fields
	}
	return out, nil
}

// old is what c is compared with, nil if there is nothing.
func (sit *situation) old(c, before *manifest.Container) ([]byte, error) {
	revision, runs := sit.runs(c)
	if before != nil {
		if same, known := before.Matches(revision); !runs || same || !known {
			return manifest.Redacted(before)
		}
	}
	for _, spec := range sit.specs[c.Name()] {
		if spec.Revision == string(revision) {
			return spec.Spec, nil
		}
	}
	return nil, nil
}

// runs is the revision that the runtime holds, one other than c's if there are two.
func (sit *situation) runs(c *manifest.Container) (r manifest.Revision, found bool) {
	for _, st := range sit.listing.Ours {
		if st.Name == c.Name() && (!found || r == c.Revision) {
			r, found = st.Revision, true
		}
	}
	return r, found
}
