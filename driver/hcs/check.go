package hcs

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// Check tells what HCS would ignore or refuse of c, without asking the host
// anything but, on Windows, how many processors it has. It needs no open driver.
func Check(c *manifest.Container) []driver.Note {
	cpus := 0 // elsewhere the host of the containers is another one
	if runtime.GOOS == "windows" {
		cpus = runtime.NumCPU()
	}
	return check(c, cpus)
}

// refusal turns the first refused note into an error.
func refusal(notes []driver.Note) error {
	for _, n := range notes {
		if n.Refused {
			return fmt.Errorf("%w: %s: %s", driver.ErrInvalid, n.Field, n.Message)
		}
	}
	return nil
}

func check(c *manifest.Container, cpus int) []driver.Note {
	s := &c.Spec
	notes := refused(s)
	_, clamps := processorShares(s, cpus)
	notes = append(notes, clamps...)
	return append(notes, ignored(s)...)
}

func refused(s *manifest.Spec) (notes []driver.Note) {
	refuse := func(when bool, field, message string) {
		if when {
			notes = append(notes, driver.Note{Field: field, Message: message, Refused: true})
		}
	}
	linux := s.OS == manifest.OSLinux
	refuse(s.Image == "" && s.RootFS == nil, "spec.image", "a container needs an image, or rootfs with layer folders")
	refuse(s.RootFS != nil && len(s.Command) == 0 && len(s.Args) == 0 && s.CommandLine == "",
		"spec.command", "needed with rootfs: layer folders do not say what to run")
	refuse(linux && s.Image != "", "spec.image", "images of Linux are not resolved; name layer folders in rootfs")
	refuse(linux && s.CommandLine != "", "spec.commandLine", "Linux programs have no command line; use command and args")
	refuse(isVM(s) && len(s.Devices) > 0, "spec.devices", "devices go only with process isolation")
	refuse(isVM(s) && s.Network.ShareWith != "", "spec.network.shareWith", "a network is shared only between containers with process isolation")
	refuse(s.DesiredState == manifest.DesiredPaused && !isVM(s), "spec.desiredState", "Paused needs isolation: hyperv; HCS cannot pause containers with process isolation")
	if linux {
		refuse(hasPipe(s), "spec.mounts", "named pipes do not reach into a Linux container")
		refuse(scattered(s.LCOW), "spec.lcow.initrd", "must lie in the same folder as the kernel: HCS takes one folder and two file names")
	}
	return notes
}

func hasPipe(s *manifest.Spec) bool {
	for _, m := range s.Mounts {
		if isPipe(m.HostPath) {
			return true
		}
	}
	return false
}

// scattered reports that kernel and initial RAM disk lie in different folders.
func scattered(l *manifest.LCOW) bool {
	return l != nil && l.VHD == "" && l.Kernel != "" && l.Initrd != "" && !strings.EqualFold(dir(l.Kernel), dir(l.Initrd))
}

func ignored(s *manifest.Spec) (notes []driver.Note) {
	ignore := func(when bool, field, message string) {
		if when {
			notes = append(notes, driver.Note{Field: field, Message: message})
		}
	}
	w := s.SecurityContext.WindowsOptions
	own := networkName(s) != ""
	ignore(len(published(s)) > 0 && !own, "spec.ports", "ports are published only by an endpoint that this program makes; set network.name")
	ignore(len(s.DNSConfig.Nameservers) > 0 && !own, "spec.dnsConfig.nameservers", "they belong to an endpoint that this program makes; set network.name")
	ignore(s.OS == manifest.OSLinux && (w.GMSACredentialSpec != "" || w.GMSACredentialSpecName != ""),
		"spec.securityContext.windowsOptions", "Linux containers have no group-managed service account")
	ignore(s.LCOW != nil && s.LCOW.VHD != "" && s.LCOW.Kernel != "", "spec.lcow.kernel", "a VHD brings its own kernel")
	return notes
}
