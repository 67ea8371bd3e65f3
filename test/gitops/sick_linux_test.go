package gitops

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// hoard makes this program, in another process, take all the watches that the
// system has for its user, so that a daemon of that user gets no events, as on
// a network share.
const hoard = "HCS_GITOPS_HOARD"

func TestMain(m *testing.M) {
	if os.Getenv(hoard) != "" {
		for {
			if _, err := unix.InotifyInit(); err != nil {
				break
			}
		}
		fmt.Println("no watches are left")
		_, _ = os.Stdin.Read(make([]byte, 1)) // until the test ends
		return
	}
	code := m.Run()
	if path, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// withoutEvents takes all watches of the daemon's user.
func (r *rig) withoutEvents() {
	r.t.Helper()
	r.asNobody()
	self, err := os.ReadFile("/proc/self/exe")
	r.must(err)
	path := filepath.Join(r.dir, "hoard")
	r.must(os.WriteFile(path, self, 0o755))
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), hoard+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	stdin, err := cmd.StdinPipe()
	r.must(err)
	stdout, err := cmd.StdoutPipe()
	r.must(err)
	r.must(cmd.Start())
	r.t.Cleanup(func() { _ = stdin.Close(); _ = cmd.Wait() })
	if _, err := stdout.Read(make([]byte, 100)); err != nil {
		r.t.Fatal(err)
	}
}

// TestNoEvents: the system tells nothing, and looking alone finds every change.
func TestNoEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withoutEvents()
	trees := filepath.Join(r.dir, "trees")
	link := filepath.Join(r.dir, "folder")
	want := r.fill(filepath.Join(trees, "first"), "v0")
	r.point(link, filepath.Join(trees, "first"))
	r.start(link)
	r.settle(want)
	if s := r.status(); !strings.Contains(s.Source.Polling, "watch folder") {
		t.Fatalf("the daemon has events: polling %q", s.Source.Polling)
	}
	for i := range rounds(t, 3) {
		for j := range 10 {
			dir := filepath.Join(trees, fmt.Sprintf("%d-%d", i, j))
			want = r.fill(dir, fmt.Sprint("v", r.rng.IntN(5)))
			r.point(link, dir)
		}
		r.settle(want)
	}
	r.kept(keepers)
}

// TestPartialWrites: files are written piece by piece, cut short, and emptied.
func TestPartialWrites(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	folder := filepath.Join(r.dir, "folder")
	want := tree{}
	write := func(name, version string, pieces int, whole bool) {
		text := r.text(name, version, fmt.Sprint("note ", r.rng.IntN(1000)))
		f, err := os.Create(filepath.Join(folder, name+".yaml"))
		r.must(err)
		defer f.Close()
		for i := range pieces {
			if i == pieces-1 && !whole {
				return
			}
			_, err := f.WriteString(text[i*len(text)/pieces : (i+1)*len(text)/pieces])
			r.must(err)
			<-time.After(time.Duration(r.rng.IntN(30)) * time.Millisecond) // the pause of a slow writer, no wait for anything
		}
	}
	r.must(os.Mkdir(folder, 0o755))
	for _, name := range keepers {
		write(name, "k", 1, true)
		want[name] = "k"
	}
	r.start(folder)
	r.settle(want)
	for range rounds(t, 60) {
		name := keepers[r.rng.IntN(len(keepers))]
		write(name, "k", 1+r.rng.IntN(4), r.rng.IntN(3) > 0)
	}
	r.kept(keepers)
	for _, name := range keepers {
		write(name, "k", 2, true)
	}
	want["new"] = "v9"
	write("new", "v9", 2, true)
	r.settle(want)
	r.kept(keepers)
}

// TestFolderGoesAndComes: moved away, replaced by an empty one, gone with what
// is around it, and a dead link.
func TestFolderGoesAndComes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	parent := filepath.Join(r.dir, "parent")
	folder, aside := filepath.Join(parent, "folder"), filepath.Join(r.dir, "aside")
	want := r.fill(folder, "v0")
	r.start(folder)
	r.settle(want)
	away := func(what string, seen func(status) bool) {
		t.Helper()
		r.until(what, func() string {
			if s := r.status(); !seen(s) {
				return fmt.Sprintf("doubt %q, held %v", s.Doubt, s.Brake.Blocked)
			}
			return r.wrong(want)
		})
	}
	doubts := func(s status) bool { return s.Doubt != "" }
	for i := range rounds(t, 3) {
		r.must(os.Rename(folder, aside))
		away("a folder that is gone", doubts)
		r.must(os.Mkdir(folder, 0o755))
		away("an empty folder in its place", func(s status) bool { return s.Doubt == "" && len(s.Brake.Blocked) == len(want) })
		r.must(os.Remove(folder))
		r.must(os.Symlink("nowhere", folder))
		away("a link that leads nowhere", doubts)
		r.must(os.Remove(folder))
		r.must(os.RemoveAll(aside))
		want = r.fill(aside, fmt.Sprint("v", i+1))
		r.must(os.Rename(aside, folder))
		r.settle(want)
		r.must(os.Rename(parent, parent+"-old"))
		away("a parent that is gone", doubts)
		r.must(os.Rename(parent+"-old", parent))
		r.settle(want)
	}
	r.kept(keepers)
}

// TestPermissionDenied: the folder, a folder in it or a file cannot be read for
// a while, and what changed meanwhile counts afterwards.
func TestPermissionDenied(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if os.Geteuid() == 0 {
		r.asNobody()
	}
	folder := filepath.Join(r.dir, "folder")
	sub := filepath.Join(folder, "sub")
	r.must(os.MkdirAll(sub, 0o755))
	want := tree{}
	write := func(dir, name, version string) {
		r.must(os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(r.text(name, version, "")), 0o644))
		want[name] = version
	}
	for i, name := range keepers {
		write([]string{folder, sub}[i%2], name, "k")
	}
	write(sub, "ver0", "v0")
	r.start(folder)
	r.settle(want)
	file := filepath.Join(folder, keepers[0]+".yaml")
	for i := range rounds(t, 3) {
		for _, c := range []struct {
			path   string
			closed os.FileMode
			open   os.FileMode
			sign   string
		}{{folder, 0, 0o755, "read folder"}, {sub, 0, 0o755, "read folder"}, {file, 0, 0o644, "read file"}} {
			r.must(os.Chmod(c.path, c.closed))
			r.must(os.WriteFile(file+".new", []byte(r.text(keepers[0], "k", fmt.Sprint(i))), c.closed|0o200))
			r.must(os.Rename(file+".new", file))
			r.until("a problem with "+c.path, func() string {
				if s := r.statusText(); !strings.Contains(s, c.sign) {
					return s
				}
				return r.wrong(want)
			})
			r.must(os.Chmod(file, 0o644))
			write(sub, "ver0", fmt.Sprint("v", r.rng.IntN(5)))
			r.must(os.Chmod(c.path, c.open))
			r.settle(want)
			r.until("no problem", func() string { return r.status().Doubt })
		}
	}
	r.kept(keepers)
}

func (r *rig) statusText() string {
	path, err := program()
	r.must(err)
	out, _ := exec.Command(path, "status", "--state-dir", r.state).Output()
	return string(out)
}
