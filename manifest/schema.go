package manifest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
)

// Schema returns the JSON Schema (draft 2020-12) of one document, for editors
// and for checks in CI. It is made from the types and from Fields. It refuses
// nothing that Parse takes, except null for a field that is left out and an
// empty text where a word of an enumeration is expected; rules that need more
// than one place, or a look into a value, are Parse's alone.
func Schema() ([]byte, error) {
	r := jsonschema.Reflector{
		Anonymous: true, DoNotReference: true, RequiredFromJSONSchemaTags: true, Mapper: ownSchema,
	}
	s := r.Reflect(&Container{})
	s.Title = "Container manifest of hcs-reconcile"
	s.Description = "One container that a host shall run."
	d := decorator{fields: map[string]Field{}}
	for _, f := range fieldTable {
		d.fields[f.Path] = f
	}
	if err := d.decorate(s, ""); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode schema: %w", err)
	}
	return append(b, '\n'), nil
}

// durationPattern is a Go duration that is not negative.
const durationPattern = `^(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`

// quantityPattern is a Kubernetes quantity that is not negative.
const quantityPattern = `^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]+)?$`

// exitCodePattern is a number, a range or a name.
const exitCodePattern = `^\s*(-?[0-9]+|0[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9_]*)\s*(\.\.\s*(-?[0-9]+|0[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9_]*)\s*)?$`

// ownSchema describes the types that decode themselves.
func ownSchema(t reflect.Type) *jsonschema.Schema {
	text := func(pattern string) *jsonschema.Schema {
		return &jsonschema.Schema{Type: "string", Pattern: pattern}
	}
	switch t {
	case durationType:
		return text(durationPattern)
	case quantityType:
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{text(quantityPattern), {Type: "number", ExclusiveMinimum: "0"}}}
	case exitCodesType:
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
			text(exitCodePattern), {Type: "integer", Minimum: "-2147483648", Maximum: "4294967295"},
		}}
	}
	return nil
}

// decorator adds to a reflected schema what the types do not say.
type decorator struct{ fields map[string]Field }

func (d *decorator) decorate(s *jsonschema.Schema, path string) error {
	if doc := groups[path]; doc != "" {
		s.Description = doc
	}
	if f, ok := d.fields[path]; ok {
		if err := describe(s, f); err != nil {
			return fmt.Errorf("describe %s: %w", path, err)
		}
		return nil
	}
	if s.Items != nil {
		return d.decorate(s.Items, path+"[]")
	}
	if s.Properties == nil {
		return nil
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		at := joinPath(path, p.Key)
		if d.fields[at].Required || at == "metadata" {
			s.Required = append(s.Required, p.Key)
		}
		if err := d.decorate(p.Value, at); err != nil {
			return err
		}
	}
	s.AllOf = append(s.AllOf, exclusions(path)...)
	s.OneOf = append(s.OneOf, choices(path)...)
	return nil
}

// describe puts a row of the table on the schema of its field.
func describe(s *jsonschema.Schema, f Field) error {
	s.Description = f.Doc + " Cost of a change: " + string(f.Change) + "."
	s.Pattern = firstOf(patterns[f.Path], s.Pattern)
	if f.Required && s.Type == "array" {
		one := uint64(1)
		s.MinItems = &one
	}
	switch lowest, highest, isRange := strings.Cut(f.Allowed, ".."); {
	case isRange:
		s.Minimum, s.Maximum = json.Number(lowest), json.Number(highest)
	case f.Allowed != "":
		for v := range strings.SplitSeq(f.Allowed, "|") {
			s.Enum = append(s.Enum, v)
		}
	}
	if f.Default == "" {
		return nil
	}
	if s.Type == "boolean" || s.Type == "integer" || s.Type == "number" {
		return json.Unmarshal([]byte(f.Default), &s.Default)
	}
	s.Default = f.Default
	return nil
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

const (
	labelPattern = `^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`
	pathPattern  = `^([A-Za-z]:[\\/]|/|\\\\.)`
)

// patterns are the forms of texts that an editor can check while one types.
var patterns = map[string]string{
	"metadata.name":                      labelPattern,
	"spec.dependsOn[].name":              labelPattern,
	"spec.env[].name":                    `^[ -<>-~]+$`,
	"spec.mounts[].hostPath":             pathPattern,
	"spec.mounts[].mountPath":            pathPattern,
	"spec.devices[].id":                  `^\{?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?$`,
	"spec.workingDir":                    `^$|` + pathPattern,
	"spec.env[].valueFrom.file":          `^$|` + pathPattern,
	"spec.hostname":                      `^$|` + labelPattern,
	"spec.network.shareWith":             `^$|` + labelPattern,
	"spec.startupProbe.namedPipe.path":   `^\\\\\.\\[Pp][Ii][Pp][Ee]\\.`,
	"spec.livenessProbe.namedPipe.path":  `^\\\\\.\\[Pp][Ii][Pp][Ee]\\.`,
	"spec.readinessProbe.namedPipe.path": `^\\\\\.\\[Pp][Ii][Pp][Ee]\\.`,
}

// exclusions are the pairs of fields of a group that must not both be set.
func exclusions(path string) []*jsonschema.Schema {
	pairs := map[string][][2]string{
		"spec":                                {{"image", "rootfs"}, {"command", "commandLine"}, {"args", "commandLine"}},
		"spec.env[]":                          {{"value", "valueFrom"}},
		"spec.lcow":                           {{"initrd", "vhd"}},
		"spec.network":                        {{"name", "endpoints"}, {"name", "shareWith"}, {"endpoints", "shareWith"}},
		"spec.securityContext.windowsOptions": {{"gmsaCredentialSpec", "gmsaCredentialSpecName"}},
	}
	var all []*jsonschema.Schema
	for _, p := range pairs[path] {
		set := &jsonschema.Schema{Required: p[:], Properties: jsonschema.NewProperties()}
		for _, name := range p {
			one := uint64(1)
			set.Properties.Set(name, &jsonschema.Schema{MinLength: &one, MinItems: &one})
		}
		all = append(all, &jsonschema.Schema{Not: set})
	}
	return all
}

// choices are the fields of a group of which exactly one must be set.
func choices(path string) []*jsonschema.Schema {
	var names []string
	switch {
	case strings.HasPrefix(path, "spec.lifecycle.") && strings.Count(path, ".") == 2:
		names = []string{"exec", "httpGet", "sleep"}
	case strings.HasSuffix(path, "Probe"):
		names = []string{"exec", "httpGet", "tcpSocket", "grpc", "namedPipe"}
	case path == "spec.env[].valueFrom":
		names = []string{"file", "hostEnv"}
	}
	var all []*jsonschema.Schema
	for _, n := range names {
		all = append(all, &jsonschema.Schema{Required: []string{n}})
	}
	return all
}
