package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"
)

// hashVersion is one way to write down what needs a new container. A version
// is frozen once it has been released: containers bear its hashes.
type hashVersion struct {
	name string
	// canonical returns the bytes that are hashed. Fields at their default
	// leave no trace in them, so a field that is added later with a default
	// that means "as before" changes no hash.
	canonical func(*Spec) []byte
}

// hashSet is the versions that are understood; the last one is written.
type hashSet []hashVersion

var hashes = hashSet{{name: "1", canonical: canonicalV1}}

// Matches reports whether r is the revision of c in r's own hash version;
// known is false if this program does not know that version. A container made
// by an older program is thus compared in the older program's terms.
func (c *Container) Matches(r Revision) (same, known bool) {
	return hashes.matches(&c.Spec, r)
}

func (h hashSet) revision(s *Spec) Revision {
	return h[len(h)-1].revision(s)
}

func (h hashSet) matches(s *Spec, r Revision) (same, known bool) {
	for _, v := range h {
		if v.name == r.Version() {
			return v.revision(s) == r, true
		}
	}
	return false, false
}

func (v hashVersion) revision(s *Spec) Revision {
	return Revision(v.name + "-" + digest(v.canonical(s)))
}

// digest is 64 bits of SHA-256 in hexadecimal: enough to tell the revisions of
// one name apart.
func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// canonicalV1 is the JSON of the fields whose change needs a new container,
// without those at their default, in the order of the types. Order and names
// are part of version 1: golden hashes in testdata/revision guard them.
func canonicalV1(s *Spec) []byte {
	return mustJSON(recreated(s))
}

// recreated is a copy of s with only the fields of class Recreate that differ
// from their default.
func recreated(s *Spec) Spec {
	r := Spec{
		Image: s.Image, RootFS: s.RootFS,
		Command: s.Command, Args: s.Args, CommandLine: s.CommandLine, WorkingDir: s.WorkingDir,
		Env: s.Env, TTY: s.TTY, Stdin: s.Stdin,
		Hostname: s.Hostname, SecurityContext: s.SecurityContext, Resources: s.Resources,
		Mounts: s.Mounts, Devices: s.Devices, Network: s.Network, DNSConfig: s.DNSConfig,
		LCOW: s.LCOW,
	}
	r.OS = unlessDefault(s.OS, OSWindows)
	r.Isolation = unlessDefault(s.Isolation, IsolationProcess)
	r.Ports = canonicalPorts(s.Ports)
	if r.RootFS != nil {
		r.RootFS = &RootFS{Layers: r.RootFS.Layers, ScratchSize: plainQuantity(r.RootFS.ScratchSize)}
	}
	r.Resources.Limits.CPU = plainQuantity(s.Resources.Limits.CPU)
	r.Resources.Limits.Memory = plainQuantity(s.Resources.Limits.Memory)
	r.Network.Endpoints = orNil(s.Network.Endpoints)
	r.DNSConfig.Nameservers = orNil(s.DNSConfig.Nameservers)
	r.DNSConfig.Searches = orNil(s.DNSConfig.Searches)
	if r.LCOW != nil && *r.LCOW == (LCOW{}) {
		r.LCOW = nil
	}
	return r
}

func canonicalPorts(ports []Port) []Port {
	if len(ports) == 0 {
		return nil
	}
	out := make([]Port, len(ports))
	for i, p := range ports {
		p.Protocol = unlessDefault(p.Protocol, ProtocolTCP)
		out[i] = p
	}
	return out
}

// liveDigest covers the fields of class InPlace.
func liveDigest(s *Spec) string {
	l := s.Logs
	l.MaxSize = plainQuantity(l.MaxSize)
	if l.MaxSize != nil && l.MaxSize.Value() == defaultLogSize {
		l.MaxSize = nil
	}
	if l.MaxFiles != nil && *l.MaxFiles == defaultLogFiles {
		l.MaxFiles = nil
	}
	return digest(mustJSON(Spec{Logs: l}))
}

// plainQuantity is q in a notation that depends on its value only: 1Gi, 1024Mi
// and 1073741824 become the same.
func plainQuantity(q *resource.Quantity) *resource.Quantity {
	if q == nil {
		return nil
	}
	c := q.DeepCopy()
	c.Format = resource.DecimalSI
	c.Add(resource.Quantity{Format: resource.DecimalSI}) // forgets the cached text
	return &c
}

// orNil makes an empty list the same as none, so that its group can be left out.
func orNil(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

func unlessDefault[T comparable](v, def T) T {
	if v == def {
		var zero T
		return zero
	}
	return v
}

// mustJSON encodes values of our own types, which cannot fail: they hold no
// channels, functions or cycles, and validation refuses what is no number.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err))
	}
	return b
}
