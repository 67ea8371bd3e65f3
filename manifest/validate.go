package manifest

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// report collects what the rules find.
type report struct{ issues []issue }

func (r *report) add(path, format string, args ...any) {
	r.issues = append(r.issues, issue{path: path, msg: fmt.Sprintf(format, args...)})
}

// addAll takes over the messages of a Kubernetes validation function.
func (r *report) addAll(path, value string, messages []string) {
	for _, m := range messages {
		if plain, _, ok := strings.Cut(m, ", regex used for validation"); ok {
			m = plain + ")"
		}
		r.add(path, "%s is not valid: %s", shown(value), m)
	}
}

// rules are all checks of a decoded document with its defaults. Each reports
// everything it finds and relies on no other.
var rules = []func(*Container, *report){
	checkHeader,
	checkName,
	checkLabels,
	checkStates,
	checkImage,
	checkCommand,
	checkEnv,
	checkHostname,
	checkWindowsOptions,
	checkResources,
	checkMounts,
	checkDevices,
	checkNetwork,
	checkPorts,
	checkDNS,
	checkDependsOn,
	checkRestart,
	checkExitRules,
	checkGrace,
	checkLifecycle,
	checkProbes,
	checkUpdate,
	checkWindow,
	checkLogs,
	checkLCOW,
}

func validate(c *Container) []issue {
	var r report
	for _, rule := range rules {
		rule(c, &r)
	}
	return r.issues
}

// index is the path of a list item.
func index(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }

// oneOf checks an enumeration.
func oneOf[T ~string](r *report, path string, v T, allowed ...T) {
	if slices.Contains(allowed, v) {
		return
	}
	names := make([]string, len(allowed))
	for i, a := range allowed {
		names[i] = string(a)
	}
	switch hint := nearest(string(v), names); {
	case v == "":
		r.add(path, "is required: %s", orList(names))
	case hint != "" && len(names) > 1:
		r.add(path, "%s is not one of %s; did you mean %s?", shown(string(v)), strings.Join(names, ", "), hint)
	default:
		r.add(path, "%s is not known; %s is expected", shown(string(v)), orList(names))
	}
}

func orList(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

func checkHeader(c *Container, r *report) {
	oneOf(r, "apiVersion", c.APIVersion, APIVersion)
	oneOf(r, "kind", c.Kind, Kind)
}

func checkName(c *Container, r *report) {
	if c.Metadata.Name == "" {
		r.add("metadata.name", "is required: lower-case letters, digits and -, unique in the folder")
		return
	}
	r.addAll("metadata.name", c.Metadata.Name, validation.IsDNS1123Label(c.Metadata.Name))
}

// maxAnnotations is the limit of Kubernetes for all annotations together.
const maxAnnotations = 256 << 10

func checkLabels(c *Container, r *report) {
	labelMap(r, "metadata.labels", c.Metadata.Labels)
	labelMap(r, "spec.nodeSelector", c.Spec.NodeSelector)
	size := 0
	for _, k := range sortedKeys(c.Metadata.Annotations) {
		size += len(k) + len(c.Metadata.Annotations[k])
		r.addAll("metadata.annotations["+k+"]", k, validation.IsQualifiedName(strings.ToLower(k)))
	}
	if size > maxAnnotations {
		r.add("metadata.annotations", "hold %d bytes together; at most %d are allowed", size, maxAnnotations)
	}
}

func labelMap(r *report, path string, m map[string]string) {
	for _, k := range sortedKeys(m) {
		at := path + "[" + k + "]"
		r.addAll(at, k, validation.IsQualifiedName(k))
		r.addAll(at, m[k], validation.IsValidLabelValue(m[k]))
	}
}

func checkStates(c *Container, r *report) {
	s := &c.Spec
	oneOf(r, "spec.desiredState", s.DesiredState, DesiredRunning, DesiredStopped, DesiredPaused)
	oneOf(r, "spec.os", s.OS, OSWindows, OSLinux)
	oneOf(r, "spec.isolation", s.Isolation, IsolationProcess, IsolationHyperV)
	oneOf(r, "spec.restartPolicy", s.RestartPolicy, RestartAlways, RestartOnFailure, RestartNever)
	if s.DesiredState == DesiredPaused && s.Isolation != IsolationHyperV {
		r.add("spec.desiredState", "Paused needs spec.isolation: hyperv; containers with process isolation cannot be paused")
	}
}

func checkDependsOn(c *Container, r *report) {
	seen := map[string]bool{}
	for i, d := range c.Spec.DependsOn {
		at := index("spec.dependsOn", i)
		oneOf(r, at+".condition", d.Condition, ConditionStarted, ConditionReady, ConditionCompleted)
		switch {
		case d.Name == "":
			r.add(at+".name", "is required: the name of another container")
			continue
		case d.Name == c.Metadata.Name:
			r.add(at+".name", "a container cannot depend on itself")
		case seen[d.Name]:
			r.add(at+".name", "%s stands twice; keep one of the conditions", shown(d.Name))
		}
		r.addAll(at+".name", d.Name, validation.IsDNS1123Label(d.Name))
		seen[d.Name] = true
	}
}

func checkUpdate(c *Container, r *report) {
	u := &c.Spec.Update
	oneOf(r, "spec.update.strategy", u.Strategy, UpdateRecreate, UpdateStartFirst)
	if *u.ProgressDeadline <= 0 {
		r.add("spec.update.progressDeadline", "must be longer than 0s")
	}
}

// maxLogFiles keeps the numbering of log files short.
const maxLogFiles = 1000

func checkLogs(c *Container, r *report) {
	l := &c.Spec.Logs
	checkBytes(r, "spec.logs.maxSize", l.MaxSize)
	if *l.MaxFiles < 1 || *l.MaxFiles > maxLogFiles {
		r.add("spec.logs.maxFiles", "must be from 1 to %d", maxLogFiles)
	}
}

func checkLCOW(c *Container, r *report) {
	l := c.Spec.LCOW
	if l == nil {
		return
	}
	if c.Spec.OS != OSLinux {
		r.add("spec.lcow", "goes only with spec.os: linux")
	}
	for _, f := range []struct{ name, path string }{{"kernel", l.Kernel}, {"initrd", l.Initrd}, {"vhd", l.VHD}} {
		if f.path != "" && !absolutePath(f.path) {
			r.add("spec.lcow."+f.name, "%s is not an absolute path", shown(f.path))
		}
	}
	if l.Initrd != "" && l.VHD != "" {
		r.add("spec.lcow.vhd", "excludes initrd; keep one of them as the root file system of the utility VM")
	}
}
