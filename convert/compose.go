package convert

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/mattn/go-shellwords"
)

// composeFile converts the services of a compose file that compose itself
// takes as valid.
func (c *converter) composeFile(top node, text []byte) error {
	if err := checkCompose(c.file, text); err != nil {
		return err
	}
	services := top.get("services")
	for _, key := range services.keys() {
		s := services.get(key)
		name, same := nameOf(key)
		if !same {
			c.note(s, "the container is named %q: a name has lower case letters, digits and '-'", name)
		}
		if !s.isMap() {
			s.note("is not converted: settings of a service are expected")
			continue
		}
		c.made = append(c.made, made{from: s, name: name, meta: object{}, spec: c.service(s)})
		m := &c.made[len(c.made)-1]
		composeLabels(s, m.meta)
	}
	return nil
}

// checkCompose lets compose judge the file. Nothing is filled in or followed.
func checkCompose(file string, text []byte) (err error) {
	defer func() { // its parser is not ours, and the input may be anything
		if p := recover(); p != nil {
			err = fmt.Errorf("compose cannot read it: %v", p)
		}
	}()
	_, err = loader.LoadModelWithContext(context.Background(), types.ConfigDetails{
		WorkingDir: "/", ConfigFiles: []types.ConfigFile{{Filename: file, Content: text}}, Environment: types.Mapping{},
	}, func(o *loader.Options) {
		o.SkipInterpolation, o.SkipNormalization, o.SkipConsistencyCheck, o.SkipExtends = true, true, true, true
		o.SkipInclude, o.SkipResolveEnvironment, o.SkipResolveLabels, o.SkipDefaultValues = true, true, true, true
		o.SetProjectName("convert", true)
	})
	return err
}

var wholeVariable = regexp.MustCompile(`^\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))$`)

// expand fills in the variables of a value, from their defaults alone: what the
// environment of the converter holds may be secret, and is no part of the input.
func (n node) expand(text string) string {
	if !strings.Contains(text, "$") {
		return text
	}
	var missing []string
	out, err := template.Substitute(text, func(name string) (string, bool) {
		missing = append(missing, name)
		return "", false
	})
	if err != nil {
		n.c.note(n, "the variables in it cannot be filled in: %v", err)
		return text
	}
	if len(missing) > 0 {
		n.c.note(n, "%s not filled in from outside: this is what the defaults give", strings.Join(slices.Compact(missing), ", "))
	}
	return out
}

// hostVariable is the variable that a value consists of.
func hostVariable(n node) string {
	if !n.isText() {
		return ""
	}
	m := wholeVariable.FindStringSubmatch(n.real().Value)
	if m == nil {
		return ""
	}
	n.use()
	return cmp.Or(m[1], m[2])
}

// words splits a command line as compose does, or takes a list as it is.
func (n node) words() []string {
	if !n.isText() || n.isNull() {
		return n.texts()
	}
	words, err := shellwords.Parse(n.text())
	if err != nil {
		n.c.note(n, "cannot be split into words: %v", err)
		return nil
	}
	return words
}

// put sets a value of the output unless it is empty.
func put[T any](o object, key string, v []T) {
	if len(v) > 0 {
		o[key] = v
	}
}

func putText(o object, key, v string) {
	if v != "" {
		o[key] = v
	}
}

// service converts what stands directly in a service.
func (c *converter) service(s node) object {
	spec := object{}
	putText(spec, "image", s.get("image").text())
	put(spec, "command", s.get("entrypoint").words())
	put(spec, "args", s.get("command").words())
	putText(spec, "workingDir", s.get("working_dir").text())
	putText(spec, "hostname", s.get("hostname").text())
	for from, to := range map[string]string{"tty": "tty", "stdin_open": "stdin"} {
		if s.get(from).flag() {
			spec[to] = true
		}
	}
	composeEnv(s, spec)
	composePorts(s.get("ports"), spec)
	composeVolumes(s.get("volumes"), spec)
	composeDevices(s.get("devices"), spec)
	composeNetwork(s, spec)
	composeNeeds(s, spec)
	composeRestart(s, spec)
	composeResources(s, spec)
	composeHealth(s.get("healthcheck"), spec)
	composeLogs(s.get("logging"), spec)
	composeSystem(s, spec)
	if grace := s.get("stop_grace_period"); grace.ok() {
		if d, ok := grace.duration(); ok {
			spec["terminationGracePeriodSeconds"] = int64(d.Seconds() + 0.999)
		}
	}
	return spec
}

func composeEnv(s node, spec object) {
	var env []object
	add := func(name string, value node) {
		v := object{"name": name}
		switch from := hostVariable(value); {
		case from != "":
			v["valueFrom"] = object{"hostEnv": from}
		case !value.ok() || value.isNull():
			value.use()
			v["valueFrom"] = object{"hostEnv": name}
		default:
			putText(v, "value", value.text())
		}
		env = append(env, v)
	}
	e := s.get("environment")
	if e.isMap() {
		for _, key := range e.keys() {
			add(key, e.get(key))
		}
	}
	for _, item := range e.list() {
		name, _, has := strings.Cut(item.real().Value, "=")
		if !has {
			item.use()
			add(name, node{})
			continue
		}
		if m := wholeVariable.FindStringSubmatch(strings.TrimPrefix(item.real().Value, name+"=")); m != nil {
			item.use()
			env = append(env, object{"name": name, "valueFrom": object{"hostEnv": cmp.Or(m[1], m[2])}})
			continue
		}
		v := object{"name": name}
		_, value, _ := strings.Cut(item.text(), "=")
		putText(v, "value", value)
		env = append(env, v)
	}
	put(spec, "env", env)
}

func composePorts(ports node, spec object) {
	var all []object
	add := func(n node, p types.ServicePortConfig) {
		port := object{"containerPort": int64(p.Target)}
		if p.Published != "" {
			host, err := strconv.ParseInt(p.Published, 10, 32)
			if err != nil {
				n.c.note(n, "a range of host ports has no equivalent: name one")
				return
			}
			port["hostPort"] = host
		}
		if p.HostIP != "" {
			n.c.note(n, "is published on every address of the host, not on %s alone", p.HostIP)
		}
		if p.Protocol != "" {
			port["protocol"] = strings.ToUpper(p.Protocol)
		}
		all = append(all, port)
	}
	for _, item := range ports.list() {
		if item.isText() {
			parsed, err := types.ParsePortConfig(item.text())
			if err != nil {
				item.note("%v", err)
				continue
			}
			for _, p := range parsed {
				add(item, p)
			}
			continue
		}
		target, ok := item.get("target").number()
		if !ok {
			item.note("the port in the container is missing")
			continue
		}
		add(item, types.ServicePortConfig{
			Target: uint32(target), Published: item.get("published").text(), Protocol: item.get("protocol").text(),
		})
	}
	put(spec, "ports", all)
}
