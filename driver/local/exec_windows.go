package local

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// osSession holds the job of one session, inside that of its container.
type osSession struct{ job windows.Handle }

var resumeProcess = windows.NewLazySystemDLL("ntdll.dll").NewProc("NtResumeProcess")

// surroundingsOf reads what a process was started with, and where it is now.
func surroundingsOf(pid int) (env []string, dir string, m marks) {
	const access = windows.PROCESS_QUERY_INFORMATION | windows.PROCESS_VM_READ
	p, err := windows.OpenProcess(access, false, uint32(pid))
	if err != nil {
		return nil, "", marks{}
	}
	defer windows.CloseHandle(p)
	text, err := environOf(p)
	if err != nil {
		return nil, "", marks{}
	}
	m, _ = parseMarks(text)
	for kv := range strings.SplitSeq(text, "\x00") {
		if kv != "" {
			env = append(env, kv)
		}
	}
	return env, folderOf(p), m
}

// folderOf reads the working directory of another process, "" if it cannot.
func folderOf(p windows.Handle) string {
	var info windows.PROCESS_BASIC_INFORMATION
	err := windows.NtQueryInformationProcess(p, windows.ProcessBasicInformation,
		unsafe.Pointer(&info), uint32(unsafe.Sizeof(info)), nil)
	if err != nil {
		return ""
	}
	var peb windows.PEB
	var par windows.RTL_USER_PROCESS_PARAMETERS
	params, err := readPointer(p, uintptr(unsafe.Pointer(info.PebBaseAddress))+unsafe.Offsetof(peb.ProcessParameters))
	if err != nil {
		return ""
	}
	var name windows.NTUnicodeString
	at := params + unsafe.Offsetof(par.CurrentDirectory) + unsafe.Offsetof(par.CurrentDirectory.DosPath)
	err = windows.ReadProcessMemory(p, at, (*byte)(unsafe.Pointer(&name)), unsafe.Sizeof(name), nil)
	if err != nil || name.Length == 0 {
		return ""
	}
	text := make([]uint16, name.Length/2)
	err = windows.ReadProcessMemory(p, uintptr(unsafe.Pointer(name.Buffer)), (*byte)(unsafe.Pointer(&text[0])), uintptr(name.Length), nil)
	if err != nil {
		return ""
	}
	return windows.UTF16ToString(text)
}

// connectTerminal refuses: this driver makes no pseudo consoles.
func (s *session) connectTerminal(*streams, driver.Process) error {
	return fmt.Errorf("%w: a terminal on Windows; use the driver hcs, or no terminal", driver.ErrUnsupported)
}

// Resize implements driver.Session.
func (s *session) Resize(uint16, uint16) error {
	return fmt.Errorf("resize terminal: %w: the process has none", driver.ErrUnsupported)
}

// start creates the process suspended and lets it go once it is in the job of
// its container, so that nothing it starts can be outside.
func (s *session) start(l launch) error {
	job, err := openJob(l.marks)
	if err != nil {
		return fmt.Errorf("open job object: %w", err)
	}
	defer windows.CloseHandle(job)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_SUSPENDED}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	held := s.cmd.Process.WithHandle(func(h uintptr) { err = s.confine(job, windows.Handle(h)) })
	if held != nil || err != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.release()
		return fmt.Errorf("put process in the job of its container: %w", err)
	}
	return nil
}

func (s *session) confine(job, process windows.Handle) error {
	if err := windows.AssignProcessToJobObject(job, process); err != nil {
		return err
	}
	// A job of its own, within the other, lets Close end all that it starts.
	// Where there are no jobs in jobs, Close ends the process alone.
	if own, err := windows.CreateJobObject(nil, nil); err == nil {
		if windows.AssignProcessToJobObject(own, process) == nil {
			s.os.job = own
		} else {
			_ = windows.CloseHandle(own)
		}
	}
	if status, _, _ := resumeProcess.Call(uintptr(process)); status != 0 {
		return windows.NTStatus(status)
	}
	return nil
}

// awaitEnd waits for the end of the process.
func (s *session) awaitEnd() {
	_ = s.cmd.Process.WithHandle(func(h uintptr) {
		_, _ = windows.WaitForSingleObject(windows.Handle(h), windows.INFINITE)
	})
}

// kill ends the process and what it started. s.mu is held.
func (s *session) kill() {
	if s.os.job != 0 {
		_ = windows.TerminateJobObject(s.os.job, killCode)
	}
	_ = s.cmd.Process.Kill()
}

// release frees the job; what is left in it goes on. s.mu is held.
func (s *session) release() {
	if s.os.job != 0 {
		_ = windows.CloseHandle(s.os.job)
		s.os.job = 0
	}
}

func exitCode(st *os.ProcessState) uint32 { return uint32(st.ExitCode()) }
