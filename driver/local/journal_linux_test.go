package local

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/logs"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

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
		if err := j.add(proc("crash", n+2)); err != nil {
			t.Fatal(err)
		}
		j.drop(driver.Ref{Name: "crash", Revision: "1-aa"}, n+2)
	}
	if err := j.add(proc("web", 7)); err != nil {
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
	if started := j.recall(proc("web", 7).marks); !started.Equal(time.Unix(7, 5)) {
		t.Errorf("recalled %v", started)
	}
	if started := j.recall(proc("web", 8).marks); !started.IsZero() {
		t.Errorf("recalled %v of another run", started)
	}
}

// TestStats covers the whole session of a container, and only that.
func TestStats(t *testing.T) {
	dir := t.TempDir()
	d := openFor(t, fmt.Sprintf("stats-%d", os.Getpid()), dir)
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
		text, _ := os.ReadFile(logs.Path(filepath.Join(dir, "logs"), "web"))
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
