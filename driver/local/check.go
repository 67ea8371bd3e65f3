package local

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// Check tells what a plain process cannot be. Whoever tries a Windows manifest
// on a laptop expects what belongs to the container's walls to be ignored;
// refused is only what would leave nothing of the container's meaning. The
// lack of isolation itself is said once, when the driver opens.
func (d *Driver) Check(c *manifest.Container) []driver.Note {
	return append(refused(&c.Spec), ignored(&c.Spec)...)
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

func refused(s *manifest.Spec) (notes []driver.Note) {
	refuse := func(field, message string) {
		notes = append(notes, driver.Note{Field: field, Message: message, Refused: true})
	}
	if len(s.Command) == 0 && len(s.Args) == 0 && s.CommandLine == "" {
		refuse("spec.command", "needed by the local driver, which opens no image and so knows no entry point; set command, args or commandLine")
	}
	if s.DesiredState == manifest.DesiredPaused {
		refuse("spec.desiredState", "Paused needs Hyper-V isolation, which the local driver does not have; use Running or Stopped")
	}
	for i, v := range s.Env {
		if strings.HasPrefix(strings.ToUpper(v.Name), markPrefix) {
			refuse(fmt.Sprintf("spec.env[%d].name", i), "names that begin with "+markPrefix+" mark the processes of the local driver; choose another")
		}
	}
	return notes
}

func ignored(s *manifest.Spec) (notes []driver.Note) {
	ignore := func(set bool, field, message string) {
		if set {
			notes = append(notes, driver.Note{Field: field, Message: message})
		}
	}
	w := s.SecurityContext.WindowsOptions
	files := "the process sees the files of the host"
	ignore(s.OS == manifest.OSLinux && runtime.GOOS != "linux", "spec.os", "the process runs on the host's own system, "+runtime.GOOS)
	ignore(s.Isolation == manifest.IsolationHyperV, "spec.isolation", "the process is not isolated")
	ignore(s.Image != "", "spec.image", files)
	ignore(s.RootFS != nil, "spec.rootfs", files)
	ignore(s.TTY, "spec.tty", "the process has no terminal; its output goes to the log")
	ignore(s.Stdin, "spec.stdin", "standard input is empty")
	ignore(s.Hostname != "", "spec.hostname", "the process sees the name of the host")
	ignore(w.RunAsUserName != "", "spec.securityContext.windowsOptions.runAsUserName", "the process runs as the user of the daemon")
	ignore(w.GMSACredentialSpec != "", "spec.securityContext.windowsOptions.gmsaCredentialSpec", "the process has the identity of the daemon")
	ignore(w.GMSACredentialSpecName != "", "spec.securityContext.windowsOptions.gmsaCredentialSpecName", "the process has the identity of the daemon")
	ignore(s.Resources.Limits != manifest.Limits{}, "spec.resources.limits", "the process is not limited")
	ignore(s.Resources.Windows != manifest.WindowsResources{}, "spec.resources.windows", "the process is not limited")
	ignore(len(s.Mounts) > 0, "spec.mounts", files+" at their own paths")
	ignore(len(s.Devices) > 0, "spec.devices", "the process sees the devices of the host")
	ignore(hasNetwork(s.Network), "spec.network", "the process uses the network of the host")
	ignore(len(s.Ports) > 0, "spec.ports", "nothing is published; the process itself listens on the host")
	ignore(len(s.DNSConfig.Nameservers) > 0 || len(s.DNSConfig.Searches) > 0 || s.DNSConfig.AllowUnqualified,
		"spec.dnsConfig", "names are resolved as on the host")
	ignore(s.LCOW != nil, "spec.lcow", "no utility VM is booted")
	return notes
}

func hasNetwork(n manifest.Network) bool {
	return n.Name != "" || len(n.Endpoints) > 0 || n.ShareWith != ""
}
