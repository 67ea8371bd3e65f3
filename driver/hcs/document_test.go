package hcs

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

func TestFindUtilityVM(t *testing.T) {
	folders := []string{`C:\s\top`, `C:\s\middle`, `C:\s\base`}
	tests := []struct {
		name  string
		there []string
		want  string
	}{
		{"topmost wins", []string{`C:\s\base\UtilityVM`, `C:\s\middle\UtilityVM`}, `C:\s\middle\UtilityVM`},
		{"only the base has one", []string{`C:\s\base\UtilityVM`}, `C:\s\base\UtilityVM`},
		{"none", nil, ""},
	}
	for _, tt := range tests {
		got, err := findUtilityVM(folders, func(p string) bool { return slices.Contains(tt.there, p) })
		if got != tt.want || (tt.want == "") != errors.Is(err, driver.ErrInvalid) {
			t.Errorf("%s: got %q, error %v; want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestMegabytesRoundUp(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "1Mi": 1, "1048577": 2, "512Mi": 512, "1G": 954} {
		q := resource.MustParse(text)
		if got := megabytes(&q); got != want {
			t.Errorf("megabytes(%s) = %d, want %d", text, got, want)
		}
	}
	if got := megabytes(nil); got != 0 {
		t.Errorf("megabytes of no limit = %d", got)
	}
}

// A container with processors of its own is given no more than it asked for,
// and never nothing.
func TestCoreShares(t *testing.T) {
	tests := []struct {
		cpu     string
		cpus    int
		vm      bool
		count   uint32
		maximum int64
	}{
		{"1", 4, false, 0, 2500},
		{"4", 4, false, 0, 0},
		{"9", 4, false, 0, 0},
		{"1m", 64, false, 0, 1},
		{"1", 3, false, 0, 3334},
		{"2", 4, true, 2, 0},
		{"1500m", 4, true, 2, 7500},
		{"9", 4, true, 4, 0},
		{"100m", 4, true, 1, 1000},
		{"2", 0, true, 2, 0},
		{"2", 0, false, 0, 0},
	}
	for _, tt := range tests {
		q := resource.MustParse(tt.cpu)
		if count, maximum := coreShares(&q, tt.cpus, tt.vm); count != tt.count || maximum != tt.maximum {
			t.Errorf("%s of %d processors (VM: %v): got count %d and maximum %d, want %d and %d", tt.cpu, tt.cpus, tt.vm, count, maximum, tt.count, tt.maximum)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	rootfs := &manifest.RootFS{Layers: []string{`C:\base`}}
	tests := map[string]struct {
		spec  manifest.Spec
		field string
	}{
		"no image":         {manifest.Spec{Command: []string{"a"}}, "spec.image"},
		"nothing to run":   {manifest.Spec{RootFS: rootfs}, "spec.command"},
		"hyperv device":    {manifest.Spec{RootFS: rootfs, Command: []string{"a"}, Isolation: manifest.IsolationHyperV, Devices: []manifest.Device{{}}}, "spec.devices"},
		"hyperv sharing":   {manifest.Spec{Image: "a", Isolation: manifest.IsolationHyperV, Network: manifest.Network{ShareWith: "b"}}, "spec.network.shareWith"},
		"paused process":   {manifest.Spec{Image: "a", DesiredState: manifest.DesiredPaused}, "spec.desiredState"},
		"linux image":      {manifest.Spec{Image: "a", OS: manifest.OSLinux}, "spec.image"},
		"linux raw line":   {manifest.Spec{RootFS: rootfs, CommandLine: "a", OS: manifest.OSLinux}, "spec.commandLine"},
		"linux pipe":       {manifest.Spec{RootFS: rootfs, Command: []string{"a"}, OS: manifest.OSLinux, Mounts: []manifest.Mount{{HostPath: `\\.\pipe\a`, MountPath: `\\.\pipe\a`}}}, "spec.mounts"},
		"scattered kernel": {manifest.Spec{RootFS: rootfs, Command: []string{"a"}, OS: manifest.OSLinux, LCOW: &manifest.LCOW{Kernel: `C:\a\k`, Initrd: `C:\b\i`}}, "spec.lcow.initrd"},
	}
	for name, tt := range tests {
		var fields []string
		for _, n := range Check(&manifest.Container{Spec: tt.spec}) {
			if n.Refused {
				fields = append(fields, n.Field)
			}
		}
		if diff := cmp.Diff([]string{tt.field}, fields); diff != "" {
			t.Errorf("%s: refused fields (-want +got):\n%s", name, diff)
		}
	}
	if err := refusal(Check(&manifest.Container{})); !errors.Is(err, driver.ErrInvalid) {
		t.Errorf("refusal of an empty container: %v", err)
	}
	if notes := Check(&manifest.Container{Spec: manifest.Spec{Image: "a"}}); len(notes) > 0 {
		t.Errorf("a plain image is noted: %v", notes)
	}
}

func TestSecretsThatCannotBeReadFailTheStart(t *testing.T) {
	c := &manifest.Container{Spec: manifest.Spec{Command: []string{"a"}, Env: []manifest.EnvVar{{Name: "A"}}}}
	missing := errors.New("missing")
	_, err := processDocument(c, "id", imageConfig{}, func(manifest.EnvVar) (string, error) { return "", missing })
	if !errors.Is(err, driver.ErrInvalid) || !errors.Is(err, missing) {
		t.Errorf("got error %v, want %v with its cause", err, driver.ErrInvalid)
	}
}

func TestSecondBootAndServicing(t *testing.T) {
	doc := containerDocument(&manifest.Container{}, place{servicing: true})
	if doc.IgnoreFlushesDuringBoot || !doc.Servicing {
		t.Errorf("IgnoreFlushesDuringBoot is %v and Servicing %v, want false and true", doc.IgnoreFlushesDuringBoot, doc.Servicing)
	}
}
