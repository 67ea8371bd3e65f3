// Package manifest defines what users write: the Container document, its
// defaults and its rules, the strict parser, the revision of a specification
// and the per-field answer to "what does a change of this field cost".
//
// It never touches the disk, the clock or a runtime: bytes in, values and
// problems out. Reading a folder is the business of manifest/folder.
//
// Every value is immutable once Parse has returned it, so it may be shared
// freely between goroutines.
package manifest

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
)

// APIVersion and Kind head every manifest.
const (
	APIVersion = "hcs-reconcile/v1"
	Kind       = "Container"
)

// Container is one document of a manifest file, with defaults filled in.
type Container struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   Metadata `json:"metadata"`
	Spec       Spec     `json:"spec"`

	// Origin is the place of the document; it is not part of the specification.
	Origin Origin `json:"-"`
	// Revision names the part of Spec that a running container cannot change.
	Revision Revision `json:"-"`
	// Live is the digest of the part of Spec that the driver can change in a
	// running container (Change InPlace); what is Free belongs to neither.
	Live string `json:"-"`
}

// Name is metadata.name: a DNS-1123 label, unique in the folder.
func (c *Container) Name() string { return c.Metadata.Name }

// Needs lists the containers that c depends on or shares the network of, sorted.
func (c *Container) Needs() []string {
	var names []string
	for _, d := range c.Spec.DependsOn {
		names = append(names, d.Name)
	}
	if w := c.Spec.Network.ShareWith; w != "" {
		names = append(names, w)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Metadata names a container and carries free-form marks, as in Kubernetes.
type Metadata struct {
	Name        string            `json:"name"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Origin is where a document begins.
type Origin struct {
	File string // relative to the folder, with forward slashes
	Line int    // 1-based
}

// The enumerations of Spec. Their zero value means "not said"; defaults replace it.
type (
	// DesiredState is what the container shall be.
	DesiredState string
	// OS is the operating system inside the container.
	OS string
	// Isolation is how the container is kept apart from the host.
	Isolation string
	// RestartPolicy says after which exits the container is started again.
	RestartPolicy string
	// ExitAction is what an exit rule decides.
	ExitAction string
	// Condition is what a dependency must have reached.
	Condition string
	// Protocol of a published port.
	Protocol string
	// UpdateStrategy says how a new revision replaces the old one.
	UpdateStrategy string
)

// The values of the enumerations.
const (
	DesiredRunning DesiredState = "Running"
	DesiredStopped DesiredState = "Stopped"
	DesiredPaused  DesiredState = "Paused" // Hyper-V isolation only

	OSWindows OS = "windows"
	OSLinux   OS = "linux" // in a utility VM

	IsolationProcess Isolation = "process"
	IsolationHyperV  Isolation = "hyperv"

	RestartAlways    RestartPolicy = "Always"
	RestartOnFailure RestartPolicy = "OnFailure"
	RestartNever     RestartPolicy = "Never"

	ExitRestart  ExitAction = "Restart"
	ExitComplete ExitAction = "Complete"
	ExitGiveUp   ExitAction = "GiveUp"

	ConditionStarted   Condition = "Started"
	ConditionReady     Condition = "Ready"
	ConditionCompleted Condition = "Completed"

	ProtocolTCP Protocol = "TCP"
	ProtocolUDP Protocol = "UDP"

	UpdateRecreate   UpdateStrategy = "Recreate"
	UpdateStartFirst UpdateStrategy = "StartFirst"
)

// Spec is what the container shall be. Where a Kubernetes Pod has the field,
// name, shape, default and meaning are the Pod's.
type Spec struct {
	DesiredState DesiredState `json:"desiredState,omitempty"`
	OS           OS           `json:"os,omitempty"`
	Isolation    Isolation    `json:"isolation,omitempty"`
	Image        string       `json:"image,omitempty"`
	RootFS       *RootFS      `json:"rootfs,omitempty"`

	Command     []string `json:"command,omitempty"`
	Args        []string `json:"args,omitempty"`
	CommandLine string   `json:"commandLine,omitempty"`
	WorkingDir  string   `json:"workingDir,omitempty"`
	Env         []EnvVar `json:"env,omitempty"`
	TTY         bool     `json:"tty,omitempty"`
	Stdin       bool     `json:"stdin,omitempty"`

	Hostname        string          `json:"hostname,omitempty"`
	SecurityContext SecurityContext `json:"securityContext,omitzero"`
	Resources       Resources       `json:"resources,omitzero"`
	Mounts          []Mount         `json:"mounts,omitempty"`
	Devices         []Device        `json:"devices,omitempty"`
	Network         Network         `json:"network,omitzero"`
	Ports           []Port          `json:"ports,omitempty"`
	DNSConfig       DNSConfig       `json:"dnsConfig,omitzero"`

	DependsOn     []Dependency  `json:"dependsOn,omitempty"`
	RestartPolicy RestartPolicy `json:"restartPolicy,omitempty"`
	Restart       Restart       `json:"restart,omitzero"`
	// TerminationGracePeriodSeconds is the time between Shutdown and Terminate.
	TerminationGracePeriodSeconds *int64    `json:"terminationGracePeriodSeconds,omitempty"`
	Lifecycle                     Lifecycle `json:"lifecycle,omitzero"`
	StartupProbe                  *Probe    `json:"startupProbe,omitempty"`
	LivenessProbe                 *Probe    `json:"livenessProbe,omitempty"`
	ReadinessProbe                *Probe    `json:"readinessProbe,omitempty"`

	Update       Update            `json:"update,omitzero"`
	Logs         Logs              `json:"logs,omitzero"`
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	LCOW         *LCOW             `json:"lcow,omitempty"`
}

// RootFS names layer folders instead of an image.
type RootFS struct {
	Layers      []string           `json:"layers"` // read-only, topmost first
	ScratchSize *resource.Quantity `json:"scratchSize,omitempty"`
}

// EnvVar is one environment variable: a value, or where the host keeps it.
type EnvVar struct {
	Name      string        `json:"name"`
	Value     string        `json:"value,omitempty"`
	ValueFrom *EnvVarSource `json:"valueFrom,omitempty"`
}

// EnvVarSource is a host-side source of a value; exactly one field is set.
// It is read at each start and never stored.
type EnvVarSource struct {
	File    string `json:"file,omitempty"`    // whole content, without a final newline
	HostEnv string `json:"hostEnv,omitempty"` // variable of the daemon's own environment
}

// SecurityContext holds the Windows options of a Pod's securityContext.
type SecurityContext struct {
	WindowsOptions WindowsOptions `json:"windowsOptions,omitzero"`
}

// WindowsOptions are the user and the group-managed service account.
type WindowsOptions struct {
	RunAsUserName          string `json:"runAsUserName,omitempty"`
	GMSACredentialSpec     string `json:"gmsaCredentialSpec,omitempty"` // JSON, inline
	GMSACredentialSpecName string `json:"gmsaCredentialSpecName,omitempty"`
}

// Resources are limits in the Pod's words and finer ones in those of HCS.
type Resources struct {
	Limits  Limits           `json:"limits,omitzero"`
	Windows WindowsResources `json:"windows,omitzero"`
}

// Limits of a Pod: CPU in cores, memory in bytes.
type Limits struct {
	CPU    *resource.Quantity `json:"cpu,omitempty"`
	Memory *resource.Quantity `json:"memory,omitempty"`
}

// WindowsResources are the limits of an HCS ContainerConfig; 0 means no limit.
type WindowsResources struct {
	CPUCount         int64 `json:"cpuCount,omitempty"`
	CPUWeight        int64 `json:"cpuWeight,omitempty"`        // 1..10000
	CPUMaximum       int64 `json:"cpuMaximum,omitempty"`       // percent of the host times 100, 1..10000
	StorageIOPS      int64 `json:"storageIOPS,omitempty"`      // operations a second
	StorageBandwidth int64 `json:"storageBandwidth,omitempty"` // bytes a second
}

// Mount is a host folder or named pipe seen in the container.
type Mount struct {
	HostPath  string `json:"hostPath"`
	MountPath string `json:"mountPath"`
	ReadOnly  bool   `json:"readOnly,omitempty"`
}

// Device is a host device class given to the container.
type Device struct {
	IDType string `json:"idType"` // class
	ID     string `json:"id"`     // interface class GUID
}

// Network joins a network by name, by endpoint, or that of another container.
type Network struct {
	Name      string   `json:"name,omitempty"`
	Endpoints []string `json:"endpoints,omitempty"` // existing endpoint IDs
	ShareWith string   `json:"shareWith,omitempty"` // another container's name
}

// Port publishes a container port on the host.
type Port struct {
	Name          string   `json:"name,omitempty"`
	ContainerPort int32    `json:"containerPort"`
	HostPort      int32    `json:"hostPort,omitempty"`
	Protocol      Protocol `json:"protocol,omitempty"`
}

// DNSConfig sets name resolution.
type DNSConfig struct {
	Nameservers      []string `json:"nameservers,omitempty"`
	Searches         []string `json:"searches,omitempty"`
	AllowUnqualified bool     `json:"allowUnqualified,omitempty"`
}

// Dependency holds a start back until another container has reached a
// condition. With Restart, a new revision or an operator's restart of that
// container restarts this one too; a crash of it does not.
type Dependency struct {
	Name      string    `json:"name"`
	Condition Condition `json:"condition,omitempty"`
	Restart   bool      `json:"restart,omitempty"`
}

// Restart tunes the restart policy. Delays grow from InitialDelay by Factor
// up to MaxDelay; a run of ResetAfter or longer starts them anew. MaxRestarts
// within Window (0: since the last reset) end in GaveUp; 0 means no limit.
type Restart struct {
	InitialDelay *Duration  `json:"initialDelay,omitempty"`
	Factor       *float64   `json:"factor,omitempty"` // >= 1
	MaxDelay     *Duration  `json:"maxDelay,omitempty"`
	Jitter       *float64   `json:"jitter,omitempty"` // share of the delay added at most, 0..1
	ResetAfter   *Duration  `json:"resetAfter,omitempty"`
	MaxRestarts  int        `json:"maxRestarts,omitempty"`
	Window       Duration   `json:"window,omitempty"`
	ExitRules    []ExitRule `json:"exitRules,omitempty"` // the first that matches decides
}

// ExitRule decides by exit code, before the restart policy is asked.
type ExitRule struct {
	Codes  []ExitCodes `json:"codes"`
	Action ExitAction  `json:"action"`
}

// Update says how a new revision replaces the old one.
type Update struct {
	Strategy         UpdateStrategy `json:"strategy,omitempty"`
	ProgressDeadline *Duration      `json:"progressDeadline,omitempty"`
	Rollback         *bool          `json:"rollback,omitempty"`
	Window           *Window        `json:"window,omitempty"` // nil: at any time
}

// Logs bounds the log files of a container.
type Logs struct {
	MaxSize  *resource.Quantity `json:"maxSize,omitempty"`
	MaxFiles *int               `json:"maxFiles,omitempty"`
}

// LCOW boots the utility VM of a Linux container.
type LCOW struct {
	Kernel         string `json:"kernel,omitempty"`
	Initrd         string `json:"initrd,omitempty"`
	BootParameters string `json:"bootParameters,omitempty"`
	VHD            string `json:"vhd,omitempty"`
}
