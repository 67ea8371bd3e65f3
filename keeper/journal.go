package keeper

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// journal keeps the runs on disk: one JSON line for each change of a run, the
// last of a run holds. What is written is safe from the death of the keeper at
// once; sync makes it safe from that of the system.
//
// A line that cannot be written (the disk is full) is made good by writing the
// file anew as soon as that succeeds. Until then the runs are known to the
// keeper alone.
type journal struct {
	dir  string
	path string

	mu    sync.Mutex
	file  *os.File
	epoch string
	lines int
	size  int64 // of what was written whole
	behind,
	unsynced bool
	live map[string]Run
}

// line is what is stored. Fields are only added.
type line struct {
	Epoch  string `json:"epoch,omitempty"`  // first line
	Seq    uint64 `json:"seq,omitempty"`    // first line: the greatest used so far
	Run    *Run   `json:"run,omitempty"`    // a run has changed
	Forget string `json:"forget,omitempty"` // a run is acknowledged
}

// compactAfter is how many lines beyond twice the living ones a journal may have.
const compactAfter = 1000

// runsFile is the journal in the keeper's folder.
const runsFile = "runs"

// dirOf is the keeper's own folder of a state folder.
func dirOf(stateDir string) string { return filepath.Join(stateDir, "keeper") }

// openJournal reads what an earlier keeper wrote and begins a fresh file with
// it. seq is the greatest number that was used.
func openJournal(dir string) (j *journal, seq uint64, err error) {
	j = &journal{dir: dir, path: filepath.Join(dir, runsFile)}
	if j.live, j.epoch, seq, err = readJournal(j.path); err != nil {
		return nil, 0, fmt.Errorf("read runs: %w", err)
	}
	if j.epoch == "" {
		j.epoch = rand.Text()
	}
	if err := j.rewrite(seq); err != nil {
		// A full disk is no reason not to hold what runs.
		j.behind = true
	}
	return j, seq, nil
}

// readJournal returns the runs of a file; a torn or strange line counts nothing.
func readJournal(path string) (live map[string]Run, epoch string, seq uint64, err error) {
	live = map[string]Run{}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, "", 0, err
	}
	s := bufio.NewScanner(bytes.NewReader(data))
	s.Buffer(nil, MaxFrame)
	for s.Scan() {
		var l line
		if json.Unmarshal(s.Bytes(), &l) != nil {
			continue
		}
		if l.Epoch != "" {
			epoch = l.Epoch
		}
		seq = max(seq, l.Seq)
		if r := l.Run; r != nil && idPattern.MatchString(r.ID) && idPattern.MatchString(r.Name) {
			seq = max(seq, r.Seq)
			live[r.ID] = *r
		}
		delete(live, l.Forget)
	}
	return live, epoch, seq, nil
}

// Recorded returns the runs that the file of a state folder tells of, oldest
// change first, for those who must not start a keeper. A run that was going on
// when its keeper died is shown so, even if its process has ended since.
func Recorded(stateDir string) ([]Run, error) {
	live, _, _, err := readJournal(filepath.Join(dirOf(stateDir), runsFile))
	if err != nil {
		return nil, fmt.Errorf("read runs of keeper: %w", err)
	}
	return bySeq(live), nil
}

func bySeq(live map[string]Run) []Run {
	return slices.SortedFunc(maps.Values(live), func(a, b Run) int {
		switch {
		case a.Seq < b.Seq:
			return -1
		case a.Seq > b.Seq:
			return 1
		}
		return 0
	})
}

// put stores a run as it is now.
func (j *journal) put(r Run) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.live[r.ID] = r
	return j.write(line{Run: &r}, r.Seq)
}

// forget drops a run. seq is the greatest number used.
func (j *journal) forget(id string, seq uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.live, id)
	return j.write(line{Forget: id}, seq)
}

func (j *journal) has(id string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, ok := j.live[id]
	return ok
}

func (j *journal) write(l line, seq uint64) error {
	if j.behind || j.lines > 2*len(j.live)+compactAfter {
		return j.rewrite(seq)
	}
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	n, err := j.file.Write(append(text, '\n'))
	j.unsynced = true
	if err != nil {
		// Part of a line would spoil the next one.
		j.behind = true
		return errors.Join(err, j.file.Truncate(j.size))
	}
	j.size += int64(n)
	j.lines++
	return nil
}

// rewrite begins a new file with what lives.
func (j *journal) rewrite(seq uint64) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	err := enc.Encode(line{Epoch: j.epoch, Seq: seq})
	for _, r := range bySeq(j.live) {
		err = errors.Join(err, enc.Encode(line{Run: &r}))
	}
	if err != nil {
		return err
	}
	temp := j.path + ".new"
	if err := writeSynced(temp, text.Bytes()); err != nil {
		j.behind = true
		return errors.Join(err, os.Remove(temp))
	}
	if j.file != nil {
		_ = j.file.Close() // Windows renames no open file
	}
	err = os.Rename(temp, j.path)
	file, openErr := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	j.behind = err != nil || openErr != nil
	if openErr != nil {
		j.file = nil
		return errors.Join(err, openErr)
	}
	j.file, j.lines, j.size, j.unsynced = file, len(j.live)+1, int64(text.Len()), true
	return err
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// sync makes safe what was written, and what could not be written before.
func (j *journal) sync(seq uint64) error {
	j.mu.Lock()
	if j.behind {
		if err := j.rewrite(seq); err != nil {
			j.mu.Unlock()
			return err
		}
	}
	if !j.unsynced {
		j.mu.Unlock()
		return nil
	}
	j.unsynced = false
	file := j.file
	j.mu.Unlock()
	// Others write on meanwhile; a file that was closed by a rewrite is synced.
	if err := file.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return syncDir(j.dir)
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}
