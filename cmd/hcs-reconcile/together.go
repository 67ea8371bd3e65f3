package main

import (
	"fmt"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// together finds what is wrong between containers of files that were named one
// by one; a folder does this for itself.
func together(all []*manifest.Container) []manifest.Problem {
	byName := map[string]*manifest.Container{}
	var problems []manifest.Problem
	for _, c := range all {
		if first := byName[c.Name()]; first != nil {
			problems = append(problems, problemAt(c, "metadata.name",
				fmt.Sprintf("%q stands in %s:%d too; names must be unique", c.Name(), first.Origin.File, first.Origin.Line)))
			continue
		}
		byName[c.Name()] = c
	}
	for _, c := range all {
		for i, n := range needs(c) {
			if byName[n] == nil {
				problems = append(problems, problemAt(c, fmt.Sprintf("spec.dependsOn[%d].name", i),
					fmt.Sprintf("%q depends on %q, which is in none of these files", c.Name(), n)))
			}
		}
		if way := circle(byName, c); way != nil && byName[c.Name()] == c {
			problems = append(problems, problemAt(c, "spec.dependsOn", "the dependencies go in a circle: "+strings.Join(way, " → ")))
		}
	}
	return problems
}

func problemAt(c *manifest.Container, field, message string) manifest.Problem {
	return manifest.Problem{File: c.Origin.File, Line: c.Origin.Line, Column: 1, Field: field, Message: message}
}

func needs(c *manifest.Container) []string {
	names := make([]string, len(c.Spec.DependsOn))
	for i, d := range c.Spec.DependsOn {
		names[i] = d.Name
	}
	return names
}

// circle is the way from c over its needs back to c; nil if there is none.
func circle(byName map[string]*manifest.Container, c *manifest.Container) []string {
	seen := map[string]bool{}
	var walk func(name string) []string
	walk = func(name string) []string {
		if seen[name] || byName[name] == nil {
			return nil
		}
		seen[name] = true
		for _, n := range needs(byName[name]) {
			if n == c.Name() {
				return []string{name, n}
			}
			if way := walk(n); way != nil {
				return append([]string{name}, way...)
			}
		}
		return nil
	}
	return walk(c.Name())
}
