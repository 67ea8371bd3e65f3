package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// What hidden values read as.
const (
	hidden        = "(hidden)"
	hiddenChanged = "(hidden, changed)"
)

// display writes a decoded value for people, in the manner of inline YAML.
// What Redacted hid at path is not shown, not even its digest.
func display(path string, v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		if strings.HasPrefix(v, hiddenPrefix) && mayHide(path) {
			return hidden
		}
		return v
	case []any:
		return displayList(path, v)
	case map[string]any:
		return displayMap(path, v)
	default:
		return fmt.Sprint(v)
	}
}

func mayHide(path string) bool {
	path = brackets.ReplaceAllString(path, "[]")
	return path == "spec.env[].value" || strings.HasSuffix(path, ".gmsaCredentialSpec")
}

func displayList(path string, list []any) string {
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = display(path, e)
		if s, ok := e.(string); ok && !plainWord(s) {
			parts[i] = fmt.Sprintf("%q", s)
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// plainWord reports whether s reads well in a list without quotes.
func plainWord(s string) bool { return s != "" && !strings.ContainsAny(s, ` ,"'[]{}`) }

func displayMap(path string, m map[string]any) string {
	if v, only := m["value"]; only && brackets.ReplaceAllString(path, "[]") == "spec.env[]" {
		return display(path+".value", v)
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, k+": "+display(joinPath(path, k), m[k]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// maxShown is the longest text of a value in a difference, in characters.
const maxShown = 80

// shortPair shortens two texts such that they still differ where they did: by
// their ends, or by what they begin with in common.
func shortPair(a, b string) (string, string) {
	ra, rb := []rune(oneLine(a)), []rune(oneLine(b))
	skip := 0
	if len(ra) > maxShown || len(rb) > maxShown {
		for skip < min(len(ra), len(rb)) && ra[skip] == rb[skip] {
			skip++
		}
		skip = max(skip-maxShown/4, 0)
	}
	return window(ra, skip), window(rb, skip)
}

// window shows the characters of r after the first skip ones.
func window(r []rune, skip int) string {
	s := ""
	if skip > 0 && skip <= len(r) {
		s, r = "…", r[skip:]
	}
	if len(r) > maxShown {
		return s + string(r[:maxShown]) + "…"
	}
	return s + string(r)
}

// oneLine keeps control characters off terminals and logs.
func oneLine(s string) string {
	if !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return s
	}
	q := fmt.Sprintf("%q", s)
	return q[1 : len(q)-1]
}

// encode writes JSON without escaping <, > and &, which are common in command lines.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode specification: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
