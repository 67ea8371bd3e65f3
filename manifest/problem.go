package manifest

import "fmt"

// Problem is one thing that is wrong with a manifest, or with a file.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`   // 1-based; 0: the file as a whole
	Column  int    `json:"column,omitempty"` // 1-based
	Field   string `json:"field,omitempty"`  // "spec.ports[0].hostPort"
	Message string `json:"message"`          // what is wrong, and what would be right
}

// String reads path:line:column: field: message.
func (p Problem) String() string {
	s := p.File
	if p.Line > 0 {
		s += fmt.Sprintf(":%d:%d", p.Line, p.Column)
	}
	if p.Field != "" {
		s += ": " + p.Field
	}
	return s + ": " + p.Message
}
