package main

import (
	"archive/zip"
	"io"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// zipHolds looks for texts in a zip: in the names of its files and in what they
// hold. With !, none of them may be there.
func zipHolds(ts *testscript.TestScript, neg bool, args []string) {
	r, err := zip.OpenReader(ts.MkAbs(args[0]))
	ts.Check(err)
	defer r.Close()
	var all strings.Builder
	for _, f := range r.File {
		text, err := f.Open()
		ts.Check(err)
		body, err := io.ReadAll(text)
		ts.Check(err)
		all.WriteString(f.Name + "\n" + string(body) + "\n")
	}
	for _, want := range args[1:] {
		at := regexp.MustCompile(".*(?:" + want + ").*").FindString(all.String())
		if found := at != ""; found == neg {
			ts.Fatalf("%s: %q found: %v %s", args[0], want, found, at)
		}
	}
}
