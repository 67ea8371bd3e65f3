package keeper

import (
	"io"
	"sync"

	"github.com/hcs-reconcile/hcs-reconcile/logs"
)

// logFiles are the logs that are being written: one for each container name,
// whatever the number of its runs.
type logFiles struct {
	dir string

	mu   sync.Mutex
	open map[string]*logFile
}

type logFile struct {
	log   *logs.Log
	users int
}

func newLogFiles(dir string) *logFiles { return &logFiles{dir: dir, open: map[string]*logFile{}} }

// logUser is the part that one run has in a log. The zero value belongs to a
// run that has ended.
type logUser struct {
	files *logFiles
	name  string
	log   *logs.Log

	mu      sync.Mutex
	streams []*logs.Stream
	closed  bool
}

// use opens the log of a name for a run; nothing is written before it prints.
func (l *logFiles) use(name string, lim Limits) *logUser {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.open[name]
	if f == nil {
		f = &logFile{log: logs.Open(l.dir, name, lim.logs())}
		l.open[name] = f
	} else {
		f.log.SetLimits(lim.logs())
	}
	f.users++
	return &logUser{files: l, name: name, log: f.log}
}

func (lim Limits) logs() logs.Limits { return logs.Limits{MaxSize: lim.Size, MaxFiles: lim.Files} }

// stream begins one output of the run.
func (u *logUser) stream(from logs.Source) io.Writer {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.log.Stream(from)
	u.streams = append(u.streams, s)
	return s
}

func (u *logUser) limit(lim Limits) { u.log.SetLimits(lim.logs()) }

// dropped is what the log has lost since it was opened, in bytes.
func (u *logUser) dropped() uint64 {
	if u.log == nil {
		return 0
	}
	return uint64(max(u.log.Dropped().Bytes, 0))
}

// close ends the streams, and the file with its last user.
func (u *logUser) close() {
	if u.log == nil {
		return
	}
	u.mu.Lock()
	streams, closed := u.streams, u.closed
	u.streams, u.closed = nil, true
	u.mu.Unlock()
	for _, s := range streams {
		s.End()
	}
	if closed {
		return
	}
	u.files.mu.Lock()
	defer u.files.mu.Unlock()
	f := u.files.open[u.name]
	if f.users--; f.users == 0 {
		delete(u.files.open, u.name)
		_ = f.log.Close() // what it could not write, it has counted
	}
}
