package hcs

import (
	"context"
	"errors"
	"syscall"

	"github.com/Microsoft/hcsshim"
)

// taken takes an error of hcsshim apart. Its types do not unwrap, and its own
// predicates look at the outermost type only, so this is done once, here,
// before anything is wrapped around it.
func taken(call string, err error) error {
	if err == nil {
		return nil
	}
	inner := peel(err)
	h := &hostError{call: call, kind: kindOf(inner), text: err.Error()}
	var errno syscall.Errno
	var noNetwork hcsshim.NetworkNotFoundError
	var noEndpoint hcsshim.EndpointNotFoundError
	switch {
	case errors.As(inner, &errno):
		h.code = uint32(errno)
	case errors.As(inner, &noNetwork), errors.As(inner, &noEndpoint), saysAbsent(h.text):
		h.code = codeElementAbsent
	}
	return h
}

// peel removes the wrappers of hcsshim that hide what is in them.
func peel(err error) error {
	for {
		var c *hcsshim.ContainerError
		var p *hcsshim.ProcessError
		var l *hcsshim.HcsError
		switch {
		case errors.As(err, &c) && c.Err != nil:
			err = c.Err
		case errors.As(err, &p) && p.Err != nil:
			err = p.Err
		case errors.As(err, &l) && l.Err != nil:
			err = l.Err
		default:
			return err
		}
	}
}

// kindOf recognises the errors of hcsshim that bear no code of Windows.
func kindOf(err error) error {
	switch {
	case errors.Is(err, hcsshim.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return errNoAnswer
	case errors.Is(err, hcsshim.ErrUnexpectedProcessAbort):
		return errLost
	case errors.Is(err, hcsshim.ErrUnexpectedContainerExit):
		return errEnded
	case errors.Is(err, hcsshim.ErrAlreadyClosed), errors.Is(err, hcsshim.ErrHandleClose):
		return errClosed
	default:
		return nil
	}
}
