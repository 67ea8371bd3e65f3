package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var outliveFlag = flag.Int("outlive-kills", 200, "how often the daemon is killed in TestNothingIsLost")

// TestMain lets the test binary also be the programs of its containers.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "program" {
		programs[os.Args[2]](os.Args[3])
		return
	}
	os.Exit(m.Run())
}

// programs get the path of a file of their own.
var programs = map[string]func(path string){"printer": printer, "exiter": ender}

// printer prints numbered lines on both streams until it is asked to end, and
// writes down how many there were.
func printer(path string) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	fmt.Println("start", os.Getpid())
	for n := 1; ; n++ {
		fmt.Println("out", n)
		if n%5 == 0 {
			fmt.Fprintln(os.Stderr, "err", n/5)
		}
		select {
		case <-asked:
			if err := os.WriteFile(path, []byte(strconv.Itoa(n)), 0o644); err != nil {
				fmt.Println(err)
				os.Exit(9)
			}
			return
		case <-time.After(3 * time.Millisecond):
		}
	}
}

// ender counts its runs in a file, and ends each with a code of its own.
func ender(path string) {
	text, _ := os.ReadFile(path)
	n := 1 + strings.Count(string(text), "\n")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(f, os.Getpid())
	fmt.Println("run", n)
	<-time.After(time.Duration(300+(n*7919)%1500) * time.Millisecond)
	os.Exit(codeOf(n))
}

func codeOf(run int) int { return run%200 + 1 }

const (
	printers = 12
	exiters  = 8
)

// newStage makes a world of printers and exiters.
func newStage(t *testing.T) *world {
	w := bareWorld(t)
	for i := range printers {
		w.stage(fmt.Sprintf("p%d", i), "printer", "{maxSize: 200Ki, maxFiles: 50}")
	}
	for i := range exiters {
		w.stage(fmt.Sprintf("x%d", i), "exiter", "{}")
	}
	return w
}

func (w *world) runFile(name string) string { return filepath.Join(w.dir, "runs", name) }

func (w *world) stage(name, program, logs string) {
	w.must(os.WriteFile(filepath.Join(w.manifests, name+".yaml"), fmt.Appendf(nil, `apiVersion: hcs-reconcile/v1
kind: Container
metadata: {name: %s}
spec:
  command: [%q, program, %s, %q]
  restart: {initialDelay: 20ms, factor: 1, maxDelay: 20ms, jitter: 0}
  logs: %s
`, name, os.Args[0], program, w.runFile(name), logs), 0o644))
}

// TestNothingIsLost kills the daemon again and again while containers print
// numbered lines and others end with known codes. Every line and every exit
// code must be there once, in order, and no container may be started by it.
func TestNothingIsLost(t *testing.T) {
	kills := *outliveFlag
	if testing.Short() {
		kills = min(kills, 20)
	}
	w := newStage(t)
	told := map[string]map[uint64]string{}
	for i := range kills {
		d := w.start()
		<-time.After(time.Duration(w.rng2.ExpFloat64() * float64(w.pace())))
		if i%20 == 19 {
			w.gather(told)
		}
		d.kill()
		if t.Failed() {
			t.Fatalf("after kill %d", i+1)
		}
	}
	d := w.start("--stop-on-exit")
	w.gather(told)
	d.end()
	lines := 0
	for i := range printers {
		lines += w.judgePrinter(fmt.Sprintf("p%d", i), 0)
	}
	exits := 0
	for i := range exiters {
		exits += w.judgeExiter(fmt.Sprintf("x%d", i), told)
	}
	t.Logf("%d kills, %d lines, %d exits", kills, lines, exits)
}

// gather adds the exits that the daemon tells of, by container and number. The
// history of one container is bounded, so it is asked for now and then.
func (w *world) gather(told map[string]map[uint64]string) {
	w.t.Helper()
	var out []byte
	w.eventually("the daemon to tell its history", func() (err error) {
		out, err = exec.Command(w.program, "events", "-o", "json", "-n", "0", "--state-dir", filepath.Join(w.dir, "state")).Output()
		return err
	})
	for line := range bytes.Lines(out) {
		var e struct {
			Seq                      uint64
			Container, Kind, Message string
		}
		w.must(json.Unmarshal(line, &e))
		if e.Kind != "Exited" {
			continue
		}
		if told[e.Container] == nil {
			told[e.Container] = map[uint64]string{}
		}
		told[e.Container][e.Seq] = e.Message
	}
}

func (w *world) eventually(what string, try func() error) {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for err := try(); err != nil; err = try() {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain for %s: %v", what, err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// output reads the log of a container, oldest line first, as a stranger would
// who knows the CRI format: the lines of each stream.
func (w *world) output(name string) map[string][]string {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join(w.dir, "state", "logs", name+".log*"))
	w.must(err)
	age := func(path string) int {
		n, _ := strconv.Atoi(strings.TrimPrefix(filepath.Ext(path), "."))
		return -n
	}
	slices.SortFunc(files, func(a, b string) int { return age(a) - age(b) })
	lines, part := map[string][]string{}, map[string]string{}
	for _, path := range files {
		f, err := os.Open(path)
		w.must(err)
		for s := bufio.NewScanner(f); s.Scan(); {
			word := strings.SplitN(s.Text(), " ", 4)
			if len(word) != 4 {
				w.t.Errorf("%s: a line that is not in the CRI format: %q", path, s.Text())
				continue
			}
			part[word[1]] += word[3]
			if word[2] == "F" {
				lines[word[1]] = append(lines[word[1]], part[word[1]])
				delete(part, word[1])
			}
		}
		_ = f.Close()
	}
	return lines
}

// judgePrinter wants every line once and in order, but for at most so many
// that are missing, and returns how many there are.
func (w *world) judgePrinter(name string, mayMiss int) (n int) {
	w.t.Helper()
	text, err := os.ReadFile(w.runFile(name))
	if err != nil {
		w.t.Errorf("%s did not end as asked: %v", name, err)
		return 0
	}
	last, _ := strconv.Atoi(string(text))
	got := w.output(name)
	if starts := len(got["stdout"]) - len(numbered(got["stdout"], "out")); starts != 1 {
		w.t.Errorf("%s was started %d times", name, starts)
	}
	for stream, want := range map[string]int{"out": last, "err": last / 5} {
		missing := want - w.ascending(name, stream, numbered(got["std"+stream], stream))
		if missing < 0 || missing > mayMiss {
			w.t.Errorf("%s: %d of %d lines of %s are missing", name, missing, want, stream)
		}
		if missing > 0 {
			w.t.Logf("%s: %d of %d lines of %s are missing", name, missing, want, stream)
		}
		n += want
	}
	return n
}

// ascending wants each number after smaller ones, and returns how many there are.
func (w *world) ascending(name, stream string, numbers []int) int {
	for i, n := range numbers {
		if i > 0 && n <= numbers[i-1] {
			w.t.Errorf("%s: line %d of %s comes after %d", name, n, stream, numbers[i-1])
			break
		}
	}
	return len(numbers)
}

// numbered returns the numbers of lines of the form "word number".
func numbered(lines []string, word string) (out []int) {
	for _, l := range lines {
		if text, ok := strings.CutPrefix(l, word+" "); ok {
			n, _ := strconv.Atoi(text)
			out = append(out, n)
		}
	}
	return out
}

var codePattern = regexp.MustCompile(`^exited with (\d+)`)

// judgeExiter wants the codes of all runs, once and in order, but for what came
// after the history was read for the last time.
func (w *world) judgeExiter(name string, told map[string]map[uint64]string) int {
	w.t.Helper()
	text, err := os.ReadFile(w.runFile(name))
	w.must(err)
	runs := strings.Count(string(text), "\n")
	var got []string
	for _, seq := range slices.Sorted(maps.Keys(told[name])) {
		m := codePattern.FindStringSubmatch(told[name][seq])
		if m == nil {
			m = []string{"", told[name][seq]}
		}
		got = append(got, m[1])
	}
	var want []string
	for n := 1; n <= len(got); n++ {
		want = append(want, strconv.Itoa(codeOf(n)))
	}
	if len(got) < runs-2 || len(got) > runs || !slices.Equal(got, want) {
		w.t.Errorf("%s: of %d runs these ends were told: %v\nwant %v", name, runs, got, want)
	}
	if printed := numbered(w.output(name)["stdout"], "run"); len(printed) != runs {
		w.t.Errorf("%s: %d runs, printed %v", name, runs, printed)
	}
	return len(want)
}

// pace is the mean life of a daemon: mostly it is killed while it takes over,
// now and then long after.
func (w *world) pace() time.Duration {
	if w.rng2.IntN(8) == 0 {
		return time.Second
	}
	return 50 * time.Millisecond
}
