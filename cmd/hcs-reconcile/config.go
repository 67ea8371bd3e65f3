package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// offer gives cmd the flags of groups, and fills in what the command line
// leaves open from the environment and the config file before cmd runs.
func (s *settings) offer(cmd *cobra.Command, groups ...group) {
	groups = append(groups, s.configGroup())
	for _, g := range groups {
		cmd.Flags().AddFlagSet(g.flags)
	}
	cmd.Flags().SortFlags = false
	showGroups(cmd, groups)
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := fillIn(cmd.Flags(), os.LookupEnv); err != nil {
			return err
		}
		return s.check()
	}
}

// fillIn sets the flags that the command line left open.
func fillIn(flags *pflag.FlagSet, lookup func(string) (string, bool)) error {
	open := map[string]*pflag.Flag{}
	var problems []error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			return
		}
		if v, ok := lookup(envName(f.Name)); ok {
			problems = append(problems, set(flags, f.Name, v, envName(f.Name)))
			return
		}
		open[f.Name] = f
	})
	if path := flags.Lookup("config").Value.String(); path != "" {
		values, err := readConfig(path)
		problems = append(problems, err)
		for _, v := range values {
			if f := open[v.name]; f != nil {
				problems = append(problems, set(flags, f.Name, v.text, v.at))
			}
		}
	}
	return errors.Join(problems...)
}

func set(flags *pflag.FlagSet, name, value, source string) error {
	if err := flags.Set(name, value); err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	return nil
}

// setting is one line of a config file.
type setting struct{ name, text, at string }

// readConfig reads a mapping from names of flags to single values. Settings
// that only other commands have are fine: one file serves all.
func readConfig(path string) ([]setting, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read config: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("read config %s: %w", path, err)
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("read config %s: settings such as 'workers: 8' are expected", path)
	}
	known := settingNames()
	seen := map[string]bool{"config": true}
	var values []setting
	var problems []error
	for i := 0; i < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		at := fmt.Sprintf("%s:%d:%d", filepath.ToSlash(path), key.Line, key.Column)
		if msg := judge(key, value, known, seen); msg != "" {
			problems = append(problems, fmt.Errorf("%s: %s", at, msg))
			continue
		}
		seen[key.Value] = true
		values = append(values, setting{key.Value, value.Value, at})
	}
	return values, errors.Join(problems...)
}

// judge says what is wrong with one line.
func judge(key, value *yaml.Node, known []string, seen map[string]bool) string {
	switch {
	case key.Value == "config":
		return "config: a config file cannot name another one"
	case !slices.Contains(known, key.Value):
		if s := nearest(key.Value, known); s != "" {
			return fmt.Sprintf("unknown setting %q; did you mean %q?", key.Value, s)
		}
		return fmt.Sprintf("unknown setting %q; see 'hcs-reconcile run --help'", key.Value)
	case seen[key.Value]:
		return fmt.Sprintf("%s stands twice", key.Value)
	case value.Kind != yaml.ScalarNode || value.Tag == "!!null":
		return key.Value + ": a single value is expected"
	}
	return ""
}

// settingNames lists what a config file may hold.
func settingNames() []string {
	var names []string
	for _, g := range new(settings).allGroups() {
		g.flags.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	}
	return names
}

// nearest asks cobra's spelling help, which knows commands only.
func nearest(word string, known []string) string {
	guide := &cobra.Command{SuggestionsMinimumDistance: 3}
	for _, k := range known {
		guide.AddCommand(&cobra.Command{Use: k, Run: func(*cobra.Command, []string) {}})
	}
	if found := guide.SuggestionsFor(word); len(found) > 0 {
		return found[0]
	}
	return ""
}
