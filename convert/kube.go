package convert

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// kubernetes converts one object. What is no workload is named as a whole.
func (c *converter) kubernetes(top node) {
	kind := top.get("kind")
	top.get("apiVersion").use()
	meta, spec := top.get("metadata"), top.get("spec")
	switch kind.text() {
	case "List":
		for _, item := range top.get("items").list() {
			if item.isMap() {
				c.kubernetes(item)
			}
		}
	case "Pod":
		c.pod(top, meta, node{c: c}, spec, nil)
	case "Deployment", "StatefulSet", "DaemonSet", "Job":
		c.workload(kind.text(), top, meta, spec)
	case "CronJob":
		c.workload("Job", top, meta, spec.get("jobTemplate").get("spec"))
		spec.get("schedule").note("jobs are not repeated by the clock: the container runs once for each version of its manifest")
	default:
		top.note("a %s has no equivalent", cmp.Or(kind.text(), "nameless kind"))
	}
}

// workload converts the pod of a controller, and what of the controller fits.
func (c *converter) workload(kind string, top, meta, spec node) {
	template := spec.get("template")
	c.pod(top, meta, template.get("metadata"), template.get("spec"), func(m object) {
		for _, one := range []string{"replicas", "parallelism", "completions"} {
			if n := spec.get(one); n.isText() && n.real().Value == "1" {
				n.use()
			}
		}
		if limit := spec.get("backoffLimit"); kind == "Job" && limit.ok() {
			switch n, ok := limit.number(); {
			case ok && n > 0:
				m["restart"] = object{"maxRestarts": n}
			case ok && m["restartPolicy"] == "OnFailure":
				m["restartPolicy"] = "Never"
			}
		}
		update := object{}
		if t := spec.get("strategy").get("type"); t.ok() && t.real().Value == "Recreate" {
			update["strategy"] = t.text()
		}
		if n, ok := spec.get("progressDeadlineSeconds").number(); ok {
			update["progressDeadline"] = fmt.Sprintf("%ds", n)
		}
		if len(update) > 0 {
			m["update"] = update
		}
	})
}

// pod makes a manifest of each container of a pod. The first one owns the
// network, which the others share; init containers come before all.
func (c *converter) pod(top, meta, inner, spec node, finish func(object)) {
	name := meta.get("name")
	base, same := nameOf(name.text())
	if name.ok() && !same {
		c.note(name, "the container is named %q: a name has lower case letters, digits and '-'", base)
	}
	containers, inits := spec.get("containers").list(), spec.get("initContainers").list()
	if len(containers) == 0 {
		top.note("is not converted: it has no containers")
		return
	}
	labels, annotations := object{}, object{}
	copyTexts(inner.get("labels"), labels)
	copyTexts(meta.get("labels"), labels)
	copyTexts(inner.get("annotations"), annotations)
	copyTexts(meta.get("annotations"), annotations)

	volumes := spec.hostPaths()
	var before []object
	nameFor := func(n node, i int) string {
		own, _ := nameOf(n.get("name").text())
		if i == 0 && len(containers) == 1 {
			if own != base {
				c.note(n.get("name"), "the container is named %q, as its pod: it is the only one", base)
			}
			return base
		}
		joined, _ := nameOf(base + "-" + own)
		return joined
	}
	build := func(n node, name string, init bool) object {
		m := c.container(n, volumes)
		c.podFields(spec, m)
		put(m, "dependsOn", slices.Clone(before))
		if !init && finish != nil {
			finish(m)
		}
		head := object{}
		if len(labels) > 0 {
			head["labels"] = labels
		}
		if len(annotations) > 0 {
			head["annotations"] = annotations
		}
		c.made = append(c.made, made{from: n, name: name, meta: head, spec: m})
		return m
	}
	for _, n := range inits {
		name, _ := nameOf(base + "-" + n.get("name").text())
		m := build(n, name, true)
		delete(m, "hostname") // no two containers of a host share one
		if sidecar := n.get("restartPolicy"); sidecar.text() == "Always" {
			m["restartPolicy"] = "Always"
			before = append(before, object{"name": name, "condition": "Started"})
			continue
		}
		m["restartPolicy"] = "OnFailure"
		before = append(before, object{"name": name, "condition": "Completed"})
	}
	for i, n := range containers {
		m := build(n, nameFor(n, i), false)
		if i > 0 {
			m["network"] = object{"shareWith": nameFor(containers[0], 0)}
			delete(m, "hostname")
			delete(m, "dnsConfig")
		}
	}
}

func copyTexts(n node, to object) {
	for _, key := range n.keys() {
		v := n.get(key)
		switch had, twice := to[key]; {
		case !v.isText():
		case twice && had != v.text():
			v.note("the pod has another value, %q, which counts", had)
		default:
			to[key] = v.text()
		}
	}
}

// podFields are those of the pod that each of its containers takes.
func (c *converter) podFields(spec node, m object) {
	if p := spec.get("restartPolicy"); p.ok() {
		m["restartPolicy"] = p.text()
	}
	if n, ok := spec.get("terminationGracePeriodSeconds").number(); ok {
		m["terminationGracePeriodSeconds"] = n
	}
	putText(m, "hostname", spec.get("hostname").text())
	selector := object{}
	copyTexts(spec.get("nodeSelector"), selector)
	if len(selector) > 0 {
		m["nodeSelector"] = selector
	}
	putText(m, "os", spec.get("os").get("name").text())
	dns := object{}
	put(dns, "nameservers", spec.get("dnsConfig").get("nameservers").texts())
	put(dns, "searches", spec.get("dnsConfig").get("searches").texts())
	if len(dns) > 0 {
		m["dnsConfig"] = dns
	}
	windowsOptions(spec.get("securityContext"), m)
}

// windowsOptions adds those of a security context, unless the container has its own.
func windowsOptions(context node, m object) {
	from := context.get("windowsOptions")
	options := object{}
	if had, ok := m["securityContext"].(object); ok {
		options, _ = had["windowsOptions"].(object)
	}
	for _, key := range []string{"runAsUserName", "gmsaCredentialSpec", "gmsaCredentialSpecName"} {
		if n := from.get(key); n.ok() {
			if _, had := options[key]; !had {
				putText(options, key, n.text())
			}
			n.use()
		}
	}
	if len(options) > 0 {
		m["securityContext"] = object{"windowsOptions": options}
	}
}

// hostPaths finds the volumes that are folders of the host; the rest is named.
func (n node) hostPaths() map[string]string {
	paths := map[string]string{}
	for _, v := range n.get("volumes").list() {
		if path := v.get("hostPath").get("path"); path.ok() {
			paths[v.get("name").text()] = path.text()
			if kind := v.get("hostPath").get("type"); kind.ok() && strings.HasPrefix(kind.real().Value, "Directory") {
				kind.use()
			}
			continue
		}
		v.note("only hostPath has an equivalent: make a folder on the host and mount it")
	}
	return paths
}
