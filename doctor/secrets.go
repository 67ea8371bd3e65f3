package doctor

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const hidden = "(hidden)"

// shortest is the length below which a known secret is not looked for in other
// texts: what is so short is found everywhere.
const shortest = 6

// secrets are texts that must not leave the host. Whatever a manifest can hold
// that may be one counts as one; so does what looks like one.
type secrets struct {
	known map[string]bool
	all   *strings.Replacer
}

// secretWord is the part of a name that says what it names is secret.
const secretWord = `(?:passw(?:or)?d|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key|account[-_]?key|private[-_]?key|credential|connectionstring)`

var (
	// flagWithSecret is a flag whose value is the next word.
	flagWithSecret = regexp.MustCompile(`(?i)^--?[\w.-]*` + secretWord + `[\w.-]*$`)
	secretName     = regexp.MustCompile(`(?i)` + secretWord)
	// patterns find secrets by how they look; their groups stay.
	patterns = []*regexp.Regexp{
		regexp.MustCompile(`(?s)(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`),
		regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s"'<>]*(@)`),
		regexp.MustCompile(`(?i)([\w.-]*` + secretWord + `[\w.-]*["']?\s*[=:]\s*)(?:"[^"]*"|'[^']*'|[^\s"',;&]+)`),
		regexp.MustCompile(`(?i)(--?[\w.-]*` + secretWord + `[\w.-]*\s+)(?:"[^"]*"|'[^']*'|[^\s"',;&-][^\s"',;&]*)`),
		regexp.MustCompile(`(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}`),
		regexp.MustCompile(`()\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*`),
	}
)

// learn reads a manifest, valid or not, for what may be secret in it.
func (s *secrets) learn(text []byte) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var doc any
		if err := dec.Decode(&doc); err != nil {
			return // the end, or what nobody can read: nothing of it is shown either
		}
		s.walk("", doc)
	}
}

func (s *secrets) walk(key string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			s.field(key, k, e)
		}
	case []any:
		for i, e := range v {
			if flag, ok := e.(string); ok && flagWithSecret.MatchString(flag) && i+1 < len(v) {
				s.add(v[i+1])
			}
			s.walk(key, e)
		}
	case string:
		s.addFrom(v)
	}
}

// field looks at the entry k of a mapping that is called in.
func (s *secrets) field(in, k string, v any) {
	switch {
	case in == "annotations", in == "env" && k == "value", in == "httpHeaders" && k == "value":
		s.add(v)
		s.walk(k, v)
	case k == "gmsaCredentialSpec":
		s.add(v)
		s.addLeaves(v)
	case in == "valueFrom" && k == "file":
		if path, ok := v.(string); ok {
			s.addFile(path)
		}
	case in == "valueFrom" && k == "hostEnv":
		if name, ok := v.(string); ok {
			s.add(os.Getenv(name))
		}
	default:
		s.walk(k, v)
	}
}

// addFile reads what a container is given from a file.
func (s *secrets) addFile(path string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	if text, err := io.ReadAll(io.LimitReader(f, 1<<20)); err == nil {
		s.add(string(text))
	}
}

// addLeaves adds the texts inside a document that is a text.
func (s *secrets) addLeaves(v any) {
	switch v := v.(type) {
	case string:
		var doc any
		if json.Unmarshal([]byte(v), &doc) != nil {
			s.add(v)
		} else if _, same := doc.(string); !same {
			s.addLeaves(doc)
		}
	case map[string]any:
		for _, e := range v {
			s.addLeaves(e)
		}
	case []any:
		for _, e := range v {
			s.addLeaves(e)
		}
	}
}

// addFrom adds what looks like a secret inside a text.
func (s *secrets) addFrom(text string) {
	for _, p := range patterns {
		for _, m := range p.FindAllStringSubmatchIndex(text, -1) {
			value := strings.Trim(text[m[3]:m[1]], `"'@`)
			s.add(value)
			if _, password, ok := strings.Cut(value, ":"); ok { // user:password of a URL
				s.add(password)
			}
		}
	}
}

// add makes known a value, in the forms in which it may be written, and the
// lines of a long one.
func (s *secrets) add(v any) {
	text, ok := v.(string)
	if !ok {
		b, err := json.Marshal(v)
		if err != nil || v == nil {
			return
		}
		text = string(b)
	}
	if s.known == nil {
		s.known = map[string]bool{}
	}
	for _, part := range append(strings.Split(text, "\n"), text) {
		part = strings.TrimSpace(part)
		if len(part) < shortest {
			continue
		}
		quoted, _ := json.Marshal(part)
		twice, _ := json.Marshal(string(quoted[1 : len(quoted)-1]))
		for _, form := range []string{
			part, string(quoted[1 : len(quoted)-1]), string(twice[1 : len(twice)-1]), url.QueryEscape(part), url.PathEscape(part),
			base64.StdEncoding.EncodeToString([]byte(part)), base64.RawURLEncoding.EncodeToString([]byte(part)),
		} {
			s.known[form] = true
		}
	}
	s.all = nil
}

// text hides all secrets in a text.
func (s *secrets) text(t string) string {
	if s.all == nil {
		var pairs []string
		for _, k := range slices.SortedFunc(keys(s.known), func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) }) {
			pairs = append(pairs, k, hidden)
		}
		s.all = strings.NewReplacer(pairs...)
	}
	t = s.all.Replace(t)
	for _, p := range patterns {
		t = p.ReplaceAllString(t, "${1}"+hidden+"${2}")
	}
	return t
}

func keys(m map[string]bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// hides tells whether the value of field k of in is hidden whatever it is.
func hides(in, k string, v any) bool {
	_, text := v.(string)
	switch {
	case in == "annotations", k == "gmsaCredentialSpec", (in == "env" || in == "httpHeaders") && k == "value":
		return true
	default:
		return text && k != "gmsaCredentialSpecName" && secretName.MatchString(k)
	}
}

// document hides all secrets in a decoded JSON document, which stays one. in is
// the name of the field that v is the value of.
func (s *secrets) document(in string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			if hides(in, k, e) {
				e = hidden
			}
			out[s.text(k)] = s.document(k, e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = s.document(in, e)
			if i > 0 {
				if flag, ok := v[i-1].(string); ok && flagWithSecret.MatchString(flag) {
					out[i] = hidden
				}
			}
		}
		return out
	case string:
		return s.text(v)
	default:
		return v
	}
}
