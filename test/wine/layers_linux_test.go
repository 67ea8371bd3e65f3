package wine

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var layerCases = []testCase{
	{"NameToGuid", nameToGuid},
	{"LayerThereAndBack", layerThereAndBack},
	{"LayerOutOfOrder", layerOutOfOrder},
	{"LayersOfASystem", layersOfASystem},
}

func nameToGuid(t *testing.T, h *Host) {
	p := startProbe(t, h)
	guids := map[string]bool{}
	for _, name := range []string{"one", "two", "one"} {
		var guid string
		p.value(request{Op: "nameToGuid", Text: name}, &guid)
		if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(guid) {
			t.Errorf("%s has %s, which has not the form of version 5", name, guid)
		}
		guids[guid] = true
	}
	if len(guids) != 2 {
		t.Errorf("two names have %v", guids)
	}
}

// base makes a read-only layer, and returns its path.
func base(t *testing.T, h *Host, name string) string {
	t.Helper()
	path := `C:\layers\` + name
	if err := os.MkdirAll(h.Path(path), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func layerThereAndBack(t *testing.T, h *Host) {
	p := startProbe(t, h)
	parents := []string{base(t, h, "top"), base(t, h, "base")}
	const scratch = `C:\layers\scratch-1`
	p.fails(request{Op: "activate", ID: scratch}, 3)
	p.ok(request{Op: "createScratch", ID: scratch, Paths: parents})
	p.fails(request{Op: "createScratch", ID: scratch, Paths: parents}, 0x50)
	if _, err := os.Stat(h.Path(scratch + `\sandbox.vhdx`)); err != nil {
		t.Error(err)
	}
	p.ok(request{Op: "activate", ID: scratch})
	p.ok(request{Op: "prepare", ID: scratch, Paths: parents})
	var mount, plain string
	p.value(request{Op: "mountPath", ID: scratch}, &mount)
	if !regexp.MustCompile(`^\\\\\?\\Volume\{[0-9a-f-]{36}\}\\$`).MatchString(mount) {
		t.Errorf("the mount path is %s", mount)
	}
	if p.value(request{Op: "mountPath", ID: parents[0]}, &plain); plain != parents[0] {
		t.Errorf("the mount path of a read-only layer is %s", plain)
	}
	want := []Layer{{Path: scratch, Prepared: true}}
	if got := h.Report().Layers; !slices.Equal(got, want) {
		t.Errorf("active layers: %+v, want %+v", got, want)
	}
	if leaks := h.Leaks(); len(leaks) != 1 || !strings.Contains(leaks[0], "scratch-1 is active") {
		t.Errorf("leaks of a mounted layer: %q", leaks)
	}
	for _, op := range []string{"unprepare", "deactivate", "destroy"} {
		p.ok(request{Op: op, ID: scratch})
	}
	var exists bool
	if p.value(request{Op: "layerExists", ID: scratch}, &exists); exists {
		t.Error("the layer is there after it was destroyed")
	}
	clean(t, h)
}

func layerOutOfOrder(t *testing.T, h *Host) {
	p := startProbe(t, h)
	parents := []string{base(t, h, "base")}
	const scratch = `C:\layers\scratch-2`
	p.fails(request{Op: "createScratch", ID: scratch, Paths: []string{`C:\layers\none`}}, 3)
	p.ok(request{Op: "createScratch", ID: scratch, Paths: parents})
	for _, step := range []struct {
		op   string
		code uint32
	}{
		{"prepare", 0x15},
		{"unprepare", 0x15},
		{"deactivate", 0x15},
		{"activate", 0},
		{"activate", 0x20},
		{"prepare", 0},
		{"prepare", 0x20},
		{"deactivate", 0x20},
		{"destroy", 0x20},
		{"unprepare", 0},
		{"deactivate", 0},
		{"destroy", 0},
	} {
		if got := p.ask(request{Op: step.op, ID: scratch, Paths: parents}); got.Code != step.code {
			t.Errorf("%s: got %#x (%s), want %#x", step.op, got.Code, got.Error, step.code)
		}
	}
	want := []string{scratch + ": deactivated while it is prepared", scratch + ": destroyed while it is active"}
	if got := h.Report().Violations; !slices.Equal(got, want) {
		t.Errorf("violations: %q, want %q", got, want)
	}
}

func layersOfASystem(t *testing.T, h *Host) {
	p := startProbe(t, h)
	parent := base(t, h, "base")
	const scratch = `C:\layers\scratch-3`
	var guid, mount string
	p.value(request{Op: "nameToGuid", Text: "base"}, &guid)
	p.ok(request{Op: "createScratch", ID: scratch, Paths: []string{parent}})
	p.ok(request{Op: "activate", ID: scratch})
	p.value(request{Op: "mountPath", ID: scratch}, &mount)
	document := func(id, volume string) json.RawMessage {
		return config(map[string]any{
			"SystemType": "Container", "Name": "a", "LayerFolderPath": scratch, "VolumePath": volume,
			"Layers": []map[string]string{{"ID": id, "Path": parent}},
		})
	}
	right := strings.TrimSuffix(mount, `\`)
	p.fails(request{Op: "create", Name: "a", ID: "a", Config: document(guid, right)}, 0xC0370112) // not prepared
	p.ok(request{Op: "prepare", ID: scratch, Paths: []string{parent}})
	p.fails(request{Op: "create", Name: "a", ID: "a", Config: document(guid, mount)}, 0xC0370112)
	p.fails(request{Op: "create", Name: "a", ID: "a", Config: document("00000000-0000-0000-0000-000000000000", right)}, 0xC0370112)
	p.ok(request{Op: "create", Name: "a", ID: "a", Config: document(guid, right)})
	p.fails(request{Op: "create", Name: "b", ID: "b", Config: document(guid, right)}, 0x20)
	p.fails(request{Op: "unprepare", ID: scratch}, 0x20)
	if got := h.Report().Layers; len(got) != 1 || got[0].User != "a" {
		t.Errorf("active layers: %+v, want one that a uses", got)
	}
	p.pending(request{Op: "terminate", Name: "a"})
	p.ok(request{Op: "wait", Name: "a"})
	p.ok(request{Op: "unprepare", ID: scratch})
	p.ok(request{Op: "deactivate", ID: scratch})
	p.ok(request{Op: "destroy", ID: scratch})
}
