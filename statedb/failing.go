package statedb

// Failing is the Store whose every call gives Err, for tests of what happens
// when the disk is full or gone. Safe for concurrent use.
type Failing struct{ Err error }

// Load gives Err.
func (f Failing) Load() (State, error) { return State{}, f.Err }

// Save gives Err, also for an empty batch.
func (f Failing) Save(Batch) error { return f.Err }

// Specs gives Err.
func (f Failing) Specs(string) ([]Spec, error) { return nil, f.Err }

// History gives Err.
func (f Failing) History(string, int) ([]Entry, error) { return nil, f.Err }

// Since gives Err.
func (f Failing) Since(string, uint64, int) (Page, error) { return Page{}, f.Err }

// Grown gives a channel that is never closed: nothing is ever saved.
func (f Failing) Grown() <-chan struct{} { return nil }

// Close gives Err.
func (f Failing) Close() error { return f.Err }

var _, _, _ Store = (*DB)(nil), (*Mem)(nil), Failing{}
