package hcs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// hostError is an error of Windows, taken apart where it came in.
type hostError struct {
	call string
	code uint32 // 0: none
	kind error  // one of the errors below, for what bears no code
	text string // with the error events of the service
}

// What hcsshim itself says, without a code of Windows.
var (
	errLost      = errors.New("connection to the service lost")
	errNoAnswer  = errors.New("no answer in time")
	errEnded     = errors.New("the system ended meanwhile")
	errClosed    = errors.New("the handle is closed")
	errNoProcess = errors.New("no such process on the host")
)

// Error implements error.
func (e *hostError) Error() string {
	text := strings.ReplaceAll(strings.TrimSpace(e.text), "\n", "; ")
	if e.code == 0 || strings.Contains(strings.ToLower(text), fmt.Sprintf("0x%x", e.code)) {
		return e.call + ": " + text
	}
	return fmt.Sprintf("%s: %s (0x%x)", e.call, text, e.code)
}

// Unwrap returns the kind.
func (e *hostError) Unwrap() error { return e.kind }

// The codes that decisions are based on. Windows gives some of them in two
// forms: as a status and as an HRESULT.
const (
	codePending       = 0xC0370103
	codeInvalidState  = 0xC0370105
	codeNotFound      = 0xC037010E
	codeExists        = 0xC037010F
	codeStopped       = 0xC0370110
	codeProcessGone   = 0x8037011F
	codeElementAbsent = 0x490
	codeNotSupported  = 0x32
	codeAccessDenied  = 0x5
)

// meaning is what a code means to the reconciler, and what a person can do.
type meaning struct {
	sentinel error // nil: an error that may pass by itself
	hint     string
}

const (
	hintBuild   = "the image's Windows build does not suit this host's; use an image of the same build, or isolation hyperv"
	hintMemory  = "the host is short of memory"
	hintService = "the Host Compute Service (vmcompute) does not answer; look at its state and at the event log Microsoft-Windows-Hyper-V-Compute"
	hintStart   = "Windows in the container did not come up; look at the event log Microsoft-Windows-Hyper-V-Compute, and whether the image's build suits the host"
	hintLayer   = "another program holds a file of the layer; exclude the layer folders from antivirus scans"
	hintRights  = "the daemon must run as LocalSystem or an administrator; an antivirus program can be the cause as well"
	hintProgram = "the program, or a folder that the manifest names, is not there"
	hintPort    = "another endpoint or program has the host port"
	hintVM      = "this host cannot do it; Hyper-V isolation needs the Hyper-V role and nested virtualization in a VM"
	hintUser    = "the user in runAsUserName is not known in the container"
)

// meanings is the one table of codes.
var meanings = map[uint32]meaning{
	codePending:       {sentinel: driver.ErrPending},
	codeNotFound:      {sentinel: driver.ErrNotFound},
	0x8037010E:        {sentinel: driver.ErrNotFound},
	codeElementAbsent: {sentinel: driver.ErrNotFound},
	codeExists:        {sentinel: driver.ErrExists},
	0x8037010F:        {sentinel: driver.ErrExists},
	codeStopped:       {sentinel: driver.ErrNotRunning},
	0x80370110:        {sentinel: driver.ErrNotRunning},
	codeProcessGone:   {sentinel: driver.ErrNotRunning},
	codeInvalidState:  {hint: "the system is in a state that does not allow it; it is looked at again"},
	0x80370105:        {hint: "the system is in a state that does not allow it; it is looked at again"},
	0xC0370101:        {sentinel: driver.ErrInvalid, hint: hintBuild},
	0x80370101:        {sentinel: driver.ErrInvalid, hint: hintBuild},
	0xC037010D:        {sentinel: driver.ErrInvalid, hint: "the service does not understand the document; this host may be too old for a field of the manifest"},
	0x8037010D:        {sentinel: driver.ErrInvalid, hint: "the service does not understand the document; this host may be too old for a field of the manifest"},
	0xC037010B:        {sentinel: driver.ErrInvalid, hint: "the utility VM does not understand the request; its image may be too old"},
	0xC0370112:        {sentinel: driver.ErrInvalid, hint: "a layer is damaged or is no layer; its folder must hold Files and Hives, or be a base layer that was processed"},
	0xC0370100:        {hint: hintStart},
	0xC0370106:        {hint: hintStart},
	0xC0370107:        {hint: hintStart},
	0xC0370109:        {sentinel: driver.ErrTimeout, hint: hintService},
	0x80370109:        {sentinel: driver.ErrTimeout, hint: hintService},
	0x5B4:             {sentinel: driver.ErrTimeout, hint: hintService},
	0xC037010A:        {sentinel: driver.ErrConnectionLost, hint: hintService},
	0x6BA:             {sentinel: driver.ErrConnectionLost, hint: hintService},
	0x6BE:             {sentinel: driver.ErrConnectionLost, hint: hintService},
	0x6BF:             {sentinel: driver.ErrConnectionLost, hint: hintService},
	codeAccessDenied:  {hint: hintRights},
	0x522:             {hint: hintRights},
	0x20:              {hint: hintLayer},
	0x2:               {sentinel: driver.ErrInvalid, hint: hintProgram},
	0x3:               {sentinel: driver.ErrInvalid, hint: hintProgram},
	0x10B:             {sentinel: driver.ErrInvalid, hint: "spec.workingDir is not there in the container"},
	0x534:             {sentinel: driver.ErrInvalid, hint: hintUser},
	0x52E:             {sentinel: driver.ErrInvalid, hint: hintUser},
	codeNotSupported:  {sentinel: driver.ErrInvalid, hint: hintVM},
	0x80004001:        {sentinel: driver.ErrInvalid, hint: hintVM},
	0x8:               {hint: hintMemory},
	0xE:               {hint: hintMemory},
	0x5AA:             {hint: "the host is out of system resources; after many containers or endpoints only a restart of the host helps"},
	0x5AF:             {hint: hintMemory},
	0x36B1:            {hint: hintMemory},
	0x7E:              {sentinel: driver.ErrInvalid, hint: "this host lacks the Containers feature of Windows (vmcompute.dll)"},
	0x803B0013:        {sentinel: driver.ErrInvalid, hint: hintPort},
	0x803B002F:        {hint: "a stale endpoint holds the address; it goes with its container, or with a restart of the service hns"},
}

// transient are errors of a create that are known to pass within moments: the
// network is not up yet, or an object of it is still being made.
var transient = map[uint32]bool{
	0x4C6: true, 0xA1: true, 0x10D8: true, 0x800710D8: true, 0x800401F3: true, codeElementAbsent: true,
}

// explain finds the sentinel and the hint of an error; either may be missing.
func explain(err error) (hint string, sentinel error) {
	switch {
	case errors.Is(err, errLost):
		return hintService, driver.ErrConnectionLost
	case errors.Is(err, errNoAnswer):
		return hintService, driver.ErrTimeout
	case errors.Is(err, errEnded):
		return hintStart, nil
	}
	m := meanings[codeOf(err)]
	return m.hint, m.sentinel
}

// codeOf returns the code of Windows in err, 0 if there is none.
func codeOf(err error) uint32 {
	if h, ok := errors.AsType[*hostError](err); ok {
		return h.code
	}
	return 0
}

// is reports whether err means sentinel.
func is(err, sentinel error) bool {
	_, meant := explain(err)
	return errors.Is(err, sentinel) || err != nil && errors.Is(meant, sentinel)
}

// accepted turns "pending" into success: it is what shutdown and terminate
// answer when all is well.
func accepted(err error) error {
	if is(err, driver.ErrPending) {
		return nil
	}
	return err
}

// fail makes the error of a verb. It is the one place where an error of the
// host becomes one of the contract.
func fail(a driver.Action, r driver.Ref, err error) error {
	if err == nil {
		return nil
	}
	hint, sentinel := explain(err)
	if sentinel != nil && !errors.Is(err, sentinel) {
		err = fmt.Errorf("%w: %w", sentinel, err)
	}
	return &driver.OpError{Action: a, Ref: r, Hint: hint, Err: err}
}

// absentTexts are how the network service says "not found": it has no codes.
var absentTexts = []string{
	"element not found.",
	"the object identifier does not represent a valid object.",
}

// saysAbsent reports whether the text of a network error means "not found".
func saysAbsent(text string) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	for _, absent := range absentTexts {
		if strings.HasSuffix(text, absent) {
			return true
		}
	}
	return false
}
