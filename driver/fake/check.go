package fake

import (
	"encoding/json"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// notesFor returns those notes whose field is set in c.
func notesFor(notes []driver.Note, c *manifest.Container) []driver.Note {
	if len(notes) == 0 {
		return nil
	}
	document := fields(c)
	var out []driver.Note
	for _, n := range notes {
		if has(document, n.Field) {
			out = append(out, n)
		}
	}
	return out
}

// fields returns c as its manifest has it, so that a field is found by its path.
func fields(c *manifest.Container) any {
	text, err := json.Marshal(c)
	if err != nil {
		return nil // such a container has no fields to speak of
	}
	var document any
	if err := json.Unmarshal(text, &document); err != nil {
		return nil
	}
	return document
}

func has(document any, path string) bool {
	for key := range strings.SplitSeq(path, ".") {
		object, ok := document.(map[string]any)
		if !ok {
			return false
		}
		if document, ok = object[key]; !ok {
			return false
		}
	}
	return true
}
