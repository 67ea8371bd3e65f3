package gitops

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/hcs-reconcile/hcs-reconcile/internal/tooltest"
)

const examples = "../../examples/gitops"

// exampleFiles lists the files whose names end so.
func exampleFiles(t *testing.T, ends ...string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(examples, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && slices.Contains(ends, filepath.Ext(path)) {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no example ends in %v: %v", ends, err)
	}
	return files
}

// shellOK lets the shell read a script without running it.
func shellOK(t *testing.T, where, script string) {
	t.Helper()
	cmd := exec.Command("sh", "-n")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s\n%s", where, err, out, script)
	}
}

// TestExamplesAreRead: YAML parses, scripts are shell, units have sections.
func TestExamplesAreRead(t *testing.T) {
	for _, path := range exampleFiles(t, ".yaml") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := yaml.Unmarshal(text, &v); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		scripts(t, path, v)
	}
	for _, path := range exampleFiles(t, ".sh") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		shellOK(t, path, string(text))
	}
	for _, path := range exampleFiles(t, ".service", ".timer") {
		unitOK(t, path)
	}
}

// scripts finds the shell parts of a pipeline.
func scripts(t *testing.T, where string, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			switch text, isText := value.(string); {
			case key == "run" && isText:
				shellOK(t, where, strings.ReplaceAll(strings.ReplaceAll(text, "${{", "{{"), "}}", ""))
			case key == "script" || key == "after_script":
				for _, line := range value.([]any) {
					shellOK(t, where, line.(string))
				}
			default:
				scripts(t, where, value)
			}
		}
	case []any:
		for _, item := range v {
			scripts(t, where, item)
		}
	}
}

// unitOK reads a unit file: sections, and a key and value on each line.
func unitOK(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	section := ""
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		key, _, pair := strings.Cut(line, "=")
		switch {
		case line == "", strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			section = line
		case section == "" || !pair || strings.Contains(key, " "):
			t.Errorf("%s: %q", path, line)
		}
	}
}

// withProgram is an environment in which hcs-reconcile is found.
func withProgram(t *testing.T, more ...string) []string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return append(append(os.Environ(), "PATH="+filepath.Dir(path)+":"+os.Getenv("PATH"), "GIT_CONFIG_GLOBAL=/dev/null"), more...)
}

// TestPullExample: the timer's script follows good commits, and no others.
func TestPullExample(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	pusher := newOrigin(r)
	pusher.scribble("v1")
	pusher.commit("good")
	pusher.git("push", "-q", "origin", "main")
	clone := repo{r, filepath.Join(r.dir, "clone")}
	repo{r, r.dir}.git("clone", "-q", filepath.Join(r.dir, "origin.git"), clone.dir)
	pull := func() (string, error) {
		cmd := exec.Command("sh", filepath.Join(examples, "pull", "pull.sh"), clone.dir, "main")
		cmd.Env = withProgram(t)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := pull(); err != nil || out != "" {
		t.Errorf("nothing new: %v %s", err, out)
	}
	pusher.scribble("v2")
	pusher.commit("better")
	pusher.git("push", "-q", "origin", "main")
	if out, err := pull(); err != nil || clone.git("rev-parse", "HEAD") != pusher.git("rev-parse", "HEAD") {
		t.Errorf("a good commit is not followed: %v %s", err, out)
	}
	good := clone.git("rev-parse", "HEAD")
	r.must(os.WriteFile(filepath.Join(pusher.dir, "manifests", "bad.yaml"), []byte("kind: Pod\n"), 0o644))
	pusher.commit("bad")
	pusher.git("push", "-q", "origin", "main")
	if out, err := pull(); err == nil || clone.git("rev-parse", "HEAD") != good {
		t.Errorf("a bad commit is followed: %v %s", err, out)
	}
	if trees := clone.git("worktree", "list"); strings.Count(trees, "\n") != 0 {
		t.Errorf("work trees are left behind:\n%s", trees)
	}
}

// TestPlanExample: the script of the pipelines tells what would change, and
// fails for what cannot be used.
func TestPlanExample(t *testing.T) {
	t.Parallel()
	tooltest.Path(t, "sh")
	r := newRig(t)
	folder, output := filepath.Join(r.dir, "folder"), filepath.Join(r.dir, "plan.md")
	r.fill(folder, "v0")
	plan := func() (string, error) {
		cmd := exec.Command("sh", filepath.Join(examples, "ci", "plan.sh"), folder, output)
		cmd.Env = withProgram(t, "HCS_RECONCILE_STATE_DIR="+r.state, "HCS_RECONCILE_DRIVER=local", "HCS_RECONCILE_OWNER=plan-example")
		out, err := cmd.CombinedOutput()
		text, _ := os.ReadFile(output)
		return string(out) + string(bytes.TrimSpace(text)), err
	}
	if out, err := plan(); err != nil || !strings.Contains(out, "### These containers change") || !strings.Contains(out, "+ keep0  create") {
		t.Errorf("plan: %v\n%s", err, out)
	}
	r.must(os.WriteFile(filepath.Join(folder, "bad.yaml"), []byte("kind: Pod\n"), 0o644))
	if out, err := plan(); err == nil {
		t.Errorf("what cannot be used is taken:\n%s", out)
	}
}
