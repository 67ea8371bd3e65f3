package manifest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// redacted parses a spec and redacts it.
func redacted(t *testing.T, meta, spec string) []byte {
	t.Helper()
	text := "apiVersion: hcs-reconcile/v1\nkind: Container\nmetadata: {name: a" + meta + "}\nspec: {" + spec + "}\n"
	b, err := Redacted(parseGood(t, text)[0])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRedacted(t *testing.T) {
	b := string(redacted(t, "", `env: [{name: A, value: hunter2}, {name: B, valueFrom: {hostEnv: C}}, {name: D}],
		securityContext: {windowsOptions: {gmsaCredentialSpec: '{"hunter2": 1}'}}`))
	if strings.Contains(b, "hunter2") {
		t.Errorf("a secret is in %s", b)
	}
	for _, want := range []string{
		`"value":"sha256:f52fbd32"`, `{"name":"B","valueFrom":{"hostEnv":"C"}}`, `{"name":"D"}`,
		`"restartPolicy":"Always"`, `"gmsaCredentialSpec":"sha256:`,
	} {
		if !strings.Contains(b, want) {
			t.Errorf("%s lacks %s", b, want)
		}
	}
}

func TestRedactedLeavesTheContainerAlone(t *testing.T) {
	c := parseGood(t, head+`spec: {env: [{name: A, value: hunter2}], securityContext: {windowsOptions: {gmsaCredentialSpec: '{}'}}}`)[0]
	before := print1(t, c)
	if _, err := Redacted(c); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, print1(t, c)); d != "" {
		t.Errorf("-before +after:\n%s", d)
	}
}

func TestDiff(t *testing.T) {
	long := strings.Repeat("x", 300)
	tests := map[string]struct {
		oldMeta, old, newMeta, new string
		want                       []FieldChange
	}{
		"nothing": {old: "image: a", new: "image: a"},
		"spelling": {
			old: "resources: {limits: {memory: 1Gi}}, restart: {initialDelay: 60s}",
			new: "resources: {limits: {memory: 1073741824}}, restart: {initialDelay: 1m}",
		},
		"default said": {old: "image: a", new: "image: a, restartPolicy: Always, network: {endpoints: []}, env: []"},
		"values": {
			old: "image: a, tty: true, logs: {maxSize: 1Mi}, terminationGracePeriodSeconds: 5",
			new: "image: b, hostname: h, logs: {maxSize: 2048Ki}",
			want: []FieldChange{
				{"spec.hostname", "", "h", Recreate},
				{"spec.image", "a", "b", Recreate},
				{"spec.logs.maxSize", "1Mi", "2Mi", InPlace},
				{"spec.terminationGracePeriodSeconds", "5", "30", Free},
				{"spec.tty", "true", "false", Recreate},
			},
		},
		"labels": {
			oldMeta: ", labels: {a: x, b: w}", newMeta: ", labels: {a: z, c.d/e: f}",
			want: []FieldChange{
				{"metadata.labels[a]", "x", "z", Free},
				{"metadata.labels[b]", "w", "", Free},
				{"metadata.labels[c.d/e]", "", "f", Free},
			},
		},
		"env": {
			old: "env: [{name: A, value: one}, {name: PORT, value: '1'}, {name: S, valueFrom: {file: /s}}]",
			new: "env: [{name: NEW, value: new}, {name: A, value: one}, {name: PORT, value: '2'}, {name: S, valueFrom: {hostEnv: S}}]",
			want: []FieldChange{
				{"spec.env[NEW]", "", "(hidden)", Recreate},
				{"spec.env[PORT].value", "(hidden)", "(hidden, changed)", Recreate},
				{"spec.env[S].valueFrom.file", "/s", "", Recreate},
				{"spec.env[S].valueFrom.hostEnv", "", "S", Recreate},
			},
		},
		"env order": {
			old: "env: [{name: A}, {name: B}, {name: X}]", new: "env: [{name: B}, {name: A}]",
			want: []FieldChange{
				{"spec.env", "order A, B", "order B, A", Recreate},
				{"spec.env[X]", "{name: X}", "", Recreate},
			},
		},
		"env twice": {
			old: "env: [{name: A, value: x}, {name: A, value: w}]", new: "env: [{name: A, value: x}, {name: A, value: z}]",
			want: []FieldChange{{"spec.env[A#2].value", "(hidden)", "(hidden, changed)", Recreate}},
		},
		"lists": {
			old: "command: [a, 'b c'], ports: [{containerPort: 80}], mounts: [{hostPath: /a, mountPath: /m}], dependsOn: [{name: db}]",
			new: "command: [a], ports: [{containerPort: 80, hostPort: 81}, {containerPort: 53, protocol: UDP}], mounts: [{hostPath: /b, mountPath: /m}], dependsOn: [{name: db, condition: Ready}]",
			want: []FieldChange{
				{"spec.command", `[a, "b c"]`, "[a]", Recreate},
				{"spec.dependsOn[db].condition", "Started", "Ready", Free},
				{"spec.mounts[/m].hostPath", "/a", "/b", Recreate},
				{"spec.ports[53/UDP]", "", "{containerPort: 53, protocol: UDP}", Recreate},
				{"spec.ports[80/TCP].hostPort", "0", "81", Recreate},
			},
		},
		"group added": {
			old: "", new: "livenessProbe: {tcpSocket: {port: 80}, periodSeconds: 5}",
			want: []FieldChange{
				{"spec.livenessProbe.periodSeconds", "10", "5", Free},
				{"spec.livenessProbe.tcpSocket.port", "", "80", Free},
			},
		},
		"long": {
			old: "commandLine: " + long + "1", new: "commandLine: " + long + "2",
			want: []FieldChange{{"spec.commandLine", "…" + strings.Repeat("x", 20) + "1", "…" + strings.Repeat("x", 20) + "2", Recreate}},
		},
		"control characters": {
			old: `commandLine: "a\e[31mb"`, new: `commandLine: "a\nb"`,
			want: []FieldChange{{"spec.commandLine", `a\x1b[31mb`, `a\nb`, Recreate}},
		},
		"credential spec": {
			old:  "securityContext: {windowsOptions: {gmsaCredentialSpec: '{}'}}",
			new:  "securityContext: {windowsOptions: {gmsaCredentialSpec: '{\"a\": 1}'}}",
			want: []FieldChange{{"spec.securityContext.windowsOptions.gmsaCredentialSpec", "(hidden)", "(hidden, changed)", Recreate}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Diff(redacted(t, tt.oldMeta, tt.old), redacted(t, tt.newMeta, tt.new))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// TestDiffOlderStore compares with what a program wrote that knew fewer fields.
func TestDiffOlderStore(t *testing.T) {
	old := []byte(`{"metadata":{"name":"a"},"spec":{"image":"a","ports":[{"containerPort":80,"protocol":"TCP"}]}}`)
	got, err := Diff(old, redacted(t, "", "image: a, ports: [{containerPort: 80}]"))
	if err != nil || len(got) > 0 {
		t.Errorf("Diff = %v, %v; want none", got, err)
	}
}

// TestDiffExplainsRevisions checks that no new revision goes unexplained.
func TestDiffExplainsRevisions(t *testing.T) {
	specs := []string{
		"", "image: a", "image: b", "command: [a]", "command: [a, b]", "env: [{name: A}]", "env: [{name: A, value: x}]",
		"env: [{name: A}, {name: B}]", "env: [{name: B}, {name: A}]", "rootfs: {layers: [/a, /b]}", "rootfs: {layers: [/b, /a]}",
		"ports: [{containerPort: 1}]", "ports: [{containerPort: 1, protocol: UDP}]", "mounts: [{hostPath: /a, mountPath: /a}]",
		"mounts: [{hostPath: /a, mountPath: /a, readOnly: true}]", "resources: {limits: {cpu: 1}}", "os: linux", "os: linux, lcow: {kernel: /k}",
	}
	for _, a := range specs {
		for _, b := range specs {
			x, y := parseGood(t, head+"spec: {"+a+"}\n")[0], parseGood(t, head+"spec: {"+b+"}\n")[0]
			found, err := Diff(redacted(t, "", a), redacted(t, "", b))
			if err != nil {
				t.Fatal(err)
			}
			recreates := false
			for _, f := range found {
				recreates = recreates || f.Change == Recreate
			}
			if differ := x.Revision != y.Revision; differ != recreates {
				t.Errorf("%q and %q: revisions differ %v, Diff %v", a, b, differ, found)
			}
		}
	}
}

func TestDiffErrors(t *testing.T) {
	for _, bad := range []string{"", "{", "{} {}", "nonsense"} {
		if _, err := Diff([]byte(bad), []byte("{}")); err == nil || !strings.HasPrefix(err.Error(), "decode old specification: ") {
			t.Errorf("Diff(%q, {}): %v", bad, err)
		}
		if _, err := Diff([]byte("{}"), []byte(bad)); err == nil {
			t.Errorf("Diff({}, %q): no error", bad)
		}
	}
}

func FuzzDiff(f *testing.F) {
	f.Add(`{"spec":{"env":[{"name":"A","value":"sha256:1"}]}}`, `{"spec":{"env":[{"name":"A"},{"name":"A#2"},{"name":"A"}],"x":[1,{}]}}`)
	f.Add(`{"metadata":{"labels":{"a":"b","a]":"c"}},"spec":{"ports":[{"containerPort":1}]}}`, `[null,1.0,"é"]`)
	f.Fuzz(func(t *testing.T, a, b string) {
		ab, err := Diff([]byte(a), []byte(b))
		ba, err2 := Diff([]byte(b), []byte(a))
		if (err == nil) != (err2 == nil) {
			t.Fatalf("%v one way, %v the other", err, err2)
		}
		if err != nil {
			return
		}
		if d := cmp.Diff(paths(ab), paths(ba)); d != "" {
			t.Errorf("paths are not symmetric:\n%s", d)
		}
		if same, err := Diff([]byte(a), []byte(a)); err != nil || len(same) > 0 {
			t.Errorf("a value differs from itself: %v, %v", same, err)
		}
		if _, err := json.Marshal(ab); err != nil {
			t.Error(err)
		}
	})
}

func paths(changes []FieldChange) []string {
	var all []string
	for _, c := range changes {
		all = append(all, c.Path)
	}
	return all
}
