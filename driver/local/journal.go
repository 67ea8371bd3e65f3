package local

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// compactAfter is how many lines beyond twice the living ones a journal may have.
const compactAfter = 1000

// journal is the second witness of which process is whose: one JSON line per
// start. It vouches for init processes that overwrote their environment or
// changed their user, tells an init process from a descendant, and remembers
// what a process does not show. It is a help, not the truth: without it
// containers are found by their marks alone. It is not synced to disk, because
// no process outlives the system.
type journal struct {
	mu    sync.Mutex
	path  string
	owner string
	boot  string
	file  *os.File
	lines int
	live  map[driver.Ref]entry
}

// entry is one line. Fields may be added, never changed.
type entry struct {
	Owner    string            `json:"owner"`
	Name     string            `json:"name"`
	Revision manifest.Revision `json:"revision"`
	Boot     string            `json:"boot,omitempty"`
	Born     int64             `json:"born"`
	Forked   int64             `json:"forked"`
	PID      int               `json:"pid"`
	Started  time.Time         `json:"started"`
}

func (e entry) ref() driver.Ref { return driver.Ref{Name: e.Name, Revision: e.Revision} }

func (e entry) marks() marks { return marks{owner: e.Owner, ref: e.ref(), born: e.Born} }

func openJournal(path, owner string) (*journal, error) {
	j := &journal{path: path, owner: owner, boot: bootID(), live: map[driver.Ref]entry{}}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	j.read(data)
	j.file, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return j, nil
}

// read takes the last line of each container; a torn or strange line counts nothing.
func (j *journal) read(data []byte) {
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		var e entry
		if json.Unmarshal(s.Bytes(), &e) == nil && e.Owner == j.owner && e.Boot == j.boot &&
			e.PID > 1 && namePattern.MatchString(e.Name) {
			j.live[e.ref()] = e
		}
	}
}

// add records a start.
func (j *journal) add(p *process) error {
	e := entry{
		Owner: j.owner, Name: p.ref.Name, Revision: p.ref.Revision, Boot: j.boot, Born: p.born, Forked: p.forked,
		PID: p.pid, Started: p.started,
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.live[e.ref()] = e
	if j.lines > 2*len(j.live)+compactAfter {
		return j.rewrite()
	}
	j.lines++
	_, err = j.file.Write(append(line, '\n'))
	return err
}

// drop forgets a process that has ended. Its line goes with the next compaction.
func (j *journal) drop(r driver.Ref, born int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.live[r].Born == born {
		delete(j.live, r)
	}
}

// is reports whether p is the process of the entry, and no other that got its number.
func (e entry) is(p seen) bool {
	return e.PID == p.pid && p.leader && p.start >= e.Born-startGrain && p.start <= e.Forked
}

// byPID returns the living entries.
func (j *journal) byPID() map[int]entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	m := make(map[int]entry, len(j.live))
	for _, e := range j.live {
		m[e.PID] = e
	}
	return m
}

// pid returns the init process of a run.
func (j *journal) pid(m marks) (int, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e, ok := j.live[m.ref]
	return e.PID, ok && e.Born == m.born
}

// recall returns when a run was started, which a process shows less exactly.
func (j *journal) recall(m marks) time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	if e, ok := j.live[m.ref]; ok && e.Born == m.born {
		return e.Started
	}
	return time.Time{}
}

// compact rewrites the journal with only what lives.
func (j *journal) compact() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.rewrite()
}

func (j *journal) rewrite() error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	for _, e := range j.live {
		if err := enc.Encode(e); err != nil {
			return err
		}
	}
	temp := j.path + ".new"
	if err := os.WriteFile(temp, buf.Bytes(), 0o600); err != nil {
		return err
	}
	_ = j.file.Close() // Windows renames no open file
	err := os.Rename(temp, j.path)
	file, openErr := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if openErr != nil {
		return openErr
	}
	j.file, j.lines = file, len(j.live)
	return err
}

func (j *journal) close() error { return j.file.Close() }
