package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/driver/local"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

func TestExitCodes(t *testing.T) {
	r := newRig(t)
	tests := []struct {
		script string
		want   uint32
	}{
		{"exit 0", 0},
		{"exit 1", 1},
		{"exit 255", 255},
		{"kill -TERM $$", 128 + 15},
		{"kill -KILL $$", 128 + 9},
		{"ulimit -c 0; kill -SEGV $$", 128 + 11},
	}
	for i, tt := range tests {
		ref := r.run(container(fmt.Sprintf("job-%d", i), tt.script))
		st := r.await(ref, driver.Stopped)
		want := driver.Status{Ref: ref, State: driver.Stopped, Started: st.Started, Exit: driver.Exit{Code: tt.want, Known: true, At: st.Exit.At}}
		if diff := cmp.Diff(want, st); diff != "" || st.Exit.At.Before(st.Started) {
			t.Errorf("%s (-want +got):\n%s", tt.script, diff)
		}
	}
}

func TestAllExitsAreTold(t *testing.T) {
	const n = 200
	r := newRig(t)
	gate := filepath.Join(r.dir, "gate")
	for i := range n {
		r.run(container(fmt.Sprintf("job-%d", i), "until [ -e "+gate+" ]; do sleep 0.2; done; exit 7"))
	}
	r.must(os.WriteFile(gate, nil, 0o600))
	seen := map[driver.Ref]bool{}
	timeout := time.After(time.Minute)
	for len(seen) < n {
		select {
		case st := <-r.Exits():
			if !st.Exit.Known || st.Exit.Code != 7 || seen[st.Ref] {
				t.Errorf("told of %+v (again: %v), want code 7 once", st, seen[st.Ref])
			}
			seen[st.Ref] = true
		case <-timeout:
			t.Fatalf("told of %d exits, want %d", len(seen), n)
		}
	}
	for pid, parent := range parents(t) {
		if parent == r.keeper() {
			t.Errorf("process %d is a child of the keeper still", pid)
		}
	}
}

func TestEndedProcessesLeaveNoFileOpen(t *testing.T) {
	r := newRig(t)
	r.await(r.run(container("first", "exit 0")), driver.Stopped)
	open := func() int {
		ours, err := os.ReadDir("/proc/self/fd")
		r.must(err)
		its, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.keeper()))
		r.must(err)
		return len(ours) + len(its)
	}
	before := open()
	for i := range 20 {
		r.await(r.run(container(fmt.Sprintf("job-%d", i), "exit 0")), driver.Stopped)
	}
	eventually(t, fmt.Sprintf("no more than %d files to be open", before), func() bool { return open() <= before })
}

// TestEndsWithInit covers what HCS does too: no process outlives the init process.
// The grandchild bears no marks, so only its group tells whose it is; the stray
// has left the group, so only its marks do.
func TestEndsWithInit(t *testing.T) {
	const children = `sh -c 'env -i /bin/sleep 1000 & echo grandchild $!; wait' & setsid sh -c 'echo stray $$; exec sleep 1000' & `
	tests := []struct {
		name, then string
		end        func(*rig, driver.Ref) error
	}{
		{"exit", "until grep -q stray \"$LOG\" && grep -q grandchild \"$LOG\"; do sleep 0.01; done; exit 0", nil},
		{
			"shutdown", "trap 'exit 0' TERM; while :; do sleep 0.01; done",
			func(r *rig, ref driver.Ref) error { return r.Shutdown(context.Background(), ref) },
		},
		{"terminate", "wait", func(r *rig, ref driver.Ref) error { return r.Terminate(context.Background(), ref) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			c := container("web", children+tt.then)
			c.Spec.Env = []manifest.EnvVar{{Name: "LOG", Value: filepath.Join(r.dir, "logs", "web.log")}}
			ref := r.run(c)
			grandchild, stray := r.pid("web", "grandchild"), r.pid("web", "stray")
			if tt.end != nil {
				r.must(tt.end(r, ref))
			}
			r.await(ref, driver.Stopped)
			r.awaitGone(grandchild)
			r.must(r.Remove(context.Background(), ref))
			if alive(stray) {
				t.Error("a process in a session of its own lives on after Remove")
			}
		})
	}
}

// TestStraysAreSwept covers the container that is not removed but started again.
func TestStraysAreSwept(t *testing.T) {
	r := newRig(t)
	c := container("web", `if [ -e "$FLAG" ]; then exec sleep 1000; fi; touch "$FLAG"
		setsid sh -c 'echo stray $$; exec sleep 1000' & until grep -q stray "$LOG"; do sleep 0.01; done`)
	c.Spec.Env = []manifest.EnvVar{
		{Name: "FLAG", Value: filepath.Join(r.dir, "flag")},
		{Name: "LOG", Value: filepath.Join(r.dir, "logs", "web.log")},
	}
	ref := r.run(c)
	r.await(ref, driver.Stopped)
	stray := r.pid("web", "stray")
	r.must(r.Start(context.Background(), c))
	r.awaitGone(stray)
	if st := r.await(ref, driver.Running); !alive(st.PID) {
		t.Errorf("the second run ended with the strays of the first: %+v", st)
	}
}

func TestStartRefuses(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	r.must(os.WriteFile(plain, []byte("text"), 0o600))
	tests := []struct {
		name   string
		change func(*manifest.Spec)
		want   string
	}{
		{"no program", func(s *manifest.Spec) { s.Command = []string{"no-such-program"} }, `exec "no-such-program": not found in PATH `},
		{"no file", func(s *manifest.Spec) { s.Command = []string{"/no/such/file"} }, `exec "/no/such/file": no such file`},
		{"not executable", func(s *manifest.Spec) { s.Command = []string{plain} }, "permission denied"},
		{"no folder", func(s *manifest.Spec) { s.WorkingDir = `C:\app` }, `working directory "C:\\app": no such folder`},
		{"no secret", func(s *manifest.Spec) {
			s.Env = []manifest.EnvVar{{Name: "PASSWORD", ValueFrom: &manifest.EnvVarSource{File: dir + "/none"}}}
		}, "environment variable PASSWORD: "},
		{"no host variable", func(s *manifest.Spec) {
			s.Env = []manifest.EnvVar{{Name: "PASSWORD", ValueFrom: &manifest.EnvVarSource{HostEnv: "NO_SUCH_VARIABLE"}}}
		}, "environment variable PASSWORD: NO_SUCH_VARIABLE is not set"},
		{"secret is a folder", func(s *manifest.Spec) {
			s.Env = []manifest.EnvVar{{Name: "PASSWORD", ValueFrom: &manifest.EnvVarSource{File: dir}}}
		}, "not a regular file"},
	}
	for i, tt := range tests {
		c := container(fmt.Sprintf("web-%d", i), "exit 0")
		tt.change(&c.Spec)
		r.must(r.Create(t.Context(), c))
		err := r.Start(t.Context(), c)
		if !errors.Is(err, driver.ErrInvalid) || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "start web-") {
			t.Errorf("%s: got error %v, want one of ErrInvalid with %q", tt.name, err, tt.want)
		}
		if st, err := r.Inspect(t.Context(), refOf(c)); err != nil || st.State != driver.Created {
			t.Errorf("%s: after the refused start: %+v, %v", tt.name, st, err)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("LOCAL_TEST_HOST", "from-host")
	t.Setenv("LOCAL_TEST_SECRET", "must-not-be-inherited")
	t.Setenv("LANG", "C.UTF-8")
	r := newRig(t)
	file := filepath.Join(r.dir, "secret")
	c := container("web", `echo "$A|$B|$C|$LANG|$HOME|$LOCAL_TEST_SECRET|"`)
	c.Spec.Env = []manifest.EnvVar{
		{Name: "A", Value: "plain"},
		{Name: "B", ValueFrom: &manifest.EnvVarSource{HostEnv: "LOCAL_TEST_HOST"}},
		{Name: "C", ValueFrom: &manifest.EnvVarSource{File: file}},
		{Name: "HOME", Value: "/over"},
	}
	r.must(r.Create(t.Context(), c))
	for _, secret := range []string{"first", "second"} { // read anew at each start
		r.must(os.WriteFile(file, []byte(secret+"\n"), 0o600))
		r.must(r.Start(t.Context(), c))
		r.await(refOf(c), driver.Stopped)
	}
	want := "plain|from-host|first|C.UTF-8|/over||\nplain|from-host|second|C.UTF-8|/over||\n"
	if diff := cmp.Diff(want, r.log("web")); diff != "" {
		t.Errorf("what the process saw (-want +got):\n%s", diff)
	}

	r.must(os.WriteFile(file, []byte("top\x00secret"), 0o600))
	err := r.Start(t.Context(), c)
	if err == nil || strings.Contains(fmt.Sprintf("%+v", err), "secret\"") || strings.Contains(err.Error(), "top") {
		t.Errorf("a value with NUL: got error %v, want one that does not tell it", err)
	}
}

func TestCommandLine(t *testing.T) {
	r := newRig(t)
	c := container("web", "")
	c.Spec.Command, c.Spec.CommandLine = nil, `echo "one  two" | tr a-z A-Z`
	r.await(r.run(c), driver.Stopped)
	if got := r.log("web"); got != "ONE  TWO\n" {
		t.Errorf("printed %q", got)
	}
}

func TestBinaryOutput(t *testing.T) {
	r := newRig(t)
	r.await(r.run(container("web", `printf '\000\001\377\r\n\200'; printf 'err' >&2`)), driver.Stopped)
	if got, want := r.log("web"), "\x00\x01\xff\r\n\x80err"; got != want {
		t.Errorf("log is %q, want %q", got, want)
	}
}

func TestOneDaemonPerOwner(t *testing.T) {
	r := newRig(t)
	d, err := local.Open(t.Context(), local.Config{Owner: r.owner, StateDir: t.TempDir()})
	if err == nil {
		_ = d.Close()
		t.Fatal("a second driver of the same owner opened")
	}
	want := fmt.Sprintf("open local driver: owner %q is in use by process %d; give each daemon its own --owner", r.owner, os.Getpid())
	if err.Error() != want {
		t.Errorf("got error %v\nwant %s", err, want)
	}
	for _, owner := range []string{"../up", "a/b", ".", strings.Repeat("x", 64)} {
		if d, err := local.Open(t.Context(), local.Config{Owner: owner, StateDir: t.TempDir()}); err == nil {
			_ = d.Close()
			t.Errorf("owner %q was accepted", owner)
		}
	}
}

func TestCheck(t *testing.T) {
	d := newRig(t).Driver
	plain := container("web", "exit 0")
	if notes := d.Check(plain); len(notes) != 0 {
		t.Errorf("a plain command gives notes: %+v", notes)
	}
	windows := container("web", "exit 0")
	windows.Spec.Isolation = manifest.IsolationHyperV
	windows.Spec.Image = "mcr.microsoft.com/windows/nanoserver:ltsc2022"
	windows.Spec.Ports = []manifest.Port{{ContainerPort: 80}}
	windows.Spec.Devices = []manifest.Device{{IDType: "class", ID: "x"}}
	empty := container("web", "")
	empty.Spec.Command = nil
	paused := container("web", "exit 0")
	paused.Spec.DesiredState = manifest.DesiredPaused
	marked := container("web", "exit 0")
	marked.Spec.Env = []manifest.EnvVar{{Name: "HCS_RECONCILE_MARK_NAME", Value: "other"}}
	tests := []struct {
		c    *manifest.Container
		want map[string]bool // field → refused
	}{
		{windows, map[string]bool{"spec.isolation": false, "spec.image": false, "spec.ports": false, "spec.devices": false}},
		{empty, map[string]bool{"spec.command": true}},
		{paused, map[string]bool{"spec.desiredState": true}},
		{marked, map[string]bool{"spec.env[0].name": true}},
	}
	for i, tt := range tests {
		got, refused := map[string]bool{}, false
		for _, n := range d.Check(tt.c) {
			got[n.Field] = n.Refused
			refused = refused || n.Refused
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("case %d (-want +got):\n%s", i, diff)
		}
		if err := d.Create(t.Context(), tt.c); refused != errors.Is(err, driver.ErrInvalid) {
			t.Errorf("case %d: Create gives %v, but refused is %v", i, err, refused)
		}
		_ = d.Remove(t.Context(), refOf(tt.c))
	}
}
