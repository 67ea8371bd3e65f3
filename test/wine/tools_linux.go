package wine

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// toolchain is what a host is made with. All that is slow to make is made once
// and kept in the cache, whose folder the environment variable HCS_WINE_CACHE
// names (default: hcs-reconcile-wine in the user's cache folder).
type toolchain struct {
	wine, wineserver string
	cache            string
	standin          string // folder of the built stand-in
	template         string // prefix that hosts are cloned from
}

// findTools looks for Wine and the compiler, and fills the cache.
func findTools(t testing.TB) toolchain {
	t.Helper()
	var tools toolchain
	var err error
	if tools.wine, err = findProgram("wine64"); err == nil {
		tools.wineserver, err = findProgram("wineserver64")
	}
	if err == nil {
		_, err = exec.LookPath("x86_64-w64-mingw32-gcc")
	}
	if err != nil && os.Getenv("HCS_WINE") != "1" {
		t.Skipf("%v; test/wine/setup.sh installs it (HCS_WINE=1 makes this a failure)", err)
	}
	if err == nil {
		err = tools.fill()
	}
	if err != nil {
		t.Fatal(err)
	}
	return tools
}

// findProgram knows that Debian keeps Wine's 64-bit programs out of the path.
func findProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/lib/wine/" + name)
}

var filling sync.Mutex // one at a time in this process; lockFile does it between processes

// fill builds what the cache does not have yet. Test programs of several
// packages may do so at once.
func (c *toolchain) fill() error {
	filling.Lock()
	defer filling.Unlock()
	if err := c.findCache(); err != nil {
		return err
	}
	c.sweep()
	unlock, err := lockFile(filepath.Join(c.cache, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	version, err := exec.Command(c.wine, "--version").Output()
	if err != nil {
		return fmt.Errorf("ask Wine for its version: %w", err)
	}
	registry, err := os.ReadFile(source("prefix.reg"))
	if err != nil {
		return err
	}
	key, err := hashFolder(source("standin"))
	if err != nil {
		return err
	}
	if c.standin, err = once(c.cache, "standin-"+key, buildStandin); err != nil {
		return err
	}
	c.template, err = once(c.cache, "prefix-"+hash(append(version, registry...)), c.makePrefix)
	return err
}

func (c *toolchain) findCache() error {
	c.cache = os.Getenv("HCS_WINE_CACHE")
	if c.cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("find the cache folder: %w", err)
		}
		c.cache = filepath.Join(user, "hcs-reconcile-wine")
	}
	return os.MkdirAll(c.cache, 0o755)
}

// sweep removes the hosts of test programs that were killed long ago.
func (c *toolchain) sweep() {
	hosts, _ := filepath.Glob(filepath.Join(c.cache, "host-*"))
	for _, host := range hosts {
		if info, err := os.Stat(host); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			_ = os.RemoveAll(host)
		}
	}
}

// once makes a folder of the cache whole or not at all.
func once(cache, name string, build func(dir string) error) (string, error) {
	dir := filepath.Join(cache, name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	half := dir + ".new"
	if err := os.RemoveAll(half); err != nil {
		return "", err
	}
	if err := os.Mkdir(half, 0o755); err != nil {
		return "", err
	}
	if err := build(half); err != nil {
		return "", err
	}
	return dir, os.Rename(half, dir)
}

func buildStandin(dir string) error {
	out, err := exec.Command("make", "-s", "-j2", "-C", source("standin"), "OUT="+dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build the stand-in: %w\n%s", err, out)
	}
	return nil
}

// makePrefix makes a Wine prefix, and gives it the registry of prefix.reg.
func (c *toolchain) makePrefix(dir string) error {
	if err := c.inPrefix(dir, c.wine, "wineboot", "-i"); err != nil {
		return err
	}
	if err := c.inPrefix(dir, c.wine, "regedit", "/S", `Z:`+strings.ReplaceAll(source("prefix.reg"), "/", `\`)); err != nil {
		return err
	}
	return c.inPrefix(dir, c.wineserver, "-w") // the registry is written when the last program has ended
}

func (c *toolchain) inPrefix(dir, program string, args ...string) error {
	var out bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Env = wineEnv(dir)
	log, err := os.CreateTemp("", "hcs-wine-*")
	if err != nil {
		return err
	}
	defer os.Remove(log.Name())
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log // a file, because Wine's services keep a pipe open
	if err := cmd.Run(); err != nil {
		_, _ = log.Seek(0, 0)
		_, _ = out.ReadFrom(log)
		return fmt.Errorf("make a Wine prefix: %s: %w\n%s", args[0], err, out.String())
	}
	return nil
}

// newPrefix clones the template. Files are hard links, except the registry:
// Wine writes no other file of a prefix in place.
func (c *toolchain) newPrefix(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(c.cache, "host-")
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(c.template, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == c.template {
			return err
		}
		return clone(path, filepath.Join(dir, strings.TrimPrefix(path, c.template)), entry)
	})
	if err != nil {
		t.Fatalf("clone the prefix: %v", err)
	}
	return dir
}

func clone(from, to string, entry fs.DirEntry) error {
	switch {
	case entry.IsDir():
		return os.Mkdir(to, 0o755)
	case entry.Type() == fs.ModeSymlink:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case strings.HasSuffix(from, ".reg"):
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	default:
		return os.Link(from, to)
	}
}

// BuildProgram cross-builds a main package of this module, and returns the
// path of the .exe on Linux. Go's own cache makes it cheap the second time.
func BuildProgram(t testing.TB, pkg string) string {
	t.Helper()
	return goBuild(t, pkg, "build")
}

// BuildTests cross-builds the tests of a package.
func BuildTests(t testing.TB, pkg string) string {
	t.Helper()
	return goBuild(t, pkg, "test", "-c")
}

func goBuild(t testing.TB, pkg string, verb ...string) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), filepath.Base(pkg)+".exe")
	cmd := exec.Command("go", append(verb, "-o", exe, pkg)...)
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	return exe
}

// source finds what lies beside this file.
func source(name string) string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), name)
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

func hashFolder(dir string) (string, error) {
	var all []byte
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return "", err
		}
		all = append(append(all, entry.Name()...), data...)
	}
	return hash(all), nil
}

func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
