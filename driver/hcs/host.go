package hcs

import (
	"io"
	"time"
)

// machine is everything that the driver asks of Windows, in four narrow
// interfaces. On Windows hcsshim and two system calls stand behind them; in
// tests a model of the service with its oddities does. Every method may block
// for as long as the system likes, cannot be called off, and returns
// *hostError where Windows said what is wrong.
type machine struct {
	compute
	storage
	network
	processTable
}

// compute is the Host Compute Service.
type compute interface {
	// systems lists the compute systems with these IDs, without any: all.
	systems(ids ...string) ([]properties, error)
	create(id string, doc *containerConfig) (system, error)
	open(id string) (system, error)
}

// properties are what a listing says of one system.
type properties struct {
	ID, Owner, State string
	Stopped          bool
}

// system is an open handle of a compute system. Success of shutdown and
// terminate is an error whose code is "pending".
type system interface {
	start() error
	shutdown() error
	terminate() error
	pause() error
	resume() error
	wait() error // until it has exited, or the handle is closed
	statistics() (statistics, error)
	processes() ([]processItem, error)
	launch(doc *processConfig) (process, error)
	attach(pid int) (process, error)
	close() error
}

// process is an open handle of a process in a system.
type process interface {
	pid() int
	wait() error            // until it has exited, or the handle is closed
	exitCode() (int, error) // -1 if it is not known
	stdio() (in io.WriteCloser, out, err io.ReadCloser, _ error)
	closeStdin() error
	resize(rows, cols uint16) error // of its console
	// kill ends it, and ends the whole system instead where that cannot be
	// opened again: unless the handle of the system that it came from is closed.
	kill() error
	close() error
}

type statistics struct {
	at                              time.Time
	cpu, user, kernel               time.Duration
	privateWorkingSet, commit       uint64
	readBytes, writeBytes           uint64
	readOperations, writeOperations uint64
	network                         []networkStatistics
}

type networkStatistics struct {
	endpoint              string
	received, sent        uint64 // bytes
	packetsIn, packetsOut uint64
	droppedIn, droppedOut uint64 // packets
}

// processItem is one line of a system's process list.
type processItem struct {
	pid     int
	image   string // file name
	created time.Time
}

// storage is the layer part of the service. Layers are named by their folders.
type storage interface {
	createScratch(folder string, parents []string) error
	expand(folder string, size uint64) error
	activate(folder string) error
	deactivate(folder string) error
	prepare(folder string, parents []string) error
	unprepare(folder string) error
	mountPath(folder string) (string, error)
	destroy(folder string) error
	guid(name string) (string, error)
	exists(path string) bool // any file or folder of the host
}

// network is the Host Network Service.
type network interface {
	findNetwork(name string) (id string, nat bool, err error)
	endpoints() ([]endpoint, error)
	createEndpoint(doc *endpointRequest) (id string, err error)
	deleteEndpoint(id string) error
	// address is the IP address of an endpoint, "" if it has none.
	address(id string) (string, error)
}

type endpoint struct{ ID, Name string }

// processTable are the processes of the host itself.
type processTable interface {
	// openProcess fails with errNoProcess if there is none.
	openProcess(pid int) (hostProcess, error)
}

// hostProcess holds a process of the host, so that its number is not given to
// another one.
type hostProcess interface {
	born() time.Time
	exit() (code uint32, ended bool)
	close()
}
