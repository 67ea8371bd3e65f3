package hcs

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// Where the kernel and the initial RAM disk of the utility VM are looked for
// in the folder that lcow names, or in the default one.
const (
	linuxFolder = `C:\Program Files\Linux Containers`
	linuxKernel = "kernel"
	linuxInitrd = "initrd.img"
)

// linuxSystem adds the utility VM of a Linux container. HCS wants one folder
// and file names in it, so kernel and initial RAM disk must lie together;
// Check refuses it otherwise.
func linuxSystem(doc *containerConfig, l *manifest.LCOW) {
	if l == nil {
		l = &manifest.LCOW{}
	}
	doc.ContainerType, doc.HvPartition = "Linux", true
	if l.VHD != "" {
		doc.HvRuntime = &hvRuntime{ImagePath: l.VHD, BootSource: "Vhd", LinuxBootParameters: l.BootParameters}
		return
	}
	rt := &hvRuntime{ImagePath: linuxFolder, LinuxKernelFile: linuxKernel, LinuxInitrdFile: linuxInitrd, LinuxBootParameters: l.BootParameters}
	if l.Initrd != "" {
		rt.ImagePath, rt.LinuxInitrdFile = dir(l.Initrd), base(l.Initrd)
	}
	if l.Kernel != "" {
		rt.ImagePath, rt.LinuxKernelFile = dir(l.Kernel), base(l.Kernel)
	}
	doc.HvRuntime = rt
}

// guestPath is where a host folder appears in the utility VM, before it is
// bound into the container.
func guestPath(id, mountPath string) string {
	return path.Join("/tmp/gcs", id, "binds", strings.ReplaceAll(mountPath, `\`, "/"))
}

// The parts of an OCI runtime specification that the guest needs from us.
type (
	ociSpec struct {
		Version  string     `json:"ociVersion"`
		Process  ociProcess `json:"process"`
		Root     ociRoot    `json:"root"`
		Hostname string     `json:"hostname,omitempty"`
		Mounts   []ociMount `json:"mounts,omitempty"`
		Linux    ociLinux   `json:"linux"`
	}
	ociProcess struct {
		Terminal bool     `json:"terminal,omitempty"`
		User     ociUser  `json:"user"`
		Args     []string `json:"args"`
		Env      []string `json:"env,omitempty"`
		Cwd      string   `json:"cwd"`
	}
	ociUser struct {
		UID      uint32 `json:"uid"`
		GID      uint32 `json:"gid"`
		Username string `json:"username,omitempty"`
	}
	ociRoot struct {
		Path string `json:"path"`
	}
	ociMount struct {
		Destination string   `json:"destination"`
		Type        string   `json:"type,omitempty"`
		Source      string   `json:"source,omitempty"`
		Options     []string `json:"options,omitempty"`
	}
	ociLinux struct {
		Namespaces []ociNamespace `json:"namespaces"`
	}
	ociNamespace struct {
		Type string `json:"type"`
	}
)

// linuxProcess adds what the guest's runtime needs to run args.
func linuxProcess(doc *processConfig, c *manifest.Container, id string, args []string) error {
	s := &c.Spec
	if len(args) == 0 || args[0] == "" {
		return fmt.Errorf("%w: spec.command: names no program", driver.ErrInvalid)
	}
	spec := ociSpec{
		Version: "1.0.2", Hostname: s.Hostname, Mounts: linuxMounts(s, id), Root: ociRoot{Path: "rootfs"},
		Process: ociProcess{Terminal: s.TTY, User: ociUser{Username: doc.User}, Args: args, Cwd: doc.WorkingDirectory},
	}
	for name, value := range doc.Environment {
		spec.Process.Env = append(spec.Process.Env, name+"="+value)
	}
	slices.Sort(spec.Process.Env)
	if spec.Process.Cwd == "" {
		spec.Process.Cwd = "/"
	}
	if spec.Hostname == "" {
		spec.Hostname = c.Name()
	}
	for _, n := range []string{"mount", "network", "ipc", "pid", "uts"} {
		spec.Linux.Namespaces = append(spec.Linux.Namespaces, ociNamespace{Type: n})
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	raw := json.RawMessage(text)
	doc.CommandArgs, doc.OCISpecification = args, &raw
	return nil
}

// linuxMounts are those that every Linux container has, then the manifest's.
func linuxMounts(s *manifest.Spec, id string) []ociMount {
	all := []ociMount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
	}
	for _, m := range s.Mounts {
		mode := "rw"
		if m.ReadOnly {
			mode = "ro"
		}
		all = append(all, ociMount{Destination: m.MountPath, Type: "bind", Source: guestPath(id, m.MountPath), Options: []string{"rbind", mode}})
	}
	return all
}
