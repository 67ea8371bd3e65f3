// Package early plays hcsshim in the test of package timeouts: it reads the
// limits from the environment while it is initialised. Nothing else uses it.
package early

import "os"

// Seen are the limits as they were then.
var Seen = read()

func read() map[string]string {
	seen := map[string]string{}
	for _, op := range []string{"SYSTEMCREATE", "SYSTEMSTART", "SYSTEMPAUSE", "SYSTEMRESUME", "SYSTEMSAVE", "SYSCALLWATCHER"} {
		name := "HCSSHIM_TIMEOUT_" + op
		seen[name] = os.Getenv(name)
	}
	return seen
}
