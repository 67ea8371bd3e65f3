package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hcs-reconcile/hcs-reconcile/control"
	"github.com/hcs-reconcile/hcs-reconcile/driver/local"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

// patience bounds every wait of a script; a test that passes never comes near.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hcs-reconcile": main})
}

// TestScripts runs testdata/script. Each script has its own owner and folders,
// so that all may run at once; what it leaves running is ended.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup:               setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"waitfor":   waitFor,
			"pidof":     pidOf,
			"contains":  contains,
			"zipholds":  zipHolds,
			"terminate": terminate,
			"ended":     ended,

			"awaitevent":   awaitEvent,
			"awaitversion": awaitVersion,
			"awaitfile":    awaitFile,
			"sameevents":   sameEvents,
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
	})
}

func setUp(e *testscript.Env) error {
	owner := fmt.Sprintf("script-%d-%s", os.Getpid(), strings.TrimPrefix(filepath.Base(e.WorkDir), "script-"))
	e.Setenv("HCS_RECONCILE_OWNER", owner)
	e.Setenv("HCS_RECONCILE_MANIFESTS", filepath.Join(e.WorkDir, "manifests"))
	e.Setenv("HCS_RECONCILE_STATE_DIR", filepath.Join(e.WorkDir, "state"))
	e.Setenv("HCS_RECONCILE_WEB_LISTEN_ADDRESS", "none")
	e.Setenv("HCS_RECONCILE_DRIVER", "local")
	e.Defer(func() { endAll(owner, e.WorkDir) })
	// The daemon refuses folders that a group may write, whatever umask we have.
	return filepath.WalkDir(e.WorkDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := os.FileMode(0o644)
		if d.IsDir() {
			mode = 0o755
		}
		return os.Chmod(path, mode)
	})
}

// endAll ends the daemon and the containers that a script left.
func endAll(owner, work string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if p, err := daemonOf(filepath.Join(work, "state")); err == nil {
		_ = p.Kill()
	}
	defer func() { _ = keeper.Stop(ctx, filepath.Join(work, "state")) }()
	d, err := local.Open(ctx, local.Config{Owner: owner, StateDir: filepath.Join(work, "state")})
	if err != nil {
		return
	}
	defer d.Close()
	l, err := d.List(ctx)
	if err != nil {
		return
	}
	for _, st := range l.Ours {
		_ = d.Terminate(ctx, st.Ref)
	}
}

// daemonOf finds the daemon of a state folder by asking it.
func daemonOf(stateDir string) (*os.Process, error) {
	v, err := control.NewClient(stateDir).View(context.Background())
	if err != nil {
		return nil, err
	}
	return os.FindProcess(v.Daemon.PID)
}

// terminate sends SIGTERM to the daemon.
func terminate(ts *testscript.TestScript, _ bool, _ []string) {
	p, err := daemonOf(ts.Getenv("HCS_RECONCILE_STATE_DIR"))
	ts.Check(err)
	ts.Check(p.Signal(syscall.SIGTERM))
}

// waitFor waits until the daemon of $HCS_RECONCILE_STATE_DIR shows all of the
// conditions: NAME=STATE, NAME=gone, restarts:NAME=N (at least), problems=N, held=N
// (by the prune brake), or "up"; or with !, until no daemon answers.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	client := control.NewClient(ts.Getenv("HCS_RECONCILE_STATE_DIR"))
	missing := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		v, err := client.View(context.Background())
		switch {
		case neg && err != nil:
			return
		case neg:
			missing = "a daemon answers"
		case err != nil:
			missing = err.Error()
		default:
			if missing = unmet(v, args); missing == "" {
				return
			}
		}
		<-time.After(10 * time.Millisecond)
	}
	ts.Fatalf("waited in vain: %s", missing)
}

func unmet(v control.View, conditions []string) string {
	states, restarts := map[string]string{}, map[string]uint64{}
	for _, c := range v.Containers {
		states[c.Name], restarts[c.Name] = string(c.State), c.Restarts
	}
	for _, cond := range conditions {
		what, value, _ := strings.Cut(cond, "=")
		n, _ := strconv.Atoi(value)
		met := false
		name, isRestarts := strings.CutPrefix(what, "restarts:")
		switch {
		case isRestarts:
			met = restarts[name] >= uint64(n)
		case what == "up":
			met = v.Started
		case what == "problems":
			met = len(v.Problems) == n
		case what == "held":
			met = len(v.Brake.Blocked) == n
		case value == "gone":
			met = states[what] == ""
		default:
			met = states[what] == value
		}
		if !met {
			return fmt.Sprintf("%s is not met: %v, %d problems, %v held", cond, states, len(v.Problems), v.Brake.Blocked)
		}
	}
	return ""
}

// pidOf NAME VAR puts the process of a running container into an environment
// variable.
func pidOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pidof NAME VAR")
	}
	v, err := control.NewClient(ts.Getenv("HCS_RECONCILE_STATE_DIR")).View(context.Background())
	ts.Check(err)
	for _, c := range v.Containers {
		if c.Name == args[0] && (c.State == reconcile.StateRunning || c.Ready) && c.PID > 0 {
			ts.Setenv(args[1], strconv.Itoa(c.PID))
			return
		}
	}
	ts.Fatalf("%s does not run", args[0])
}

// ended PID waits until a process is gone.
func ended(ts *testscript.TestScript, _ bool, args []string) {
	pid, err := strconv.Atoi(args[0])
	ts.Check(err)
	p, err := os.FindProcess(pid)
	ts.Check(err)
	defer p.Release()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if p.Signal(syscall.Signal(0)) != nil {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	ts.Fatalf("process %d goes on", pid)
}

// contains FILE TEXT tells whether a file holds a text, in a file that may
// still be written. ! contains wants it not to.
func contains(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: contains FILE TEXT")
	}
	if strings.Contains(ts.ReadFile(args[0]), args[1]) == neg {
		ts.Fatalf("%s: contains %q: %t", args[0], args[1], !neg)
	}
}
