package manifest

import (
	"fmt"
	"strings"
	"testing"
)

// TestParseRefuses checks rules alone, in a document that is good otherwise.
func TestParseRefuses(t *testing.T) {
	for spec, want := range map[string]string{
		"command: &a [x]":                  "anchors",
		"command: &a [x], args: *a":        "aliases",
		"hostname: !!str 1":                "tags",
		"command: !foo [x]":                "tags",
		"<<: {image: x}":                   "merge keys",
		"env: [{<<: {name: A}, value: b}]": "merge keys",
		"nodeSelector: {&a b: c}":          "anchors",
		"isolation: hyperv, devices: [{idType: class, id: 5B45201D-F2F2-4F3B-85BB-30FF1F953599}]": "isolation: process",
		"desiredState: Paused":                         "hyperv",
		"lcow: {kernel: /k}":                           "os: linux",
		"network: {shareWith: a}":                      "own network",
		"dependsOn: [{name: a}]":                       "itself",
		"lifecycle: {preStop: {sleep: {seconds: 31}}}": "terminationGracePeriodSeconds (30)",
	} {
		all, problems := Parse("a.yaml", []byte(head+"spec: {"+spec+"}\n"))
		if all != nil || len(problems) == 0 {
			t.Errorf("%s is taken", spec)
			continue
		}
		if !strings.Contains(fmt.Sprint(problems), want) {
			t.Errorf("%s: %v; want a word on %q", spec, problems, want)
		}
	}
}
