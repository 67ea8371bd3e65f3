package convert

import (
	"cmp"
	"strings"
)

// SecretsDir is where a converted manifest looks for what a Secret or ConfigMap
// held, as NAME\KEY below it. A person puts the files there.
const SecretsDir = `C:\ProgramData\hcs-reconcile\secrets`

// container converts one container of a pod.
func (c *converter) container(n node, volumes map[string]string) object {
	m := object{}
	n.get("name").use()
	putText(m, "image", n.get("image").text())
	put(m, "command", n.get("command").texts())
	put(m, "args", n.get("args").texts())
	putText(m, "workingDir", n.get("workingDir").text())
	for _, key := range []string{"tty", "stdin"} {
		if n.get(key).flag() {
			m[key] = true
		}
	}
	kubeEnv(n, m)
	names := kubePorts(n.get("ports"), m)
	limits := object{}
	for _, key := range []string{"cpu", "memory"} {
		putText(limits, key, n.get("resources").get("limits").get(key).text())
	}
	if len(limits) > 0 {
		m["resources"] = object{"limits": limits}
	}
	var mounts []object
	for _, v := range n.get("volumeMounts").list() {
		host, ok := volumes[v.get("name").text()]
		if !ok {
			v.note("the volume %q is no folder of the host", v.get("name").text())
			continue
		}
		mount := object{"hostPath": host, "mountPath": v.get("mountPath").text()}
		if v.get("readOnly").flag() {
			mount["readOnly"] = true
		}
		mounts = append(mounts, mount)
	}
	put(m, "mounts", mounts)
	for _, key := range []string{"startupProbe", "livenessProbe", "readinessProbe"} {
		if p := n.get(key); p.isMap() {
			m[key] = p.probe(names)
		}
	}
	hooks := object{}
	for _, key := range []string{"postStart", "preStop"} {
		if h := n.get("lifecycle").get(key); h.isMap() {
			hooks[key] = h.handler(names)
		}
	}
	if len(hooks) > 0 {
		m["lifecycle"] = hooks
	}
	windowsOptions(n.get("securityContext"), m)
	return m
}

func kubeEnv(n node, m object) {
	var env []object
	for _, e := range n.get("env").list() {
		v := object{"name": e.get("name").text()}
		from := e.get("valueFrom")
		switch {
		case !from.ok():
			putText(v, "value", e.get("value").text())
		case from.get("secretKeyRef").ok(), from.get("configMapKeyRef").ok():
			ref := from.get("secretKeyRef")
			if !ref.ok() {
				ref = from.get("configMapKeyRef")
			}
			path := SecretsDir + `\` + ref.get("name").text() + `\` + ref.get("key").text()
			v["valueFrom"] = object{"file": path}
			n.c.note(ref, "the value is read from %s: put the file there", path)
		default:
			e.note("has no equivalent: give the value, or valueFrom: {file: …} or {hostEnv: …}")
			continue
		}
		env = append(env, v)
	}
	for _, e := range n.get("envFrom").list() {
		e.note("its keys are not known here: name each variable with valueFrom: {file: …}")
	}
	put(m, "env", env)
}

// kubePorts returns the numbers of named ports, for probes.
func kubePorts(ports node, m object) map[string]int64 {
	names := map[string]int64{}
	var all []object
	for _, p := range ports.list() {
		number, ok := p.get("containerPort").number()
		if !ok {
			p.note("containerPort is missing")
			continue
		}
		port := object{"containerPort": number}
		if host, ok := p.get("hostPort").number(); ok {
			port["hostPort"] = host
		}
		putText(port, "protocol", p.get("protocol").text())
		if name := p.get("name").text(); name != "" {
			names[name], port["name"] = number, name
		}
		all = append(all, port)
	}
	put(m, "ports", all)
	return names
}

// probe copies a probe: its shape is ours.
func (n node) probe(names map[string]int64) object {
	p := n.handler(names)
	for _, key := range []string{
		"initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold", "terminationGracePeriodSeconds",
	} {
		if v, ok := n.get(key).number(); ok {
			p[key] = v
		}
	}
	return p
}

// handler copies what a probe or hook does.
func (n node) handler(names map[string]int64) object {
	h := object{}
	if e := n.get("exec"); e.isMap() {
		h["exec"] = object{"command": e.get("command").texts()}
	}
	for _, key := range []string{"httpGet", "tcpSocket", "grpc"} {
		from := n.get(key)
		if !from.isMap() {
			continue
		}
		to := object{}
		from.port(to, names)
		for _, text := range []string{"path", "host", "scheme", "service"} {
			putText(to, text, from.get(text).text())
		}
		var headers []object
		for _, header := range from.get("httpHeaders").list() {
			headers = append(headers, object{"name": header.get("name").text(), "value": header.get("value").text()})
		}
		put(to, "httpHeaders", headers)
		h[key] = to
	}
	if s, ok := n.get("sleep").get("seconds").number(); ok {
		h["sleep"] = object{"seconds": s}
	}
	return h
}

// port is a number, or the name of a port of the container.
func (n node) port(to object, names map[string]int64) {
	p := n.get("port")
	text := p.text()
	if number, ok := names[text]; ok {
		to["port"] = number
		return
	}
	if number, ok := parseCount(strings.TrimSpace(text)); ok {
		to["port"] = number
		return
	}
	p.note("%q is no port of this container", cmp.Or(text, "nothing"))
}
