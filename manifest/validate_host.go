package manifest

import (
	"net/netip"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

const pipePrefix = `\\.\pipe\`

// absolutePath reports whether p is absolute on Windows or on Unix; both are
// taken everywhere because a manifest may be checked on another system.
func absolutePath(p string) bool {
	if strings.IndexByte(p, 0) >= 0 {
		return false
	}
	if len(p) >= 3 && p[1] == ':' && (p[2] == '\\' || p[2] == '/') {
		return letter(p[0])
	}
	return strings.HasPrefix(p, "/") || len(p) > 2 && strings.HasPrefix(p, `\\`)
}

// IsNamedPipe reports whether the path of a mount is that of a named pipe.
func IsNamedPipe(p string) bool { return namedPipe(p) }

func namedPipe(p string) bool {
	return len(p) > len(pipePrefix) && strings.EqualFold(p[:len(pipePrefix)], pipePrefix)
}

func checkMounts(c *Container, r *report) {
	seen := map[string]bool{}
	for i, m := range c.Spec.Mounts {
		at := index("spec.mounts", i)
		checkMountPath(r, at+".hostPath", m.HostPath)
		checkMountPath(r, at+".mountPath", m.MountPath)
		if m.HostPath != "" && m.MountPath != "" && namedPipe(m.HostPath) != namedPipe(m.MountPath) {
			r.add(at, "mounts a named pipe on a folder; hostPath and mountPath must both be named pipes, or both be folders")
		}
		key := strings.ToLower(strings.TrimRight(m.MountPath, `\/`))
		if m.MountPath != "" && seen[key] {
			r.add(at+".mountPath", "%s is mounted twice", shown(m.MountPath))
		}
		seen[key] = true
	}
}

func checkMountPath(r *report, at, p string) {
	switch {
	case p == "":
		r.add(at, `is required: an absolute path, or a named pipe \\.\pipe\name`)
	case !absolutePath(p):
		r.add(at, `%s is not an absolute path, nor a named pipe \\.\pipe\name`, shown(p))
	}
}

var guid = regexp.MustCompile(`^(?i)\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?$`)

func checkDevices(c *Container, r *report) {
	if len(c.Spec.Devices) > 0 && c.Spec.Isolation == IsolationHyperV {
		r.add("spec.devices", "go only with isolation: process")
	}
	for i, d := range c.Spec.Devices {
		at := index("spec.devices", i)
		oneOf(r, at+".idType", d.IDType, "class")
		if !guid.MatchString(d.ID) {
			r.add(at+".id", "%s is not a GUID such as 5B45201D-F2F2-4F3B-85BB-30FF1F953599", shown(d.ID))
		}
	}
}

func checkNetwork(c *Container, r *report) {
	n := &c.Spec.Network
	for i, e := range n.Endpoints {
		if e == "" {
			r.add(index("spec.network.endpoints", i), "is empty; the ID of an endpoint is expected")
		}
	}
	if n.Name != "" && len(n.Endpoints) > 0 {
		r.add("spec.network.endpoints", "excludes name; keep one of them")
	}
	if n.ShareWith == "" {
		return
	}
	if n.Name != "" || len(n.Endpoints) > 0 {
		r.add("spec.network.shareWith", "excludes name and endpoints; the network is that of the other container")
	}
	if n.ShareWith == c.Metadata.Name {
		r.add("spec.network.shareWith", "a container cannot share its own network")
	}
	r.addAll("spec.network.shareWith", n.ShareWith, validation.IsDNS1123Label(n.ShareWith))
}

const maxPort = 65535

func checkPorts(c *Container, r *report) {
	type published struct {
		port     int32
		protocol Protocol
	}
	inside, onHost, names := map[published]bool{}, map[published]bool{}, map[string]bool{}
	for i, p := range c.Spec.Ports {
		at := index("spec.ports", i)
		oneOf(r, at+".protocol", p.Protocol, ProtocolTCP, ProtocolUDP)
		checkPort(r, at+".containerPort", p.ContainerPort)
		between(r, at+".hostPort", p.HostPort, 0, maxPort)
		if host := (published{p.HostPort, p.Protocol}); p.HostPort != 0 {
			if onHost[host] {
				r.add(at+".hostPort", "%d/%s is published twice", p.HostPort, p.Protocol)
			}
			onHost[host] = true
		}
		in := published{p.ContainerPort, p.Protocol}
		if inside[in] && p.HostPort == 0 {
			r.add(at+".containerPort", "%d/%s stands twice", p.ContainerPort, p.Protocol)
		}
		inside[in] = true
		if p.Name == "" {
			continue
		}
		r.addAll(at+".name", p.Name, validation.IsValidPortName(p.Name))
		if names[p.Name] {
			r.add(at+".name", "%s stands twice", shown(p.Name))
		}
		names[p.Name] = true
	}
}

func checkPort(r *report, at string, port int32) {
	if port == 0 {
		r.add(at, "is required: a port from 1 to %d", maxPort)
		return
	}
	between(r, at, port, 1, maxPort)
}

func checkDNS(c *Container, r *report) {
	d := &c.Spec.DNSConfig
	for i, n := range d.Nameservers {
		if _, err := netip.ParseAddr(n); err != nil {
			r.add(index("spec.dnsConfig.nameservers", i), "%s is not an IP address", shown(n))
		}
	}
	for i, s := range d.Searches {
		r.addAll(index("spec.dnsConfig.searches", i), s, validation.IsDNS1123Subdomain(strings.TrimSuffix(s, ".")))
	}
}
