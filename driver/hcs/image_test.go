package hcs

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

const (
	digestA   = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB   = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	digestC   = "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
	chainOfAB = "ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c"
)

// dockerStore has example.com/web:1 of two layers, nano:latest of one, and a
// Linux image.
func dockerStore(t *testing.T) imageStore {
	t.Helper()
	chain, err := chainID([]string{digestA, digestB})
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	put := func(name, text string) { files[name] = &fstest.MapFile{Data: []byte(text)} }
	put("image/windowsfilter/repositories.json", `{"Repositories":{
		"example.com/web":{"example.com/web:1":"`+digestA+`","example.com/web@`+digestC+`":"`+digestA+`"},
		"nano":{"nano:latest":"`+digestB+`"},
		"linux":{"linux:latest":"`+digestC+`"},
		"evil":{"evil:latest":"sha256:../../../secret"}}}`)
	content := "image/windowsfilter/imagedb/content/sha256/"
	put(content+digestA[7:], `{"os":"windows","os.version":"10.0.20348.1","config":{"Entrypoint":["web.exe"],"Cmd":["-v"],"Env":["A=b"],"WorkingDir":"C:\\app","User":"ContainerUser"},
		"rootfs":{"type":"layers","diff_ids":["`+digestA+`","`+digestB+`"]}}`)
	put(content+digestB[7:], `{"os":"windows","config":{"Cmd":["cmd.exe"]},"rootfs":{"diff_ids":["`+digestA+`"]}}`)
	put(content+digestC[7:], `{"os":"linux","rootfs":{"diff_ids":["`+digestA+`"]}}`)
	put("image/windowsfilter/layerdb/"+digestPath(chain)+"/cache-id", "topfolder\n")
	put("image/windowsfilter/layerdb/"+digestPath(digestA)+"/cache-id", "basefolder")
	put("windowsfilter/topfolder/layerchain.json", `["C:\\ProgramData\\docker\\windowsfilter\\basefolder"]`)
	return imageStore{root: `C:\ProgramData\docker`, files: files}
}

func TestResolveImage(t *testing.T) {
	top, base := `C:\ProgramData\docker\windowsfilter\topfolder`, `C:\ProgramData\docker\windowsfilter\basefolder`
	web := imageConfig{Entrypoint: []string{"web.exe"}, Cmd: []string{"-v"}, Env: []string{"A=b"}, WorkingDir: `C:\app`, User: "ContainerUser"}
	tests := map[string]struct {
		folders []string
		config  imageConfig
	}{
		"example.com/web:1":             {[]string{top, base}, web},
		"example.com/web@" + digestC:    {[]string{top, base}, web},
		digestA:                         {[]string{top, base}, web},
		"nano":                          {[]string{base}, imageConfig{Cmd: []string{"cmd.exe"}}},
		"docker.io/library/nano":        {[]string{base}, imageConfig{Cmd: []string{"cmd.exe"}}},
		"docker.io/library/nano:latest": {[]string{base}, imageConfig{Cmd: []string{"cmd.exe"}}},
	}
	for reference, want := range tests {
		folders, config, err := dockerStore(t).resolve(reference)
		if err != nil {
			t.Errorf("resolve(%s): %v", reference, err)
			continue
		}
		if diff := cmp.Diff(want.folders, folders) + cmp.Diff(want.config, config); diff != "" {
			t.Errorf("resolve(%s) (-want +got):\n%s", reference, diff)
		}
	}
}

func TestResolveImageRefuses(t *testing.T) {
	for reference, want := range map[string]string{
		"example.com/web:2": "pull it with Docker", "localhost:5000/web": "pull it with Docker",
		"linux": `for "linux"`, "evil": "not a SHA-256 digest",
	} {
		folders, _, err := dockerStore(t).resolve(reference)
		if !errors.Is(err, driver.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("resolve(%s) = %q, error %v; want %v with %q", reference, folders, err, driver.ErrInvalid, want)
		}
	}
	empty := imageStore{root: `C:\ProgramData\docker`, files: fstest.MapFS{}}
	if _, _, err := empty.resolve("nano"); !errors.Is(err, driver.ErrInvalid) {
		t.Errorf("resolve in no store: got error %v, want %v", err, driver.ErrInvalid)
	}
}

// The example of the OCI image specification's rule, worked out by hand with
// sha256sum.
func TestChainID(t *testing.T) {
	got, err := chainID([]string{digestA, digestB})
	if want := sha256Prefix + chainOfAB; err != nil || got != want {
		t.Errorf("chainID = %s, error %v; want %s", got, err, want)
	}
}
