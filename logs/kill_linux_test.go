package logs

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// writeEnv makes this program write numbered lines to a log until it is killed.
const writeEnv = "LOGS_TEST_WRITE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writeEnv); dir != "" {
		log := Open(dir, "a", Limits{MaxSize: 300_000, MaxFiles: 1000})
		s, other := log.Stream(Stdout), log.Stream(Stderr)
		for n := 0; ; n++ {
			numbered(s, n, n+1)
			_, _ = other.Write([]byte(strings.Repeat("y", 20_000)))
			if n == 200 {
				fmt.Println("ready")
			}
		}
	}
	os.Exit(m.Run())
}

// TestKilledWriters: whenever a writer is killed, the next one and all readers
// find whole lines, in order, and only the end of the last one missing.
func TestKilledWriters(t *testing.T) {
	dir := t.TempDir()
	const kills = 10
	for range kills {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), writeEnv+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = out.Read(make([]byte, 10)) // it has written for a while
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	numbered(Open(dir, "a", Limits{MaxFiles: 1000}).Stream(Stdout), 0, 1)
	holdFormat(t, dir)
	starts, last := 0, -1
	for _, text := range texts(all(t, dir, "a", Query{}), Stdout) {
		var n int
		if _, err := fmt.Sscanf(text, "line %d ", &n); err != nil || n != last+1 && n != 0 {
			t.Fatalf("line %q after line %d: %v", text, last, err)
		}
		if n == 0 {
			starts++
		}
		last = n
	}
	if starts != kills+1 {
		t.Errorf("%d writers found, want %d", starts, kills+1)
	}
}

// TestSlowReader: a reader that does not take its lines holds nobody back.
func TestSlowReader(t *testing.T) {
	dir := t.TempDir()
	log := Open(dir, "a", Limits{MaxSize: 10_000, MaxFiles: 2})
	s := log.Stream(Stdout)
	numbered(s, 0, 10)
	entered, leave, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var got []string
	go func() {
		done <- Read(t.Context(), dir, "a", Query{Follow: true}, func(l Line) error {
			if got = append(got, string(l.Text)); len(got) == 1 {
				close(entered)
				<-leave
			}
			if strings.HasPrefix(string(l.Text), "line 4999 ") {
				return errEnough
			}
			return nil
		})
	}()
	<-entered
	numbered(s, 10, 5000) // many rotations
	close(leave)
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("the reader does not find the way to the newest file")
	}
	last := -1
	for _, text := range got { // some are lost: their file is gone. None comes twice.
		n := firstNumber(t, []string{text})
		if n <= last {
			t.Fatalf("line %d after line %d", n, last)
		}
		last = n
	}
}
