package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// FieldChange is one difference between two specifications.
type FieldChange struct {
	Path   string `json:"path"` // "spec.env[PORT].value"
	Old    string `json:"old"`  // short, for people; the default, or "", if it was not set
	New    string `json:"new"`  // likewise
	Change Change `json:"change"`
}

// Diff compares two results of Redacted and returns what differs, sorted by
// path. List items are matched by name where they have one, so that an item
// that moved or was inserted does not drag the others along. A field that one
// side lacks and that has its default on the other is no difference, as it is
// when one side was stored before the field existed. Values that Redacted hid
// stay hidden.
func Diff(old, new []byte) ([]FieldChange, error) {
	a, err := decodeAny(old)
	if err != nil {
		return nil, fmt.Errorf("decode old specification: %w", err)
	}
	b, err := decodeAny(new)
	if err != nil {
		return nil, fmt.Errorf("decode new specification: %w", err)
	}
	var d differ
	d.compare("", a, b)
	slices.SortFunc(d.found, func(x, y FieldChange) int {
		return cmp.Or(strings.Compare(x.Path, y.Path), strings.Compare(x.Old, y.Old), strings.Compare(x.New, y.New))
	})
	return d.found, nil
}

func decodeAny(b []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one value")
	}
	return v, nil
}

type differ struct{ found []FieldChange }

// compare walks two decoded values; nil stands for "not set".
func (d *differ) compare(path string, a, b any) {
	if reflect.DeepEqual(a, b) {
		return
	}
	am, aIsMap := a.(map[string]any)
	bm, bIsMap := b.(map[string]any)
	if aIsMap && bIsMap || !strings.HasSuffix(path, "]") && (aIsMap && b == nil || bIsMap && a == nil) {
		d.compareMaps(path, am, bm)
		return
	}
	al, aItems := items(a)
	bl, bItems := items(b)
	if aItems && bItems {
		d.compareItems(path, al, bl)
		return
	}
	if !isDefault(path, a, b) && !isDefault(path, b, a) {
		d.emit(path, a, b)
	}
}

func (d *differ) compareMaps(path string, a, b map[string]any) {
	keys := slices.Collect(maps.Keys(a))
	for k := range b {
		if _, both := a[k]; !both {
			keys = append(keys, k)
		}
	}
	for _, k := range keys {
		at := joinPath(path, k)
		if freeKeys[path] {
			at = path + "[" + k + "]"
		}
		d.compare(at, a[k], b[k])
	}
}

// freeKeys are the mappings whose keys are the user's.
var freeKeys = map[string]bool{"metadata.labels": true, "metadata.annotations": true, "spec.nodeSelector": true}

// items returns a list of mappings; an absent list is an empty one.
func items(v any) ([]map[string]any, bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, v == nil
	}
	out := make([]map[string]any, len(list))
	for i, e := range list {
		if out[i], ok = e.(map[string]any); !ok {
			return nil, false
		}
	}
	return out, true
}

// compareItems matches the items of two lists by what names them.
func (d *differ) compareItems(path string, a, b []map[string]any) {
	ka, kb := itemKeys(path, a), itemKeys(path, b)
	ia, ib := indexOf(ka), indexOf(kb)
	for i, k := range ka {
		at := path + "[" + k + "]"
		if j, ok := ib[k]; ok {
			d.compare(at, a[i], b[j])
		} else {
			d.emit(at, a[i], nil)
		}
	}
	for j, k := range kb {
		if _, ok := ia[k]; !ok {
			d.emit(path+"["+k+"]", nil, b[j])
		}
	}
	commonA := slices.DeleteFunc(ka, func(k string) bool { _, ok := ib[k]; return !ok })
	commonB := slices.DeleteFunc(kb, func(k string) bool { _, ok := ia[k]; return !ok })
	if !slices.Equal(commonA, commonB) {
		x, y := shortPair("order "+strings.Join(commonA, ", "), "order "+strings.Join(commonB, ", "))
		d.found = append(d.found, FieldChange{path, x, y, ChangeOf(path)})
	}
}

// namedBy says which field names the items of a list.
var namedBy = map[string]string{
	"env": "name", "dependsOn": "name", "httpHeaders": "name", "mounts": "mountPath", "devices": "id",
}

// itemKeys returns a key for each item, unique within the list.
func itemKeys(path string, list []map[string]any) []string {
	name := path[strings.LastIndexByte(path, '.')+1:]
	keys := make([]string, len(list))
	times := map[string]int{}
	for i, item := range list {
		k, _ := item[namedBy[name]].(string)
		if name == "ports" {
			k = fmt.Sprintf("%v/%v", item["containerPort"], item["protocol"])
		}
		if k == "" {
			k = fmt.Sprint(i)
		}
		times[k]++
		for n := times[k]; n > 1; n = times[k] { // repeated: A, A#2, A#3
			k = fmt.Sprintf("%s#%d", k, n)
			times[k]++
		}
		keys[i] = k
	}
	return keys
}

func indexOf(keys []string) map[string]int {
	m := make(map[string]int, len(keys))
	for i, k := range keys {
		m[k] = i
	}
	return m
}

func (d *differ) emit(path string, a, b any) {
	x, y := orDefault(path, a), orDefault(path, b)
	if x == hidden && y == hidden {
		y = hiddenChanged
	}
	x, y = shortPair(x, y)
	d.found = append(d.found, FieldChange{path, x, y, ChangeOf(path)})
}

// orDefault displays what v means: where it is not set, its default.
func orDefault(path string, v any) string {
	if v == nil {
		return defaults[brackets.ReplaceAllString(path, "[]")]
	}
	return display(path, v)
}

// isDefault reports whether a is not set and b is the default.
func isDefault(path string, a, b any) bool {
	if a != nil {
		return false
	}
	def, ok := defaults[brackets.ReplaceAllString(path, "[]")]
	return ok && def == display(path, b)
}

var defaults = defaultsByPath(fieldTable)

func defaultsByPath(fields []Field) map[string]string {
	m := make(map[string]string, len(fields))
	for _, f := range fields {
		if f.Default != "" {
			m[f.Path] = f.Default
		}
	}
	return m
}
