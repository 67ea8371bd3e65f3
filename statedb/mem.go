package statedb

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// Mem is the Store that forgets with the process: for tests, simulations and
// trials. It encodes what it keeps as DB does, so that what comes back has the
// same shape and shares no memory with what was given. Safe for concurrent use.
type Mem struct {
	disk   *memDisk
	closed atomic.Bool
	grown  bell
}

// memDisk is what outlives a Close.
type memDisk struct {
	mu      sync.Mutex
	records map[string][]byte
	files   map[string][]byte
	specs   map[string][]Spec // oldest first
	history []Entry           // oldest first
	counts  map[string]int    // entries of each container
	seq     uint64
	cut     uint64 // the last one that is not kept any more
	brake   []byte
}

// NewMem gives an empty store.
func NewMem() *Mem {
	return &Mem{disk: &memDisk{
		records: make(map[string][]byte), files: make(map[string][]byte),
		specs: make(map[string][]Spec), counts: make(map[string]int), brake: []byte("{}"),
	}}
}

// Reopen gives a new store with the same content, as a restart of the daemon
// would, and closes m.
func (m *Mem) Reopen() *Mem {
	_ = m.Close()
	return &Mem{disk: m.disk}
}

// Close makes later calls fail with ErrClosed.
func (m *Mem) Close() error {
	m.closed.Store(true)
	m.grown.breakOff()
	return nil
}

// Load gives everything but specs and history; State.Bad is always empty.
func (m *Mem) Load() (State, error) {
	if m.closed.Load() {
		return State{}, ErrClosed
	}
	d := m.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	var st State
	for _, name := range slices.Sorted(maps.Keys(d.records)) {
		var r diskRecord
		if err := json.Unmarshal(d.records[name], &r); err != nil {
			return State{}, err
		}
		st.Records = append(st.Records, r.record(name))
	}
	for _, path := range slices.Sorted(maps.Keys(d.files)) {
		var f diskFile
		if err := json.Unmarshal(d.files[path], &f); err != nil {
			return State{}, err
		}
		st.Files = append(st.Files, ManifestFile{Path: path, Text: f.Text, At: f.At})
	}
	var b diskBrake
	err := json.Unmarshal(d.brake, &b)
	st.Brake = b.brake()
	return st, err
}

// Save keeps all of b or, after an error, nothing.
func (m *Mem) Save(b Batch) error {
	if m.closed.Load() {
		return ErrClosed
	}
	if err := b.check(); err != nil {
		return err
	}
	records, files, brake, err := encode(b)
	if err != nil {
		return err
	}
	d := m.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range b.Drop {
		delete(d.records, name)
		delete(d.specs, name)
	}
	for _, path := range b.DropFiles {
		delete(d.files, path)
	}
	maps.Copy(d.records, records)
	maps.Copy(d.files, files)
	if brake != nil {
		d.brake = brake
	}
	for _, s := range b.Specs {
		d.keepSpec(s)
	}
	for _, e := range b.Entries {
		d.keepEntry(e)
	}
	if len(b.Entries) > 0 {
		m.grown.ring()
	}
	return nil
}

// encode does all that can fail, before anything is kept.
func encode(b Batch) (records, files map[string][]byte, brake []byte, err error) {
	records, files = make(map[string][]byte), make(map[string][]byte)
	for _, r := range b.Put {
		if records[r.Name], err = json.Marshal(r.disk()); err != nil {
			return nil, nil, nil, err
		}
	}
	for _, f := range b.Files {
		if files[f.Path], err = json.Marshal(f.disk()); err != nil {
			return nil, nil, nil, err
		}
	}
	for _, s := range b.Specs {
		if _, err := s.At.MarshalJSON(); err != nil {
			return nil, nil, nil, err
		}
	}
	for _, e := range b.Entries {
		if _, err := e.At.MarshalJSON(); err != nil {
			return nil, nil, nil, err
		}
	}
	if b.Brake != nil {
		brake, err = json.Marshal(b.Brake.disk())
	}
	return records, files, brake, err
}

func (d *memDisk) keepSpec(s Spec) {
	s.JSON, s.Manifest = slices.Clone(s.JSON), slices.Clone(s.Manifest)
	s.At, s.ReadyAt = s.At.UTC().Round(0), s.ReadyAt.UTC().Round(0)
	kept := d.specs[s.Name]
	s, gone := place(kept, s)
	if gone >= 0 {
		kept = slices.Delete(kept, gone, gone+1)
	}
	d.specs[s.Name] = append(kept, s)
}

func (d *memDisk) keepEntry(e Entry) {
	d.seq++
	e.Seq, e.At = d.seq, e.At.UTC().Round(0)
	d.history = append(d.history, e)
	d.counts[e.Container]++
	if d.counts[e.Container] > MaxContainerHistory {
		d.dropEntry(slices.IndexFunc(d.history, func(old Entry) bool { return old.Container == e.Container }))
	}
	if len(d.history) > MaxHistory {
		d.dropEntry(0)
	}
}

func (d *memDisk) dropEntry(i int) {
	name := d.history[i].Container
	d.cut = max(d.cut, d.history[i].Seq)
	if d.counts[name]--; d.counts[name] == 0 {
		delete(d.counts, name)
	}
	if i == 0 {
		d.history = d.history[1:]
		return
	}
	d.history = slices.Delete(d.history, i, i+1)
}

// Specs gives the revisions of name that are kept, newest first.
func (m *Mem) Specs(name string) ([]Spec, error) {
	if m.closed.Load() {
		return nil, ErrClosed
	}
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	out := slices.Clone(m.disk.specs[name])
	for i := range out {
		out[i].JSON, out[i].Manifest = slices.Clone(out[i].JSON), slices.Clone(out[i].Manifest)
	}
	slices.Reverse(out)
	return out, nil
}

// History gives entries, newest first.
func (m *Mem) History(container string, max int) (out []Entry, err error) {
	if m.closed.Load() {
		return nil, ErrClosed
	}
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	for _, e := range slices.Backward(m.disk.history) {
		if max > 0 && len(out) == max {
			break
		}
		if container == "" || e.Container == container {
			out = append(out, e)
		}
	}
	return out, nil
}
