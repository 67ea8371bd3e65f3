package manifest

import "slices"

// row writes a Field in one line.
func row(path, allowed, def string, c Change, doc string) Field {
	return Field{Path: path, Allowed: allowed, Default: def, Change: c, Doc: doc}
}

// must is a row of a required field.
func must(path, allowed string, c Change, doc string) Field {
	return Field{Path: path, Allowed: allowed, Required: true, Change: c, Doc: doc}
}

func buildFields() []Field {
	return slices.Concat(
		headFields(), processFields(), hostFields(), lifeFields(),
		hookFields("spec.lifecycle.postStart"), hookFields("spec.lifecycle.preStop"),
		probeFields("spec.startupProbe"), probeFields("spec.livenessProbe"), probeFields("spec.readinessProbe"),
		lateFields(),
	)
}

func headFields() []Field {
	return []Field{
		must("apiVersion", APIVersion, Free, "Version of the format."),
		must("kind", Kind, Free, "Kind of the document."),
		must("metadata.name", "", Recreate, "Name of the container: a DNS label (lower-case letters, digits and `-`, at most 63), unique in the folder. Another name is another container."),
		row("metadata.labels", "", "", Free, "Free-form marks, by the rules of Kubernetes labels."),
		row("metadata.annotations", "", "", Free, "Free-form notes, by the rules of Kubernetes annotations."),
	}
}

func processFields() []Field {
	return []Field{
		row("spec.desiredState", "Running|Stopped|Paused", "Running", Free, "What the container shall be. `Paused` needs Hyper-V isolation."),
		row("spec.os", "windows|linux", "windows", Recreate, "Operating system inside the container; `linux` runs in a utility VM."),
		row("spec.isolation", "process|hyperv", "process", Recreate, "How the container is kept apart from the host."),
		row("spec.image", "", "", Recreate, "Image reference. Excludes `rootfs`."),
		must("spec.rootfs.layers", "", Recreate, "Read-only layer folders, topmost first. `rootfs` excludes `image`."),
		row("spec.rootfs.scratchSize", "", "", Recreate, "Size of the writable layer."),
		row("spec.command", "", "", Recreate, "Program and arguments instead of the image's entry point; each argument is quoted the Windows way."),
		row("spec.args", "", "", Recreate, "Further arguments."),
		row("spec.commandLine", "", "", Recreate, "Raw Windows command line. Excludes `command` and `args`."),
		row("spec.workingDir", "", "", Recreate, "Absolute path that the program starts in."),
		must("spec.env[].name", "", Recreate, "Name of an environment variable; any printable ASCII but `=`. Where a name stands twice the later one wins."),
		row("spec.env[].value", "", "", Recreate, "Value. It is never printed or stored."),
		row("spec.env[].valueFrom.file", "", "", Recreate, "Absolute path of a file on the host that holds the value, read at each start; a final newline is cut off. Only the path counts as a change."),
		row("spec.env[].valueFrom.hostEnv", "", "", Recreate, "Variable of the daemon's own environment that holds the value, read at each start."),
		row("spec.tty", "", "false", Recreate, "Gives the program a console."),
		row("spec.stdin", "", "false", Recreate, "Keeps standard input open."),
	}
}

func hostFields() []Field {
	const win = "spec.securityContext.windowsOptions."
	const res = "spec.resources.windows."
	return []Field{
		row("spec.hostname", "", "", Recreate, "Host name inside the container, a DNS label. Left out, it is derived from `metadata.name`."),
		row(win+"runAsUserName", "", "", Recreate, "User that the program runs as, `ContainerUser` for example."),
		row(win+"gmsaCredentialSpec", "", "", Recreate, "Credential spec of a group-managed service account, as JSON text. It is never printed or stored. Excludes `gmsaCredentialSpecName`."),
		row(win+"gmsaCredentialSpecName", "", "", Recreate, "File name of a credential spec in the host's credential spec folder."),
		row("spec.resources.limits.cpu", "", "", Recreate, "Processor time in cores: `2`, `500m`. Excludes `cpuCount` and `cpuMaximum`."),
		row("spec.resources.limits.memory", "", "", Recreate, "Memory in bytes: `512Mi`."),
		row(res+"cpuCount", "0..", "0", Recreate, "Number of processors; 0 means no limit."),
		row(res+"cpuWeight", "0..10000", "0", Recreate, "Share of processor time against other containers, 1 to 10000; 0 leaves it to the system."),
		row(res+"cpuMaximum", "0..10000", "0", Recreate, "Share of the host's processor time at most, in hundredths of a percent; 0 means no limit."),
		row(res+"storageIOPS", "0..", "0", Recreate, "Storage operations a second at most; 0 means no limit."),
		row(res+"storageBandwidth", "0..", "0", Recreate, "Storage bytes a second at most; 0 means no limit."),
		must("spec.mounts[].hostPath", "", Recreate, "Absolute path of a folder on the host, or a named pipe `\\\\.\\pipe\\name`."),
		must("spec.mounts[].mountPath", "", Recreate, "Where the container sees it; a named pipe if `hostPath` is one."),
		row("spec.mounts[].readOnly", "", "false", Recreate, "Forbids writing."),
		must("spec.devices[].idType", "class", Recreate, "What `id` means."),
		must("spec.devices[].id", "", Recreate, "GUID of an interface class. Devices go only with process isolation."),
		row("spec.network.name", "", "", Recreate, "Network to join. Excludes `endpoints` and `shareWith`."),
		row("spec.network.endpoints", "", "", Recreate, "IDs of existing endpoints to attach."),
		row("spec.network.shareWith", "", "", Recreate, "Name of another container whose network is used."),
		row("spec.ports[].name", "", "", Recreate, "Name of the port, at most 15 lower-case letters, digits and `-`."),
		must("spec.ports[].containerPort", "1..65535", Recreate, "Port inside the container."),
		row("spec.ports[].hostPort", "0..65535", "0", Recreate, "Port of the host that leads to it; 0 publishes nothing."),
		row("spec.ports[].protocol", "TCP|UDP", "TCP", Recreate, "Protocol of both ports."),
		row("spec.dnsConfig.nameservers", "", "", Recreate, "IP addresses of name servers."),
		row("spec.dnsConfig.searches", "", "", Recreate, "Domains that are tried for short names."),
		row("spec.dnsConfig.allowUnqualified", "", "false", Recreate, "Lets short names be asked for as they are."),
	}
}

func lifeFields() []Field {
	const r = "spec.restart."
	return []Field{
		must("spec.dependsOn[].name", "", Free, "Container that must have reached `condition` before this one starts. Stops run in the reverse order."),
		row("spec.dependsOn[].condition", "Started|Ready|Completed", "Started", Free, "What it must have reached."),
		row("spec.dependsOn[].restart", "", "false", Free, "Restarts this container too when that one has been replaced or restarted by an operator; a crash of it never does."),
		row("spec.restartPolicy", "Always|OnFailure|Never", "Always", Free, "After which exits the container is started again."),
		row(r+"initialDelay", "", "1s", Free, "Delay before the first restart."),
		row(r+"factor", "1..", "2", Free, "Growth of the delay with each further restart."),
		row(r+"maxDelay", "", "1m", Free, "Longest delay; left out, it is never shorter than `initialDelay`."),
		row(r+"jitter", "0..1", "0.2", Free, "Share of the delay that is added at most, so that containers do not restart in step."),
		row(r+"resetAfter", "", "10m", Free, "A run of this length or longer starts the delays anew."),
		row(r+"maxRestarts", "0..", "0", Free, "Restarts within `window` after which it is given up; 0 means no limit."),
		row(r+"window", "", "0s", Free, "Time over which restarts are counted; 0s counts since the last reset."),
		must(r+"exitRules[].codes", "", Free, "Exit codes of the rule: numbers (also `0x…`, or negative as Kubernetes writes them), ranges `a..b`, NTSTATUS names. The first rule that matches decides."),
		must(r+"exitRules[].action", "Restart|Complete|GiveUp", Free, "What such an exit means, whatever the restart policy says."),
		row("spec.terminationGracePeriodSeconds", "0..31536000", "30", Free, "Seconds between the request to end and the end by force."),
	}
}

// lateFields are those behind the lifecycle and the probes.
func lateFields() []Field {
	return []Field{
		row("spec.update.strategy", "Recreate|StartFirst", "Recreate", Free, "How a new revision replaces the old one: after it has stopped, or before."),
		row("spec.update.progressDeadline", "", "5m", Free, "Time that a new revision has to become ready."),
		row("spec.update.rollback", "", "true", Free, "Returns to the last revision that was ready if the new one misses the deadline."),
		must("spec.update.window.schedule", "", Free, "When the window opens, as in a CronJob: minute, hour, day of month, month, day of week, or `@daily` and the like."),
		row("spec.update.window.timeZone", "", "", Free, "Time zone of `schedule`, `Europe/Berlin` for example; left out, the host's."),
		must("spec.update.window.duration", "", Free, "How long it stays open, at most `168h`."),
		row("spec.logs.maxSize", "", "10Mi", InPlace, "Size at which a log file is rotated."),
		row("spec.logs.maxFiles", "1..1000", "5", InPlace, "Number of log files kept, the current one included."),
		row("spec.nodeSelector", "", "", Free, "Labels that a host must have to run the container; all of them must match."),
		row("spec.lcow.kernel", "", "", Recreate, "Absolute path of the kernel. `lcow` goes only with `os: linux`."),
		row("spec.lcow.initrd", "", "", Recreate, "Absolute path of the initial RAM disk. Excludes `vhd`."),
		row("spec.lcow.bootParameters", "", "", Recreate, "Further kernel parameters."),
		row("spec.lcow.vhd", "", "", Recreate, "Absolute path of the root file system of the utility VM."),
	}
}

func hookFields(at string) []Field {
	return slices.Concat(actionFields(at), []Field{
		row(at+".sleep.seconds", "0..31536000", "0", Free, "Seconds to wait."),
	})
}

// actionFields are what hooks and probes have in common.
func actionFields(at string) []Field {
	return []Field{
		must(at+".exec.command", "", Free, "Program and arguments to run in the container; exit code 0 is success."),
		row(at+".httpGet.path", "", "/", Free, "Path of the URL; a status from 200 to 399 is success."),
		must(at+".httpGet.port", "1..65535", Free, "Port to ask."),
		row(at+".httpGet.host", "", "", Free, "Host to ask; left out, the container."),
		row(at+".httpGet.scheme", "HTTP|HTTPS", "HTTP", Free, "Scheme of the URL."),
		must(at+".httpGet.httpHeaders[].name", "", Free, "Name of a request header."),
		row(at+".httpGet.httpHeaders[].value", "", "", Free, "Its value."),
	}
}

func probeFields(at string) []Field {
	return slices.Concat(actionFields(at), []Field{
		must(at+".tcpSocket.port", "1..65535", Free, "Port that must accept a connection."),
		row(at+".tcpSocket.host", "", "", Free, "Host to connect to; left out, the container."),
		must(at+".grpc.port", "1..65535", Free, "Port of the gRPC health service."),
		row(at+".grpc.service", "", "", Free, "Service to ask for; left out, the server as a whole."),
		must(at+".namedPipe.path", "", Free, "Named pipe `\\\\.\\pipe\\name` that must open."),
		row(at+".initialDelaySeconds", "0..31536000", "0", Free, "Seconds after the start before the first probe."),
		row(at+".timeoutSeconds", "1..31536000", "1", Free, "Seconds until a probe without answer counts as failed."),
		row(at+".periodSeconds", "1..31536000", "10", Free, "Seconds between probes."),
		row(at+".successThreshold", "1..31536000", "1", Free, "Successes in a row that count; above 1 only for `readinessProbe`."),
		row(at+".failureThreshold", "1..31536000", "3", Free, "Failures in a row that count."),
		row(at+".terminationGracePeriodSeconds", "1..31536000", "", Free, "Grace period of a stop by this probe instead of the container's. Not for `readinessProbe`."),
	})
}

// groups describes the fields that hold other fields.
var groups = map[string]string{
	"metadata":                            "Name and marks of the container.",
	"spec":                                "What the container shall be. Where a Kubernetes Pod has the field, name, shape, default and meaning are the Pod's.",
	"spec.rootfs":                         "Layer folders instead of an image.",
	"spec.env":                            "Environment variables. Each has a `value` or a `valueFrom`.",
	"spec.env[].valueFrom":                "Where the host keeps the value: exactly one of `file` and `hostEnv`.",
	"spec.securityContext":                "The Windows part of a Pod's security context.",
	"spec.securityContext.windowsOptions": "User and group-managed service account.",
	"spec.resources":                      "Limits.",
	"spec.resources.limits":               "Limits in the words of a Pod.",
	"spec.resources.windows":              "Finer limits in the words of HCS.",
	"spec.mounts":                         "Folders and named pipes of the host.",
	"spec.devices":                        "Device classes of the host.",
	"spec.network":                        "The network that the container is in.",
	"spec.ports":                          "Ports published on the host.",
	"spec.dnsConfig":                      "Name resolution.",
	"spec.dependsOn":                      "Containers that must come first.",
	"spec.restart":                        "How often and when a container that ended is started again.",
	"spec.restart.exitRules":              "What certain exit codes mean.",
	"spec.lifecycle":                      "Hooks.",
	"spec.lifecycle.postStart":            "Runs right after the start. Exactly one of `exec`, `httpGet` and `sleep`.",
	"spec.lifecycle.preStop":              "Runs before the stop, within the grace period. Exactly one of `exec`, `httpGet` and `sleep`.",
	"spec.startupProbe":                   "Holds the other probes back until it succeeds. Exactly one of `exec`, `httpGet`, `tcpSocket`, `grpc` and `namedPipe`.",
	"spec.livenessProbe":                  "Its failure restarts the container. Exactly one action.",
	"spec.readinessProbe":                 "Decides whether the container is ready. Exactly one action.",
	"spec.update":                         "How a new revision replaces the old one.",
	"spec.update.window":                  "The only times at which a running container is replaced. What does not run is created and restarted at any time.",
	"spec.logs":                           "Bounds of the log files.",
	"spec.lcow":                           "The utility VM of a Linux container.",
}
