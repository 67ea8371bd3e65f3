package folder

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// permitFile allows, in the root of the folder, that containers are removed
// which the prune brake would hold back.
const permitFile = ".allow-prune"

// longestPermit bounds how far ahead a permit may end: one that stays for ever
// would confirm the accident of next year.
const longestPermit = 30 * 24 * time.Hour

// Permit is what the file .allow-prune says now.
type Permit struct {
	Containers []string // sorted
	Until      time.Time
	Void       string // why it allows nothing, for a person; then Containers is nil
}

func (p Permit) same(o Permit) bool {
	return p.Void == o.Void && p.Until.Equal(o.Until) && slices.Equal(p.Containers, o.Containers)
}

// permit is the file as it was last read.
type permit struct {
	mark     mark
	names    []string
	until    time.Time
	revision string // "" for any
	problems []manifest.Problem
}

// at is what the file allows now, while the source is at this revision.
func (p permit) at(now time.Time, revision string) Permit {
	void := func(format string, args ...any) Permit {
		return Permit{Void: permitFile + " allows nothing: " + fmt.Sprintf(format, args...)}
	}
	switch {
	case len(p.problems) > 0:
		return void("%s", p.problems[0].Message)
	case len(p.names) == 0:
		return Permit{}
	case p.revision != "" && !strings.HasPrefix(revision, p.revision):
		return void("it is for revision %s, and the folder is at %s", p.revision, orNone(revision))
	case p.until.IsZero():
		return Permit{Containers: p.names}
	case !now.Before(p.until):
		return void("it ended at %s", p.until.Format(time.RFC3339))
	case p.until.Sub(now) > longestPermit:
		return void("it ends at %s, and may not be for more than %d days", p.until.Format(time.RFC3339), int(longestPermit.Hours()/24))
	}
	return Permit{Containers: p.names, Until: p.until}
}

func orNone(revision string) string {
	if revision == "" {
		return "none that is known"
	}
	return revision
}

// lookPermit reads the file, and lets it count once it has been quiet for as
// long as what can harm.
func (r *reader) lookPermit(now time.Time) {
	rd := readFile(r.tree.fsys, permitFile)
	if rd.mark == r.permit.mark || r.tree.blocked["."] != nil { // nothing can be removed then
		r.settle.forget(permitFile)
		return
	}
	if r.settle.open[permitFile] == nil {
		r.settle.touch(permitFile, now)
	}
	if r.settle.saw(permitFile, rd.mark, true, now) {
		r.settle.forget(permitFile)
		r.permit = parsePermit(rd)
	}
}

var (
	permitName     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	permitRevision = regexp.MustCompile(`^[0-9a-f]{7,64}$`)
)

func parsePermit(rd reading) permit {
	p := permit{mark: rd.mark}
	if rd.mark == gone {
		return p
	}
	add := func(line int, field, format string, args ...any) {
		p.problems = append(p.problems, manifest.Problem{
			File: permitFile, Line: line, Column: 1, Field: field, Message: fmt.Sprintf(format, args...),
		})
	}
	if rd.err != nil {
		add(0, "", "read file: %v", rd.err)
		return p
	}
	var doc struct {
		Containers []string `yaml:"containers"`
		Until      string   `yaml:"until"`
		Revision   string   `yaml:"revision"`
	}
	d := yaml.NewDecoder(bytes.NewReader(rd.text))
	d.KnownFields(true)
	if err := d.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		add(1, "", "%s; it holds 'containers: [NAME, …]' and 'until: TIME' or 'revision: COMMIT'", strings.ReplaceAll(err.Error(), "\n", ""))
		return p
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		add(1, "", "one document is expected")
	}
	if len(doc.Containers) == 0 {
		add(1, "containers", "the names of the containers that may be removed are expected")
	}
	for _, n := range doc.Containers {
		if !permitName.MatchString(n) {
			add(1, "containers", "%q is no name of a container; each is named in full", n)
		}
	}
	if doc.Until == "" && doc.Revision == "" {
		add(1, "until", "a time such as 2026-01-31T18:00:00Z is expected, or revision, so that it confirms no later accident")
	}
	if doc.Until != "" {
		at, err := time.Parse(time.RFC3339, doc.Until)
		if err != nil {
			add(1, "until", "%q: a time such as 2026-01-31T18:00:00Z is expected", doc.Until)
		}
		p.until = at
	}
	if doc.Revision != "" && !permitRevision.MatchString(doc.Revision) {
		add(1, "revision", "%q: a commit, or its first 7 or more digits, is expected", doc.Revision)
	}
	if len(p.problems) == 0 {
		p.names, p.revision = slices.Compact(slices.Sorted(slices.Values(doc.Containers))), doc.Revision
	}
	return p
}
