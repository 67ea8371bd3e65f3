package folder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRevision(t *testing.T) {
	hash, other := strings.Repeat("0a", 20), strings.Repeat("1b", 32)
	for name, tc := range map[string]struct {
		files map[string]string // relative to a base folder; manifests are in repo/deploy
		want  string
	}{
		"nothing":         {nil, ""},
		"detached":        {map[string]string{"repo/.git/HEAD": hash + "\n"}, hash},
		"branch":          {map[string]string{"repo/.git/HEAD": "ref: refs/heads/main\n", "repo/.git/refs/heads/main": other + "\n"}, other},
		"packed":          {map[string]string{"repo/.git/HEAD": "ref: refs/heads/main", "repo/.git/packed-refs": "# pack-refs\n" + other + " refs/heads/x\n" + hash + " refs/heads/main\n^" + other + "\n"}, hash},
		"loose wins":      {map[string]string{"repo/.git/HEAD": "ref: refs/heads/main", "repo/.git/refs/heads/main": hash, "repo/.git/packed-refs": other + " refs/heads/main\n"}, hash},
		"unborn branch":   {map[string]string{"repo/.git/HEAD": "ref: refs/heads/main"}, ""},
		"linked worktree": {map[string]string{"repo/.git": "gitdir: ../main/.git/worktrees/repo\n", "main/.git/worktrees/repo/HEAD": "ref: refs/heads/b\n", "main/.git/worktrees/repo/commondir": "../..\n", "main/.git/refs/heads/b": hash}, hash},
		"a way out":       {map[string]string{"repo/.git/HEAD": "ref: ../../secret", "secret": hash}, ""},
		"not a hash":      {map[string]string{"repo/.git/HEAD": "main"}, ""},
		"file .revision":  {map[string]string{"repo/.git/HEAD": hash, "repo/deploy/.revision": "v1.2.3\n"}, "v1.2.3"},
		"bad .revision":   {map[string]string{"repo/.git/HEAD": hash, "repo/deploy/.revision": "two words\n"}, hash},
		"huge .revision":  {map[string]string{"repo/deploy/.revision": strings.Repeat("x", 1<<20)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			base := t.TempDir()
			must(t, os.MkdirAll(filepath.Join(base, "repo", "deploy"), 0o755))
			for file, text := range tc.files {
				write(t, base, file, text)
			}
			if got := revision(filepath.Join(base, "repo", "deploy")); got != tc.want {
				t.Errorf("revision %q, want %q", got, tc.want)
			}
		})
	}
}
