package main

import (
	"errors"
	"syscall"

	"github.com/Microsoft/hcsshim"
)

// codeOf finds the number in an error of hcsshim. Its types have no Unwrap, so
// each is peeled by hand.
func codeOf(err error) uint32 {
	if e, ok := errors.AsType[*hcsshim.ContainerError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*hcsshim.ProcessError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*hcsshim.HcsError](err); ok {
		err = e.Err
	}
	errno, _ := errors.AsType[syscall.Errno](err)
	return uint32(errno)
}

func predicates(err error) []string {
	var is []string
	for _, p := range []struct {
		name  string
		holds func(error) bool
	}{
		{"NotExist", hcsshim.IsNotExist},
		{"AlreadyClosed", hcsshim.IsAlreadyClosed},
		{"Pending", hcsshim.IsPending},
		{"Timeout", hcsshim.IsTimeout},
		{"AlreadyStopped", hcsshim.IsAlreadyStopped},
		{"NotSupported", hcsshim.IsNotSupported},
		{"InvalidState", hcsshim.IsOperationInvalidState},
		{"AccessDenied", hcsshim.IsAccessIsDenied},
	} {
		if p.holds(err) {
			is = append(is, p.name)
		}
	}
	return is
}
