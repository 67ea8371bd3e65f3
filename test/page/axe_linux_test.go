package page

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hcs-reconcile/hcs-reconcile/internal/tooltest"
)

// axeVersion is the release of axe-core that judges the page.
const axeVersion = "axe-core@4.14.1"

// axe returns the script of axe-core, which npm brings.
func axe(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command(tooltest.Path(t, "npm"), "pack", "--silent", "--pack-destination", dir, axeVersion)
	cmd.Dir = dir // no package.json of anybody
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm pack: %v\n%s", err, out)
	}
	packs, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(packs) != 1 {
		t.Fatalf("npm brought %q, %v", packs, err)
	}
	f, err := os.Open(packs[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			t.Fatalf("axe.min.js is not in the package: %v", err)
		}
		if h.Name == "package/axe.min.js" {
			text, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
	}
}

// judged is what axe says of one rule.
type judged struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML           string `json:"html"`
		FailureSummary string `json:"failureSummary"`
	} `json:"nodes"`
}

// accessible has axe judge a page: nothing may be serious or critical.
func accessible(tb *tab, script, name string) {
	tb.t.Helper()
	eval[bool](tb, script+"; true")
	var found struct {
		Passes     []judged `json:"passes"`
		Violations []judged `json:"violations"`
	}
	// What is out of sight is judged too: it must be laid out for that.
	eval[bool](tb, `(() => { for (const r of document.querySelectorAll('tbody tr')) r.style.setProperty('content-visibility', 'visible'); return true })()`)
	if err := json.Unmarshal([]byte(eval[string](tb, `axe.run().then((r) => JSON.stringify({passes: r.passes, violations: r.violations}))`)), &found); err != nil {
		tb.t.Fatal(err)
	}
	if len(found.Passes) < 15 {
		tb.t.Errorf("%s: axe passed %d rules only; did it look?", name, len(found.Passes))
	}
	minor := 0
	for _, v := range found.Violations {
		if v.Impact != "serious" && v.Impact != "critical" {
			minor++
			tb.t.Logf("%s: %s (%s): %s: %s", name, v.ID, v.Impact, v.Help, v.Nodes[0].HTML)
			continue
		}
		for _, n := range v.Nodes {
			tb.t.Errorf("%s: %s (%s): %s\n%s\n%s", name, v.ID, v.Impact, v.Help, n.HTML, n.FailureSummary)
		}
	}
	tb.t.Logf("%s: %d rules passed, %d minor findings", name, len(found.Passes), minor)
}
