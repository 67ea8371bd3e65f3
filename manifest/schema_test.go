package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	kyaml "sigs.k8s.io/yaml"
)

// compileSchema gives the schema to a validator that knows nothing of ours.
func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	b, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// against validates each document of a file as an editor would.
func against(t *testing.T, s *jsonschema.Schema, text []byte) (checked int, errs error) {
	t.Helper()
	for _, d := range documents(text) {
		js := d.text
		if !d.json {
			var err error
			if js, err = kyaml.YAMLToJSON(d.text); err != nil {
				t.Fatal(err)
			}
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(js))
		if err != nil {
			t.Fatal(err)
		}
		checked++
		errs = errors.Join(errs, s.Validate(v))
	}
	return checked, errs
}

func TestSchemaTakesGoodFiles(t *testing.T) {
	s := compileSchema(t)
	for _, file := range glob(t, "testdata/valid/*") {
		if _, err := against(t, s, readFile(t, file)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestSchemaTakesWhatParsePrints validates complete documents with defaults.
func TestSchemaTakesWhatParsePrints(t *testing.T) {
	s := compileSchema(t)
	for _, file := range glob(t, "testdata/valid/*") {
		for _, c := range parseGood(t, string(readFile(t, file))) {
			if _, err := against(t, s, []byte(print1(t, c))); err != nil {
				t.Errorf("%s, %s: %v", file, c.Name(), err)
			}
		}
	}
}

// TestExamples checks every example with the schema and with Parse.
func TestExamples(t *testing.T) {
	const dir = "../examples"
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		t.Fatal("no examples: the walk is wrong, or they are gone")
	}
	s := compileSchema(t)
	checked := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) {
			return err
		}
		text := readFile(t, path)
		if !bytes.Contains(text, []byte(APIVersion)) {
			return nil // configuration of other programs
		}
		if _, problems := Parse(path, text); len(problems) > 0 {
			t.Errorf("%v", problems)
		}
		n, err := against(t, s, text)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		checked += n
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked == 0 {
		t.Error("there are examples, but nothing was checked")
	}
}

// TestSchemaRefuses checks that the schema refuses what Parse refuses for its
// structure, each alone in an otherwise good document.
func TestSchemaRefuses(t *testing.T) {
	s := compileSchema(t)
	for _, spec := range []string{
		"imgae: x", "image: 1", "image: [x]", "tty: x", "command: x", "command: [1]", "os: dos", "desiredState: running",
		"restartPolicy: Sometimes", "isolation: vm", "terminationGracePeriodSeconds: -1", "terminationGracePeriodSeconds: 1.5",
		"env: [{value: x}]", "env: [{name: A, valu: x}]", "env: [{name: A, value: x, valueFrom: {file: /x}}]", "env: {A: b}",
		"env: [{name: A, value: 1}]", "env: [{name: 'A=B'}]", "env: [{name: A, valueFrom: {}}]",
		"ports: [{}]", "ports: [{containerPort: 0}]", "ports: [{containerPort: 65536}]", "ports: [{containerPort: 1, protocol: ICMP}]",
		"image: a, rootfs: {layers: [/a]}", "rootfs: {layers: []}", "rootfs: {}", "command: [a], commandLine: a", "args: [a], commandLine: a",
		"mounts: [{hostPath: a, mountPath: /a}]", "mounts: [{hostPath: /a}]", "devices: [{idType: class, id: x}]",
		"devices: [{idType: vpci, id: 5B45201D-F2F2-4F3B-85BB-30FF1F953599}]",
		"resources: {limits: {memory: lots}}", "resources: {windows: {cpuWeight: 10001}}", "resources: {windows: {cpuCount: -1}}",
		"network: {name: a, shareWith: b}", "dependsOn: [{}]", "dependsOn: [{name: b, condition: Up}]", "dependsOn: [b]",
		"restart: {initialDelay: 5}", "restart: {maxDelay: soon}", "restart: {initialDelay: -1s}", "restart: {factor: 0.5}", "restart: {jitter: 2}",
		"restart: {exitRules: [{codes: [1]}]}", "restart: {exitRules: [{codes: [], action: Restart}]}",
		"restart: {exitRules: [{codes: [x y], action: Restart}]}", "restart: {exitRules: [{codes: [1], action: Stop}]}",
		"lifecycle: {preStop: {}}", "lifecycle: {preStop: {exec: {command: [a]}, sleep: {seconds: 1}}}", "lifecycle: {preStop: {exec: {}}}",
		"livenessProbe: {}", "livenessProbe: {httpGet: {}}", "livenessProbe: {httpGet: {port: 1, scheme: FTP}}",
		"readinessProbe: {namedPipe: {path: /x}}", "startupProbe: {tcpSocket: {port: 1}, grpc: {port: 1}}",
		"update: {strategy: Rolling}", "update: {rollback: maybe}", "logs: {maxFiles: 0}", "logs: {maxSize: x}", "nodeSelector: {a: 1}",
		"lcow: {initrd: /a, vhd: /b}, os: linux",
	} {
		text := []byte(head + "spec: {" + spec + "}\n")
		if _, problems := Parse("a.yaml", text); len(problems) == 0 {
			t.Errorf("Parse takes %s", spec)
		}
		if _, err := against(t, s, text); err == nil {
			t.Errorf("the schema takes %s", spec)
		}
	}
	for _, doc := range []string{
		`{"apiVersion": "v1", "kind": "Container", "metadata": {"name": "a"}}`, `{"apiVersion": "hcs-reconcile/v1", "kind": "Pod", "metadata": {"name": "a"}}`,
		`{"apiVersion": "hcs-reconcile/v1", "kind": "Container"}`, `{"apiVersion": "hcs-reconcile/v1", "kind": "Container", "metadata": {"name": "A"}}`, `{}`,
		`{"apiVersion": "hcs-reconcile/v1", "kind": "Container", "metadata": {"name": "a"}, "image": "x"}`,
	} {
		if _, err := against(t, s, []byte(doc)); err == nil {
			t.Errorf("the schema takes %s", doc)
		}
		if _, problems := Parse("a.json", []byte(doc)); len(problems) == 0 {
			t.Errorf("Parse takes %s", doc)
		}
	}
}

// TestEnumerations checks that table and rules name the same words.
func TestEnumerations(t *testing.T) {
	for path, spec := range map[string]string{
		"spec.desiredState": "isolation: hyperv, desiredState: %s", "spec.os": "os: %s", "spec.isolation": "isolation: %s",
		"spec.ports[].protocol": "ports: [{containerPort: 1, protocol: %s}]", "spec.dependsOn[].condition": "dependsOn: [{name: b, condition: %s}]",
		"spec.restartPolicy": "restartPolicy: %s", "spec.restart.exitRules[].action": "restart: {exitRules: [{codes: [1], action: %s}]}",
		"spec.update.strategy": "update: {strategy: %s}", "spec.livenessProbe.httpGet.scheme": "livenessProbe: {httpGet: {port: 1, scheme: %s}}",
		"spec.devices[].idType": "devices: [{idType: %s, id: 5B45201D-F2F2-4F3B-85BB-30FF1F953599}]",
	} {
		found := false
		for _, f := range Fields() {
			if f.Path != path {
				continue
			}
			found = true
			for word := range strings.SplitSeq(f.Allowed, "|") {
				parseGood(t, head+"spec: {"+strings.Replace(spec, "%s", word, 1)+"}\n")
			}
		}
		if !found {
			t.Errorf("no field %s", path)
		}
	}
}

// TestSchemaDescribes checks that every field is described in the schema.
func TestSchemaDescribes(t *testing.T) {
	b, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Fields() {
		text, err := json.Marshal(f.Doc)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(b, text[1:len(text)-1]) {
			t.Errorf("%s is not described", f.Path)
		}
	}
}
