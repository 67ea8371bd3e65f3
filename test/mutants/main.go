// Command mutants plants one small bug after the other and says which tests
// notice. It judges the tests, not the code: a mutant that survives is a rule
// that nothing holds.
//
// Nothing in the tree is changed: each mutant is an overlay of one file. A
// mutant whose old text is not found exactly once is an error, so that the list
// cannot rot unseen.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// mutant is one planted bug.
type mutant struct {
	name string
	rule string // what it breaks
	file string
	old  string // stands in file exactly once
	new  string
}

// verdict is how the tests took it.
type verdict struct {
	mutant
	caught []string // failed tests, and broken rules of the simulation
	err    error    // it could not be tried
}

func main() {
	only := flag.String("run", "", "only mutants whose name matches this regular expression")
	seeds := flag.Int("seeds", 2000, "seeds of the simulation")
	limit := flag.Duration("timeout", 40*time.Second, "limit of the tests of one mutant")
	least := flag.Float64("least", 0.8, "share that must be caught")
	check := flag.Bool("check", false, "only check that every mutant still fits its file")
	flag.Parse()
	if err := run(*only, *seeds, *limit, *least, *check); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(only string, seeds int, limit time.Duration, least float64, check bool) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	chosen := slices.DeleteFunc(slices.Clone(mutants), func(m mutant) bool { return !pattern.MatchString(m.name) })
	if err := fit(chosen); err != nil || check {
		return err
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var survivors []verdict
	for i, m := range chosen {
		v := try(dir, m, seeds, limit)
		if v.err != nil {
			return fmt.Errorf("try %s: %w", m.name, v.err)
		}
		fmt.Fprintf(os.Stdout, "%2d/%d %s\n", i+1, len(chosen), v)
		if len(v.caught) == 0 {
			survivors = append(survivors, v)
		}
	}
	return report(len(chosen), survivors, least)
}

func report(all int, survivors []verdict, least float64) error {
	caught := all - len(survivors)
	fmt.Fprintf(os.Stdout, "\ncaught %d of %d\n", caught, all)
	for _, v := range survivors {
		fmt.Fprintf(os.Stdout, "survived: %s (%s, %s)\n", v.name, v.rule, v.file)
	}
	if float64(caught) < least*float64(all) {
		return fmt.Errorf("caught %d of %d, less than %.0f %%", caught, all, 100*least)
	}
	return nil
}

// fit checks that every old text stands in its file exactly once.
func fit(ms []mutant) error {
	var errs []error
	for _, m := range ms {
		if _, err := m.apply(); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// apply returns the content of the file with the bug in it.
func (m mutant) apply() ([]byte, error) {
	text, err := os.ReadFile(m.file)
	if err != nil {
		return nil, err
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return nil, fmt.Errorf("mutant %s: its old text stands %d times in %s", m.name, n, m.file)
	}
	return []byte(strings.Replace(string(text), m.old, m.new, 1)), nil
}

// try runs the tests that matter for one mutant.
func try(dir string, m mutant, seeds int, limit time.Duration) verdict {
	v := verdict{mutant: m}
	overlay, err := m.overlay(dir)
	if err != nil {
		v.err = err
		return v
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit+time.Minute)
	defer cancel()
	args := append([]string{"test", "-overlay", overlay, "-count=1", "-vet=off", "-timeout", limit.String()}, packages(m.file)...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("SIM_SEEDS=%d", seeds))
	out, err := cmd.CombinedOutput()
	if err == nil {
		return v
	}
	if strings.Contains(string(out), "[build failed]") {
		v.err = fmt.Errorf("it does not compile:\n%s", out)
		return v
	}
	v.caught = failures(string(out))
	return v
}

// overlay writes the mutated file and the list that puts it in place.
func (m mutant) overlay(dir string) (string, error) {
	text, err := m.apply()
	if err != nil {
		return "", err
	}
	original, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(dir, "mutant.go")
	if err := os.WriteFile(changed, text, 0o600); err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, list, 0o600)
}

// packages are those whose tests may notice a change of file.
func packages(file string) []string {
	switch filepath.ToSlash(filepath.Dir(file)) {
	case "manifest/folder":
		return []string{"./manifest/folder"}
	case "driver":
		return []string{"./driver", "./driver/fake", "./reconcile/...", "./test/sim"}
	case "reconcile/engine":
		return []string{"./reconcile/engine"}
	default:
		return []string{"./reconcile/...", "./test/sim"}
	}
}

var (
	failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)
	brokenRule = regexp.MustCompile(`seed (\d+) broke rule ([^:]+):`)
)

// failures names what failed, the rules of the simulation first.
func failures(out string) []string {
	var found []string
	for _, m := range brokenRule.FindAllStringSubmatch(out, -1) {
		found = append(found, fmt.Sprintf("sim %s (seed %s)", m[2], m[1]))
	}
	for _, m := range failedTest.FindAllStringSubmatch(out, -1) {
		if m[1] != "TestSim" {
			found = append(found, m[1])
		}
	}
	if len(found) == 0 {
		found = append(found, "panic or timeout")
	}
	return found
}

func (v verdict) String() string {
	if len(v.caught) == 0 {
		return fmt.Sprintf("SURVIVED %s (%s)", v.name, v.rule)
	}
	shown := v.caught[:min(len(v.caught), 5)]
	return fmt.Sprintf("caught   %s (%s) by %s", v.name, v.rule, strings.Join(shown, ", "))
}
