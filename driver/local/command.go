package local

import (
	"fmt"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// commandOf says what to execute for s, given the environment of the run.
func commandOf(s *manifest.Spec, env []string) (command, error) {
	cmd := shellCommand(s.CommandLine)
	if s.CommandLine == "" {
		argv := append(append([]string(nil), s.Command...), s.Args...)
		if len(argv) == 0 {
			return command{}, fmt.Errorf("%w: no command, args or commandLine", driver.ErrInvalid)
		}
		path, err := lookPath(argv[0], env)
		if err != nil {
			return command{}, err
		}
		cmd = command{path: path, argv: argv}
	}
	cmd.dir = s.WorkingDir
	if cmd.dir == "" {
		cmd.dir = rootDir
	}
	return cmd, nil
}
