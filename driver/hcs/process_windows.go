package hcs

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/windows"
)

// hostProcesses are the processes of this host.
type hostProcesses struct{}

func (hostProcesses) openProcess(pid int) (hostProcess, error) {
	handle, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION|windows.SYNCHRONIZE, false, uint32(pid)) //nolint:gosec // process numbers have 32 bits
	if errors.Is(err, windows.ERROR_INVALID_PARAMETER) {
		return nil, errNoProcess
	}
	if err != nil {
		return nil, fmt.Errorf("open process %d: %w", pid, err)
	}
	var made, ended, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(handle, &made, &ended, &kernel, &user); err != nil {
		return nil, errors.Join(fmt.Errorf("times of process %d: %w", pid, err), windows.CloseHandle(handle))
	}
	return &openHandle{handle: handle, made: time.Unix(0, made.Nanoseconds())}, nil
}

// openHandle is an open process. While it is open its number is not reused.
type openHandle struct {
	made time.Time

	mu     sync.Mutex
	handle windows.Handle // 0: closed
}

func (h *openHandle) born() time.Time { return h.made }

func (h *openHandle) exit() (uint32, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.handle == 0 {
		return 0, false
	}
	// The code alone would not do: 259 means "still running", and is a code.
	if event, err := windows.WaitForSingleObject(h.handle, 0); err != nil || event != windows.WAIT_OBJECT_0 {
		return 0, false
	}
	var code uint32
	if err := windows.GetExitCodeProcess(h.handle, &code); err != nil {
		return 0, false
	}
	return code, true
}

func (h *openHandle) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.handle != 0 {
		_ = windows.CloseHandle(h.handle)
		h.handle = 0
	}
}
