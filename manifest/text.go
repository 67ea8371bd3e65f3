package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// MaxFileSize is the size of the largest manifest file that is read, in bytes.
const MaxFileSize = 10 << 20

// Byte order marks.
var (
	bomUTF8    = []byte("\xEF\xBB\xBF")
	bomUTF16LE = []byte("\xFF\xFE")
	bomUTF16BE = []byte("\xFE\xFF")
)

// plainText returns data with line feeds only and without a byte order mark,
// or what makes the file unreadable as a whole.
func plainText(data []byte) (text []byte, problem string) {
	if len(data) > MaxFileSize {
		return nil, fmt.Sprintf("file is larger than %d MiB; split it", MaxFileSize>>20)
	}
	if bytes.HasPrefix(data, bomUTF16LE) || bytes.HasPrefix(data, bomUTF16BE) {
		return nil, "file is UTF-16; save it as UTF-8"
	}
	data = bytes.TrimPrefix(data, bomUTF8)
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return nil, fmt.Sprintf("file holds a NUL byte at offset %d; save it as UTF-8 text", i)
	}
	if !utf8.Valid(data) {
		return nil, "file is not UTF-8; save it as UTF-8"
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, "file is empty; delete the file to remove its containers"
	}
	for _, r := range []rune{'\u0085', '\u2028', '\u2029'} {
		if bytes.ContainsRune(data, r) {
			return nil, fmt.Sprintf(`file holds the invisible line separator %U; write it as "\u%04x" in double quotes`, r, r)
		}
	}
	if bytes.IndexByte(data, '\r') >= 0 {
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
		data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	}
	return data, ""
}

// document is one YAML or JSON document of a file.
type document struct {
	text  []byte
	first int // line of the file in which text begins, 1-based
	start int // line of the first content
	json  bool
}

// documents splits text where YAML ends a document: at lines that begin with
// "---" or "...". In no YAML text can such a line be anything else. Documents
// without content are left out.
func documents(text []byte) []document {
	if t := bytes.TrimSpace(text); t[0] == '{' && json.Valid(t) {
		return []document{{text: text, first: 1, start: 1 + leadingLines(text), json: true}}
	}
	var docs []document
	begin, first, line := 0, 1, 0
	add := func(end int) {
		d := document{text: text[begin:end], first: first}
		if n, ok := contentLine(d.text); ok {
			d.start = first + n
			docs = append(docs, d)
		}
	}
	for pos := 0; pos < len(text); {
		line++
		next := lineEnd(text, pos)
		switch l := text[pos:next]; {
		case marks(l, "---"):
			add(pos)
			begin, first = pos, line
		case marks(l, "..."):
			add(pos)
			begin, first = next, line+1
		}
		pos = next
	}
	add(len(text))
	return docs
}

func lineEnd(text []byte, pos int) int {
	if i := bytes.IndexByte(text[pos:], '\n'); i >= 0 {
		return pos + i + 1
	}
	return len(text)
}

// marks reports whether line is the document marker m, alone or followed by a blank.
func marks(line []byte, m string) bool {
	return bytes.HasPrefix(line, []byte(m)) && (len(line) == len(m) || bytes.IndexByte([]byte(" \t\n"), line[len(m)]) >= 0)
}

// contentLine is the index of the first line of a document that says something.
func contentLine(text []byte) (int, bool) {
	for n := 0; len(text) > 0; n++ {
		end := lineEnd(text, 0)
		l := bytes.TrimSpace(text[:end])
		if n == 0 && marks(text[:end], "---") {
			l = bytes.TrimSpace(l[3:])
		}
		if len(l) > 0 && l[0] != '#' {
			return n, true
		}
		text = text[end:]
	}
	return 0, false
}

// leadingLines counts the blank lines in front of the content.
func leadingLines(text []byte) int {
	return bytes.Count(text[:bytes.IndexByte(text, '{')], []byte("\n"))
}
