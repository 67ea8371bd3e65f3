package scenario

import (
	"os"
	"os/exec"

	"github.com/hcs-reconcile/hcs-reconcile/internal/tooltest"
)

// gitStorm has git change the folder under the daemon, some of it faster than
// anybody can follow. What stands in every tree runs on as the process that it
// was; at the end the last tree runs.
func gitStorm(w *world) {
	program := tooltest.Path(w.t, "git")
	git := func(args ...string) {
		w.t.Helper()
		cmd := exec.Command(program, append([]string{"-C", w.linux("manifests"), "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
		if out, err := cmd.CombinedOutput(); err != nil {
			w.t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q", "-b", "blue")
	keep := []spec{{name: "keep1", version: "v1"}, {name: "keep2", version: "v1"}, {name: "keep3", version: "v1"}}
	w.write(append(keep, web)...)
	git("add", "-A")
	git("commit", "-qm", "blue")
	git("checkout", "-qb", "green")
	w.rename("keep1.yaml", "moved.yaml") // another file, the same container
	w.put("keep2.yaml", "# another comment\n"+w.text(keep[1]))
	w.write(spec{name: "web", version: "v2"}, spec{name: "extra", version: "v1"})
	git("add", "-A")
	git("commit", "-qm", "green")

	all := []string{"keep1=v1", "keep2=v1", "keep3=v1"}
	green := append([]string{"extra=v1", "web=v2"}, all...)
	w.run()
	w.wantRunning(green...)
	for round := range 4 {
		for range 5 {
			git("checkout", "-q", "blue")
			git("checkout", "-q", "green")
			git("reset", "-q", "--hard", "blue")
			git("reset", "-q", "--hard", "ORIG_HEAD")
		}
		if round%2 == 0 {
			w.wantRunning(green...)
		}
	}
	git("checkout", "-q", "blue")
	w.wantRunning(append([]string{"web=v1"}, all...)...)
	w.wantLaunches(map[string]int{"keep1=v1": 1, "keep2=v1": 1, "keep3=v1": 1})
	w.stop()
}
