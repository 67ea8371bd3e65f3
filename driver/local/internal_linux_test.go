package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/keeper"
)

func openFor(t *testing.T, owner, dir string) *Driver {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	d, err := Open(t.Context(), Config{
		Owner: owner, StateDir: dir, Logger: log, Rescan: time.Nanosecond,
		Keeper: &keeper.Command{Path: os.Args[0], Args: []string{"keeper", dir, owner}}, // see TestMain
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := keeper.Stop(context.Background(), dir); err != nil && !errors.Is(err, keeper.ErrNoKeeper) {
			t.Errorf("stop keeper: %v", err)
		}
	})
	return d
}

// stranger runs a process that no driver started.
func stranger(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	cmd.Env = env
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// TestNumberUsedAgain covers a journal whose process has ended, and whose
// number belongs to a stranger now.
func TestNumberUsedAgain(t *testing.T) {
	now := bornClock()
	cmd := stranger(t)
	tests := []struct {
		name         string
		born, forked int64
		boot         string
		adopted      bool
	}{
		{"the process itself", now, bornClock(), bootID(), true},
		{"an older one", now - int64(time.Hour), now - int64(time.Minute), bootID(), false},
		{"a later one", now + int64(time.Minute), now + int64(time.Hour), bootID(), false},
		{"one before the host was booted", now, bornClock(), "another-boot", false},
	}
	for i, tt := range tests {
		dir := t.TempDir()
		owner := fmt.Sprintf("reuse-%d-%d", os.Getpid(), i)
		ref := driver.Ref{Name: "web", Revision: "1-aa"}
		j, err := openJournal(filepath.Join(dir, "local-"+owner+".journal"), owner)
		if err != nil {
			t.Fatal(err)
		}
		j.boot = tt.boot
		p := &process{marks: marks{owner: owner, ref: ref, born: tt.born}, pid: cmd.Process.Pid, forked: tt.forked}
		if err := j.add(p); err != nil {
			t.Fatal(err)
		}
		d := openFor(t, owner, dir)
		st, err := d.Inspect(t.Context(), ref)
		if adopted := err == nil; adopted != tt.adopted || adopted && st.PID != cmd.Process.Pid {
			t.Errorf("%s: adopted is %v, want %v (%+v)", tt.name, adopted, tt.adopted, st)
		}
		if !tt.adopted {
			if err := d.Terminate(t.Context(), ref); err == nil {
				t.Errorf("%s: a stranger was terminated", tt.name)
			}
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Process.Signal(unix.Signal(0)); err != nil {
		t.Errorf("the stranger was ended: %v", err)
	}
}

// TestForeignIsLeftAlone covers processes that bear another owner's marks,
// whatever becomes of ours of the same name.
func TestForeignIsLeftAlone(t *testing.T) {
	owner := fmt.Sprintf("foreign-%d", os.Getpid())
	ref := driver.Ref{Name: "web", Revision: "1-aa"}
	cmd := stranger(t, marks{owner: owner + ".other", ref: ref, born: bornClock()}.env()...)
	d := openFor(t, owner, t.TempDir())
	l, err := d.List(t.Context())
	want := driver.Foreign{ID: "web@1-aa", Owner: owner + ".other", State: driver.Running}
	var got driver.Foreign
	for _, f := range l.Foreign {
		if f.Owner == want.Owner {
			got = f
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil || len(l.Ours) != 0 {
		t.Errorf("listing %+v, error %v; foreign (-want +got):\n%s", l, err, diff)
	}
	if err := d.Remove(t.Context(), ref); err == nil {
		t.Error("another owner's container was removed")
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(unix.Signal(0)); err != nil {
		t.Errorf("another owner's process was ended: %v", err)
	}
}

func TestInitOf(t *testing.T) {
	const born = int64(time.Hour)
	proc := func(pid, parent int, leader bool, start int64) seen {
		return seen{marks: marks{owner: "o", ref: driver.Ref{Name: "web"}, born: born}, pid: pid, parent: parent, leader: leader, trusted: true, start: start}
	}
	other := proc(9, 1, true, born)
	other.trusted = false
	tests := []struct {
		name     string
		procs    []seen
		recorded int
		want     int // 0: none
	}{
		{"alone", []seen{proc(10, 1, true, born)}, 0, 10},
		{"within a tick", []seen{proc(10, 1, true, born-startGrain)}, 0, 10},
		{"older than its mark", []seen{proc(10, 1, true, born-startGrain-1)}, 0, 0},
		{"member only", []seen{proc(11, 10, false, born)}, 0, 0},
		{"stray that became a leader later", []seen{proc(11, 1, true, born+int64(bornWindow)+1)}, 0, 0},
		{"with a later leader", []seen{proc(11, 10, true, born+5), proc(10, 1, true, born)}, 0, 10},
		{"with a child of the same tick, after", []seen{proc(10, 1, true, born), proc(11, 10, true, born)}, 0, 10},
		{"with a child of the same tick, before", []seen{proc(11, 10, true, born), proc(10, 1, true, born)}, 0, 10},
		{"journal knows that it is gone", []seen{proc(11, 1, true, born)}, 10, 0},
		{"journal knows it", []seen{proc(11, 1, true, born), proc(10, 1, true, born+1)}, 10, 10},
		{"another user's", []seen{other}, 0, 0},
		{"another user's, known to the journal", []seen{other}, 9, 9},
	}
	for _, tt := range tests {
		j := &journal{live: map[driver.Ref]entry{}}
		if tt.recorded != 0 {
			j.live[tt.procs[0].ref] = entry{PID: tt.recorded, Born: born}
		}
		d := &Driver{journal: j}
		init, ok := d.initOf(tt.procs)
		if ok != (tt.want != 0) || init.pid != tt.want {
			t.Errorf("%s: got %d, %v, want %d", tt.name, init.pid, ok, tt.want)
		}
	}
}

func TestLockDir(t *testing.T) {
	uid := os.Geteuid()
	path := func(temp string) string { return filepath.Join(temp, fmt.Sprintf("hcs-reconcile-%d", uid)) }
	tests := []struct {
		name string
		make func(temp string) error
		good bool
	}{
		{"absent", func(string) error { return nil }, true},
		{"ours", func(temp string) error { return os.Mkdir(path(temp), 0o700) }, true},
		{"a link", func(temp string) error { return os.Symlink(t.TempDir(), path(temp)) }, false},
		{"a file", func(temp string) error { return os.WriteFile(path(temp), nil, 0o600) }, false},
		{"open to all", func(temp string) error {
			if err := os.Mkdir(path(temp), 0o700); err != nil {
				return err
			}
			return os.Chmod(path(temp), 0o777)
		}, false},
	}
	for _, tt := range tests {
		temp := t.TempDir()
		if err := tt.make(temp); err != nil {
			t.Fatal(err)
		}
		if dir, err := lockDir(temp, uid); (err == nil) != tt.good || tt.good && dir != path(temp) {
			t.Errorf("%s: got %q, %v", tt.name, dir, err)
		}
	}
	if _, err := lockDir(t.TempDir(), uid+1); err == nil {
		t.Error("a folder of another user was taken")
	}
}

// TestOpenWaitsForForks covers a daemon that died while it started a process:
// until that process executes its program, it holds the lock and shows no marks.
func TestOpenWaitsForForks(t *testing.T) {
	owner := fmt.Sprintf("forks-%d", os.Getpid())
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	lock, err := lockOwner(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.file.WriteAt(fmt.Appendf(nil, "%-10d\n", dead.Process.Pid), 0); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, Config{Owner: owner, StateDir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "deadline") {
		t.Errorf("while the lock is held: got error %v, want that it waited", err)
	}
	opened := make(chan *Driver)
	go func() { opened <- openFor(t, owner, t.TempDir()) }()
	if err := lock.release(); err != nil {
		t.Fatal(err)
	}
	d := <-opened
	if d == nil {
		t.Fatal("not opened")
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestForkedChildHoldsLock(t *testing.T) {
	owner := fmt.Sprintf("holds-%d", os.Getpid())
	lock, err := lockOwner(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	// A duplicate stands for the copy of a forked child, which execve closes.
	fd, err := unix.FcntlInt(lock.file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.release(); err != nil {
		t.Fatal(err)
	}
	if f, err := tryLock(lock.file.Name()); err == nil {
		_ = f.Close()
		t.Error("the lock is free while a copy of it is open")
	}
	_ = unix.Close(fd)
	again, err := lockOwner(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	if flags, err := unix.FcntlInt(again.file.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("the lock would stay with the started program: flags %#x, %v", flags, err)
	}
	_ = again.release()
}

func TestParseStat(t *testing.T) {
	self, err := readStat(os.Getpid())
	if err != nil || self.parent != os.Getppid() || self.resident == 0 || self.executing {
		t.Errorf("own stat: %+v, %v", self, err)
	}
	if age := bornClock() - self.start; age < 0 || age > int64(time.Hour) {
		t.Errorf("this process is said to be %v old", time.Duration(age))
	}
	line := "7 (a) S) b) Z 3 4 5 0 -1 0 0 0 0 0 1 2 3 4 20 0 1 0 900 4096 2 0 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0"
	got, err := parseStat([]byte(line))
	want := stat{
		state: 'Z', parent: 3, session: 5, user: 4 * 10 * time.Millisecond, kernel: 6 * 10 * time.Millisecond,
		start: 9 * int64(time.Second), resident: 2 * uint64(os.Getpagesize()),
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(stat{})); diff != "" || err != nil {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("7 (sh) S 1 7 7"))
	f.Add([]byte(")"))
	f.Fuzz(func(_ *testing.T, line []byte) { _, _ = parseStat(line) })
}

func FuzzParseMarks(f *testing.F) {
	f.Add(strings.Join(marks{owner: "o", ref: driver.Ref{Name: "web", Revision: "1-aa"}, born: 7}.env(), "\x00"))
	f.Add("HCS_RECONCILE_MARK_OWNER=o\x00HCS_RECONCILE_MARK_NAME=../../etc\x00HCS_RECONCILE_MARK_BORN=7")
	f.Fuzz(func(t *testing.T, environ string) {
		m, ok := parseMarks(environ)
		if !ok {
			return
		}
		if strings.ContainsAny(m.ref.Name, "/.\x00") || m.born <= 0 || m.owner == "" {
			t.Errorf("marks %+v were believed", m)
		}
		again, ok := parseMarks("A=b\x00" + strings.Join(m.env(), "\x00") + "\x00")
		if !ok || again != m {
			t.Errorf("marks %+v are read back as %+v", m, again)
		}
	})
}
