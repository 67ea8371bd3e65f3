//go:build unix

package trust

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// tree makes root/a/b/file with safe modes and returns root.
func tree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "a", "b", "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name string
		path string      // that gets mode
		mode os.FileMode // with type bits
		gid  int
		bad  bool
	}{
		{"all is well", "a", 0o755, 0, false},
		{"folder is writable by all", "a/b", 0o777, 0, true},
		{"folder is writable by all, sticky", "a/b", 0o777 | os.ModeSticky, 0, true},
		{"folder is writable by a group", "a/b", 0o775, 12345, true},
		{"folder is writable by the group of root", "a/b", 0o775, 0, false},
		{"file is writable by all", "a/b/file", 0o666, 0, true},
		{"way is writable by all", "a", 0o777, 0, true},
		{"way is writable by all, sticky", "a", 0o777 | os.ModeSticky, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := tree(t)
			at := filepath.Join(root, tt.path)
			if os.Geteuid() == 0 {
				if err := os.Chown(at, 0, tt.gid); err != nil {
					t.Fatal(err)
				}
			} else if tt.mode&0o020 != 0 && !tt.bad {
				t.Skip("only root can give a folder to the group of root")
			}
			if err := os.Chmod(at, tt.mode); err != nil {
				t.Fatal(err)
			}
			err := Check(filepath.Join(root, "a", "b"))
			var f *Finding
			if errors.As(err, &f) != tt.bad {
				t.Fatalf("Check = %v, want a finding: %t", err, tt.bad)
			}
			if tt.bad && f.Path != at {
				t.Errorf("finding speaks of %s, want %s", f.Path, at)
			}
		})
	}
}

func TestCheckOfAnotherUsersFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	root := tree(t)
	if err := os.Chown(filepath.Join(root, "a"), 12345, 0); err != nil {
		t.Fatal(err)
	}
	if err := Check(filepath.Join(root, "a", "b")); err == nil {
		t.Error("a folder in another user's folder is trusted")
	}
}

func TestCheckJudgesWhereALinkLeads(t *testing.T) {
	root := tree(t)
	if err := os.Symlink(filepath.Join(root, "a", "b"), filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	if err := Check(filepath.Join(root, "link")); err != nil {
		t.Errorf("safe folder behind a link: %v", err)
	}
	if err := os.Chmod(filepath.Join(root, "a"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := Check(filepath.Join(root, "link")); err == nil {
		t.Error("unsafe folder behind a link is trusted")
	}
}

func TestCheckOfAFolderToBe(t *testing.T) {
	root := tree(t)
	if err := Check(filepath.Join(root, "a", "new", "er")); err != nil {
		t.Errorf("folder to be made in a safe one: %v", err)
	}
	if err := os.Chmod(filepath.Join(root, "a"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := Check(filepath.Join(root, "a", "new", "er")); err == nil {
		t.Error("folder to be made in an unsafe one is trusted")
	}
}
