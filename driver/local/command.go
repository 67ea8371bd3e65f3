package local

import (
	"fmt"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
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

// limitsOf are the limits of the logs of c.
func limitsOf(c *manifest.Container) (l keeper.Limits) {
	if q := c.Spec.Logs.MaxSize; q != nil && q.Value() > 0 {
		l.Size = q.Value()
	}
	if n := c.Spec.Logs.MaxFiles; n != nil && *n > 0 {
		l.Files = *n
	}
	return l
}
