package local

import (
	"strconv"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// The variables by which a process says whose it is. None is a setting of the
// program: a daemon inside a container must not take them for its own.
const (
	markPrefix   = "HCS_RECONCILE_MARK_"
	markOwner    = markPrefix + "OWNER"
	markName     = markPrefix + "NAME"
	markRevision = markPrefix + "REVISION"
	markBorn     = markPrefix + "BORN"
	markExec     = markPrefix + "EXEC" // set in what Exec launched: it is never an init process
)

// bornWindow is how long after its mark was made an init process may start:
// forks of one daemon wait for each other.
const bornWindow = 10 * time.Second

// marks are what every process of a container bears. Each run has its own.
type marks struct {
	owner string
	ref   driver.Ref
	born  int64 // by the clock with which the system stamps the start of processes, in ns
	exec  bool  // launched by Exec, or a descendant of that
}

// env returns the variables that carry m.
func (m marks) env() []string {
	return []string{
		markOwner + "=" + m.owner,
		markName + "=" + m.ref.Name,
		markRevision + "=" + string(m.ref.Revision),
		markBorn + "=" + strconv.FormatInt(m.born, 10),
	}
}

// parseMarks reads marks out of an environment whose entries are separated by
// NUL. What cannot have been written by marks.env is no mark: anyone may set
// these variables, and the name becomes part of a path.
func parseMarks(environ string) (m marks, ok bool) {
	if !strings.Contains(environ, markPrefix) {
		return marks{}, false
	}
	for kv := range strings.SplitSeq(environ, "\x00") {
		key, value, _ := strings.Cut(kv, "=")
		switch key {
		case markOwner:
			m.owner = value
		case markName:
			m.ref.Name = value
		case markRevision:
			m.ref.Revision = manifest.Revision(value)
		case markBorn:
			m.born, _ = strconv.ParseInt(value, 10, 64)
		case markExec:
			m.exec = true
		}
	}
	return m, m.born > 0 && ownerPattern.MatchString(m.owner) && namePattern.MatchString(m.ref.Name)
}

// seen is one process as a look at the system shows it.
type seen struct {
	marks   // zero if it bears none that we may read
	pid     int
	parent  int
	leader  bool  // of a session; on Windows always
	trusted bool  // runs as our own user, so that its marks may be believed
	further bool  // from Exec; marks.exec is false then, so that it counts to its run
	start   int64 // by the clock of marks.born
}

// fresh reports whether p started when its mark says that it was born.
func (p seen) fresh() bool {
	return p.start >= p.born-startGrain && p.start <= p.born+int64(bornWindow)
}

// process is an init process that we watch.
type process struct {
	marks
	pid     int
	started time.Time
	forked  int64 // clock of marks.born just after the fork; when adopted, the start
	adopted bool  // not our child: the exit code goes to another
	os      osProcess
	run     string // id under which the keeper holds it; "": we watch it ourselves
}

// launch is all that the host needs to run an init process.
type launch struct {
	marks
	command
	env      []string
	out, err uintptr // ends of pipes: file descriptors, on Windows handles
}

// command is what to execute.
type command struct {
	path string   // of the program
	argv []string // argv[0] included
	line string   // Windows: the command line as it stands, instead of argv
	dir  string
}
