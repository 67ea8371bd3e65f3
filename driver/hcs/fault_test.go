package hcs

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

var sentinels = []error{
	driver.ErrNotFound, driver.ErrExists, driver.ErrRunning, driver.ErrNotRunning, driver.ErrPending,
	driver.ErrUnsupported, driver.ErrInvalid, driver.ErrForeign, driver.ErrConnectionLost, driver.ErrTimeout,
}

// What each code comes to in the hands of the reconciler.
func TestCodesSettle(t *testing.T) {
	tests := []struct {
		action driver.Action
		code   uint32
		want   error // after Settle; nil: success
	}{
		{driver.Shutdown, 0xC0370103, nil},
		{driver.Terminate, 0xC0370103, nil},
		{driver.Shutdown, 0xC0370110, nil},
		{driver.Terminate, 0x8037011F, nil},
		{driver.Terminate, 0xC037010E, nil},
		{driver.Remove, 0xC037010E, nil},
		{driver.Create, 0xC037010F, nil},
		{driver.Start, 0xC037010E, driver.ErrNotFound},
		{driver.Start, 0xC0370101, driver.ErrInvalid},
		{driver.Start, 0x2, driver.ErrInvalid},
		{driver.Create, 0xC037010D, driver.ErrInvalid},
		{driver.Terminate, 0x6BF, driver.ErrConnectionLost},
		{driver.Start, 0xC0370109, driver.ErrTimeout},
		// "Procedure not found" was once read as "stopped", and left containers alive.
		{driver.Shutdown, 0x7F, errAny},
		{driver.Terminate, 0x80004005, errAny},
		{driver.Start, 0xC0370105, errAny},
		{driver.Create, 0x5, errAny},
	}
	for _, tt := range tests {
		err := driver.Settle(tt.action, fail(tt.action, driver.Ref{Name: "web"}, coded("call", tt.code)))
		switch {
		case tt.want == nil && err != nil:
			t.Errorf("0x%X of %s: got error %v, want success", tt.code, tt.action, err)
		case tt.want != nil && err == nil:
			t.Errorf("0x%X of %s is taken for success", tt.code, tt.action)
		case tt.want != nil && !errors.Is(tt.want, errAny) && !errors.Is(err, tt.want):
			t.Errorf("0x%X of %s: got error %v, want %v", tt.code, tt.action, err, tt.want)
		}
	}
}

var errAny = errors.New("any error")

func TestKindsWithoutCode(t *testing.T) {
	tests := map[error]error{errLost: driver.ErrConnectionLost, errNoAnswer: driver.ErrTimeout}
	for kind, want := range tests {
		err := fail(driver.Start, driver.Ref{}, fmt.Errorf("start: %w", &hostError{call: "start", kind: kind, text: "x"}))
		if !errors.Is(err, want) || !driver.TimedOut(err) {
			t.Errorf("%v becomes %v, want %v", kind, err, want)
		}
	}
}

// The text of an error tells the call, what Windows said with all its events,
// the code, and what a person can do.
func TestErrorText(t *testing.T) {
	err := fail(driver.Start, driver.Ref{Name: "web"}, &hostError{
		call: "start", code: 0xC0370101, text: "failure in a Windows system call: mismatch\n[Event Detail: the image is too new Provider: 5]\n",
	})
	const want = "start web: container cannot be made as described: start: failure in a Windows system call: mismatch; " +
		"[Event Detail: the image is too new Provider: 5] (0xc0370101) (" + hintBuild + ")"
	if got := err.Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	plain := &hostError{call: "find network", text: "hns failed (0x490)", code: codeElementAbsent}
	if got, want := plain.Error(), "find network: hns failed (0x490)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSaysAbsent(t *testing.T) {
	for text, want := range map[string]bool{
		"hns failed with error : Element not found. ":                                                  true,
		"HNS failed with error : The object identifier does not represent a valid object. ":            true,
		"hns failed with error : {\"Success\":false,\"Error\":\"Element not found.\",\"ErrorCode\":1}": false,
		"hns failed with error : Unspecified error":                                                    false,
		"": false,
	} {
		if got := saysAbsent(text); got != want {
			t.Errorf("saysAbsent(%q) = %v, want %v", text, got, want)
		}
	}
}

// Whatever Windows says becomes an OpError with at most one meaning, that
// bears the code, on one line.
func FuzzClassify(f *testing.F) {
	for code := range meanings {
		f.Add(code, "text\nand events", uint8(0))
	}
	f.Add(uint32(0), "", uint8(3))
	f.Fuzz(func(t *testing.T, code uint32, text string, wrap uint8) {
		var err error = &hostError{call: "call", code: code, text: text}
		for range wrap % 4 {
			err = errors.Join(fmt.Errorf("step: %w", err), errors.New("and undoing"))
		}
		got := fail(driver.Create, driver.Ref{Name: "web"}, err)
		var op *driver.OpError
		if !errors.As(got, &op) || codeOf(got) != code {
			t.Fatalf("0x%X becomes %v", code, got)
		}
		want := meanings[code].sentinel
		for _, s := range sentinels {
			if errors.Is(got, s) != (s == want) {
				t.Errorf("0x%X: errors.Is(%v, %v) is %v", code, got, s, errors.Is(got, s))
			}
		}
		if h := (&hostError{call: "call", code: code, text: text}).Error(); strings.Contains(h, "\n") || code != 0 && !strings.Contains(strings.ToLower(h), fmt.Sprintf("0x%x", code)) {
			t.Errorf("text %q", h)
		}
	})
}
