package doctor

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/control"
	"github.com/hcs-reconcile/hcs-reconcile/internal/trust"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// judgeFolder reads the answer of trust.Check.
func judgeFolder(dir string, exists bool, err error) Finding {
	var f *trust.Finding
	switch {
	case errors.As(err, &f):
		return fail("", "%s: %s; whoever writes there is administrator of this host", f.Path, f.Why).do("%s", f.Fix)
	case err != nil:
		return warn("%s: who can write there cannot be told: %v", dir, err).do("run this as the user of the daemon")
	case !exists:
		return warn("%s does not exist", dir).do("make it, or name another by its flag")
	default:
		return ok("%s can be written by nobody else", dir)
	}
}

// judgeStore reads the state of a file that no daemon vouches for.
func judgeStore(path string, h statedb.Health) Finding {
	switch {
	case h.LockedBy != "":
		return fail("", "%s is held by %s, and no daemon answers", path, h.LockedBy).do("look whether that process is a daemon that hangs, and end it; do not delete the lock file")
	case !h.Exists:
		return ok("%s is not there yet: no daemon has run with this state folder", path)
	case h.Damage != nil:
		return fail("", "%s is damaged: %v", path, h.Damage).do("the next daemon sets it aside and begins anew; containers run on. To keep restart counts and history, put back a copy first")
	case h.Schema > h.Known:
		return fail("", "%s was written by a newer version", path).do("upgrade this program, or put %s.v%d.bak in its place", filepath.Base(path), h.Known)
	case len(h.SetAside) > 0:
		return warn("%s is whole; damaged ones of earlier days are kept: %s", path, strings.Join(h.SetAside, ", ")).do("find out what damaged the disk, then delete them")
	case h.OneMeta:
		return warn("%s is whole, but one of its two headers is lost", path).do("nothing: the next daemon writes it anew")
	default:
		return ok("%s is whole: %s, schema %d", path, bytesText(uint64(h.Bytes)), h.Schema) //nolint:gosec // a size
	}
}

// judgeDaemon reads the answer of the daemon, or its absence.
func judgeDaemon(v *control.View, err error, here string) Finding {
	switch {
	case errors.Is(err, control.ErrNoDaemon):
		return warn("no daemon runs with this state folder: nothing is being reconciled").do("start it: hcs-reconcile run, or the service")
	case err != nil:
		return fail("", "the daemon does not answer: %v", err).do("look at its log; if it hangs, restart it: containers run on")
	case v.SaveError != "":
		return fail("", "the daemon cannot save its state, so it takes no step: %s", v.SaveError).do("free the disk, or mend the permissions of the state folder")
	case v.ListError != "":
		return fail("", "the daemon cannot list containers: %s", v.ListError).do("look at the check of the runtime")
	case !v.Started:
		return warn("the daemon has not yet seen both manifests and host").do("wait a moment and ask again; then look at its log")
	case v.Stopping:
		return warn("the daemon is stopping")
	case v.Daemon.Version != here:
		return warn("the daemon (process %d) is version %s, this program %s", v.Daemon.PID, v.Daemon.Version, here).do("restart the daemon to upgrade it: containers run on")
	default:
		return ok("process %d answers, since %s", v.Daemon.PID, v.Daemon.Started.UTC().Format(time.RFC3339))
	}
}

// judgeConverged tells whether the host is as the folder wants it.
func judgeConverged(v *control.View) Finding {
	var bad, held, under []string
	for i := range v.Containers {
		st := &v.Containers[i]
		line := fmt.Sprintf("%s is %s", st.Name, st.State)
		switch st.State {
		case reconcile.StateCrashLoopBackOff, reconcile.StateGaveUp, reconcile.StateFailed, reconcile.StateStuck, reconcile.StatePruneBlocked:
			bad = append(bad, line)
		case reconcile.StateHeld:
			held = append(held, line)
		case reconcile.StatePending, reconcile.StateWaiting, reconcile.StateCreating, reconcile.StateStarting, reconcile.StateStopping:
			under = append(under, line)
		default:
			if r := doubtful(st.Reason); r != "" {
				held = append(held, line+", but "+r)
			}
		}
	}
	switch {
	case len(bad) > 0:
		return fail("", "%d of %s not as wanted: %s", len(bad), count(len(v.Containers), "container"), some(bad)).do("hcs-reconcile status, then hcs-reconcile describe NAME")
	case v.Doubt != "":
		return warn("the folder is in doubt, nothing is removed: %s", v.Doubt).do("mend the folder")
	case len(held) > 0:
		return warn("%s to check: %s", count(len(held), "container"), some(held)).do("hcs-reconcile status says for each what to mend")
	case len(under) > 0:
		return warn("%s on their way: %s", count(len(under), "container"), some(under)).do("wait, and ask again")
	default:
		return ok("%s, all as their manifests say", count(len(v.Containers), "container"))
	}
}

// doubtful tells what is wrong with a container that runs; "" if nothing is.
func doubtful(r reconcile.Reason) string {
	switch r {
	case reconcile.NotReady, reconcile.ProgressDeadlineExceeded:
		return "not ready"
	case reconcile.RolledBack:
		return "of an earlier version"
	case reconcile.InvalidManifest:
		return "its manifest cannot be followed"
	default:
		return ""
	}
}

// judgeManifests counts what is wrong in the folder.
func judgeManifests(problems []manifest.Problem, containers int, doubt string) Finding {
	switch {
	case len(problems) > 0:
		return fail("", "%s in the manifests; the first: %s", count(len(problems), "problem"), problems[0]).do("hcs-reconcile validate lists them all")
	case doubt != "":
		return fail("", "the folder cannot be read as a whole: %s", doubt).do("mend the folder; nothing is removed meanwhile")
	default:
		return ok("%s asked for, without a problem", count(containers, "container"))
	}
}

// judgeKeeper reads the answer of the keeper, or its absence.
func judgeKeeper(w keeper.Welcome, err error, held int, here string) Finding {
	switch {
	case errors.Is(err, keeper.ErrNoKeeper) && held > 0:
		return fail("", "no keeper runs, and %s recorded as going on: their output and exit codes may be lost", count(held, "run")).do("start the daemon: it starts a keeper, which takes them over")
	case errors.Is(err, keeper.ErrNoKeeper):
		return ok("no keeper runs, and none is needed: nothing is held")
	case err != nil:
		return fail("", "the keeper does not answer: %v", err).do("see its log in the state folder; containers run on without it")
	case w.Version != here:
		return ok("process %d answers; it is of version %s, which is meant to be so: it outlives daemons", w.PID, w.Version)
	default:
		return ok("process %d answers, %s recorded", w.PID, count(held, "run"))
	}
}

// Clock is what a clock is judged by.
type Clock struct {
	Now    time.Time
	Built  time.Time // of the program, zero if not known
	Newest time.Time // of the history, zero if there is none
}

// skewAllowed is how far an event may seem ahead without a finding.
const skewAllowed = 30 * time.Second

// judgeClock looks for a clock that is wrong or was set back: backoff, grace
// periods and ages are all reckoned by it.
func judgeClock(c Clock) Finding {
	const fix = "set the clock and keep it set (w32time, chrony); then restart the daemon: containers run on"
	switch {
	case c.Now.Year() < 2024 || !c.Built.IsZero() && c.Now.Before(c.Built.Add(-24*time.Hour)):
		return fail("", "it is %s by this clock, which is before this program was made", c.Now.UTC().Format(time.RFC3339)).do(fix)
	case c.Newest.Sub(c.Now) > skewAllowed:
		return fail("", "the clock was set back: the history has an event %v in the future", c.Newest.Sub(c.Now).Round(time.Second)).do(fix)
	default:
		return ok("%s, and no jump to be seen", c.Now.UTC().Format(time.RFC3339))
	}
}

// Files are the open files of a process.
type Files struct {
	Process string // daemon or keeper
	Open    uint64 // 0 if not known
	Limit   uint64 // that it may have; 0 if there is none
}

// filesPerContainer is what a daemon or keeper holds of each: process, pipes, log.
const filesPerContainer = 6

// judgeFiles tells whether the open files suffice for the containers.
func judgeFiles(all []Files, containers int) Finding {
	need := uint64(100 + filesPerContainer*containers) //nolint:gosec // a count
	for _, f := range all {
		const fix = "raise LimitNOFILE of the service (or ulimit -n), and restart it: containers run on"
		switch {
		case f.Limit > 0 && f.Limit < need:
			return fail("", "the %s may open %d files; %s may need %d", f.Process, f.Limit, count(containers, "container"), need).do(fix)
		case f.Limit > 0 && f.Open > f.Limit/10*8:
			return warn("the %s has %d of %d files open", f.Process, f.Open, f.Limit).do(fix)
		}
	}
	if len(all) == 0 {
		return skipped("open files are not limited here")
	}
	return ok("%s may need %d open files, and %d are allowed", count(containers, "container"), need, all[0].Limit)
}

// Disk is the space of the disk that a folder lies on.
type Disk struct {
	Folder      string
	Free, Total uint64 // bytes
	Need        uint64 // below this it is a warning
}

const failBelow = 128 << 20

// judgeDisk tells of the folder that is worst off.
func judgeDisk(all []Disk) Finding {
	worst := ok("")
	var parts []string
	for _, d := range all {
		text := fmt.Sprintf("%s: %s free of %s", d.Folder, bytesText(d.Free), bytesText(d.Total))
		parts = append(parts, text)
		switch {
		case d.Free < failBelow:
			return fail("", "%s", text).do("free some space: without it no state is saved, and no step is taken")
		case d.Free < d.Need && worst.Level == OK:
			worst = warn("%s", text).do("free some space, or lower logs.maxSize and logs.maxFiles")
		}
	}
	if worst.Level != OK {
		return worst
	}
	return ok("%s", strings.Join(parts, "; "))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// some lists the first few.
func some(all []string) string {
	const few = 5
	if len(all) <= few {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:few], ", "), len(all)-few)
}

func bytesText(n uint64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	default:
		return fmt.Sprintf("%d KiB", n>>10)
	}
}
