package convert

import (
	"strings"

	"github.com/docker/go-units"
)

func composeLogs(l node, spec object) {
	logs, options := object{}, l.get("options")
	if size := options.get("max-size"); size.ok() {
		bytes, err := units.RAMInBytes(size.text())
		if err != nil {
			size.note("%v", err)
		} else {
			logs["maxSize"] = bytes
		}
	}
	if n, ok := options.get("max-file").number(); ok {
		logs["maxFiles"] = n
	}
	if len(logs) > 0 {
		spec["logs"] = logs
	}
}

// composeSystem is what depends on the operating system.
func composeSystem(s node, spec object) {
	if p := s.get("platform"); p.ok() {
		os, _, _ := strings.Cut(p.text(), "/")
		spec["os"] = os
	}
	if i := s.get("isolation"); i.ok() && i.text() != "default" {
		spec["isolation"] = i.text()
	}
	options := object{}
	if u := s.get("user"); u.ok() {
		if name := u.text(); strings.Trim(name, "0123456789:") == "" {
			u.note("numbers of users are unknown to Windows: a name such as ContainerUser is expected")
		} else {
			options["runAsUserName"] = name
		}
	}
	putText(options, "gmsaCredentialSpecName", s.get("credential_spec").get("file").text())
	if len(options) > 0 {
		spec["securityContext"] = object{"windowsOptions": options}
	}
}

// composeLabels become annotations: a label of compose may be any text.
func composeLabels(s node, meta object) {
	annotations := object{}
	for _, from := range []string{"labels", "annotations"} {
		n := s.get(from)
		if n.isMap() {
			for _, key := range n.keys() {
				annotations[key] = n.get(key).text()
			}
		}
		for _, item := range n.list() {
			key, value, _ := strings.Cut(item.text(), "=")
			annotations[key] = value
		}
	}
	if len(annotations) > 0 {
		meta["annotations"] = annotations
	}
}
