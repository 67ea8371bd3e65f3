package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// resourceFamilies are the resource figures of running containers. After the
// prefix they bear the names that cAdvisor gives them, and windows_exporter's
// where cAdvisor has none, so that dashboards can be taken over.
type resourceFamilies struct {
	cpu, cpuUser, cpuSystem       family
	workingSet, commit, processes family
	readBytes, writeBytes         family
	reads, writes                 family
	receivedBytes, sentBytes      family
	receivedPackets, sentPackets  family
	receivedDropped, sentDropped  family
}

func newResourceFamilies(c *catalog) resourceFamilies {
	const name, nic = "container", "interface"
	return resourceFamilies{
		cpu:        c.counter("container_cpu_usage_seconds_total", "Processor time used.", name),
		cpuUser:    c.counter("container_cpu_user_seconds_total", "Processor time used in user mode.", name),
		cpuSystem:  c.counter("container_cpu_system_seconds_total", "Processor time used in kernel mode.", name),
		workingSet: c.gauge("container_memory_working_set_bytes", "Private working set; on Unix the resident set.", name),
		commit:     c.gauge("container_memory_usage_commit_bytes", "Committed memory.", name),
		processes:  c.gauge("container_processes", "Processes in the container.", name),
		readBytes:  c.counter("container_fs_reads_bytes_total", "Bytes read from storage.", name),
		writeBytes: c.counter("container_fs_writes_bytes_total", "Bytes written to storage.", name),
		reads:      c.counter("container_fs_reads_total", "Read operations on storage.", name),
		writes:     c.counter("container_fs_writes_total", "Write operations on storage.", name),

		receivedBytes:   c.counter("container_network_receive_bytes_total", "Bytes received.", name, nic),
		sentBytes:       c.counter("container_network_transmit_bytes_total", "Bytes sent.", name, nic),
		receivedPackets: c.counter("container_network_receive_packets_total", "Packets received.", name, nic),
		sentPackets:     c.counter("container_network_transmit_packets_total", "Packets sent.", name, nic),
		receivedDropped: c.counter("container_network_receive_packets_dropped_total",
			"Packets dropped on their way in.", name, nic),
		sentDropped: c.counter("container_network_transmit_packets_dropped_total",
			"Packets dropped on their way out.", name, nic),
	}
}

func (f *resourceFamilies) send(ch chan<- prometheus.Metric, s driver.Stats, of owner) {
	f.cpu.sendDuration(ch, s.CPU, of)
	f.cpuUser.sendDuration(ch, s.CPUUser, of)
	f.cpuSystem.sendDuration(ch, s.CPUKernel, of)
	f.workingSet.sendCount(ch, s.MemoryBytes, of)
	f.commit.sendCount(ch, s.MemoryCommitBytes, of)
	f.processes.sendCount(ch, s.Processes, of)
	f.readBytes.sendCount(ch, s.ReadBytes, of)
	f.writeBytes.sendCount(ch, s.WriteBytes, of)
	f.reads.sendCount(ch, s.ReadOps, of)
	f.writes.sendCount(ch, s.WriteOps, of)
	for _, n := range s.Network {
		nic := of.with(pair("interface", n.Endpoint))
		f.receivedBytes.sendOf(ch, float64(n.ReceiveBytes), nic)
		f.sentBytes.sendOf(ch, float64(n.TransmitBytes), nic)
		f.receivedPackets.sendOf(ch, float64(n.ReceivePackets), nic)
		f.sentPackets.sendOf(ch, float64(n.TransmitPackets), nic)
		f.receivedDropped.sendOf(ch, float64(n.ReceiveDropped), nic)
		f.sentDropped.sendOf(ch, float64(n.TransmitDropped), nic)
	}
}

// sendDuration and sendCount send nothing for nil, which is "not known".
func (f family) sendDuration(ch chan<- prometheus.Metric, d *time.Duration, of owner) {
	if d != nil {
		f.sendOf(ch, d.Seconds(), of)
	}
}

func (f family) sendCount(ch chan<- prometheus.Metric, n *uint64, of owner) {
	if n != nil {
		f.sendOf(ch, float64(*n), of)
	}
}
