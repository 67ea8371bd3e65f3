package manifest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

func checkImage(c *Container, r *report) {
	s := &c.Spec
	if s.Image != "" && s.RootFS != nil {
		r.add("spec.rootfs", "excludes image; keep one of them")
	}
	if strings.ContainsFunc(s.Image, func(c rune) bool { return c <= ' ' }) {
		r.add("spec.image", "%s is not an image reference: it holds a blank", shown(s.Image))
	}
	if s.RootFS == nil {
		return
	}
	if len(s.RootFS.Layers) == 0 {
		r.add("spec.rootfs.layers", "is required: the read-only layer folders, topmost first")
	}
	for i, l := range s.RootFS.Layers {
		if !absolutePath(l) {
			r.add(index("spec.rootfs.layers", i), "%s is not an absolute path", shown(l))
		}
	}
	checkBytes(r, "spec.rootfs.scratchSize", s.RootFS.ScratchSize)
}

// checkBytes wants a whole number of bytes, as 1.5Gi is and 0.3 is not.
func checkBytes(r *report, path string, q *resource.Quantity) {
	switch {
	case q == nil:
	case q.Sign() <= 0:
		r.add(path, "must be larger than 0")
	case resource.NewQuantity(q.Value(), resource.DecimalSI).Cmp(*q) != 0:
		r.add(path, "must be a whole number of bytes below 8Ei; m means a thousandth, M a million and Mi 1024 * 1024")
	}
}

func checkCommand(c *Container, r *report) {
	s := &c.Spec
	if s.CommandLine != "" && len(s.Command) > 0 {
		r.add("spec.commandLine", "excludes command; keep one of them")
	}
	if s.CommandLine != "" && len(s.Args) > 0 {
		r.add("spec.commandLine", "excludes args; write the arguments into it, or use command and args")
	}
	if len(s.Command) > 0 && s.Command[0] == "" {
		r.add("spec.command[0]", "is empty; the program to run is expected")
	}
	if s.WorkingDir != "" && !absolutePath(s.WorkingDir) {
		r.add("spec.workingDir", "%s is not an absolute path", shown(s.WorkingDir))
	}
	noNUL(r, "spec.commandLine", s.CommandLine)
	for i, a := range s.Command {
		noNUL(r, index("spec.command", i), a)
	}
	for i, a := range s.Args {
		noNUL(r, index("spec.args", i), a)
	}
}

// noNUL refuses what no operating system can pass on.
func noNUL(r *report, path, v string) {
	if strings.IndexByte(v, 0) >= 0 {
		r.add(path, "holds a NUL character, which cannot be passed to a program")
	}
}

func checkEnv(c *Container, r *report) {
	for i, e := range c.Spec.Env {
		at := index("spec.env", i)
		switch {
		case e.Name == "":
			r.add(at+".name", "is required")
		case strings.Contains(e.Name, "="): // what follows may be a secret
			r.add(at+".name", "must not hold =; write name and value as two fields")
		default:
			r.addAll(at+".name", e.Name, validation.IsRelaxedEnvVarName(e.Name))
		}
		noNUL(r, at+".value", e.Value)
		if e.ValueFrom != nil {
			checkValueFrom(r, at, e)
		}
	}
}

func checkValueFrom(r *report, at string, e EnvVar) {
	v := e.ValueFrom
	if e.Value != "" {
		r.add(at+".valueFrom", "excludes value; keep one of them")
	}
	if (v.File == "") == (v.HostEnv == "") {
		r.add(at+".valueFrom", "exactly one of file and hostEnv is expected")
	}
	if v.File != "" && !absolutePath(v.File) {
		r.add(at+".valueFrom.file", "%s is not an absolute path", shown(v.File))
	}
	if v.HostEnv != "" {
		r.addAll(at+".valueFrom.hostEnv", v.HostEnv, validation.IsRelaxedEnvVarName(v.HostEnv))
	}
}

func checkHostname(c *Container, r *report) {
	if h := c.Spec.Hostname; h != "" {
		r.addAll("spec.hostname", h, validation.IsDNS1123Label(h))
	}
}

func checkWindowsOptions(c *Container, r *report) {
	const at = "spec.securityContext.windowsOptions"
	w := &c.Spec.SecurityContext.WindowsOptions
	noNUL(r, at+".runAsUserName", w.RunAsUserName)
	if w.GMSACredentialSpec != "" && w.GMSACredentialSpecName != "" {
		r.add(at+".gmsaCredentialSpecName", "excludes gmsaCredentialSpec; keep one of them")
	}
	// The text itself is never repeated: it is confidential.
	if s := w.GMSACredentialSpec; s != "" && (!json.Valid([]byte(s)) || strings.TrimSpace(s)[0] != '{') {
		r.add(at+".gmsaCredentialSpec", "is not a JSON object; write the content of a credential spec file")
	}
	if n := w.GMSACredentialSpecName; strings.ContainsAny(n, `/\:`) || n == ".." {
		r.add(at+".gmsaCredentialSpecName", "%s is not a plain file name; the file lies in the host's credential spec folder", shown(n))
	}
}

// maxShare is a whole in the units of HCS: weights and hundredths of percent.
const maxShare = 10000

func checkResources(c *Container, r *report) {
	const limits, windows = "spec.resources.limits", "spec.resources.windows"
	l, w := &c.Spec.Resources.Limits, &c.Spec.Resources.Windows
	if l.CPU != nil && l.CPU.Sign() <= 0 {
		r.add(limits+".cpu", "must be larger than 0")
	}
	checkBytes(r, limits+".memory", l.Memory)
	if l.CPU != nil && w.CPUCount != 0 {
		r.add(windows+".cpuCount", "excludes resources.limits.cpu; keep one of them")
	}
	if l.CPU != nil && w.CPUMaximum != 0 {
		r.add(windows+".cpuMaximum", "excludes resources.limits.cpu; keep one of them")
	}
	between(r, windows+".cpuWeight", w.CPUWeight, 0, maxShare)
	between(r, windows+".cpuMaximum", w.CPUMaximum, 0, maxShare)
	for _, f := range []struct {
		name  string
		value int64
	}{{"cpuCount", w.CPUCount}, {"storageIOPS", w.StorageIOPS}, {"storageBandwidth", w.StorageBandwidth}} {
		if f.value < 0 {
			r.add(windows+"."+f.name, "must not be negative; 0 means no limit")
		}
	}
}

// between checks a range with both ends allowed.
func between[T int | int32 | int64 | float64](r *report, path string, v, lowest, highest T) {
	if v < lowest || v > highest {
		r.add(path, "must be from %v to %v, not %v", lowest, highest, v)
	}
}

func sortedKeys(m map[string]string) []string {
	if len(m) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(m))
}
