package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/driver/hcs"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// judgeRuntime tells whether the Host Compute Service answers.
func judgeRuntime(s *hcs.Surveyed) Finding {
	for _, name := range []string{"vmcompute", "hns"} {
		if p := s.Services[name]; p != "" {
			return fail("", "the service %s cannot be used: %s", name, p).
				do("turn on the Containers feature (Install-WindowsFeature Containers), restart the host; Set-Service %s -StartupType Manual if it is disabled", name)
		}
	}
	switch {
	case s.SystemsErr != nil:
		return fail("", "the Host Compute Service does not list its systems: %v", s.SystemsErr).do("Restart-Service vmcompute ends no container with process isolation; look at the event log Microsoft-Windows-Hyper-V-Compute first")
	case s.EndpointsErr != nil:
		return fail("", "the Host Network Service does not list its endpoints: %v", s.EndpointsErr).do("look at the event log Microsoft-Windows-Host-Network-Service")
	default:
		return ok("Windows %s; %s of ours, %d of others", s.Build, count(len(s.Ours), "system"), s.Foreign)
	}
}

// judgeLeftovers tells of what lies about without a container.
func judgeLeftovers(s *hcs.Surveyed) Finding {
	switch {
	case s.SystemsErr != nil || s.EndpointsErr != nil || s.FilesErr != nil:
		return skipped("not all of the host can be seen")
	case len(s.Endpoints)+len(s.Layers) > 0:
		return warn("%s and %s of ours belong to no container: %s", count(len(s.Endpoints), "endpoint"), count(len(s.Layers), "layer"), some(append(slices.Clone(s.Endpoints), s.Layers...))).
			do("restart the daemon: it removes them some seconds after its start; containers run on")
	default:
		return ok("no endpoint and no layer lies about")
	}
}

// judgeImages compares the images with the host: with process isolation both
// must be of the same build.
func judgeImages(build string, images map[string]string, wanted []*manifest.Container) Finding {
	host, ok1 := buildNumber(build)
	if !ok1 {
		return skipped("the build of this host is not known")
	}
	var missing, wrong []string
	checked := 0
	for _, c := range wanted {
		s := &c.Spec
		if s.Image == "" || s.OS == manifest.OSLinux {
			continue
		}
		version := images[s.Image]
		number, known := buildNumber(version)
		checked++
		switch {
		case version == "":
			missing = append(missing, c.Name()+" ("+s.Image+")")
		case !known:
			wrong = append(wrong, fmt.Sprintf("%s: the version %q of its image is not understood", c.Name(), version))
		case s.Isolation == manifest.IsolationHyperV && number > host:
			wrong = append(wrong, fmt.Sprintf("%s: its image is of build %d, newer than this host's %d", c.Name(), number, host))
		case s.Isolation != manifest.IsolationHyperV && number != host:
			wrong = append(wrong, fmt.Sprintf("%s: its image is of build %d, this host of %d, and process isolation needs the same", c.Name(), number, host))
		}
	}
	switch {
	case len(wrong) > 0:
		return fail("", "%s", some(wrong)).do("use an image made for this host, or isolation: hyperv")
	case len(missing) > 0:
		return fail("", "not in the image store: %s", some(missing)).do("load or pull them with Docker: hcs-reconcile pulls none")
	default:
		return ok("the images of %s suit build %d", count(checked, "container"), host)
	}
}

// buildNumber is the third part of 10.0.20348.2113.
func buildNumber(version string) (int, bool) {
	parts := strings.Split(version, ".")
	if len(parts) < 3 {
		return 0, false
	}
	n, err := strconv.Atoi(parts[2])
	return n, err == nil && n > 0
}

// judgeEnvironment looks for variables that work behind our back.
func judgeEnvironment(get func(string) string) Finding {
	const additional = "HCSSHIM_CREATECONTAINER_ADDITIONALJSON"
	if get(additional) != "" {
		return fail("", "%s is set: it would change every container behind the manifests' back", additional).do("unset it for the service")
	}
	return ok("no variable interferes")
}
