package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// ownLabels are those that every host has: short, and as Kubernetes names them.
// build is the build number of Windows, as 20348.
func ownLabels() map[string]string {
	labels := map[string]string{
		"os": runtime.GOOS, "kubernetes.io/os": runtime.GOOS,
		"arch": runtime.GOARCH, "kubernetes.io/arch": runtime.GOARCH,
	}
	if name, err := os.Hostname(); err == nil {
		name = strings.ToLower(name) // as a node of Kubernetes is named
		labels["hostname"], labels["kubernetes.io/hostname"] = name, name
	}
	maps.Copy(labels, systemLabels())
	return labels
}

// allLabels are those of this host, with what the user gave; or those of the
// daemon that was asked, which lives here too.
func (s *settings) allLabels() map[string]string {
	if s.daemonLabels != nil {
		return s.daemonLabels
	}
	labels := ownLabels()
	maps.Copy(labels, s.labels)
	return labels
}

func (s *settings) labelGroup() group {
	g := newGroup("Folders")
	g.flags.StringToStringVar(&s.labels, "node-labels", nil, "`labels` of this host beside os, arch, build and hostname, as role=web,zone=a: "+
		"a manifest with a nodeSelector counts where it matches")
	return g
}

var (
	labelKey   = regexp.MustCompile(`^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`)
	labelValue = regexp.MustCompile(`^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$`)
)

func (s *settings) checkLabels() error {
	var problems []error
	own := ownLabels()
	for _, key := range slices.Sorted(maps.Keys(s.labels)) {
		value := s.labels[key]
		switch _, fixed := own[key]; {
		case fixed:
			problems = append(problems, fmt.Errorf("node-labels %s: every host has this label by itself; it cannot be set", key))
		case !labelKey.MatchString(key):
			problems = append(problems, fmt.Errorf("node-labels %q: a key such as role or example.com/zone is expected", key))
		case !labelValue.MatchString(value):
			problems = append(problems, fmt.Errorf("node-labels %s=%q: a value of at most 63 letters, digits, '-', '_' and '.' is expected", key, value))
		}
	}
	return errors.Join(problems...)
}
