package hcs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// maxSecret bounds what is read from a file of the host.
const maxSecret = 1 << 20

// hostValue reads a variable's value at the moment of a start. Its errors name
// places, never values.
func hostValue(v manifest.EnvVar) (string, error) {
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
		text, err := readFile(from.File)
		return strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r"), err
	default:
		return "", errors.New("valueFrom names neither file nor hostEnv")
	}
}

// readFile reads a regular file whole: a pipe could keep a start waiting.
func readFile(path string) (string, error) {
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
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", err
	}
	if len(text) > maxSecret {
		return "", fmt.Errorf("%s is larger than 1 MiB", path)
	}
	return string(text), nil
}
