package hcs

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// documents is what a golden file holds: everything that the host is given for
// one manifest.
type documents struct {
	Notes     []driver.Note    `json:",omitempty"`
	ID        string           //
	Endpoint  *endpointRequest `json:",omitempty"`
	Container *containerConfig
	Process   *processConfig
}

// goldenHost is the host that the golden documents are for.
const (
	goldenOwner = "shop"
	goldenCPUs  = 4
)

// TestGoldenDocuments holds every document byte for byte. What a field of the
// manifest becomes is seen, and reviewed, in testdata.
func TestGoldenDocuments(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests in testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			got, err := json.MarshalIndent(goldenDocuments(t, file), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			golden := strings.TrimSuffix(file, ".yaml") + ".json"
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s (-golden +now):\n%s", golden, diff)
			}
		})
	}
}

func parseManifest(t *testing.T, file string) *manifest.Container {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all, problems := manifest.Parse(file, text)
	if len(problems) > 0 || len(all) != 1 {
		t.Fatalf("%s holds %d containers, with problems %v", file, len(all), problems)
	}
	return all[0]
}

func goldenDocuments(t *testing.T, file string) documents {
	t.Helper()
	c := parseManifest(t, file)
	s := &c.Spec
	id, err := systemID(goldenOwner, driver.Ref{Name: c.Name(), Revision: c.Revision})
	if err != nil {
		t.Fatal(err)
	}
	p := place{
		owner: goldenOwner, id: id, cpus: goldenCPUs, scratch: join(`C:\state\layers`, id),
		volume: `\\?\Volume{11111111-2222-3333-4444-555555555555}\`, firstBoot: true, endpoints: s.Network.Endpoints,
		credentials: s.SecurityContext.WindowsOptions.GMSACredentialSpec,
	}
	folders, image := []string{`C:\store\top`, `C:\store\base`}, imageConfig{}
	if s.RootFS != nil {
		folders = s.RootFS.Layers
	} else {
		image = imageConfig{
			Entrypoint: []string{`C:\Program Files\app\app.exe`, "-v"}, Cmd: []string{"serve"},
			Env: []string{"Path=C:\\Windows", "MODE=image"}, WorkingDir: `C:\app`, User: "ContainerUser",
		}
	}
	if p.layers, err = layerList(s, folders, func(name string) (string, error) { return "guid-of-" + name, nil }); err != nil {
		t.Fatal(err)
	}
	if s.Isolation == manifest.IsolationHyperV && s.OS != manifest.OSLinux {
		if p.utilityVM, err = findUtilityVM(folders, func(path string) bool { return path == `C:\store\base\UtilityVM` }); err != nil {
			t.Fatal(err)
		}
	}
	d := documents{ID: id, Notes: check(c, goldenCPUs)}
	if name := networkName(s); name != "" {
		p.endpoints = []string{"endpoint-of-" + id}
		if d.Endpoint, err = endpointDocument(s, id, "network-"+name, name == natNetwork); err != nil {
			t.Fatal(err)
		}
	}
	if s.Network.ShareWith != "" {
		p.shareWith = "shop." + s.Network.ShareWith + ".1-00"
	}
	d.Container = containerDocument(c, p)
	d.Process, err = processDocument(c, id, image, func(e manifest.EnvVar) (string, error) {
		if e.ValueFrom != nil {
			return "from " + e.ValueFrom.HostEnv + e.ValueFrom.File, nil
		}
		return e.Value, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}
