package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/control"
	"github.com/hcs-reconcile/hcs-reconcile/driver/hcs"
	"github.com/hcs-reconcile/hcs-reconcile/internal/trust"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// Host is what is looked at. Manifests and StateDir are needed.
type Host struct {
	Manifests, StateDir string
	Driver, Owner       string
	Listen              []string // addresses that the web endpoint shall have
	Labels              map[string]string
	Version             string // of this program
	Built               time.Time

	// The daemon is asked once, by whichever check comes first.
	once sync.Once
	view control.View
	err  error
}

// Checks are all that there are for this host, in the order in which they are
// best read.
func (h *Host) Checks() []Check {
	checks := []Check{
		{"manifests folder", func(context.Context) Finding { return folderOf(h.Manifests) }},
		{"state folder", func(context.Context) Finding { return folderOf(h.StateDir) }},
		{"manifests", h.manifests},
		{"store", h.store},
		{"daemon", func(ctx context.Context) Finding {
			v, err := h.ask(ctx)
			return judgeDaemon(v, err, h.Version)
		}},
		{"converged", h.converged},
		{"keeper", h.keeper},
		{"web", h.web},
		{"clock", h.clock},
		{"open files", h.files},
		{"disk", h.disk},
		{"environment", func(context.Context) Finding { return judgeEnvironment(os.Getenv) }},
	}
	if h.Driver != "hcs" {
		return checks
	}
	survey := sync.OnceValues(func() (*hcs.Surveyed, error) {
		return hcs.Survey(context.Background(), hcs.Config{Owner: h.Owner, StateDir: h.StateDir}, images(h.wanted()))
	})
	surveyed := func(judge func(*hcs.Surveyed) Finding) func(context.Context) Finding {
		return func(context.Context) Finding {
			s, err := survey()
			switch {
			case errors.Is(err, hcs.ErrNoHost):
				return skipped("%v", err)
			case err != nil:
				return fail("", "the host cannot be looked at: %v", err)
			}
			return judge(s)
		}
	}
	return append(checks,
		Check{"runtime", surveyed(judgeRuntime)},
		Check{"leftovers", surveyed(judgeLeftovers)},
		Check{"images", surveyed(func(s *hcs.Surveyed) Finding { return judgeImages(s.Build, s.Images, h.wanted()) })})
}

// ask returns what the daemon says of itself.
func (h *Host) ask(ctx context.Context) (*control.View, error) {
	h.once.Do(func() { h.view, h.err = control.NewClient(h.StateDir).View(ctx) })
	return &h.view, h.err
}

func folderOf(dir string) Finding {
	_, err := os.Stat(dir)
	return judgeFolder(dir, !errors.Is(err, fs.ErrNotExist), trust.Check(dir))
}

func (h *Host) read() folder.Update { return folder.Read(h.Manifests, folder.Start{Labels: h.Labels}) }

func (h *Host) wanted() (all []*manifest.Container) {
	for _, w := range h.read().Put {
		all = append(all, w.Container)
	}
	return all
}

func images(wanted []*manifest.Container) (all []string) {
	for _, c := range wanted {
		if c.Spec.Image != "" {
			all = append(all, c.Spec.Image)
		}
	}
	return all
}

func (h *Host) manifests(context.Context) Finding {
	u := h.read()
	return judgeManifests(u.Problems, len(u.Put), u.Doubt)
}

func (h *Host) store(ctx context.Context) Finding {
	if v, err := h.ask(ctx); err == nil { // it holds the file, and knows best
		if v.SaveError != "" {
			return fail("", "the daemon cannot save: %s", v.SaveError).do("free the disk, or mend the permissions of the state folder")
		}
		return ok("the daemon uses it without an error")
	}
	path := filepath.Join(h.StateDir, "state.db")
	health, err := statedb.Inspect(path)
	if err != nil {
		return fail("", "%s cannot be read: %v", path, err).do("run this as the user of the daemon")
	}
	return judgeStore(path, health)
}

func (h *Host) converged(ctx context.Context) Finding {
	v, err := h.ask(ctx)
	if err != nil {
		return skipped("no daemon tells")
	}
	return judgeConverged(v)
}

func (h *Host) keeper(ctx context.Context) Finding {
	runs, err := keeper.Recorded(h.StateDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail("", "the runs of the keeper cannot be read: %v", err).do("run this as the user of the daemon")
	}
	held := 0
	for _, r := range runs {
		if r.State != keeper.Ended {
			held++
		}
	}
	c, err := keeper.Dial(ctx, h.StateDir, keeper.Hello{Version: h.Version}, func(keeper.Run) {})
	if err != nil {
		return judgeKeeper(keeper.Welcome{}, err, held, h.Version)
	}
	w := c.Welcome()
	_ = c.Close() // nothing was sent
	return judgeKeeper(w, nil, held, h.Version)
}

// web asks the endpoint of the daemon, or whether its port is free for one.
func (h *Host) web(ctx context.Context) Finding {
	v, err := h.ask(ctx)
	if err != nil {
		return h.ports(ctx)
	}
	if v.Daemon.Web == "" {
		return ok("the daemon has no web endpoint")
	}
	for address := range strings.SplitSeq(v.Daemon.Web, ",") {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/healthz", nil)
		if err != nil {
			return fail("", "%s: %v", address, err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return fail("", "%s does not answer: %v", address, err).do("look at the log of the daemon, and for a firewall on loopback")
		}
		res.Body.Close()
		if res.StatusCode == http.StatusServiceUnavailable {
			return fail("", "%s says that the daemon does not work", address).do("see the check of the daemon")
		}
	}
	return ok("%s answers", v.Daemon.Web)
}

func (h *Host) ports(ctx context.Context) Finding {
	if len(h.Listen) == 0 || h.Listen[0] == "" || h.Listen[0] == "none" {
		return ok("none is asked for")
	}
	for _, address := range h.Listen {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if errors.Is(err, syscall.EADDRINUSE) || addressInUse(err) {
			return fail("", "%s is used by another program", address).do("end that program, or choose another --web.listen-address")
		}
		if err != nil {
			return warn("%s cannot be listened on: %v", address, err).do("choose another --web.listen-address")
		}
		_ = l.Close()
	}
	return ok("free: %s", strings.Join(h.Listen, ", "))
}

func (h *Host) clock(ctx context.Context) Finding {
	c := Clock{Now: time.Now(), Built: h.Built}
	if events, err := control.NewClient(h.StateDir).Events(ctx, control.EventQuery{Limit: 1}); err == nil && len(events) > 0 {
		c.Newest = events[0].At
	}
	return judgeClock(c)
}

func (h *Host) files(ctx context.Context) Finding {
	containers, pids := 0, map[string]int{}
	if v, err := h.ask(ctx); err == nil {
		containers, pids["daemon"] = len(v.Containers), v.Daemon.PID
	} else {
		containers = len(h.wanted())
	}
	if c, err := keeper.Dial(ctx, h.StateDir, keeper.Hello{}, func(keeper.Run) {}); err == nil {
		pids["keeper"] = c.Welcome().PID
		_ = c.Close()
	}
	return judgeFiles(openFiles(pids), containers)
}

func (h *Host) disk(context.Context) Finding {
	need := uint64(1 << 30)
	if h.Driver == "hcs" {
		need = 10 << 30 // every container has a writable layer there
	}
	var all []Disk
	for _, dir := range []string{h.StateDir, h.Manifests} {
		at := existing(dir)
		free, total, err := space(at)
		if err != nil {
			return warn("%s: the space cannot be told: %v", at, err)
		}
		d := Disk{Folder: at, Free: free, Total: total}
		if dir == h.StateDir {
			d.Need = need
		}
		all = append(all, d)
	}
	return judgeDisk(all)
}

// existing is dir, or the nearest folder above that is there.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// Text writes a report for people.
func (r *Report) Text(width int, paint func(Level, string) string) string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s  %-*s  %s\n", paint(f.Level, fmt.Sprintf("%-7s", f.Level)), width, f.Check, f.Found)
		if f.Do != "" {
			fmt.Fprintf(&b, "%*s→ %s\n", 11+width, "", f.Do)
		}
	}
	return b.String()
}
