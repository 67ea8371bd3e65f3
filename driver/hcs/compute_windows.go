package hcs

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/Microsoft/hcsshim"
)

// hostCompute is the service of this host, through hcsshim.
type hostCompute struct{}

func (hostCompute) systems(ids ...string) ([]properties, error) {
	found, err := hcsshim.GetContainers(hcsshim.ComputeSystemQuery{IDs: ids, Types: []string{"Container"}})
	if err != nil {
		return nil, taken("list systems", err)
	}
	all := make([]properties, len(found))
	for i, p := range found {
		all[i] = properties{ID: p.ID, Owner: p.Owner, State: p.State, Stopped: p.Stopped}
	}
	return all, nil
}

func (hostCompute) create(id string, doc *containerConfig) (system, error) {
	var config hcsshim.ContainerConfig
	if err := convert(doc, &config); err != nil {
		return nil, err
	}
	c, err := hcsshim.CreateContainer(id, &config)
	if err != nil {
		return nil, taken("create system", err)
	}
	return hostSystem{c}, nil
}

func (hostCompute) open(id string) (system, error) {
	c, err := hcsshim.OpenContainer(id)
	if err != nil {
		return nil, taken("open system", err)
	}
	return hostSystem{c}, nil
}

// convert turns a document of ours into hcsshim's twin.
func convert(from, to any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return fmt.Errorf("encode document: %w", err)
	}
	if err := json.Unmarshal(text, to); err != nil {
		return fmt.Errorf("convert document: %w", err)
	}
	return nil
}

// hostSystem is an open system.
type hostSystem struct{ c hcsshim.Container }

func (s hostSystem) start() error     { return taken("start", s.c.Start()) }
func (s hostSystem) shutdown() error  { return taken("shutdown", s.c.Shutdown()) }
func (s hostSystem) terminate() error { return taken("terminate", s.c.Terminate()) }
func (s hostSystem) pause() error     { return taken("pause", s.c.Pause()) }
func (s hostSystem) resume() error    { return taken("resume", s.c.Resume()) }
func (s hostSystem) wait() error      { return taken("wait for system", s.c.Wait()) }
func (s hostSystem) close() error     { return taken("close system", s.c.Close()) }

func (s hostSystem) launch(doc *processConfig) (process, error) {
	var config hcsshim.ProcessConfig
	if err := convert(doc, &config); err != nil {
		return nil, err
	}
	p, err := s.c.CreateProcess(&config)
	if err != nil {
		return nil, taken("create process", err)
	}
	return hostInit{p}, nil
}

func (s hostSystem) attach(pid int) (process, error) {
	p, err := s.c.OpenProcess(pid)
	if err != nil {
		return nil, taken("open process", err)
	}
	return hostInit{p}, nil
}

// ticks are the units of 100 ns that the service counts in.
func ticks(n uint64) time.Duration { return time.Duration(n) * 100 } //nolint:gosec // processor time

func (s hostSystem) statistics() (statistics, error) {
	st, err := s.c.Statistics()
	if err != nil {
		return statistics{}, taken("statistics", err)
	}
	out := statistics{
		at:  st.Timestamp,
		cpu: ticks(st.Processor.TotalRuntime100ns), user: ticks(st.Processor.RuntimeUser100ns), kernel: ticks(st.Processor.RuntimeKernel100ns),
		privateWorkingSet: st.Memory.UsagePrivateWorkingSetBytes, commit: st.Memory.UsageCommitBytes,
		readBytes: st.Storage.ReadSizeBytes, writeBytes: st.Storage.WriteSizeBytes,
		readOperations: st.Storage.ReadCountNormalized, writeOperations: st.Storage.WriteCountNormalized,
	}
	for _, n := range st.Network {
		out.network = append(out.network, networkStatistics{
			endpoint: n.EndpointId, received: n.BytesReceived, sent: n.BytesSent,
			packetsIn: n.PacketsReceived, packetsOut: n.PacketsSent,
			droppedIn: n.DroppedPacketsIncoming, droppedOut: n.DroppedPacketsOutgoing,
		})
	}
	return out, nil
}

func (s hostSystem) processes() ([]processItem, error) {
	list, err := s.c.ProcessList()
	if err != nil {
		return nil, taken("list processes", err)
	}
	items := make([]processItem, len(list))
	for i, p := range list {
		items[i] = processItem{pid: int(p.ProcessId), image: p.ImageName, created: p.CreateTimestamp}
	}
	return items, nil
}

// hostInit is an open process in a system.
type hostInit struct{ p hcsshim.Process }

func (p hostInit) pid() int          { return p.p.Pid() }
func (p hostInit) wait() error       { return taken("wait for process", p.p.Wait()) }
func (p hostInit) closeStdin() error { return taken("close standard input", p.p.CloseStdin()) }
func (p hostInit) close() error      { return taken("close process", p.p.Close()) }

func (p hostInit) kill() error { return taken("kill process", p.p.Kill()) }

func (p hostInit) resize(rows, cols uint16) error {
	return taken("resize console", p.p.ResizeConsole(cols, rows))
}

func (p hostInit) exitCode() (int, error) {
	code, err := p.p.ExitCode()
	return code, taken("exit code", err)
}

func (p hostInit) stdio() (io.WriteCloser, io.ReadCloser, io.ReadCloser, error) {
	in, out, errs, err := p.p.Stdio()
	return in, out, errs, taken("open standard streams", err)
}
