package main

import (
	"errors"
	"syscall"

	"github.com/Microsoft/hcsshim"
)

// codeOf finds the number in an error of hcsshim. Its types have no Unwrap, so
// each is peeled by hand.
func codeOf(err error) uint32 {
	if e := (*hcsshim.ContainerError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	if e := (*hcsshim.ProcessError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	if e := (*hcsshim.HcsError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return uint32(errno)
	}
	return 0
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
