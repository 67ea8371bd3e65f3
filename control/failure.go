package control

import (
	"context"
	"errors"
	"net/http"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// The codes of failures: a closed list, for programs.
const (
	CodeBadRequest       = "BadRequest"       // the question is not understood
	CodeNotFound         = "NotFound"         // no such container, or no such route
	CodeMethodNotAllowed = "MethodNotAllowed" // the route has other methods
	CodeRefused          = "Refused"          // it cannot be, as things are
	CodeNotRunning       = "NotRunning"       // the container does not run
	CodeInvalid          = "Invalid"          // the program cannot be executed
	CodeUnsupported      = "Unsupported"      // the driver of the daemon cannot do this
	CodeUnavailable      = "Unavailable"      // the daemon is ending
	CodeTimeout          = "Timeout"          // no answer in time
	CodeInternal         = "Internal"         // anything else
)

// Failure is the answer to what went wrong, and the error that a Client
// returns for it.
type Failure struct {
	Status  int    `json:"-"` // of HTTP
	Message string `json:"error"`
	Code    string `json:"code"`
	Hint    string `json:"hint,omitempty"` // what would help
}

// Error implements error.
func (f *Failure) Error() string { return f.Message }

// Advice says what would help; "" if nobody knows.
func (f *Failure) Advice() string { return f.Hint }

func badRequest(message, hint string) *Failure {
	return &Failure{Status: http.StatusBadRequest, Code: CodeBadRequest, Message: message, Hint: hint}
}

// kinds gives the causes of others their code. The first that fits counts.
var kinds = []struct {
	cause  error
	status int
	code   string
	hint   string
}{
	{engine.ErrNoContainer, http.StatusNotFound, CodeNotFound, "`hcs-reconcile status` lists those there are"},
	{engine.ErrRefused, http.StatusConflict, CodeRefused, ""},
	{engine.ErrStopped, http.StatusServiceUnavailable, CodeUnavailable, "the daemon is ending; try again when it runs anew"},
	{statedb.ErrClosed, http.StatusServiceUnavailable, CodeUnavailable, "the daemon is ending; try again when it runs anew"},
	{driver.ErrNotFound, http.StatusConflict, CodeNotRunning, "`hcs-reconcile describe` says why it does not run"},
	{driver.ErrNotRunning, http.StatusConflict, CodeNotRunning, "`hcs-reconcile describe` says why it does not run"},
	{driver.ErrInvalid, http.StatusUnprocessableEntity, CodeInvalid, ""},
	{driver.ErrUnsupported, http.StatusNotImplemented, CodeUnsupported, ""},
	{context.DeadlineExceeded, http.StatusGatewayTimeout, CodeTimeout, "the daemon is busy or stuck; its log tells more"},
}

// failureOf puts err into the shape that is answered.
func failureOf(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	for _, k := range kinds {
		if errors.Is(err, k.cause) {
			return &Failure{Status: k.status, Code: k.code, Message: err.Error(), Hint: k.hint}
		}
	}
	return &Failure{Status: http.StatusInternalServerError, Code: CodeInternal, Message: err.Error()}
}

func fail(w http.ResponseWriter, err error) {
	f := failureOf(err)
	write(w, f.Status, f)
}
