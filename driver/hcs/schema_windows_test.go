package hcs

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/Microsoft/hcsshim"
	"golang.org/x/sys/windows"
)

// TestTwinsMarshalAlike holds our documents against those of package hcsshim:
// every golden document, and every field set at once.
func TestTwinsMarshalAlike(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var full containerConfig
	var process processConfig
	var endpoint endpointRequest
	var nat natPolicy
	for _, v := range []any{&full, &process, &endpoint, &nat} {
		fill(reflect.ValueOf(v).Elem())
	}
	alike(t, full, &hcsshim.ContainerConfig{})
	alike(t, process, &hcsshim.ProcessConfig{})
	alike(t, endpoint, &hcsshim.HNSEndpoint{})
	alike(t, nat, &hcsshim.NatPolicy{})
	for _, file := range files {
		d := goldenDocuments(t, file)
		alike(t, d.Container, &hcsshim.ContainerConfig{})
		alike(t, d.Process, &hcsshim.ProcessConfig{})
	}
}

// alike expects that theirs, read from ours, is written as ours is.
func alike(t *testing.T, ours, theirs any) {
	t.Helper()
	want, err := json.Marshal(ours)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(want, theirs); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(theirs)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) && !sameObject(t, got, want) {
		t.Errorf("%T:\nours   %s\ntheirs %s", theirs, want, got)
	}
}

// sameObject compares without the order of fields.
func sameObject(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &y); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

// fill sets every field to something that is not left out.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for _, f := range v.Fields() {
			fill(f)
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			v.SetBytes([]byte(`{}`))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"a": "b"}))
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64:
		v.SetInt(7)
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(7)
	default:
		panic("fill: " + v.Kind().String())
	}
}

// TestSplitIsWhatWindowsDoes holds the test's own rules against the system.
func TestSplitIsWhatWindowsDoes(t *testing.T) {
	for _, args := range [][]string{
		{"a"}, {`C:\Program Files\a.exe`, ""}, {"a", `\`, `\\"`, `"`, "x y", "\t"}, {"a", `ends in \`, `b\\`},
	} {
		line, err := commandLine(args)
		if err != nil {
			t.Fatal(err)
		}
		got, err := windows.DecomposeCommandLine(line)
		if err != nil || !slices.Equal(got, split(line)) || !slices.Equal(got, args) {
			t.Errorf("Windows takes %s apart into %q (error %v), we into %q", line, got, err, split(line))
		}
	}
}
