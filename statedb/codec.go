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
