package manifest

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const reference = "../docs/manifest.md"

// TestReference holds the table in docs/manifest.md against the types and
// Fields; with -update it writes it.
func TestReference(t *testing.T) {
	const begin, end = "<!-- fields:begin -->\n", "<!-- fields:end -->\n"
	doc := string(readFile(t, reference))
	before, rest, ok := strings.Cut(doc, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no markers", reference)
	}
	golden(t, reference, []byte(before+begin+fieldTables(t)+end+after))
}

// TestReferenceExample parses the YAML examples of the page.
func TestReferenceExample(t *testing.T) {
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(readFile(t, reference), -1)
	if len(examples) == 0 {
		t.Fatal("no examples")
	}
	s := compileSchema(t)
	for _, e := range examples {
		parseGood(t, string(e[1]))
		if _, err := against(t, s, e[1]); err != nil {
			t.Error(err)
		}
	}
}

// alike are groups whose fields are the same; the first stands for all.
var alike = regexp.MustCompile(`^spec\.(livenessProbe|readinessProbe|lifecycle\.preStop)\b`)

func standIn(path string) string {
	return alike.ReplaceAllStringFunc(path, func(s string) string {
		if strings.HasSuffix(s, "Probe") {
			return "spec.startupProbe"
		}
		return "spec.lifecycle.postStart"
	})
}

var titles = map[string]string{
	"": "Document", "spec.startupProbe": "spec.startupProbe, spec.livenessProbe, spec.readinessProbe",
	"spec.lifecycle": "spec.lifecycle.postStart, spec.lifecycle.preStop",
}

// fieldTables writes one table for each group right below spec.
func fieldTables(t *testing.T) string {
	types := map[string]reflect.Type{}
	leafTypes(reflect.TypeFor[Container](), "", types)
	rows := map[string]string{}
	docs := map[string]string{}
	var order []string
	for _, f := range Fields() {
		stand := standIn(f.Path)
		if stand != f.Path {
			if docs[stand] != f.Doc {
				t.Errorf("%s and %s are described differently", f.Path, stand)
			}
			continue
		}
		docs[f.Path] = f.Doc
		section := sectionOf(f.Path)
		if rows[section] == "" {
			order = append(order, section)
		}
		rows[section] += fieldRow(f, types[f.Path], section)
	}
	var b bytes.Buffer
	for _, s := range order {
		title := titles[s]
		if title == "" {
			title = s
		}
		fmt.Fprintf(&b, "\n### %s\n\n", title)
		if doc := groups[s]; doc != "" {
			fmt.Fprintf(&b, "%s\n\n", doc)
		}
		fmt.Fprintf(&b, "| field | type | default | change | local driver | meaning |\n| --- | --- | --- | --- | --- | --- |\n%s", rows[s])
	}
	return b.String() + "\n"
}

// sectionOf is the group, at most two levels deep, that a field is shown in.
func sectionOf(path string) string {
	parts := strings.Split(strings.ReplaceAll(path, "[]", ""), ".")
	if len(parts) == 1 {
		return ""
	}
	return strings.Join(parts[:min(2, len(parts)-1)], ".")
}

func fieldRow(f Field, typ reflect.Type, section string) string {
	name := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(f.Path, section), "[]"), ".")
	name = strings.TrimPrefix(name, "postStart.")
	def := ""
	switch {
	case f.Required:
		def = "*required*"
	case f.Default != "":
		def = "`" + f.Default + "`"
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s | %s | %s |\n", name, docType(f, typ), def, f.Change, local(f.Path), f.Doc)
}

func docType(f Field, t reflect.Type) string {
	lowest, highest, isRange := strings.Cut(f.Allowed, "..")
	switch {
	case isRange && highest == "":
		return goType(t) + ", at least " + lowest
	case isRange:
		return goType(t) + ", " + lowest + " to " + highest
	case f.Allowed != "":
		return "`" + strings.ReplaceAll(f.Allowed, "|", "`, `") + "`"
	}
	return goType(t)
}

func goType(t reflect.Type) string {
	switch t {
	case quantityType:
		return "quantity"
	case durationType:
		return "duration"
	case exitCodesType:
		return "exit code"
	}
	switch t.Kind() {
	case reflect.Slice:
		return "list of " + goType(t.Elem()) + "s"
	case reflect.Map:
		return "mapping of texts"
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "boolean"
	case reflect.Float64:
		return "number"
	default:
		return "whole number"
	}
}

// leafTypes is leaves with types.
func leafTypes(t reflect.Type, path string, out map[string]reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if own := reflect.PointerTo(t).Implements(unmarshalerType); !own && t.Kind() == reflect.Struct {
		for f := range structFields(t) {
			leafTypes(f.typ, joinPath(path, f.name), out)
		}
		return
	}
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct && !reflect.PointerTo(t.Elem()).Implements(unmarshalerType) {
		leafTypes(t.Elem(), path+"[]", out)
		return
	}
	out[path] = t
}

// local says what the local driver does with a field, as its own notes do.
func local(path string) string {
	for _, p := range []string{
		"spec.isolation", "spec.image", "spec.rootfs", "spec.tty", "spec.stdin", "spec.hostname", "spec.securityContext",
		"spec.resources", "spec.mounts", "spec.devices", "spec.network", "spec.ports", "spec.dnsConfig", "spec.lcow", "spec.os",
	} {
		if path == p || strings.HasPrefix(path, p+".") || strings.HasPrefix(path, p+"[]") {
			return "ignored"
		}
	}
	return "used"
}

// TestReferenceNamesEveryField is independent of how the tables are written.
func TestReferenceNamesEveryField(t *testing.T) {
	doc := readFile(t, reference)
	var missing []string
	for _, f := range Fields() {
		last := f.Path[strings.LastIndexByte(f.Path, '.')+1:]
		if !bytes.Contains(doc, []byte(last+"`")) {
			missing = append(missing, f.Path)
		}
	}
	if d := cmp.Diff([]string(nil), missing); d != "" {
		t.Errorf("not in %s:\n%s", reference, d)
	}
}
