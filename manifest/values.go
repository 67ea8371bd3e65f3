package manifest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Duration is a time.Duration written as a Go duration ("1m30s").
type Duration time.Duration

// D returns the standard library's value.
func (d Duration) D() time.Duration { return time.Duration(d) }

// String is the Go notation without the zero units at its end: 1m, not 1m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalJSON writes the text of String.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads the Go notation; bare numbers are refused because their
// unit would be a guess.
func (d *Duration) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("a duration such as 30s or 1m30s is expected, with its unit, not %s", b)
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 30s or 1m30s", s)
	}
	*d = Duration(v)
	return nil
}

// Revision names a specification: "<hash version>-<hash>". Two containers of
// the same revision differ in nothing that needs a new container.
type Revision string

// Version is the hash version in front, "" where there is none.
func (r Revision) Version() string {
	v, _, ok := strings.Cut(string(r), "-")
	if !ok {
		return ""
	}
	return v
}
