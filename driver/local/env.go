package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// maxSecret bounds a value that is read from a file.
const maxSecret = 1 << 20

// baseEnv returns what a container gets of the daemon's own environment: what
// programs need to find their way on this host, and nothing else.
func baseEnv() []string {
	var env []string
	for _, name := range baseNames {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// environ returns the environment of one run: the marks, then what the
// manifest says, then what it leaves of the base. Values from the host are
// read anew for each run. Errors name variables, never values.
func (d *Driver) environ(m marks, vars []manifest.EnvVar) ([]string, error) {
	env := make([]string, 0, len(d.base)+len(vars)+4)
	env = append(env, m.env()...)
	own := len(env)
	for _, v := range vars {
		value, err := resolve(v)
		if err != nil {
			return nil, fmt.Errorf("%w: environment variable %s: %w", driver.ErrInvalid, v.Name, err)
		}
		if v.Name == "" || strings.ContainsAny(v.Name, "=\x00") || strings.Contains(value, "\x00") {
			return nil, fmt.Errorf("%w: environment variable %q: '=' or NUL where there can be none", driver.ErrInvalid, v.Name)
		}
		env = append(env, v.Name+"="+value)
	}
	for _, kv := range d.base {
		name, _, _ := strings.Cut(kv, "=")
		if _, set := lookupEnv(env[own:], name); !set {
			env = append(env, kv)
		}
	}
	return env, nil
}

func resolve(v manifest.EnvVar) (string, error) {
	switch from := v.ValueFrom; {
	case from == nil:
		return v.Value, nil
	case from.HostEnv != "":
		value, ok := os.LookupEnv(from.HostEnv)
		if !ok {
			return "", fmt.Errorf("%s is not set in the environment of the daemon", from.HostEnv)
		}
		return value, nil
	case from.File != "":
		return readSecret(from.File)
	default:
		return "", errors.New("valueFrom names neither file nor hostEnv")
	}
}

// readSecret reads a regular file whole, without its final newline. Anything
// else, such as a pipe, could keep a start waiting.
func readSecret(path string) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !st.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", err
	}
	if len(data) > maxSecret {
		return "", fmt.Errorf("%s is larger than 1 MiB", path)
	}
	s := strings.TrimSuffix(string(data), "\n")
	return strings.TrimSuffix(s, "\r"), nil
}

// lookupEnv finds the value that counts, the last one.
func lookupEnv(env []string, name string) (value string, ok bool) {
	for _, kv := range env {
		if k, v, found := strings.Cut(kv, "="); found && sameVar(k, name) {
			value, ok = v, true
		}
	}
	return value, ok
}
