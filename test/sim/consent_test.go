package sim

import (
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// permitSome lets the tree allow some removals, for a while or for ever, or
// takes that back.
func (f *folder) permitSome() {
	f.permit = reconcile.Permit{}
	r := f.s.rng
	for _, n := range f.s.names {
		if r.IntN(3) == 0 {
			f.permit.Containers = append(f.permit.Containers, n)
		}
	}
	if r.IntN(6) > 0 {
		f.permit.Until = f.s.wall().Add(f.s.upTo(3 * time.Minute))
	}
	if r.IntN(8) == 0 {
		f.permit.Void = "it is void"
	}
}

// away is what stands in the folder and was taken from this host by its labels.
func (f *folder) away() map[string]reconcile.Away {
	away := map[string]reconcile.Away{}
	for n, known := range f.moved {
		if f.docs[n] != nil || !known {
			delete(f.moved, n)
			continue
		}
		away[n] = reconcile.Away{Why: "it is for other hosts", Relabelled: true}
	}
	return away
}

// consents: what the tree allows now may go.
func (o *oracle) consents() {
	p := o.permit
	if p.Void != "" || !p.Until.IsZero() && !o.s.wall().Before(p.Until) {
		return
	}
	for _, l := range o.ledgers {
		if l.want == nil && slices.Contains(p.Containers, l.name) {
			l.let = true
		}
	}
}

// mayRelease: the last ones, and those that only other labels of the host took
// away, do not go unasked, however few they are.
func (o *oracle) mayRelease(names []string) {
	if len(names) == 0 {
		return
	}
	for _, n := range names {
		if o.away[n].Relabelled && !o.ledger(n).let {
			o.fail("brake", "%s is let through, and only the labels of the host changed", n)
		}
	}
	wanted := false
	for _, l := range o.ledgers {
		wanted = wanted || l.want != nil
	}
	if !wanted && !o.s.brake.AllowEmpty {
		o.fail("brake", "%v are let through, and the folder asks for nothing", names)
	}
}

// again writes a manifest for a name whose container was held back. Where
// program versions were mixed its image stays: what bears an unknown version
// counts as the wanted one, whatever it was made from.
func (f *folder) again(name string) *doc {
	image, had := f.images[name]
	d := f.fresh(name)
	if f.s.mixed && had {
		d.image, f.images[name] = image, image
	}
	return d
}
