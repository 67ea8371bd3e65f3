package local_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/drivertest"
	"github.com/hcs-reconcile/hcs-reconcile/driver/local"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
	"github.com/hcs-reconcile/hcs-reconcile/logs"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// TestMain lets the test binary also be the programs that its tests run.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "steps" {
		steps(os.Args[2:])
		return
	}
	if len(os.Args) > 2 && os.Args[1] == "program" {
		program(os.Args[2], os.Args[3:]...)
		return
	}
	if len(os.Args) == 4 && os.Args[1] == "keeper" {
		keep(os.Args[2], os.Args[3])
		return
	}
	if as := os.Getenv("LOCAL_TEST_OWNER"); as != "" {
		daemon(as)
		return
	}
	os.Exit(m.Run())
}

// keep is what the test binary does when it is started as a keeper.
func keep(dir, owner string) {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	l, err := local.NewLauncher()
	if err == nil {
		err = keeper.Serve(context.Background(), keeper.Config{
			StateDir: dir, Owner: owner, Version: "test", Launchers: map[string]keeper.Launcher{local.Kind: l}, Log: log,
		})
	}
	if err != nil {
		log.Error("keeper failed", "err", err)
		os.Exit(1)
	}
}

// keeperCommand starts the test binary as a keeper.
func keeperCommand(dir, owner string) *keeper.Command {
	return &keeper.Command{Path: testProgram(), Args: []string{"keeper", dir, owner}}
}

// stateDir is short: the path of a socket must be. Its keeper ends with the test.
func stateDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "hcs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		endKeeper(t, dir)
		_ = os.RemoveAll(dir)
	})
	return dir
}

func endKeeper(t testing.TB, dir string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := keeper.Stop(ctx, dir); err != nil && !errors.Is(err, keeper.ErrNoKeeper) {
		t.Errorf("stop keeper: %v", err)
	}
}

// printed is what a container has printed, without the form of its log.
func printed(dir, name string) string {
	var text strings.Builder
	_ = logs.Read(context.Background(), filepath.Join(dir, "logs"), name, logs.Query{}, func(l logs.Line) error {
		text.Write(l.Text)
		if !l.Partial {
			text.WriteByte('\n')
		}
		return nil
	})
	return text.String()
}

// program is a container's program that works on every system.
func program(what string, args ...string) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, stopSignal)
	number := func(i int) int {
		n, _ := strconv.Atoi(args[i])
		return n
	}
	fmt.Println("ready", os.Getpid())
	switch what {
	case "exit":
		<-time.After(time.Duration(number(1)))
		os.Exit(number(0))
	case "obey":
		<-asked
		os.Exit(number(0))
	case "stubborn":
		<-time.After(time.Hour)
	case "print":
		fmt.Println(args[0])
	}
}

// steps is the program that the suite executes in containers.
func steps(todo []string) {
	value := func() string {
		todo = todo[1:]
		return todo[0]
	}
	number := func() int {
		n, _ := strconv.Atoi(value())
		return n
	}
	for ; len(todo) > 0; todo = todo[1:] {
		switch todo[0] {
		case "print":
			fmt.Println(value())
		case "err":
			fmt.Fprintln(os.Stderr, value())
		case "env":
			fmt.Println(os.Getenv(value()))
		case "cat":
			_, _ = io.Copy(os.Stdout, os.Stdin)
		case "sleep":
			<-time.After(time.Duration(number()) * time.Millisecond)
		case "forever":
			<-time.After(time.Hour)
		case "exit":
			os.Exit(number())
		}
	}
}

func testProgram() string {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return exe
}

func spec(what string, args ...string) manifest.Spec {
	return manifest.Spec{Command: []string{testProgram(), "program", what}, Args: args}
}

func TestDriverConforms(t *testing.T) {
	aloneOnHost(t)
	code := func(c uint32) string { return strconv.FormatUint(uint64(c), 10) }
	drivertest.Run(t, drivertest.Harness{
		New:   newRuntime,
		Sleep: func() manifest.Spec { return spec("obey", "0") },
		Exit: func(c uint32, after time.Duration) manifest.Spec {
			return spec("exit", code(c), strconv.FormatInt(int64(after), 10))
		},
		Obey:     func(c uint32) manifest.Spec { return spec("obey", code(c)) },
		Stubborn: func() manifest.Spec { return spec("stubborn") },
		Print:    func(line string) manifest.Spec { return spec("print", line) },
		Exec:     func(todo ...string) []string { return append([]string{testProgram(), "steps"}, todo...) },

		NoProgram: []string{filepath.Join(t.TempDir(), "missing.exe")},
		TTY:       hasTerminals,
		Update:    true,
		Stats:     hasStats,

		ExitCodesSurvive: true,
	})
}

// aloneOnHost waits until no other run of this test uses the owners of the
// suite. It does so by an owner that stands for all of them.
func aloneOnHost(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	eventually(t, "other runs of this test to end", func() bool {
		d, err := local.Open(context.Background(), local.Config{Owner: "drivertest-suite", StateDir: dir, Logger: quiet(t)})
		if err == nil {
			t.Cleanup(func() { _ = d.Close() })
		}
		return err == nil
	})
}

func quiet(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func newRuntime(t *testing.T) drivertest.Runtime {
	dirs := map[string]string{}
	dir := func(owner string) string {
		if dirs[owner] == "" {
			dirs[owner] = stateDir(t)
		}
		return dirs[owner]
	}
	var open []driver.Driver
	log := func(owner, name string) string { return printed(dir(owner), name) }
	ready := func(t *testing.T, r driver.Ref) {
		for _, d := range open {
			st, err := d.Inspect(t.Context(), r)
			if err != nil || st.State != driver.Running {
				continue
			}
			eventually(t, "the program to be ready", func() bool {
				line := fmt.Sprintf("ready %d\n", st.PID)
				return strings.Contains(log(drivertest.Owner, r.Name)+log(drivertest.OtherOwner, r.Name), line)
			})
		}
	}
	return drivertest.Runtime{
		Open: func(t *testing.T, owner string) driver.Driver {
			t.Helper()
			d, err := local.Open(context.Background(), local.Config{
				Owner: owner, StateDir: dir(owner), Logger: quiet(t), Rescan: time.Nanosecond, Keeper: keeperCommand(dir(owner), owner),
			})
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, d)
			return d
		},
		Ready: ready,
		Logs:  func(_ *testing.T, r driver.Ref) string { return log(drivertest.Owner, r.Name) },
	}
}

// eventually waits until cond holds.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for !cond() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
