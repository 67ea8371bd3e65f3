package folder

import (
	"bufio"
	"bytes"
	"cmp"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	commitHash = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)
	revisionID = regexp.MustCompile(`^[!-~]{1,128}$`)
)

// revision finds out which version of a source the folder holds: what a file
// .revision in it says; the commit of the Git work tree that it lies in, read
// from the files of Git; or a path element that is a commit hash, as git-sync
// names its folders. It returns "" if nothing tells.
func revision(dir string) string {
	if r := firstLine(filepath.Join(dir, ".revision")); revisionID.MatchString(r) {
		return r
	}
	git, hash := gitDir(dir)
	if git != "" {
		if r := commitOf(git); r != "" {
			return r
		}
	}
	return hash
}

// gitDir finds the directory of Git for the work tree that dir lies in: .git
// in it or above it, or the one that a .git file of a linked work tree or
// submodule names; "" if there is none. On the way up it notes the first
// path element that is a commit hash.
func gitDir(dir string) (git, hash string) {
	start, _ := resolve("", dir)
	for at := start; ; at = filepath.Dir(at) {
		git := filepath.Join(at, ".git")
		if to, ok := strings.CutPrefix(firstLine(git), "gitdir: "); ok {
			git = from(at, to)
		}
		if firstLine(filepath.Join(git, "HEAD")) != "" {
			return git, hash
		}
		if hash == "" && commitHash.MatchString(filepath.Base(at)) {
			hash = filepath.Base(at)
		}
		if at == filepath.Dir(at) {
			return "", hash
		}
	}
}

// commitOf reads HEAD of a Git directory.
func commitOf(git string) string {
	common := git
	if to := firstLine(filepath.Join(git, "commondir")); to != "" {
		common = from(git, to)
	}
	said := firstLine(filepath.Join(git, "HEAD"))
	for range 5 { // as many as Git itself follows
		ref, symbolic := strings.CutPrefix(said, "ref: ")
		if !symbolic {
			return hashOrNone(said)
		}
		if !filepath.IsLocal(filepath.FromSlash(ref)) {
			return ""
		}
		if said = cmp.Or(firstLine(filepath.Join(git, filepath.FromSlash(ref))), firstLine(filepath.Join(common, filepath.FromSlash(ref)))); said == "" {
			return packed(filepath.Join(common, "packed-refs"), ref)
		}
	}
	return ""
}

// packed looks a ref up in the file where Git keeps those that rarely change.
func packed(file, ref string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if hash, name, ok := strings.Cut(s.Text(), " "); ok && name == ref {
			return hashOrNone(hash)
		}
	}
	return ""
}

// firstLine is the first line of a small plain file, "" if there is none.
func firstLine(file string) string {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		return ""
	}
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, 4<<10)) // a part of a line is no revision either
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return strings.TrimSpace(string(line))
}

func from(dir, to string) string {
	to = filepath.FromSlash(to)
	if filepath.IsAbs(to) {
		return to
	}
	return filepath.Join(dir, to)
}

func hashOrNone(s string) string {
	if commitHash.MatchString(s) {
		return s
	}
	return ""
}
