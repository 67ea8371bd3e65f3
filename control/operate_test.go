package control

import (
	"errors"
	"fmt"
	"net/http"
	"os/user"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
)

// TestOperatorsAreNamed wants each wish handed on with the user of the process
// at the other end of the socket.
func TestOperatorsAreNamed(t *testing.T) {
	e := &fakeEngine{held: []string{"web"}}
	c := serve(t, e, statedb.NewMem())
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	_, err1 := c.Restart(ctx, "web")
	_, err2 := c.Retry(ctx, "web")
	_, err3 := c.Hold(ctx, "web", HoldRequest{Until: moment, Reason: "a look inside"})
	done, err4 := c.Release(ctx, "web")
	_, err5 := c.ConfirmPrune(ctx)
	_, err6 := c.Rollback(ctx, "web", RollbackRequest{To: 3})
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		t.Fatal(err)
	}
	by := " by " + me.Username
	want := []string{
		"restart web" + by, "retry web" + by, "hold web until 2026-11-22T08:00:00Z because a look inside" + by, "release web" + by, "confirm" + by,
		"rollback web to 3" + by,
	}
	if diff := cmp.Diff(want, e.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Done{"web", me.Username}, done); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestWhatOperatorsCannotHave(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
		code   string
	}{
		{fmt.Errorf("restart %q: %w", "web", engine.ErrNoContainer), http.StatusNotFound, CodeNotFound},
		{fmt.Errorf("restart web: %w", engine.ErrRefused), http.StatusConflict, CodeRefused},
		{engine.ErrStopped, http.StatusServiceUnavailable, CodeUnavailable},
		{errors.New("disk full"), http.StatusInternalServerError, CodeInternal},
	} {
		_, err := serve(t, &fakeEngine{err: tt.err}, statedb.NewMem()).Restart(t.Context(), "web")
		f, ok := errors.AsType[*Failure](err)
		if !ok || f.Status != tt.status || f.Code != tt.code || f.Message != tt.err.Error() {
			t.Errorf("Restart when the engine says %q = %+v, want %d %s", tt.err, err, tt.status, tt.code)
		}
	}
}

func TestHoldReadsItsBodyStrictly(t *testing.T) {
	c := serve(t, &fakeEngine{}, statedb.NewMem())
	for _, body := range []any{map[string]string{"untl": "x"}, map[string]int{"until": 3}, strings.Repeat("x", maxBody), "a text"} {
		_, err := call[Done](t.Context(), c, http.MethodPost, "/v1/hold/web", body)
		if f, ok := errors.AsType[*Failure](err); !ok || f.Code != CodeBadRequest {
			t.Errorf("hold with %.20v = %v, want a bad request", body, err)
		}
	}
	if _, err := call[Done](t.Context(), c, http.MethodPost, "/v1/hold/web", nil); err != nil {
		t.Errorf("hold without a body: %v", err)
	}
}
