package sim

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/fake"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

var allNames = []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}

// badImage is the image that the driver refuses.
const badImage = 4

// made is what a sealed manifest depends on; free fields are set on a copy.
type made struct {
	name   string
	image  int
	hyperv bool
	logs   int
}

// parsed holds every sealed manifest that can occur: parsing is the only way
// to a revision, and too slow to repeat for each edit of each seed.
var parsed = sync.OnceValue(func() map[made]*manifest.Container {
	all := map[made]*manifest.Container{}
	for _, n := range allNames {
		for image := range badImage + 1 {
			for _, logs := range []int{5, 7} {
				m := made{n, image, pausable(n), logs}
				all[m] = m.parse()
			}
		}
	}
	return all
})

// pausable containers have Hyper-V isolation, as Paused demands.
func pausable(name string) bool { return (name[0]-'a')%4 == 3 }

func (m made) parse() *manifest.Container {
	isolation := "process"
	if m.hyperv {
		isolation = "hyperv"
	}
	text := fmt.Sprintf("apiVersion: %s\nkind: Container\nmetadata: {name: %s}\nspec:\n  image: app:%d\n  isolation: %s\n  logs: {maxFiles: %d}\n",
		manifest.APIVersion, m.name, m.image, isolation, m.logs)
	cs, problems := manifest.Parse(m.name+".yaml", []byte(text))
	if len(problems) > 0 {
		panic(problems[0].Message)
	}
	return cs[0]
}

// check is the driver's no.
func check(c *manifest.Container) []driver.Note {
	if c.Spec.Image == fmt.Sprintf("app:%d", badImage) {
		return []driver.Note{{Field: "spec.image", Message: "no such image", Refused: true}}
	}
	return nil
}

// doc is one manifest as its author thinks of it.
type doc struct {
	made
	desired  manifest.DesiredState
	policy   manifest.RestartPolicy
	initial  time.Duration
	longest  time.Duration
	reset    time.Duration
	max      int
	window   time.Duration
	rules    []manifest.ExitRule
	grace    int64
	needs    []manifest.Dependency
	label    int
	care     *care
	blocked  string
	first    bool // StartFirst
	deadline time.Duration
	stay     bool          // rollback: false
	opens    time.Duration // how long an update window is open every other minute; 0: there is none
	compiled *manifest.Container
}

// told is what the core is told of one name.
type told struct {
	c       *manifest.Container
	blocked string
}

// folder is what the files say.
type folder struct {
	s       *sim
	docs    map[string]*doc
	lost    map[string]*doc // not to be seen while the folder is in doubt
	doubt   string
	version string // of the hash that the running program writes
	images  map[string]int
	cares   int              // drawn so far
	permit  reconcile.Permit // what the tree allows to be removed
	moved   map[string]bool  // in a file still, and not for this host since its labels changed
}

func newFolder(s *sim) *folder {
	return &folder{s: s, docs: map[string]*doc{}, lost: map[string]*doc{}, version: "1", images: map[string]int{}, moved: map[string]bool{}}
}

// upgrade lets the next program write another hash version. Version 1 is then
// an older one that it understands; what bears another is left alone.
func (f *folder) upgrade() {
	f.version = map[string]string{"1": "2", "2": "1"}[f.version]
	f.s.logf("program writes hash version %s", f.version)
	for _, d := range f.docs {
		d.compiled = nil
	}
}

func (f *folder) sorted() []string {
	names := make([]string, 0, len(f.docs))
	for _, n := range f.s.names {
		if f.docs[n] != nil {
			names = append(names, n)
		}
	}
	return names
}

// fresh writes a manifest for name.
func (f *folder) fresh(name string) *doc {
	r := f.s.rng
	d := &doc{
		made: made{name: name, image: f.image(name, r.IntN(badImage)), hyperv: pausable(name), logs: 5}, desired: manifest.DesiredRunning,
		grace: int64(1 + r.IntN(8)),
	}
	f.policy(d)
	f.updates(d)
	if r.IntN(3) == 0 {
		f.need(d)
	}
	if r.IntN(2) == 0 {
		f.drawCare(d)
	}
	return d
}

// image chooses the image of name. A program that writes hash version 2 does
// not know it in this simulation, so no image changes under it.
func (f *folder) image(name string, image int) int {
	if last, ok := f.images[name]; ok && f.version != "1" {
		return last
	}
	f.images[name] = image
	return image
}

// policy draws how the container is restarted.
func (f *folder) policy(d *doc) {
	r := f.s.rng
	d.policy = []manifest.RestartPolicy{manifest.RestartAlways, manifest.RestartAlways, manifest.RestartOnFailure, manifest.RestartNever}[r.IntN(4)]
	d.initial = []time.Duration{500 * time.Millisecond, time.Second, 4 * time.Second}[r.IntN(3)]
	d.longest = d.initial + []time.Duration{0, 8 * time.Second, 30 * time.Second}[r.IntN(3)]
	if r.IntN(12) == 0 {
		d.initial = 0
	}
	d.reset = []time.Duration{20 * time.Second, 10 * time.Minute}[r.IntN(2)]
	d.max, d.window = 0, 0
	if r.IntN(3) == 0 {
		d.max = 1 + r.IntN(4)
		d.window = []time.Duration{0, 10 * time.Second, time.Minute}[r.IntN(3)]
	}
	d.rules = nil
	if r.IntN(4) == 0 {
		code := uint32(r.IntN(4))
		action := []manifest.ExitAction{manifest.ExitRestart, manifest.ExitComplete, manifest.ExitGiveUp}[r.IntN(3)]
		d.rules = []manifest.ExitRule{{Codes: []manifest.ExitCodes{{From: code, To: code, Text: fmt.Sprint(code)}}, Action: action}}
	}
}

// need draws a dependency; it may be unknown, or close a ring.
func (f *folder) need(d *doc) {
	on := f.s.names[f.s.rng.IntN(len(f.s.names))]
	if on == d.name || slices.ContainsFunc(d.needs, func(x manifest.Dependency) bool { return x.Name == on }) {
		d.needs = nil
		return
	}
	cond := []manifest.Condition{manifest.ConditionStarted, manifest.ConditionStarted, manifest.ConditionReady, manifest.ConditionCompleted}[f.s.rng.IntN(4)]
	d.needs = append(slices.Clone(d.needs), manifest.Dependency{Name: on, Condition: cond, Restart: f.s.rng.IntN(3) == 0})
}

// updates draws how a new version takes the place of the one before.
func (f *folder) updates(d *doc) {
	r := f.s.rng
	d.first, d.stay = r.IntN(3) == 0, r.IntN(4) == 0 || f.s.mixed
	d.deadline = []time.Duration{15 * time.Second, 40 * time.Second, 5 * time.Minute}[r.IntN(3)]
	d.opens = 0
	if r.IntN(6) == 0 {
		d.opens = []time.Duration{20 * time.Second, time.Minute}[r.IntN(2)]
	}
}

// compile makes the manifest that the parser would have made.
func (f *folder) compile(d *doc) *manifest.Container {
	if d.compiled != nil {
		return d.compiled
	}
	c := *parsed()[d.made]
	if f.version != "1" {
		c.Revision = manifest.Revision(f.version + strings.TrimPrefix(string(c.Revision), "1"))
	}
	sp := &c.Spec
	sp.DesiredState, sp.RestartPolicy, sp.DependsOn = d.desired, d.policy, d.needs
	initial, longest, reset, jitter, factor := manifest.Duration(d.initial), manifest.Duration(d.longest), manifest.Duration(d.reset), 0.2, 2.0
	sp.Restart = manifest.Restart{
		InitialDelay: &initial, MaxDelay: &longest, ResetAfter: &reset, Jitter: &jitter, Factor: &factor, MaxRestarts: d.max,
		Window: manifest.Duration(d.window), ExitRules: d.rules,
	}
	strategy, deadline, back := manifest.UpdateRecreate, manifest.Duration(cmp.Or(d.deadline, 5*time.Minute)), !d.stay
	if d.first {
		strategy = manifest.UpdateStartFirst
	}
	sp.Update = manifest.Update{Strategy: strategy, ProgressDeadline: &deadline, Rollback: &back}
	if d.opens > 0 {
		sp.Update.Window = &manifest.Window{Schedule: "*/2 * * * *", Duration: manifest.Duration(d.opens)}
	}
	grace := d.grace
	sp.TerminationGracePeriodSeconds = &grace
	d.care.put(sp)
	c.Metadata.Labels = map[string]string{"n": fmt.Sprint(d.label)}
	if d.care != nil {
		c.Metadata.Labels["n"] += fmt.Sprintf("-%d", d.care.id)
	}
	d.compiled = &c
	return d.compiled
}

// edit replaces the document of name by a changed copy.
func (f *folder) edit(name string, change func(*doc)) {
	d := *f.docs[name]
	d.compiled = nil
	change(&d)
	f.docs[name] = &d
}

// change is one thing that people do to a folder.
func (f *folder) change() {
	r, names := f.s.rng, f.sorted()
	if len(names) < 2 || r.IntN(5) == 0 {
		n := f.s.names[r.IntN(len(f.s.names))]
		if f.docs[n] == nil {
			f.docs[n] = f.fresh(n)
		}
		return
	}
	n := names[r.IntN(len(names))]
	switch r.IntN(19) {
	case 0, 1:
		delete(f.docs, n)
	case 2:
		f.dropMany(names)
	case 3, 4:
		f.edit(n, func(d *doc) { d.image = f.image(n, r.IntN(badImage+1)) })
	case 5:
		f.edit(n, func(d *doc) { d.logs = 12 - d.logs })
	case 6:
		f.edit(n, func(d *doc) { d.label++ })
	case 7, 8:
		f.edit(n, func(d *doc) { d.desired = f.otherState(d) })
	case 9:
		f.edit(n, f.policy)
	case 10:
		f.edit(n, f.need)
	case 11:
		f.edit(n, func(d *doc) { d.grace = int64(r.IntN(9)) })
	case 12:
		f.toggleDoubt(names)
	case 13:
		f.permitSome()
	case 14:
		delete(f.docs, n)
		_, f.moved[n] = f.s.told[n]
	case 15, 16:
		f.edit(n, f.updates)
	case 17, 18:
		f.edit(n, f.drawCare)
	}
}

func (f *folder) otherState(d *doc) manifest.DesiredState {
	if d.desired != manifest.DesiredRunning {
		return manifest.DesiredRunning
	}
	if d.hyperv && f.s.rng.IntN(2) == 0 {
		return manifest.DesiredPaused
	}
	return manifest.DesiredStopped
}

func (f *folder) dropMany(names []string) {
	for _, i := range f.s.rng.Perm(len(names))[:1+f.s.rng.IntN(len(names))] {
		delete(f.docs, names[i])
	}
}

// toggleDoubt makes the folder unreadable, some or all of it, and back.
func (f *folder) toggleDoubt(names []string) {
	if f.doubt != "" {
		f.endDoubt()
		return
	}
	f.doubt = "the folder cannot be read"
	for _, i := range f.s.rng.Perm(len(names))[:f.s.rng.IntN(len(names)+1)] {
		f.lost[names[i]] = f.docs[names[i]]
		delete(f.docs, names[i])
	}
}

// endDoubt brings back most of what could not be read.
func (f *folder) endDoubt() {
	f.doubt = ""
	for _, n := range f.s.names {
		if d := f.lost[n]; d != nil && f.docs[n] == nil && f.s.rng.IntN(4) > 0 {
			f.docs[n] = d
		}
	}
	clear(f.lost)
}

// judge finds what must not be started: unknown names and rings.
func (f *folder) judge() {
	for _, n := range f.sorted() {
		d := f.docs[n]
		why := ""
		for _, x := range d.needs {
			if f.docs[x.Name] == nil {
				why = "unknown dependency " + x.Name
			}
		}
		if f.reaches(n, n, map[string]bool{}) {
			why = "dependency cycle"
		}
		if d.blocked != why {
			f.edit(n, func(d *doc) { d.blocked = why })
		}
	}
}

func (f *folder) reaches(from, to string, seen map[string]bool) bool {
	d := f.docs[from]
	if d == nil || seen[from] {
		return false
	}
	seen[from] = true
	for _, x := range d.needs {
		if x.Name == to || f.reaches(x.Name, to, seen) {
			return true
		}
	}
	return false
}

// tellSoon lets the daemon see the folder after the settle time.
func (s *sim) tellSoon() {
	life := s.life
	s.at(25*time.Millisecond+s.upTo(300*time.Millisecond), func() { s.tell(life) })
}

// tell gives the core what changed in the folder since it was last told, all
// of it the first time.
func (s *sim) tell(life int) {
	if s.life != life || !s.up {
		return
	}
	f := s.folder
	f.judge()
	ch := reconcile.Change{Full: !s.toldOnce || s.rng.IntN(10) == 0, Doubt: f.doubt, SeenAt: s.wall()}
	ch.Permit, ch.Away = f.permit, f.away()
	for _, n := range f.sorted() {
		is := told{f.compile(f.docs[n]), f.docs[n].blocked}
		if ch.Full || s.told[n] != is {
			ch.Put = append(ch.Put, reconcile.Wanted{Container: is.c, Blocked: is.blocked})
		}
		s.told[n] = is
	}
	for _, n := range s.names {
		if _, known := s.told[n]; known && f.docs[n] == nil {
			delete(s.told, n)
			if !ch.Full {
				ch.Drop = append(ch.Drop, n)
			}
		}
	}
	s.toldOnce, s.doubt = true, f.doubt
	if s.verbose {
		s.logf("told full=%v put=%s drop=%v doubt=%q", ch.Full, wantText(ch.Put), ch.Drop, ch.Doubt)
	}
	s.oracle.told(ch)
	s.core.Want(ch)
}

func wantText(ws []reconcile.Wanted) string {
	var b strings.Builder
	for _, w := range ws {
		sp := &w.Container.Spec
		fmt.Fprintf(&b, "[%s@%s %s %s needs=%v max=%d/%s grace=%s %s] ", w.Container.Name(), w.Container.Revision, sp.DesiredState,
			sp.RestartPolicy, sp.DependsOn, sp.Restart.MaxRestarts, sp.Restart.Window.D(), w.Container.GracePeriod(), w.Blocked)
	}
	return b.String()
}

// kind is how the processes of one name behave.
type kind struct {
	runs     time.Duration // 0: for ever; otherwise about that long
	code     uint32
	shutdown time.Duration
	deaf     bool // ignores being asked to end
	kill     time.Duration
	salt     uint64

	bad    int             // images of this number end at once
	script []time.Duration // how long the runs after the first began take; then for ever
	began  int             // so many starts came before
}

func drawKind(r *rand.Rand) kind {
	k := kind{salt: r.Uint64(), bad: r.IntN(2 * badImage)}
	if r.IntN(2) == 0 {
		k.runs = []time.Duration{300 * time.Millisecond, 3 * time.Second, 15 * time.Second, 40 * time.Second}[r.IntN(4)]
		k.code = uint32(r.IntN(4))
	}
	if r.IntN(2) == 0 {
		k.shutdown = time.Duration(r.IntN(5000)) * time.Millisecond
	}
	k.deaf = r.IntN(6) == 0
	if r.IntN(3) == 0 {
		k.kill = time.Duration(r.IntN(2000)) * time.Millisecond
	}
	return k
}

// behave is how one run goes. Once the faults are over, what does not end well
// runs for ever: a container that keeps crashing never settles.
func (s *sim) behave(c *manifest.Container, run int) fake.Behaviour {
	k := s.kinds[c.Name()]
	b := fake.Behaviour{
		ShutdownTakes: k.shutdown, IgnoresShutdown: k.deaf, TerminateTakes: k.kill, CanPause: true,
	}
	if i := run - k.began - 1; k.script != nil && i >= 0 && i < len(k.script) {
		b.RunFor, b.ExitCode = k.script[i], k.code
		return b
	}
	if c.Spec.Image == fmt.Sprintf("app:%d", k.bad) && k.salt != 0 && !s.calm {
		b.RunFor, b.ExitCode = 300*time.Millisecond, 1
		return b
	}
	job := c.Spec.RestartPolicy != manifest.RestartAlways && len(c.Spec.Restart.ExitRules) == 0 && k.code == 0
	if k.runs == 0 || s.calm && !job {
		return b
	}
	r := rand.New(rand.NewPCG(k.salt, uint64(run)))
	b.RunFor = k.runs/2 + time.Duration(r.Int64N(int64(k.runs)))
	b.ExitCode = k.code
	if r.IntN(4) == 0 && !s.calm {
		b.ExitCode = uint32(r.IntN(4))
	}
	return b
}
