package reconcile

import (
	"fmt"
	"slices"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// version is one kept version of a container: its manifest, or the text of it
// until somebody asks.
type version struct {
	revision string
	source   string // the file that it was in
	text     []byte
	c        *manifest.Container
}

// container reads the manifest; nil if it cannot be read, or is of another
// revision than it was kept as.
func (v *version) container(name string) *manifest.Container {
	if v.c != nil || len(v.text) == 0 {
		return v.c
	}
	cs, problems := manifest.Parse(v.source, v.text)
	v.text = nil
	if len(problems) > 0 || len(cs) != 1 || cs[0].Name() != name {
		return nil
	}
	if same, _ := cs[0].Matches(manifest.Revision(v.revision)); same {
		v.c = cs[0]
	}
	return v.c
}

// Versions hands over the kept versions of one container. It must be called
// before the first Want, for every record that has a Good or a Rollback.
func (c *Core) Versions(specs []statedb.Spec) {
	for _, s := range specs {
		e := c.entries[s.Name]
		if e == nil {
			continue
		}
		v := version{revision: s.Revision, source: s.Source, text: s.Manifest}
		if s.Revision == e.rec.Good {
			e.good = v
		}
		if b := e.rec.Rollback; b != nil && s.Revision == b.To {
			e.back = v
		}
		if b := e.rec.Rollback; b != nil && s.Revision == b.From {
			e.from = v
		}
	}
}

// choose sets what e is to be: what its manifest says, or the version that was
// returned to as long as the manifest is not edited.
func (c *Core) choose(e *entry) {
	e.want, e.astray = e.manifest, false
	defer c.examine(e)
	b := e.rec.Rollback
	if e.manifest == nil || b == nil {
		return
	}
	if e.edited(b) {
		e.rec.Rollback = nil
		return
	}
	if v := e.back.container(e.name); v != nil {
		e.want = v
		return
	}
	e.astray = true // the store has lost it: what runs is left alone
}

// edited reports whether the manifest says something else than when b began.
// Another program may see more in the same manifest (a new field with its
// default), and so another digest: the kept version tells, read by this one.
func (e *entry) edited(b *statedb.Rollback) bool {
	digest := e.manifest.Digest()
	if b.Edit == digest {
		return false
	}
	from := e.from.container(e.name)
	if from == nil || from.Digest() != digest {
		return true
	}
	same := *b
	same.Edit = digest
	e.rec.Rollback = &same
	return false
}

// examine keeps what follows from the manifest alone.
func (c *Core) examine(e *entry) {
	e.refused, e.edit, e.alone = nil, "", ""
	if e.want == nil {
		return
	}
	e.edit = e.want.Digest()
	var notes []driver.Note
	if c.cfg.Check != nil {
		notes = c.cfg.Check(e.want)
	}
	e.refused = refusedBy(notes)
	if e.want.Spec.Update.Strategy == manifest.UpdateStartFirst {
		_, e.alone = Alone(e.want, notes)
	}
}

// refusedBy is the driver's no to a manifest.
func refusedBy(notes []driver.Note) *Hold {
	for _, n := range notes {
		if n.Refused {
			return &Hold{StateFailed, Unsupported, n.Field + ": " + n.Message}
		}
	}
	return nil
}

// goodVersion is the version that e may return to by itself, nil if there is none.
func (c *Core) goodVersion(e *entry) *manifest.Container {
	if e.rec.Rollout.IsZero() || e.rec.Good == "" || e.good.revision != e.rec.Good {
		return nil
	}
	v := e.good.container(e.name)
	if v != nil && c.cfg.Check != nil && refusedBy(c.cfg.Check(v)) != nil {
		return nil
	}
	return v
}

// rolled acts on a decision about a rollout.
func (c *Core) rolled(now time.Time, e *entry, before *statedb.Record, t *Turn) {
	r := &e.rec
	if r.Good != "" && (r.Good != before.Good || r.GoodEdit != before.GoodEdit) {
		e.good = version{revision: r.Good, c: e.want}
		if s, ok := specOf(e.want); ok {
			s.ReadyAt = now
			t.Specs = append(t.Specs, s)
		}
	}
	tell := func(why Reason, text string) {
		c.events = append(c.events, Event{
			At: now, Kind: Became, Container: e.name, Change: e.change, Revision: r.Revision,
			Reason: why, State: e.last.State, Message: text, Warning: true,
		})
	}
	if r.Stalled && !before.Stalled {
		text := fmt.Sprintf("not ready within %s; ", short(e.want.Spec.Update.ProgressDeadline.D()))
		switch {
		case !*e.want.Spec.Update.Rollback:
			text += "its manifest says rollback: false"
		case r.Rollback != nil:
			text += "it was returned to already"
		default:
			text += "there is no version before it that was ready"
		}
		tell(ProgressDeadlineExceeded, text)
	}
	if r.Rollback != nil && before.Rollback == nil {
		tell(RolledBack, rollbackText(r.Rollback))
		e.back, e.from = e.good, version{revision: r.Rollback.From, c: e.manifest}
		if s, ok := specOf(e.manifest); ok { // as it is now, to know it again
			t.Specs = append(t.Specs, s)
		}
		c.rewant(e)
	}
}

// rewant makes e look again at what it is to be.
func (c *Core) rewant(e *entry) {
	c.choose(e)
	if e.want != nil {
		c.index(e, e.rec.Needs, e.want.Needs())
		e.rec.Needs = e.want.Needs()
	}
	c.touch(e)
	c.touchAround(e)
}

// toKeep is the manifest to keep of the version that is made: of the last one
// that was ready the edit that was, until another edit of it has been too.
func (e *entry) toKeep() *manifest.Container {
	if e.rec.Good == string(e.want.Revision) && e.good.revision == e.rec.Good {
		if v := e.good.container(e.name); v != nil {
			return v
		}
	}
	return e.want
}

// specOf is the version that c is kept as, without times.
func specOf(c *manifest.Container) (statedb.Spec, bool) {
	text, err := manifest.Redacted(c)
	if err != nil {
		return statedb.Spec{}, false
	}
	whole, err := manifest.Encode(c)
	if err != nil {
		return statedb.Spec{}, false
	}
	return statedb.Spec{Name: c.Name(), Revision: string(c.Revision), JSON: text, Manifest: whole, Source: c.Origin.File}, true
}

// Rollback returns a container to an earlier version that was ready, until its
// manifest changes: to number n of the kept ones, or with 0 to the newest that
// is not the one wanted now.
func (c *Core) Rollback(now time.Time, name string, kept []statedb.Spec, n uint64, by string) error {
	const verb = "roll back"
	e, err := c.runnable(verb, name)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(kept, func(s statedb.Spec) bool {
		return s.N == n || n == 0 && !s.ReadyAt.IsZero() && !e.wants(manifest.Revision(s.Revision))
	})
	switch {
	case i < 0 && n == 0:
		return &refusal{verb, name, "no other version that was ready is kept"}
	case i < 0:
		return &refusal{verb, name, fmt.Sprintf("version %d is not kept; `history %s` lists those that are", n, name)}
	case kept[i].ReadyAt.IsZero():
		return &refusal{verb, name, fmt.Sprintf("version %d was never ready", n)}
	case e.wants(manifest.Revision(kept[i].Revision)):
		return &refusal{verb, name, fmt.Sprintf("version %d is what it is to be already", n)}
	}
	v := version{revision: kept[i].Revision, source: kept[i].Source, text: kept[i].Manifest}
	to := v.container(name)
	if to == nil {
		return &refusal{verb, name, fmt.Sprintf("version %d is kept without its manifest: an older program wrote it", kept[i].N)}
	}
	if same, _ := e.manifest.Matches(to.Revision); same {
		e.rec.Rollback = nil // forward again: the manifest asks for it
	} else {
		e.rec.Rollback = &statedb.Rollback{
			Edit: e.manifest.Digest(), From: string(e.manifest.Revision), To: string(to.Revision), At: now, By: by,
		}
		v.revision = string(to.Revision)
		e.back, e.from = v, version{revision: string(e.manifest.Revision), c: e.manifest}
	}
	c.rewant(e)
	c.asked(now, e, OperatorRollback, fmt.Sprintf("return to version %d (revision %s) asked for by %s", kept[i].N, to.Revision, by))
	return nil
}

// follow restarts those that want to be when e is started anew.
func (c *Core) follow(e *entry) {
	for _, name := range c.needed[e.name] {
		d := c.entries[name]
		if d == nil || d.want == nil || d.rec.Ask != "" || !d.anyLive() {
			continue
		}
		for _, dep := range d.want.Spec.DependsOn {
			if dep.Name == e.name && dep.Restart {
				d.rec.Ask, d.rec.AskBy = statedb.AskFollow, e.name
				c.wishes = append(c.wishes, d)
				c.touch(d)
			}
		}
	}
}
