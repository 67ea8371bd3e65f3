package keeper

import (
	"encoding/base64"
	"errors"
	"slices"
	"time"
)

// The versions of the protocol that this build speaks. Within a version fields
// are only added; who does not know a field, an op or an event ignores it or
// answers "unsupported".
const (
	minVersion = 1
	maxVersion = 1
)

// The operations of a request.
const (
	opHello  = "hello"  // Hello → Welcome; the first message of a connection
	opWatch  = "watch"  // Since → Runs that changed after it, then an event for each further change
	opList   = "list"   // Since → Runs that changed after it
	opLaunch = "launch" // Order → Run, when it runs; an ended run of the same container is acknowledged
	opAdopt  = "adopt"  // Run → Run: hold a process that runs without a keeper
	opSignal = "signal" // RunID, Signal
	opLimit  = "limit"  // RunID, Limits
	opForget = "forget" // RunID: its exit is acknowledged; nothing if it is gone, an error while it runs
	opStop   = "stop"   // the keeper lets everything go and ends; what runs goes on. Needs no hello, in any version
)

// opRun is the only event: a run has changed.
const opRun = "run"

// message is one frame, either way. ID is chosen by the client and is greater
// than 0; the answer bears it too. Events bear none.
type message struct {
	ID      uint64   `json:"id,omitempty"`
	Op      string   `json:"op"`
	Error   *failure `json:"error,omitempty"` // of an answer
	Hello   *Hello   `json:"hello,omitempty"`
	Welcome *Welcome `json:"welcome,omitempty"`
	Since   uint64   `json:"since,omitempty"`
	Order   *Order   `json:"order,omitempty"`
	RunID   string   `json:"runId,omitempty"`
	Signal  Signal   `json:"signal,omitempty"`
	Limits  *Limits  `json:"limits,omitempty"`
	Run     *Run     `json:"run,omitempty"`
	Runs    []Run    `json:"runs,omitempty"`
}

// Hello is what a client says of itself.
type Hello struct {
	Min     int    `json:"min"` // versions of the protocol
	Max     int    `json:"max"`
	Version string `json:"version,omitempty"` // of the client's program
	PID     int    `json:"pid,omitempty"`
	Owner   string `json:"owner,omitempty"` // must be the keeper's; "" does not care
	// Control asks to be the one client that may change something. It ends
	// that right of every earlier one.
	Control bool `json:"control,omitempty"`
}

// Welcome is what the keeper says of itself.
type Welcome struct {
	Protocol int       `json:"protocol"` // the version that is spoken from now on
	Min      int       `json:"min"`
	Max      int       `json:"max"`
	Version  string    `json:"version"` // of the keeper's program
	PID      int       `json:"pid"`
	Started  time.Time `json:"started"`
	Owner    string    `json:"owner"`
	Kinds    []string  `json:"kinds"` // of launchers
	// Epoch names the history that sequence numbers belong to. It lasts as
	// long as the file of runs does.
	Epoch string `json:"epoch"`
	Seq   uint64 `json:"seq"` // the greatest so far
}

// failure is an error on its way over the socket.
type failure struct {
	Code    string `json:"code,omitempty"` // one of wireErrors; "" for others
	Message string `json:"message"`
}

// wireErrors are the errors that keep their identity.
var wireErrors = []error{ErrInvalid, ErrGone, ErrExists, ErrUnsupported, ErrFenced, ErrVersion, ErrOwner}

func failureOf(err error) *failure {
	f := &failure{Message: err.Error()}
	for _, known := range wireErrors {
		if errors.Is(err, known) {
			f.Code = known.Error()
			break
		}
	}
	return f
}

// Error implements error.
func (f *failure) Error() string { return f.Message }

// Is finds the error that the other side had.
func (f *failure) Is(target error) bool {
	i := slices.Index(wireErrors, target)
	return i >= 0 && wireErrors[i].Error() == f.Code
}

// Bytes is text that need not be UTF-8, such as the value of an environment
// variable. In JSON it is base64.
type Bytes string

// MarshalText implements encoding.TextMarshaler.
func (b Bytes) MarshalText() ([]byte, error) {
	return base64.StdEncoding.AppendEncode(nil, []byte(b)), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Bytes) UnmarshalText(text []byte) error {
	plain, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		return errors.New("not base64") // the cause would quote the text
	}
	*b = Bytes(plain)
	return nil
}

// negotiate picks the greatest version that both speak.
func negotiate(theirMin, theirMax int) (version int, ok bool) {
	v := min(theirMax, maxVersion)
	return v, v >= max(theirMin, minVersion)
}
