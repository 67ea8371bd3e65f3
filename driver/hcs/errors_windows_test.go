package hcs

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/Microsoft/hcsshim"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// Every way in which hcsshim wraps an error is taken apart.
func TestTaken(t *testing.T) {
	tests := map[string]struct {
		err  error
		code uint32
		want error
	}{
		"container":         {&hcsshim.ContainerError{Err: hcsshim.ErrVmcomputeOperationPending}, codePending, driver.ErrPending},
		"process":           {&hcsshim.ProcessError{Err: hcsshim.ErrElementNotFound}, codeElementAbsent, driver.ErrNotFound},
		"layer":             {&hcsshim.HcsError{Err: syscall.Errno(0x20)}, 0x20, nil},
		"wrapped container": {fmt.Errorf("x: %w", &hcsshim.ContainerError{Err: hcsshim.ErrComputeSystemDoesNotExist}), codeNotFound, driver.ErrNotFound},
		"network call":      {fmt.Errorf("failed during hnsCallRawResponse: %w", &hcsshim.HcsError{Err: syscall.Errno(0x6BA)}), 0x6BA, driver.ErrConnectionLost},
		"network":           {hcsshim.NetworkNotFoundError{NetworkName: "nat"}, codeElementAbsent, driver.ErrNotFound},
		"endpoint":          {hcsshim.EndpointNotFoundError{EndpointName: "e"}, codeElementAbsent, driver.ErrNotFound},
		"network text":      {errors.New("hns failed with error : Element not found. "), codeElementAbsent, driver.ErrNotFound},
		"timeout":           {&hcsshim.ContainerError{Err: hcsshim.ErrTimeout}, 0, driver.ErrTimeout},
		"abandoned":         {&hcsshim.ContainerError{Err: context.DeadlineExceeded}, 0, driver.ErrTimeout},
		"disconnect":        {&hcsshim.ProcessError{Err: hcsshim.ErrUnexpectedProcessAbort}, 0, driver.ErrConnectionLost},
		"plain":             {errors.New("plain"), 0, nil},
	}
	for name, tt := range tests {
		err := taken("call", tt.err)
		_, got := explain(err)
		if codeOf(err) != tt.code || !errors.Is(got, tt.want) {
			t.Errorf("%s: got 0x%X and %v, want 0x%X and %v", name, codeOf(err), got, tt.code, tt.want)
		}
	}
	if err := taken("call", nil); err != nil {
		t.Errorf("no error becomes %v", err)
	}
	if err := taken("call", &hcsshim.ContainerError{Err: hcsshim.ErrAlreadyClosed}); !errors.Is(err, errClosed) {
		t.Errorf("a closed handle becomes %v", err)
	}
}
