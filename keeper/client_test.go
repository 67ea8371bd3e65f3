package keeper

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// A greeting to somebody who reads nothing is over with its context: whoever
// starts a keeper then dials once more.
func TestGreetingThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		ctx, cancel := context.WithTimeout(t.Context(), tryLimit)
		defer cancel()
		begun := time.Now()
		if _, err := newClient(ctx, ours, Hello{}, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got error %v, want the end of the context", err)
		}
		if took := time.Since(begun); took != tryLimit {
			t.Errorf("it took %v, want %v", took, tryLimit)
		}
	})
}
