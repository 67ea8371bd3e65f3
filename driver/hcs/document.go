package hcs

import (
	"fmt"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// place is what the document of a container needs to know of its host.
type place struct {
	owner, id   string
	cpus        int      // processors of the host
	scratch     string   // folder of the writable layer
	volume      string   // where the writable layer is mounted; process isolation only
	layers      []layer  // read-only parents, topmost first
	utilityVM   string   // image folder; Hyper-V isolation of Windows only
	endpoints   []string // IDs
	shareWith   string   // ID of the container whose network is used
	credentials string   // text of the credential spec
	firstBoot   bool     // the writable layer has never been booted
	servicing   bool     // the run installs pending updates, and nothing else
}

// containerDocument describes the compute system of c. It is pure: whatever
// has to be asked of the host is in p.
func containerDocument(c *manifest.Container, p place) *containerConfig {
	s := &c.Spec
	cpu, _ := processorShares(s, p.cpus)
	doc := &containerConfig{
		SystemType: "Container", Name: p.id, Owner: p.owner,
		IgnoreFlushesDuringBoot: p.firstBoot, Servicing: p.servicing,
		LayerFolderPath: p.scratch, Layers: p.layers, Credentials: p.credentials,
		ProcessorCount: cpu.count, ProcessorWeight: cpu.weight, ProcessorMaximum: cpu.maximum,
		StorageIOPSMaximum:      uint64(s.Resources.Windows.StorageIOPS),      //nolint:gosec // validated
		StorageBandwidthMaximum: uint64(s.Resources.Windows.StorageBandwidth), //nolint:gosec // validated
		MemoryMaximumInMB:       megabytes(s.Resources.Limits.Memory),
		HostName:                s.Hostname,
		EndpointList:            p.endpoints, NetworkSharedContainerName: p.shareWith,
		AllowUnqualifiedDNSQuery: s.DNSConfig.AllowUnqualified, DNSSearchList: strings.Join(s.DNSConfig.Searches, ","),
	}
	if doc.HostName == "" {
		doc.HostName = hostName(p.owner, c.Name())
	}
	doc.MappedDirectories, doc.MappedPipes = mounts(s, p.id)
	for _, d := range s.Devices {
		doc.AssignedDevices = append(doc.AssignedDevices, assignedDevice{InterfaceClassGUID: strings.Trim(d.ID, "{}")})
	}
	switch {
	case s.OS == manifest.OSLinux:
		linuxSystem(doc, s.LCOW)
	case s.Isolation == manifest.IsolationHyperV:
		doc.HvPartition, doc.HvRuntime = true, &hvRuntime{ImagePath: p.utilityVM}
	default:
		doc.VolumePath = strings.TrimSuffix(p.volume, `\`) // HCS refuses it with the backslash
	}
	return doc
}

const pipePrefix = `\\.\pipe\`

func isPipe(path string) bool {
	return len(path) > len(pipePrefix) && strings.EqualFold(path[:len(pipePrefix)], pipePrefix)
}

// mounts divides the mounts of a container into folders and named pipes.
func mounts(s *manifest.Spec, id string) (dirs []mappedDir, pipes []mappedPipe) {
	for _, m := range s.Mounts {
		switch {
		case isPipe(m.HostPath):
			pipes = append(pipes, mappedPipe{HostPath: m.HostPath, ContainerPipeName: m.MountPath[len(pipePrefix):]})
		case s.OS == manifest.OSLinux:
			dirs = append(dirs, mappedDir{
				HostPath: m.HostPath, ContainerPath: guestPath(id, m.MountPath), ReadOnly: m.ReadOnly, CreateInUtilityVM: true,
			})
		default:
			dirs = append(dirs, mappedDir{HostPath: m.HostPath, ContainerPath: m.MountPath, ReadOnly: m.ReadOnly})
		}
	}
	return dirs, pipes
}

// layerList gives the layer folders the IDs that HCS knows them by. guid is
// the host's function from a folder's name to a GUID.
func layerList(s *manifest.Spec, folders []string, guid func(string) (string, error)) ([]layer, error) {
	list := make([]layer, 0, len(folders))
	for _, f := range folders {
		f = strings.TrimRight(f, `\/`)
		id, err := guid(base(f))
		if err != nil {
			return nil, fmt.Errorf("name layer %s: %w", f, err)
		}
		if s.OS == manifest.OSLinux {
			f = join(f, "layer.vhd")
		}
		list = append(list, layer{ID: id, Path: f})
	}
	return list, nil
}

// findUtilityVM looks for the image that a Hyper-V container boots, from the
// topmost layer down: an update in a higher layer brings a newer one.
func findUtilityVM(folders []string, exists func(string) bool) (string, error) {
	for _, f := range folders {
		if image := join(f, "UtilityVM"); exists(image) {
			return image, nil
		}
	}
	return "", fmt.Errorf("%w: no layer has a UtilityVM folder, which isolation hyperv needs; use an image with one, such as Server Core", driver.ErrInvalid)
}

// imageConfig is what an image says of the process to run; zero for rootfs.
type imageConfig struct {
	Entrypoint []string
	Cmd        []string
	Env        []string // NAME=value
	WorkingDir string
	User       string
}

// The console of a container with tty; there is nobody to ask for its size.
const (
	consoleHeight = 25
	consoleWidth  = 80
)

// processDocument describes the init process of c. env returns a variable's
// value, which may be kept on the host.
func processDocument(c *manifest.Container, id string, image imageConfig, env func(manifest.EnvVar) (string, error)) (*processConfig, error) {
	s := &c.Spec
	doc := &processConfig{
		EmulateConsole: s.TTY, CreateStdInPipe: s.Stdin || s.TTY, CreateStdOutPipe: true, CreateStdErrPipe: !s.TTY,
	}
	err := surroundings(doc, s, image, env)
	if err != nil {
		return nil, err
	}
	if s.TTY {
		doc.ConsoleSize = [2]uint{consoleHeight, consoleWidth}
	}
	args := arguments(s, image)
	switch {
	case s.OS == manifest.OSLinux:
		return doc, linuxProcess(doc, c, id, args)
	case s.CommandLine != "":
		doc.CommandLine = s.CommandLine
	default:
		doc.CommandLine, err = commandLine(args)
	}
	return doc, err
}

// surroundings fills in what every process of a container shares.
func surroundings(doc *processConfig, s *manifest.Spec, image imageConfig, env func(manifest.EnvVar) (string, error)) (err error) {
	doc.User, doc.WorkingDirectory = s.SecurityContext.WindowsOptions.RunAsUserName, s.WorkingDir
	if doc.User == "" {
		doc.User = image.User
	}
	if doc.WorkingDirectory == "" {
		doc.WorkingDirectory = image.WorkingDir
	}
	doc.Environment, err = environment(s, image.Env, env)
	return err
}

// arguments merges command and args with the image's, as a Pod does.
func arguments(s *manifest.Spec, image imageConfig) []string {
	command, args := s.Command, s.Args
	if len(command) == 0 {
		command = image.Entrypoint
		if len(args) == 0 {
			args = image.Cmd
		}
	}
	return append(append([]string{}, command...), args...)
}

// environment joins the image's variables and the manifest's. Later ones win;
// on Windows names know no case.
func environment(s *manifest.Spec, image []string, value func(manifest.EnvVar) (string, error)) (map[string]string, error) {
	all := make(map[string]string, len(image)+len(s.Env))
	spelled := map[string]string{} // the name that all has, by its folded form
	set := func(name, v string) {
		key := name
		if s.OS != manifest.OSLinux {
			key = strings.ToUpper(name)
		}
		delete(all, spelled[key])
		spelled[key], all[name] = name, v
	}
	for _, kv := range image {
		if name, v, ok := strings.Cut(kv, "="); ok && name != "" {
			set(name, v)
		}
	}
	for _, e := range s.Env {
		v, err := value(e)
		if err != nil {
			return nil, fmt.Errorf("%w: environment variable %s: %w", driver.ErrInvalid, e.Name, err)
		}
		if strings.ContainsRune(v, 0) {
			return nil, fmt.Errorf("%w: environment variable %s: its value holds a NUL", driver.ErrInvalid, e.Name)
		}
		set(e.Name, v)
	}
	return all, nil
}
