package hcs

import "encoding/json"

// The documents of HCS schema 1, as package hcsshim has them. That package
// builds on Windows only; these twins build everywhere, so that every document
// is tested everywhere. A test on Windows holds that both marshal alike.

// layer is one read-only parent of a container.
type layer struct {
	ID   string
	Path string
}

type mappedDir struct {
	HostPath          string
	ContainerPath     string
	ReadOnly          bool
	BandwidthMaximum  uint64
	IOPSMaximum       uint64
	CreateInUtilityVM bool
	LinuxMetadata     bool `json:",omitempty"`
}

type mappedPipe struct {
	HostPath          string
	ContainerPipeName string
}

// hvRuntime is the utility VM: an image folder, and for Linux what to boot.
type hvRuntime struct {
	ImagePath           string `json:",omitempty"`
	SkipTemplate        bool   `json:",omitempty"`
	LinuxInitrdFile     string `json:",omitempty"`
	LinuxKernelFile     string `json:",omitempty"`
	LinuxBootParameters string `json:",omitempty"`
	BootSource          string `json:",omitempty"`
	WritableBootSource  bool   `json:",omitempty"`
}

type mappedVirtualDisk struct {
	HostPath          string `json:",omitempty"`
	ContainerPath     string
	CreateInUtilityVM bool   `json:",omitempty"`
	ReadOnly          bool   `json:",omitempty"`
	Cache             string `json:",omitempty"`
	AttachOnly        bool   `json:",omitempty"`
}

type assignedDevice struct {
	InterfaceClassGUID string `json:"InterfaceClassGuid,omitempty"`
}

// containerConfig is the document of a compute system.
type containerConfig struct {
	SystemType                  string
	Name                        string
	Owner                       string `json:",omitempty"`
	VolumePath                  string `json:",omitempty"`
	IgnoreFlushesDuringBoot     bool   `json:",omitempty"`
	LayerFolderPath             string `json:",omitempty"`
	Layers                      []layer
	Credentials                 string       `json:",omitempty"`
	ProcessorCount              uint32       `json:",omitempty"`
	ProcessorWeight             uint64       `json:",omitempty"`
	ProcessorMaximum            int64        `json:",omitempty"`
	StorageIOPSMaximum          uint64       `json:",omitempty"`
	StorageBandwidthMaximum     uint64       `json:",omitempty"`
	StorageSandboxSize          uint64       `json:",omitempty"`
	MemoryMaximumInMB           int64        `json:",omitempty"`
	HostName                    string       `json:",omitempty"`
	MappedDirectories           []mappedDir  `json:",omitempty"`
	MappedPipes                 []mappedPipe `json:",omitempty"`
	HvPartition                 bool
	NetworkSharedContainerName  string              `json:",omitempty"`
	EndpointList                []string            `json:",omitempty"`
	HvRuntime                   *hvRuntime          `json:",omitempty"`
	Servicing                   bool                `json:",omitempty"`
	AllowUnqualifiedDNSQuery    bool                `json:",omitempty"`
	DNSSearchList               string              `json:",omitempty"`
	ContainerType               string              `json:",omitempty"`
	TerminateOnLastHandleClosed bool                `json:",omitempty"`
	MappedVirtualDisks          []mappedVirtualDisk `json:",omitempty"`
	AssignedDevices             []assignedDevice    `json:",omitempty"`
}

// processConfig is the document of a process.
type processConfig struct {
	ApplicationName   string            `json:",omitempty"`
	CommandLine       string            `json:",omitempty"`
	CommandArgs       []string          `json:",omitempty"`
	User              string            `json:",omitempty"`
	WorkingDirectory  string            `json:",omitempty"`
	Environment       map[string]string `json:",omitempty"`
	EmulateConsole    bool              `json:",omitempty"`
	CreateStdInPipe   bool              `json:",omitempty"`
	CreateStdOutPipe  bool              `json:",omitempty"`
	CreateStdErrPipe  bool              `json:",omitempty"`
	ConsoleSize       [2]uint           `json:",omitempty"` // height, width; an array is always written
	CreateInUtilityVm bool              `json:",omitempty"` //nolint:revive // the name is the format
	OCISpecification  *json.RawMessage  `json:",omitempty"`
}

// endpointRequest is what we set of an HNS endpoint.
type endpointRequest struct {
	Name              string            `json:",omitempty"`
	VirtualNetwork    string            `json:",omitempty"`
	Policies          []json.RawMessage `json:",omitempty"`
	DNSSuffix         string            `json:",omitempty"`
	DNSServerList     string            `json:",omitempty"`
	EnableInternalDNS bool              `json:",omitempty"`
}

// natPolicy publishes one port of a container on the host.
type natPolicy struct {
	Type                 string `json:"Type"`
	Protocol             string `json:",omitempty"`
	InternalPort         uint16 `json:",omitempty"`
	ExternalPort         uint16 `json:",omitempty"`
	ExternalPortReserved bool   `json:",omitempty"`
}
