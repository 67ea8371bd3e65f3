package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

var errIO = errors.New("input/output error")

// sick is a file system on which some paths fail.
type sick struct {
	fstest.MapFS
	open map[string]error // Open of a file fails
	list map[string]error // so does everything about a folder
}

func (s *sick) fail(op, name string) error {
	for p := name; ; p = path.Dir(p) {
		if err := s.list[p]; err != nil {
			return &fs.PathError{Op: op, Path: name, Err: err}
		}
		if p == "." {
			return nil
		}
	}
}

func (s *sick) Open(name string) (fs.File, error) {
	if err := s.fail("open", name); err != nil {
		return nil, err
	}
	if err := s.open[name]; err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return s.MapFS.Open(name)
}

func (s *sick) Stat(name string) (fs.FileInfo, error) {
	if err := s.fail("stat", name); err != nil {
		return nil, err
	}
	return s.MapFS.Stat(name)
}

func (s *sick) Lstat(name string) (fs.FileInfo, error) {
	if err := s.fail("lstat", path.Dir(name)); err != nil {
		return nil, err
	}
	return s.MapFS.Lstat(name)
}

func (s *sick) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := s.fail("readdir", name); err != nil {
		return nil, err
	}
	return s.MapFS.ReadDir(name)
}

// patient is a reader of a sick file system whose time is told.
type patient struct {
	*host
	t    *testing.T
	disk *sick
	r    *reader
	now  time.Time
}

func newPatient(t *testing.T, known []KnownGood) *patient {
	s := &sick{MapFS: fstest.MapFS{}, open: map[string]error{}, list: map[string]error{}}
	return &patient{host: newHost(), t: t, disk: s, r: newReader(s, "", Settle{}, known, nil), now: at(0)}
}

func (p *patient) put(file, text string) { p.disk.MapFS[file] = &fstest.MapFile{Data: []byte(text)} }

// look reads everything and waits until all has settled.
func (p *patient) look() {
	p.t.Helper()
	p.r.scan(".", p.now)
	for range 20 {
		p.now = p.now.Add(300 * time.Millisecond)
		p.r.turn(p.now)
		if u, ok := p.r.update(p.now); ok {
			p.apply(u)
		}
	}
	if n := len(p.r.settle.open); n > 0 {
		p.t.Fatalf("%d changes are open for ever", n)
	}
}

func (p *patient) want(arg, doubt string) {
	p.t.Helper()
	if got := p.arg("web"); got != arg {
		p.t.Errorf("web is %q, want %q", got, arg)
	}
	if doubt == "" && p.doubt != "" || !strings.Contains(p.doubt, doubt) {
		p.t.Errorf("doubt %q, want %q", p.doubt, doubt)
	}
	if len(p.drops) > 0 {
		p.t.Errorf("dropped %v", p.drops)
	}
}

func TestUnreadable(t *testing.T) {
	p := newPatient(t, nil)
	p.put("team/web.yaml", doc("web", "1"))
	p.look()
	p.want("1", "")

	p.disk.open["team/web.yaml"] = fs.ErrPermission
	p.look()
	p.want("1 (stale)", "")
	if !has(p.problems, "team/web.yaml", "permission denied") {
		t.Errorf("problems %v", p.problems)
	}
	delete(p.disk.open, "team/web.yaml")
	p.look()
	p.want("1", "")

	for _, dir := range []string{"team", "."} {
		for _, err := range []error{errIO, fs.ErrPermission, fs.ErrNotExist} {
			if dir == "team" && errors.Is(err, fs.ErrNotExist) {
				continue // a folder that is not listed any more is a wish
			}
			p.disk.list[dir] = err
			p.look()
			p.want("1", err.Error())
			if len(p.problems) != 1 {
				t.Errorf("problems %v", p.problems)
			}
			delete(p.disk.list, dir)
			p.look()
			p.want("1", "")
		}
	}
}

// TestFolderFailsLate lets the folder fail between the sign of a removal and
// the reading that would believe it.
func TestFolderFailsLate(t *testing.T) {
	p := newPatient(t, nil)
	p.put("team/web.yaml", doc("web", "1"))
	p.look()
	delete(p.disk.MapFS, "team/web.yaml")
	p.r.scan(".", p.now)
	p.disk.list["."] = fs.ErrNotExist
	for range 20 {
		p.now = p.now.Add(300 * time.Millisecond)
		p.r.turn(p.now)
		if u, ok := p.r.update(p.now); ok {
			p.apply(u)
		}
	}
	p.want("1", "does not exist")
}

func TestUnreadableFromTheStart(t *testing.T) {
	known := []KnownGood{{Path: "team/web.yaml", Text: []byte(doc("web", "1"))}}
	for name, hurt := range map[string]func(*patient){
		"root":   func(p *patient) { p.disk.list["."] = errIO },
		"folder": func(p *patient) { p.disk.list["team"] = errIO },
		"file":   func(p *patient) { p.disk.open["team/web.yaml"] = errIO },
	} {
		p := newPatient(t, known)
		p.put("team/web.yaml", doc("web", "1"))
		hurt(p)
		p.look()
		if got := p.arg("web"); got != "1 (stale)" || len(p.problems) != 1 {
			t.Errorf("%s: web %q, problems %v", name, got, p.problems)
		}
	}
	p := newPatient(t, nil)
	p.put("team/web.yaml", doc("web", "1"))
	p.disk.open["team/web.yaml"] = errIO
	p.look()
	p.want("", "team/web.yaml: read file: input/output error")
}

func TestOddFiles(t *testing.T) {
	p := newPatient(t, nil)
	p.put("bom.yaml", "\ufeff"+strings.ReplaceAll(doc("web", "1"), "\n", "\r\n"))
	p.put("utf16.yaml", "\xff\xfea\x00:\x00")
	p.put("empty.yaml", "")
	p.put("large.yaml", strings.Repeat("#", maxSize+1))
	p.disk.open["large.yaml"] = errors.New("a file that is too large was opened")
	p.disk.MapFS["pipe.yaml"] = &fstest.MapFile{Mode: fs.ModeNamedPipe}
	p.disk.open["pipe.yaml"] = errors.New("a pipe was opened")
	p.look()
	p.want("1", "empty.yaml")
	for file, part := range map[string]string{
		"utf16.yaml": "UTF-16", "empty.yaml": "empty", "large.yaml": "larger than 10 MiB", "pipe.yaml": "not a plain file",
	} {
		if !has(p.problems, file, part) {
			t.Errorf("%s: want a problem with %q, all: %v", file, part, p.problems)
		}
	}
	if len(p.problems) != 4 {
		t.Errorf("problems %v", p.problems)
	}
}

// TestPermissionDenied is TestUnreadable on a real disk.
func TestPermissionDenied(t *testing.T) {
	if os.Geteuid() <= 0 {
		t.Skip("nothing is denied to root, or by mode bits on Windows; TestUnreadable fakes it")
	}
	dir := t.TempDir()
	write(t, dir, "web.yaml", doc("web", "1"))
	l := watch(t, Watcher{Dir: dir})
	must(t, os.Chmod(dir, 0))
	l.until("doubt", func() bool { return l.doubt != "" })
	l.has("web", "1")
	must(t, os.Chmod(dir, 0o700))
	l.until("no doubt", func() bool { return l.doubt == "" })
	l.has("web", "1")
}

func TestReadAtMost(t *testing.T) {
	for size, want := range map[int]error{0: nil, 1: nil, 4096: nil, maxSize: nil, maxSize + 1: errTooLarge} {
		for _, told := range []int64{0, 10, int64(size)} {
			text, err := readAtMost(strings.NewReader(strings.Repeat("x", size)), told)
			if !errors.Is(err, want) || want == nil && len(text) != size {
				t.Errorf("%d bytes, said to be %d: %d bytes, error %v", size, told, len(text), err)
			}
		}
	}
}

// TestStillBeingWritten never lets a new file come to rest: the first update
// must come without it, and say so, since nothing may be removed on its word.
func TestStillBeingWritten(t *testing.T) {
	p := newPatient(t, nil)
	version := 0
	edit := func() {
		version++
		p.disk.MapFS["web.yaml"] = &fstest.MapFile{Data: []byte(doc("web", fmt.Sprint(version))), ModTime: p.now}
	}
	edit()
	p.r.scan(".", p.now)
	for p.updates == 0 && version < 1000 {
		p.now = p.now.Add(20 * time.Millisecond)
		edit()
		p.r.hint("web.yaml", p.now)
		p.r.turn(p.now)
		if u, ok := p.r.update(p.now); ok {
			p.apply(u)
		}
	}
	p.want("", "web.yaml is still being written")
	p.look()
	p.want(fmt.Sprint(version), "")
}
