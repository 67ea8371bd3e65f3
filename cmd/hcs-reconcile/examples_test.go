package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
)

const examples = "../../examples"

// exampleFolders are the folders below examples, each for one host.
func exampleFolders(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(examples)
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, e := range entries {
		switch {
		case e.Name() == "gitops": // holds more than manifests
			dirs = append(dirs, filepath.Join(examples, e.Name(), "repo", "manifests"))
		case e.IsDir():
			dirs = append(dirs, filepath.Join(examples, e.Name()))
		}
	}
	if len(dirs) < 2 {
		t.Fatalf("only %v found below %s", dirs, examples)
	}
	return dirs
}

// TestExamples reads each example as a daemon would.
func TestExamples(t *testing.T) {
	for _, dir := range exampleFolders(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			u := folder.Read(dir, folder.Start{Fleet: true})
			for _, p := range u.Problems {
				t.Error(p)
			}
			if len(u.Put) == 0 {
				t.Error("asks for no container")
			}
			for _, w := range u.Put {
				if w.Blocked != "" {
					t.Errorf("%s is blocked: %s", w.Container.Name(), w.Blocked)
				}
			}
		})
	}
}

// TestExamplesMatchTheSchema asks a validator that knows nothing of our parser.
func TestExamplesMatchTheSchema(t *testing.T) {
	schema := compiledSchema(t)
	separator := regexp.MustCompile(`(?m)^---$`)
	for _, dir := range exampleFolders(t) {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".yaml" {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, doc := range separator.Split(string(text), -1) {
				js, err := yaml.YAMLToJSON([]byte(doc))
				if err != nil {
					return err
				}
				if err := schema.Validate(decoded(t, js)); err != nil {
					t.Errorf("%s: %v", path, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if schema.Validate(decoded(t, []byte(`{"apiVersion":"hcs-reconcile/v1","kind":"Container","spec":{}}`))) == nil {
		t.Error("the schema takes a manifest without a name: it would take anything")
	}
}

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := manifest.Schema()
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("manifest.json", decoded(t, text)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func decoded(t *testing.T, js []byte) any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(js))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
