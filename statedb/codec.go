package statedb

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"time"
)

// The disk structs below are the format: fields may be added, never renamed,
// retyped or given another meaning. A field that this program does not know is
// dropped at the next write of its entry; one that is missing has its zero
// value. Times are UTC RFC 3339 with nanoseconds; zero times are left out.

type diskRecord struct {
	Revision string        `json:"rev,omitempty"`
	Source   string        `json:"src,omitempty"`
	Live     string        `json:"live,omitempty"`
	Grace    time.Duration `json:"grace,omitempty"` // ns
	Needs    []string      `json:"needs,omitempty"`

	Ran      bool        `json:"ran,omitempty"`
	Started  time.Time   `json:"started,omitzero"`
	Failures int         `json:"fails,omitempty"`
	Restarts uint64      `json:"restarts,omitempty"`
	Recent   []time.Time `json:"recent,omitempty"`
	RetryAt  time.Time   `json:"retry,omitzero"`
	SeenExit time.Time   `json:"seen,omitzero"`
	LastExit *diskExit   `json:"exit,omitempty"`
	Verdict  Verdict     `json:"verdict,omitempty"`
	Edit     string      `json:"edit,omitempty"`

	StopAt       time.Time `json:"stop,omitzero"`
	StopSent     bool      `json:"stopSent,omitempty"`
	StopRevision string    `json:"stopRev,omitempty"`
	StopReason   string    `json:"stopWhy,omitempty"`
	StopHook     HookState `json:"stopHook,omitempty"`

	Probes *diskProbes `json:"probes,omitempty"`
	Hooks  *diskHooks  `json:"hooks,omitempty"`

	Ask   Ask       `json:"ask,omitempty"`
	AskBy string    `json:"askBy,omitempty"`
	Hold  *diskHold `json:"hold,omitempty"`

	Op        string    `json:"op,omitempty"`
	FailedOp  string    `json:"opFailed,omitempty"`
	OpErrors  int       `json:"opErrs,omitempty"`
	OpRetryAt time.Time `json:"opRetry,omitzero"`
	LastError string    `json:"err,omitempty"`

	Since time.Time `json:"since,omitzero"`
	State string    `json:"state,omitempty"`
}

type diskExit struct {
	Code    uint32    `json:"code,omitempty"`
	Known   bool      `json:"known,omitempty"`
	Started time.Time `json:"started,omitzero"`
	At      time.Time `json:"at,omitzero"`
	Asked   bool      `json:"asked,omitempty"`
	Reason  string    `json:"why,omitempty"`
}

type diskHold struct {
	Since  time.Time `json:"since,omitzero"`
	Until  time.Time `json:"until,omitzero"`
	Reason string    `json:"why,omitempty"`
	By     string    `json:"by,omitempty"`
}

type diskProbes struct {
	Started bool `json:"started,omitempty"`
	Ready   bool `json:"ready,omitempty"`
}

type diskHooks struct {
	PreStop   []byte    `json:"preStop,omitempty"`
	PostStart HookState `json:"postStart,omitempty"`
}

type diskFile struct {
	Text []byte    `json:"text,omitempty"`
	At   time.Time `json:"at,omitzero"`
}

type diskSpec struct {
	JSON     []byte    `json:"json,omitempty"`
	Manifest []byte    `json:"text,omitempty"`
	Source   string    `json:"src,omitempty"`
	At       time.Time `json:"at,omitzero"`
	ReadyAt  time.Time `json:"ready,omitzero"`
}

type diskEntry struct {
	At      time.Time `json:"at,omitzero"`
	Type    string    `json:"type,omitempty"`
	Action  string    `json:"action,omitempty"`
	Reason  string    `json:"why,omitempty"`
	Message string    `json:"msg,omitempty"`
	Change  string    `json:"change,omitempty"`
	Source  string    `json:"src,omitempty"`

	Kind     string        `json:"kind,omitempty"`
	Revision string        `json:"rev,omitempty"`
	State    string        `json:"state,omitempty"`
	Took     time.Duration `json:"took,omitempty"` // ns
}

type diskBrake struct {
	Removed []diskRemoval `json:"removed,omitempty"`
	Blocked []string      `json:"blocked,omitempty"`
	Since   time.Time     `json:"since,omitzero"`
}

type diskRemoval struct {
	Name string    `json:"name"`
	At   time.Time `json:"at,omitzero"`
}

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const sealBytes = 4

var errSeal = errors.New("checksum does not fit: the bytes changed on disk")

// seal puts a checksum before payload that covers the table, the key and the
// payload, because bbolt has none for its data pages.
func seal(table string, key, payload []byte) []byte {
	out := make([]byte, sealBytes, sealBytes+len(payload))
	binary.BigEndian.PutUint32(out, checksum(table, key, payload))
	return append(out, payload...)
}

// unseal gives the payload of v, which stays owned by the transaction.
func unseal(table string, key, v []byte) ([]byte, error) {
	if len(v) < sealBytes || sealOf(v) != checksum(table, key, v[sealBytes:]) {
		return nil, errSeal
	}
	return v[sealBytes:], nil
}

func sealOf(v []byte) uint32 { return binary.BigEndian.Uint32(v) }

func checksum(table string, key, payload []byte) uint32 {
	sum := crc32.Update(0, castagnoli, []byte(table))
	sum = crc32.Update(sum, castagnoli, key)
	return crc32.Update(sum, castagnoli, payload)
}

// decode unseals v and reads its JSON into d.
func decode(table string, key, v []byte, d any) error {
	payload, err := unseal(table, key, v)
	if err != nil {
		return err
	}
	return json.Unmarshal(payload, d)
}

func (r Record) disk() diskRecord {
	d := diskRecord{
		Revision: r.Revision, Source: r.Source, Live: r.Live, Grace: r.Grace, Needs: r.Needs,
		Ran: r.Ran, Started: r.Started.UTC(), Failures: r.Failures, Restarts: r.Restarts,
		RetryAt: r.RetryAt.UTC(), SeenExit: r.SeenExit.UTC(), Verdict: r.Verdict, Edit: r.Edit,
		StopAt: r.StopAt.UTC(), StopSent: r.StopSent, StopRevision: r.StopRevision, StopReason: r.StopReason,
		Op: r.Op, FailedOp: r.FailedOp, OpErrors: r.OpErrors, OpRetryAt: r.OpRetryAt.UTC(),
		LastError: r.LastError, Since: r.Since.UTC(), State: r.State, Ask: r.Ask, AskBy: r.AskBy, StopHook: r.StopHook,
		Probes: (*diskProbes)(r.Probes), Hooks: (*diskHooks)(r.Hooks),
	}
	if h := r.Hold; h != nil {
		d.Hold = &diskHold{Since: h.Since.UTC(), Until: h.Until.UTC(), Reason: h.Reason, By: h.By}
	}
	for _, t := range r.Recent {
		d.Recent = append(d.Recent, t.UTC())
	}
	if e := r.LastExit; e != nil {
		d.LastExit = &diskExit{Code: e.Code, Known: e.Known, Started: e.Started.UTC(), At: e.At.UTC(), Asked: e.Asked, Reason: e.Reason}
	}
	return d
}

func (d diskRecord) record(name string) Record {
	r := Record{
		Name: name, Revision: d.Revision, Source: d.Source, Live: d.Live, Grace: d.Grace, Needs: d.Needs,
		Ran: d.Ran, Started: d.Started, Failures: d.Failures, Restarts: d.Restarts, Recent: d.Recent,
		RetryAt: d.RetryAt, SeenExit: d.SeenExit, Verdict: d.Verdict, Edit: d.Edit,
		StopAt: d.StopAt, StopSent: d.StopSent, StopRevision: d.StopRevision, StopReason: d.StopReason,
		Op: d.Op, FailedOp: d.FailedOp, OpErrors: d.OpErrors, OpRetryAt: d.OpRetryAt,
		LastError: d.LastError, Since: d.Since, State: d.State, Ask: d.Ask, AskBy: d.AskBy, StopHook: d.StopHook,
		Probes: (*Probes)(d.Probes), Hooks: (*Hooks)(d.Hooks),
	}
	if d.Hold != nil {
		h := Hold(*d.Hold)
		r.Hold = &h
	}
	if e := d.LastExit; e != nil {
		r.LastExit = &Exit{Code: e.Code, Known: e.Known, Started: e.Started, At: e.At, Asked: e.Asked, Reason: e.Reason}
	}
	return r
}

func (f ManifestFile) disk() diskFile { return diskFile{Text: f.Text, At: f.At.UTC()} }

func (s Spec) disk() diskSpec {
	return diskSpec{JSON: s.JSON, Manifest: s.Manifest, Source: s.Source, At: s.At.UTC(), ReadyAt: s.ReadyAt.UTC()}
}

func (d diskSpec) spec(name, revision string, n uint64) Spec {
	return Spec{
		Name: name, Revision: revision, N: n + 1,
		JSON: d.JSON, Manifest: d.Manifest, Source: d.Source, At: d.At, ReadyAt: d.ReadyAt,
	}
}

func (e Entry) disk() diskEntry {
	return diskEntry{
		At: e.At.UTC(), Type: e.Type, Action: e.Action, Reason: e.Reason, Message: e.Message, Source: e.Source,
		Change: e.Change, Kind: e.Kind, Revision: e.Revision, State: e.State, Took: e.Took,
	}
}

func (d diskEntry) entry(seq uint64, container string) Entry {
	return Entry{
		Seq: seq, At: d.At, Container: container,
		Type: d.Type, Action: d.Action, Reason: d.Reason, Message: d.Message, Source: d.Source,
		Change: d.Change, Kind: d.Kind, Revision: d.Revision, State: d.State, Took: d.Took,
	}
}

func (b Brake) disk() diskBrake {
	d := diskBrake{Blocked: b.Blocked, Since: b.Since.UTC()}
	for _, r := range b.Removed {
		d.Removed = append(d.Removed, diskRemoval{Name: r.Name, At: r.At.UTC()})
	}
	return d
}

func (d diskBrake) brake() Brake {
	b := Brake{Blocked: d.Blocked, Since: d.Since}
	for _, r := range d.Removed {
		b.Removed = append(b.Removed, Removal(r))
	}
	return b
}

// check refuses what cannot be a key, so that DB and Mem refuse the same.
func (b Batch) check() error {
	var keys []string
	for _, r := range b.Put {
		keys = append(keys, r.Name)
	}
	for _, s := range b.Specs {
		keys = append(keys, s.Name, s.Revision)
	}
	for _, f := range b.Files {
		keys = append(keys, f.Path)
	}
	for _, key := range keys {
		if key == "" || len(key) > maxKeyBytes || strings.ContainsRune(key, 0) {
			return fmt.Errorf("save state: %.40q cannot be a name, a revision or a path", key)
		}
	}
	for _, e := range b.Entries {
		if len(e.Container) > maxKeyBytes {
			return fmt.Errorf("save state: %.40q cannot be a name", e.Container)
		}
	}
	return nil
}
