package control

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// Stats are the resource figures of one running container. A field that is
// missing is not known to the driver.
type Stats struct {
	Name              string         `json:"name"`
	At                time.Time      `json:"at,omitzero"`
	CPU               *time.Duration `json:"cpuNanoseconds,omitempty"` // processor time used in all
	CPUUser           *time.Duration `json:"cpuUserNanoseconds,omitempty"`
	CPUKernel         *time.Duration `json:"cpuKernelNanoseconds,omitempty"`
	MemoryBytes       *uint64        `json:"memoryBytes,omitempty"`
	MemoryCommitBytes *uint64        `json:"memoryCommitBytes,omitempty"`
	ReadBytes         *uint64        `json:"readBytes,omitempty"`
	WriteBytes        *uint64        `json:"writeBytes,omitempty"`
	ReadOps           *uint64        `json:"readOps,omitempty"`
	WriteOps          *uint64        `json:"writeOps,omitempty"`
	Processes         *uint64        `json:"processes,omitempty"`
	Network           []Network      `json:"network,omitempty"`
	Error             string         `json:"error,omitempty"` // why there are no figures
}

// Network are the figures of one endpoint of a container.
type Network struct {
	Endpoint        string `json:"endpoint"`
	ReceiveBytes    uint64 `json:"receiveBytes"`
	TransmitBytes   uint64 `json:"transmitBytes"`
	ReceivePackets  uint64 `json:"receivePackets"`
	TransmitPackets uint64 `json:"transmitPackets"`
	ReceiveDropped  uint64 `json:"receiveDropped"`
	TransmitDropped uint64 `json:"transmitDropped"`
}

const (
	statsLimit = 3 * time.Second // of one container
	statsCalls = 16              // at once
)

func (s *server) allStats(r *http.Request) ([]Stats, error) {
	v, err := s.cfg.Engine.View(r.Context())
	if err != nil {
		return nil, err
	}
	list := make([]Stats, 0, len(v.Containers))
	var refs []driver.Ref
	for _, c := range v.Containers {
		if ref, ok := runningOf(&c); ok {
			refs = append(refs, ref)
			list = append(list, Stats{Name: c.Name})
		}
	}
	turns := make(chan struct{}, statsCalls)
	var all sync.WaitGroup
	for i := range refs {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			list[i] = s.statsOf(r.Context(), refs[i])
		})
	}
	all.Wait()
	return list, nil
}

func (s *server) oneStats(r *http.Request) (Stats, error) {
	ref, err := s.running(r.Context(), "look at", r.PathValue("name"))
	if err != nil {
		return Stats{}, err
	}
	return s.statsOf(r.Context(), ref), nil
}

func (s *server) statsOf(ctx context.Context, ref driver.Ref) Stats {
	out := Stats{Name: ref.Name}
	if s.cfg.Runtime == nil {
		out.Error = driver.ErrUnsupported.Error()
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, statsLimit)
	defer cancel()
	st, err := s.cfg.Runtime.Stats(ctx, ref)
	if err != nil {
		out.Error = err.Error()
		return out
	}
	out = Stats{
		Name: ref.Name, At: st.At, CPU: st.CPU, CPUUser: st.CPUUser, CPUKernel: st.CPUKernel, MemoryBytes: st.MemoryBytes,
		MemoryCommitBytes: st.MemoryCommitBytes, ReadBytes: st.ReadBytes, WriteBytes: st.WriteBytes,
		ReadOps: st.ReadOps, WriteOps: st.WriteOps, Processes: st.Processes,
	}
	for _, n := range st.Network {
		out.Network = append(out.Network, Network(n))
	}
	return out
}

// running finds what runs under a name; verb is for the error.
func (s *server) running(ctx context.Context, verb, name string) (driver.Ref, error) {
	v, err := s.cfg.Engine.View(ctx)
	if err != nil {
		return driver.Ref{}, err
	}
	for _, c := range v.Containers {
		if c.Name != name {
			continue
		}
		if ref, ok := runningOf(&c); ok {
			return ref, nil
		}
		return driver.Ref{}, fmt.Errorf("%s %s: it is %s: %w", verb, name, c.State, driver.ErrNotRunning)
	}
	return driver.Ref{}, fmt.Errorf("%s %q: %w", verb, name, engine.ErrNoContainer)
}

// runningOf is the revision that runs; of two, the wanted one.
func runningOf(c *reconcile.ContainerStatus) (ref driver.Ref, ok bool) {
	for _, st := range c.Actual {
		if st.State == driver.Running && (!ok || st.Revision == c.Revision) {
			ref, ok = st.Ref, true
		}
	}
	return ref, ok
}
