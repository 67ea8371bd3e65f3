package statedb_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// victimPath in the environment makes the test binary the process to be killed.
const victimPath = "STATEDB_TEST_VICTIM_PATH"

func TestMain(m *testing.M) {
	if path := os.Getenv(victimPath); path != "" {
		if err := beVictim(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

const victimRecords = 32

// numbered is a batch whose every part tells its number.
func numbered(n int) statedb.Batch {
	text := strconv.Itoa(n)
	b := statedb.Batch{
		Files:   []statedb.ManifestFile{{Path: "web.yaml", Text: []byte(strings.Repeat(text+"\n", 1000))}},
		Specs:   []statedb.Spec{{Name: "c0", Revision: text}},
		Entries: []statedb.Entry{{Container: "c0", Reason: text}},
		Brake:   &statedb.Brake{Blocked: []string{text}},
	}
	for i := range victimRecords {
		b.Put = append(b.Put, statedb.Record{Name: fmt.Sprint("c", i), Revision: text})
	}
	return b
}

// beVictim saves batches, and says so after each, until it is killed.
func beVictim(path string) error {
	db, err := statedb.Open(context.Background(), path, now)
	if err != nil {
		return err
	}
	st, err := db.Load()
	if err != nil {
		return err
	}
	first := 1
	if len(st.Records) > 0 {
		if first, err = strconv.Atoi(st.Records[0].Revision); err != nil {
			return err
		}
	}
	for n := first + 1; ; n++ {
		if err := db.Save(numbered(n)); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// TestSavedOutlivesKill kills the process at random moments. Each batch that
// it acknowledged must be there, and none by half.
func TestSavedOutlivesKill(t *testing.T) {
	kills := 60
	if testing.Short() {
		kills = 10
	}
	path, acknowledged := place(t), 0
	for range kills {
		acknowledged = max(acknowledged, runVictim(t, path))
		wantWhole(t, path, acknowledged)
	}
	if acknowledged < kills {
		t.Errorf("only %d batches in %d lives", acknowledged, kills)
	}
}

// runVictim gives the last batch that a killed process has acknowledged.
func runVictim(t *testing.T, path string) (last int) {
	t.Helper()
	var said strings.Builder
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victimPath+"="+path)
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if last, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatal(err)
		}
		if rand.IntN(4) == 0 {
			// From here on the moment is random within a few Saves.
			time.AfterFunc(time.Duration(rand.IntN(8000))*time.Microsecond, func() { cmd.Process.Kill() })
			break
		}
	}
	for lines.Scan() { // what it still says before it dies counts, too
		if last, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err == nil || said.Len() > 0 {
		t.Fatalf("the process was not killed: %v, %s", err, said.String())
	}
	return last
}

func wantWhole(t *testing.T, path string, acknowledged int) {
	t.Helper()
	db := open(t, path)
	defer closeNow(t, db)
	st, err := db.Load()
	if err != nil || db.Recovered() != "" || len(st.Bad) > 0 || len(st.Records) != victimRecords {
		t.Fatalf("got %d records, bad %v, recovered %q, error %v", len(st.Records), st.Bad, db.Recovered(), err)
	}
	n, err := strconv.Atoi(st.Records[0].Revision)
	if err != nil || n < acknowledged || n > acknowledged+1 {
		t.Fatalf("batch %d was acknowledged, but the file has %d", acknowledged, n)
	}
	want := numbered(n)
	equal := st.Brake.Blocked[0] == want.Brake.Blocked[0] && string(st.Files[0].Text) == string(want.Files[0].Text)
	for _, r := range st.Records {
		equal = equal && r.Revision == want.Put[0].Revision
	}
	specs, err := db.Specs("c0")
	equal = equal && err == nil && specs[0].Revision == want.Specs[0].Revision
	entries, err := db.History("", 1)
	equal = equal && err == nil && entries[0].Reason == want.Entries[0].Reason
	if !equal {
		t.Fatalf("batch %d is not whole: %v %v %v", n, st, specs, entries)
	}
}
