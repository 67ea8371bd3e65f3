package manifest

import (
	"encoding/json"
	"testing"

	"sigs.k8s.io/yaml"
)

// typical has the size of an everyday manifest.
const typical = `apiVersion: hcs-reconcile/v1
kind: Container
metadata:
  name: web
  labels: {app: shop}
spec:
  image: mcr.microsoft.com/windows/nanoserver:ltsc2022
  command: ["web.exe"]
  args: ["--port", "80"]
  env:
    - {name: MODE, value: production}
    - name: PASSWORD
      valueFrom: {file: 'C:\secrets\db'}
  resources:
    limits: {cpu: "2", memory: 512Mi}
  mounts:
    - hostPath: 'C:\data'
      mountPath: 'C:\data'
      readOnly: true
  ports:
    - {containerPort: 80, hostPort: 8080}
  dependsOn:
    - {name: db, condition: Ready}
  restart: {maxDelay: 5m}
  terminationGracePeriodSeconds: 20
`

func BenchmarkParse(b *testing.B) {
	b.Run("yaml", func(b *testing.B) { benchmarkParse(b, typical) })
	b.Run("json", func(b *testing.B) {
		all, _ := Parse("web.yaml", []byte(typical))
		js, err := json.Marshal(all[0])
		if err != nil {
			b.Fatal(err)
		}
		benchmarkParse(b, string(js))
	})
	b.Run("suspect", func(b *testing.B) { benchmarkParse(b, typical+"  commandLine: \"\" # R&D\n") })
	b.Run("broken", func(b *testing.B) {
		for b.Loop() {
			if _, problems := Parse("web.yaml", []byte(typical+"  imgae: x\n")); len(problems) != 1 {
				b.Fatal(problems)
			}
		}
	})
}

func benchmarkParse(b *testing.B, text string) {
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := Parse("web.yaml", []byte(text)); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

func BenchmarkMatches(b *testing.B) {
	all, _ := Parse("web.yaml", []byte(typical))
	b.ReportAllocs()
	for b.Loop() {
		if same, _ := all[0].Matches(all[0].Revision); !same {
			b.Fatal("does not match itself")
		}
	}
}

func BenchmarkBackoff(b *testing.B) {
	all, _ := Parse("web.yaml", []byte(typical))
	b.ReportAllocs()
	for b.Loop() {
		if all[0].Spec.Backoff().MaxDelay == 0 {
			b.Fatal("no delay")
		}
	}
}

// BenchmarkFloorJSON is the floor of BenchmarkParse/json: decoding the same
// bytes without any strictness, default or rule.
func BenchmarkFloorJSON(b *testing.B) {
	all, _ := Parse("web.yaml", []byte(typical))
	js, err := json.Marshal(all[0])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		var c Container
		if err := json.Unmarshal(js, &c); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFloorYAML is the floor of BenchmarkParse/yaml: the conversion to
// JSON alone.
func BenchmarkFloorYAML(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := yaml.YAMLToJSONStrict([]byte(typical)); err != nil {
			b.Fatal(err)
		}
	}
}
