package local

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// logFiles returns the names and contents in a folder.
func logFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(text)
	}
	return files
}

func TestRotationAtStart(t *testing.T) {
	alone, shared := func() bool { return false }, func() bool { return true }
	full := map[string]string{"web.log": "new", "web.log.1": "one", "web.log.2": "two"}
	tests := []struct {
		name   string
		before map[string]string
		lim    limits
		shared func() bool
		want   map[string]string
	}{
		{"nothing there", nil, limits{3, 3}, alone, map[string]string{"web.log": "+"}},
		{"not full", full, limits{4, 3}, alone, map[string]string{"web.log": "new+", "web.log.1": "one", "web.log.2": "two"}},
		{"full", full, limits{3, 3}, alone, map[string]string{"web.log": "+", "web.log.1": "new", "web.log.2": "one"}},
		{
			"full, one more file allowed", full,
			limits{3, 4},
			alone,
			map[string]string{"web.log": "+", "web.log.1": "new", "web.log.2": "one", "web.log.3": "two"},
		},
		{"full, one file only", map[string]string{"web.log": "new"}, limits{3, 1}, alone, map[string]string{"web.log": "+"}},
		{
			"full, but another writes", full,
			limits{3, 3},
			shared,
			map[string]string{"web.log": "new+", "web.log.1": "one", "web.log.2": "two"},
		},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		for name, text := range tt.before {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		f, err := logDir(dir).open("web", tt.lim, tt.shared)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		out := os.NewFile(uintptr(f), "log")
		fmt.Fprint(out, "+")
		_ = out.Close()
		if diff := cmp.Diff(tt.want, logFiles(t, dir)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestRotationWhileRunning covers a process that never lets its log go.
func TestRotationWhileRunning(t *testing.T) {
	d := openFor(t, fmt.Sprintf("logs-%d", os.Getpid()), t.TempDir())
	defer d.Close()
	size, files := resource.MustParse("1000"), 3
	c := &manifest.Container{Metadata: manifest.Metadata{Name: "web"}, Revision: "1-aa"}
	c.Spec.Command = []string{"/bin/sh", "-c", "n=0; trap 'exit 0' TERM; while :; do n=$((n+1)); echo line $n; sleep 0.001; done"}
	c.Spec.Logs = manifest.Logs{MaxSize: &size, MaxFiles: &files}
	ref := driver.Ref{Name: "web", Revision: "1-aa"}
	for _, a := range []driver.Action{driver.Create, driver.Start} {
		if err := driver.Do(t.Context(), d, a, ref, c); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Dir(d.logs.current("web"))
	for range 4 {
		waitFor(t, func() bool {
			st, err := os.Stat(d.logs.current("web"))
			return err == nil && st.Size() > 1200
		})
		d.trimLogs()
	}
	waitFor(t, func() bool { return strings.Contains(logFiles(t, dir)["web.log"], "\n") })
	if err := d.Terminate(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	<-d.Exits()
	got := logFiles(t, dir)
	if len(got) != 3 {
		t.Errorf("%d files, want 3: %v", len(got), got)
	}
	if strings.HasPrefix(got["web.log"], "line 1\n") {
		t.Error("the log still holds its first line after it was moved away four times")
	}
	for name, text := range got {
		if !strings.HasPrefix(text, "line ") || strings.Contains(text, "\x00") || len(text) > 20000 {
			t.Errorf("%s begins with %.40q and has %d bytes", name, text, len(text))
		}
	}
	if err := d.Remove(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	if len(logFiles(t, dir)) != 3 {
		t.Error("Remove took logs away")
	}
}

func TestQuietLogsAreWatchedLess(t *testing.T) {
	var w logWatch
	var looks []int
	sizes := map[int]int64{0: 5, 40: 6} // at these ticks the log grows
	var size int64
	for tick := range 60 {
		if s, grown := sizes[tick]; grown {
			size = s
		}
		if w.due() {
			looks = append(looks, tick)
			w.saw(size)
		}
	}
	if diff := cmp.Diff([]int{0, 1, 3, 7, 13, 19, 25, 31, 37, 43, 44, 46, 50, 56}, looks); diff != "" {
		t.Errorf("looked at ticks (-want +got):\n%s", diff)
	}
}

func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for !cond() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatal("waited in vain")
		}
	}
}

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, err := openJournal(path, "o")
	if err != nil {
		t.Fatal(err)
	}
	proc := func(name string, born int64) *process {
		return &process{marks: marks{owner: "o", ref: driver.Ref{Name: name, Revision: "1-aa"}, born: born}, pid: int(born), started: time.Unix(born, 5)}
	}
	for n := range int64(3 * compactAfter) { // a container that ends at once, again and again
		if err := j.add(proc("crash", n+2), defaultLimits); err != nil {
			t.Fatal(err)
		}
		j.drop(proc("crash", n+2))
	}
	if err := j.add(proc("web", 7), limits{size: 5, files: 2}); err != nil {
		t.Fatal(err)
	}
	if j.lines > compactAfter+10 {
		t.Errorf("%d lines are kept for one container", j.lines)
	}
	if _, err := j.file.WriteString(`{"owner":"o","name":"torn`); err != nil {
		t.Fatal(err)
	}
	_ = j.close()

	j, err = openJournal(path, "o")
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	lim, started := j.recall(proc("web", 7).marks)
	if lim != (limits{size: 5, files: 2}) || !started.Equal(time.Unix(7, 5)) {
		t.Errorf("recalled %+v, %v", lim, started)
	}
	if lim, _ := j.recall(proc("web", 8).marks); lim != defaultLimits {
		t.Errorf("recalled %+v of another run", lim)
	}
}

// TestStats covers the whole session of a container, and only that.
func TestStats(t *testing.T) {
	d := openFor(t, fmt.Sprintf("stats-%d", os.Getpid()), t.TempDir())
	defer d.Close()
	c := &manifest.Container{Metadata: manifest.Metadata{Name: "web"}, Revision: "1-aa"}
	c.Spec.Command = []string{"/bin/sh", "-c", "sleep 1000 & n=0; while [ $n -lt 100000 ]; do n=$((n+1)); done; echo done; wait"}
	ref := driver.Ref{Name: "web", Revision: "1-aa"}
	for _, a := range []driver.Action{driver.Create, driver.Start} {
		if err := driver.Do(t.Context(), d, a, ref, c); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, func() bool {
		text, _ := os.ReadFile(d.logs.current("web"))
		return len(text) > 0
	})
	d.host.usage = usageCache{}
	st, err := d.Stats(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if *st.Processes != 2 || *st.MemoryBytes < 100_000 || *st.CPU <= 0 || *st.CPU != *st.CPUUser+*st.CPUKernel {
		t.Errorf("%d processes, %d bytes, %v", *st.Processes, *st.MemoryBytes, *st.CPU)
	}
	if err := d.Terminate(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	<-d.Exits()
	if _, err := d.Stats(t.Context(), ref); err == nil {
		t.Error("an ended container has figures")
	}
	if err := d.Remove(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
}
