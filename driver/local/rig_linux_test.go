package local_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/local"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// daemonContainers is how many containers the daemon of these tests wants.
const daemonContainers = 10

func wanted(i int) *manifest.Container {
	return container(fmt.Sprintf("c%d", i), "echo started $$; exec sleep 1000")
}

// daemon is what the test binary does when it is started as a daemon: it makes
// the wanted containers run, says so, and stays until it is killed.
func daemon(owner string) {
	ctx, dir := context.Background(), os.Getenv("LOCAL_TEST_DIR")
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	d, err := local.Open(ctx, local.Config{
		Owner: owner, StateDir: dir, Logger: log, Keeper: keeperCommand(dir, owner),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for i := range daemonContainers {
		c := wanted(i)
		for _, a := range []driver.Action{driver.Create, driver.Start} {
			if err := driver.Do(ctx, d, a, refOf(c), c); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
	}
	fmt.Println("converged")
	_, _ = io.Copy(io.Discard, os.Stdin) // until killed
}

// rig is a driver for an owner of its own, and the folder where it works.
type rig struct {
	testing.TB
	*local.Driver
	owner, dir string
}

var owners atomic.Int64

func newOwner() string { return fmt.Sprintf("test-%d-%d", os.Getpid(), owners.Add(1)) }

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{TB: t, owner: newOwner(), dir: stateDir(t)}
	r.reopen()
	t.Cleanup(r.tidy)
	return r
}

// reopen lets the driver go, if there is one, and opens it again.
func (r *rig) reopen() {
	r.Helper()
	if r.Driver != nil {
		r.must(r.Close())
	}
	d, err := local.Open(context.Background(), local.Config{
		Owner: r.owner, StateDir: r.dir, Logger: quiet(r), Rescan: time.Nanosecond, Keeper: keeperCommand(r.dir, r.owner),
	})
	r.must(err)
	r.Driver = d
}

func (r *rig) tidy() {
	ctx := context.Background()
	l, err := r.List(ctx)
	r.must(err)
	for _, st := range l.Ours {
		r.must(driver.Do(ctx, r, driver.Terminate, st.Ref, nil))
		r.await(st.Ref, driver.Stopped, driver.Created)
		r.must(r.Remove(ctx, st.Ref))
	}
	r.must(r.Close())
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// keeper returns the process of the keeper.
func (r *rig) keeper() int {
	r.Helper()
	c, err := keeper.Dial(context.Background(), r.dir, keeper.Hello{}, nil)
	r.must(err)
	defer c.Close()
	return c.Welcome().PID
}

// container describes a container that runs text by a shell.
func container(name, text string) *manifest.Container {
	return &manifest.Container{
		Metadata: manifest.Metadata{Name: name}, Revision: "1-aa",
		Spec: manifest.Spec{Command: []string{"/bin/sh", "-c", text}},
	}
}

func refOf(c *manifest.Container) driver.Ref {
	return driver.Ref{Name: c.Name(), Revision: c.Revision}
}

// run creates and starts c.
func (r *rig) run(c *manifest.Container) driver.Ref {
	r.Helper()
	r.must(driver.Settle(driver.Create, r.Create(context.Background(), c)))
	r.must(r.Start(context.Background(), c))
	return refOf(c)
}

// await waits until the container is in one of states.
func (r *rig) await(ref driver.Ref, states ...driver.State) (st driver.Status) {
	r.Helper()
	eventually(r, fmt.Sprintf("%s to be %v", ref, states), func() bool {
		var err error
		st, err = r.Inspect(context.Background(), ref)
		r.must(err)
		return slices.Contains(states, st.State)
	})
	return st
}

func (r *rig) log(name string) string { return printed(r.dir, name) }

// pid waits until the container has printed "key pid" and returns the number.
func (r *rig) pid(name, key string) (pid int) {
	r.Helper()
	eventually(r, name+" to print "+key, func() bool {
		_, rest, ok := strings.Cut(r.log(name), key+" ")
		n, _ := fmt.Sscanf(rest, "%d\n", &pid)
		return ok && n == 1 && strings.Contains(rest, "\n")
	})
	return pid
}
