package keeper

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func openTestJournal(t *testing.T, dir string) *journal {
	t.Helper()
	j, _, err := openJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.close() })
	return j
}

func testRun(id string, seq uint64) Run {
	return Run{ID: id, Name: "web", State: Ended, Seq: seq, Exit: &Exit{Code: uint32(seq), Known: true}}
}

func ids(t *testing.T, dir string) (out []string) {
	t.Helper()
	live, _, _, err := readJournal(filepath.Join(dir, runsFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range bySeq(live) {
		out = append(out, fmt.Sprintf("%s:%d", r.ID, r.Exit.Code))
	}
	return out
}

// TestJournalStaysSmall covers a container that ends again and again beside
// one whose exit nobody acknowledges.
func TestJournalStaysSmall(t *testing.T) {
	dir := t.TempDir()
	j := openTestJournal(t, dir)
	if err := j.put(testRun("keep", 1)); err != nil {
		t.Fatal(err)
	}
	for n := range uint64(2 * compactAfter) {
		id := fmt.Sprintf("crash.%d", n)
		if err := j.put(testRun(id, n+2)); err != nil {
			t.Fatal(err)
		}
		if err := j.forget(id, n+2); err != nil {
			t.Fatal(err)
		}
	}
	if j.lines > compactAfter+10 {
		t.Errorf("%d lines are kept for one run", j.lines)
	}
	if diff := cmp.Diff([]string{"keep:1"}, ids(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_ = j.close()
	again, seq, err := openJournal(dir)
	if err != nil || again.epoch != j.epoch || seq < 2*compactAfter-compactAfter {
		t.Errorf("opened again: epoch %s, want %s; greatest number %d; %v", again.epoch, j.epoch, seq, err)
	}
	_ = again.close()
}

// TestTornJournal covers what a kill or a full disk leaves in the file.
func TestTornJournal(t *testing.T) {
	for what, tail := range map[string]string{
		"torn line": `{"run":{"id":"half`, "garbage": "\x00\xff\n{}\n[1]\n", "bad id": `{"run":{"id":"../x","name":"web"}}` + "\n",
	} {
		dir := t.TempDir()
		j := openTestJournal(t, dir)
		if err := j.put(testRun("a", 1)); err != nil {
			t.Fatal(err)
		}
		if _, err := j.file.WriteString(tail); err != nil {
			t.Fatal(err)
		}
		_ = j.close()
		j = openTestJournal(t, dir)
		if err := j.put(testRun("b", 2)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"a:1", "b:2"}, ids(t, dir)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
}

// TestJournalCatchesUp covers a disk that takes nothing for a while.
func TestJournalCatchesUp(t *testing.T) {
	dir := t.TempDir()
	j := openTestJournal(t, dir)
	_ = j.file.Close() // every write fails
	if err := j.put(testRun("a", 1)); err == nil || !j.behind {
		t.Errorf("a write that failed: %v, behind %v", err, j.behind)
	}
	if err := j.sync(1); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a:1"}, ids(t, dir)); diff != "" {
		t.Errorf("after the disk takes something again (-want +got):\n%s", diff)
	}
}

// FuzzJournal holds that no file makes a keeper fail to start, and that what it
// reads it reads again.
func FuzzJournal(f *testing.F) {
	f.Add(`{"epoch":"E","seq":3}` + "\n" + `{"run":{"id":"a","name":"web","state":"running","seq":2}}` + "\n" + `{"forget":"a"}`)
	f.Add("\x00")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, runsFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		first, _, _, err := readJournal(filepath.Join(dir, runsFile))
		if err != nil {
			t.Skip() // a line as long as no line is
		}
		j, _, err := openJournal(dir)
		if err != nil {
			t.Fatal(err)
		}
		_ = j.close()
		second, _, _, err := readJournal(filepath.Join(dir, runsFile))
		if err != nil || len(first) != len(second) {
			t.Errorf("%d runs became %d, %v", len(first), len(second), err)
		}
		for id := range first {
			if strings.ContainsAny(id, "/\\") {
				t.Errorf("run %q was believed", id)
			}
		}
	})
}
