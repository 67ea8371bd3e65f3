package convert

import (
	"regexp"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/format"
	"github.com/docker/go-units"
)

// duration reads a duration; one that is none is named.
func (n node) duration() (time.Duration, bool) {
	d, err := time.ParseDuration(n.text())
	if err != nil || d < 0 {
		n.note("a duration such as 1m30s is expected")
		return 0, false
	}
	return d, true
}

// seconds sets a whole number of seconds, at least least.
func (n node) seconds(o object, key string, least int64) {
	if !n.ok() {
		return
	}
	if d, ok := n.duration(); ok {
		o[key] = max(int64(d.Seconds()+0.999), least)
	}
}

var absolute = regexp.MustCompile(`^([A-Za-z]:[\\/]|\\\\|/)`)

func composeVolumes(volumes node, spec object) {
	var mounts []object
	add := func(n node, kind, source, target string, readOnly bool) {
		switch {
		case kind != "bind" && kind != "npipe":
			n.note("a volume of type %s has no equivalent: make a folder on the host and mount it", kind)
			return
		case !absolute.MatchString(source):
			n.note("%q is relative to the compose file: the whole path on the host is expected", source)
			return
		}
		m := object{"hostPath": source, "mountPath": target}
		if readOnly {
			m["readOnly"] = true
		}
		mounts = append(mounts, m)
	}
	for _, item := range volumes.list() {
		if item.isText() {
			v, err := format.ParseVolume(item.text())
			if err != nil {
				item.note("%v", err)
				continue
			}
			if v.Type == "volume" && v.Source == "" {
				item.note("an anonymous volume has no equivalent: what is written is lost with the container")
				continue
			}
			if extra := strings.Split(item.real().Value, ":"); len(extra) > 0 && extra[len(extra)-1] != "ro" && v.Bind != nil && v.Bind.SELinux != "" {
				item.c.note(item, "the SELinux label has no equivalent")
			}
			add(item, v.Type, v.Source, v.Target, v.ReadOnly)
			continue
		}
		add(item, item.get("type").text(), item.get("source").text(), item.get("target").text(), item.get("read_only").flag())
	}
	put(spec, "mounts", mounts)
}

var deviceClass = regexp.MustCompile(`^class(?:/|://)\{?([0-9A-Fa-f-]{36})\}?$`)

func composeDevices(devices node, spec object) {
	var all []object
	for _, item := range devices.list() {
		m := []string(nil)
		if item.isText() {
			m = deviceClass.FindStringSubmatch(item.real().Value)
		}
		if m == nil {
			item.note("only a device class of Windows, as class/GUID, has an equivalent")
			continue
		}
		item.use()
		all = append(all, object{"idType": "class", "id": m[1]})
	}
	put(spec, "devices", all)
}

func composeNetwork(s node, spec object) {
	network := object{}
	mode := s.get("network_mode")
	switch with, shares := strings.CutPrefix(mode.text(), "service:"); {
	case !mode.ok():
	case shares:
		network["shareWith"], _ = nameOf(with)
	case mode.text() == "none", mode.text() == "host", mode.text() == "bridge", strings.HasPrefix(mode.text(), "container:"):
		mode.note("has no equivalent: the container joins the network that the manifest names, or the default one")
	default:
		network["name"] = mode.text()
	}
	if len(network) > 0 {
		spec["network"] = network
	}
	dns := object{}
	put(dns, "nameservers", s.get("dns").texts())
	put(dns, "searches", s.get("dns_search").texts())
	if len(dns) > 0 {
		spec["dnsConfig"] = dns
	}
}

func composeNeeds(s node, spec object) {
	conditions := map[string]string{
		"": "Started", "service_started": "Started", "service_healthy": "Ready", "service_completed_successfully": "Completed",
	}
	var needs []object
	d := s.get("depends_on")
	for _, item := range d.list() {
		name, _ := nameOf(item.text())
		needs = append(needs, object{"name": name, "condition": "Started"})
	}
	if d.isMap() {
		for _, key := range d.keys() {
			on := d.get(key)
			name, _ := nameOf(key)
			text := on.get("condition").text()
			condition, ok := conditions[text]
			if !ok {
				on.note("the condition %q has no equivalent", text)
				continue
			}
			need := object{"name": name, "condition": condition}
			if on.get("restart").flag() {
				need["restart"] = true
			}
			on.use()
			needs = append(needs, need)
		}
	}
	put(spec, "dependsOn", needs)
}

// composeRestart says what compose does where nothing is said: no restart.
func composeRestart(s node, spec object) {
	r := s.get("restart")
	policy, limit, _ := strings.Cut(r.text(), ":")
	restart := object{}
	switch policy {
	case "always", "unless-stopped":
		spec["restartPolicy"] = "Always"
	case "on-failure":
		spec["restartPolicy"] = "OnFailure"
		if limit != "" {
			n := node{c: r.c, y: r.y, path: r.path}
			count, ok := parseCount(limit)
			if !ok {
				n.note("a number is expected after on-failure:")
			} else if count > 0 {
				restart["maxRestarts"] = count
			}
		}
	default:
		spec["restartPolicy"] = "Never"
	}
	p := s.get("deploy").get("restart_policy")
	switch condition := p.get("condition"); condition.text() {
	case "any":
		spec["restartPolicy"] = "Always"
	case "on-failure":
		spec["restartPolicy"] = "OnFailure"
	case "none":
		spec["restartPolicy"] = "Never"
	default:
		condition.note("has no equivalent")
	}
	if n, ok := p.get("max_attempts").number(); ok && n > 0 {
		restart["maxRestarts"] = n
	}
	for from, to := range map[string]string{"delay": "initialDelay", "window": "window"} {
		if v := p.get(from); v.ok() {
			if d, ok := v.duration(); ok && d > 0 {
				restart[to] = d.String()
			}
		}
	}
	if len(restart) > 0 {
		spec["restart"] = restart
	}
}

func composeResources(s node, spec object) {
	limits, windows := object{}, object{}
	deployed := s.get("deploy").get("resources").get("limits")
	for _, cpu := range []node{s.get("cpus"), deployed.get("cpus")} {
		putText(limits, "cpu", cpu.text())
	}
	for _, memory := range []node{s.get("mem_limit"), deployed.get("memory")} {
		if !memory.ok() {
			continue
		}
		bytes, err := units.RAMInBytes(memory.text())
		if err != nil {
			memory.note("%v", err)
			continue
		}
		limits["memory"] = bytes
	}
	if n, ok := s.get("cpu_count").number(); ok && n > 0 {
		windows["cpuCount"] = n
	}
	if n, ok := s.get("cpu_percent").number(); ok && n > 0 {
		windows["cpuMaximum"] = n * 100
	}
	resources := object{}
	if len(limits) > 0 {
		resources["limits"] = limits
	}
	if len(windows) > 0 {
		resources["windows"] = windows
	}
	if len(resources) > 0 {
		spec["resources"] = resources
	}
}

// composeHealth makes a readiness probe: compose waits for health and tells of
// it, and restarts nothing because of it.
func composeHealth(h node, spec object) {
	test, off := h.get("test"), h.get("disable").flag()
	if !test.ok() || off {
		return
	}
	command := test.texts()
	switch {
	case test.isText():
		command = []string{"cmd", "/S", "/C", test.text()}
		test.c.note(test, "runs in cmd, as compose does on Windows")
	case len(command) == 1 && command[0] == "NONE":
		return
	case len(command) > 1 && command[0] == "CMD":
		command = command[1:]
	case len(command) > 1 && command[0] == "CMD-SHELL":
		command = append([]string{"cmd", "/S", "/C"}, command[1:]...)
		test.c.note(test, "runs in cmd, as compose does on Windows")
	default:
		test.note("CMD or CMD-SHELL and a command are expected")
		return
	}
	probe := object{"exec": object{"command": command}}
	h.get("interval").seconds(probe, "periodSeconds", 1)
	h.get("timeout").seconds(probe, "timeoutSeconds", 1)
	if n, ok := h.get("retries").number(); ok && n > 0 {
		probe["failureThreshold"] = n
	}
	spec["readinessProbe"] = probe
}
