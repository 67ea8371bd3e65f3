package local

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

const (
	attributeJobList = 0x0002000D // PROC_THREAD_ATTRIBUTE_JOB_LIST
	jobObjectQuery   = 0x0004     // JOB_OBJECT_QUERY
)

// badProgram are the errors of CreateProcess that the manifest is to blame for.
var badProgram = []error{
	windows.ERROR_FILE_NOT_FOUND, windows.ERROR_PATH_NOT_FOUND, windows.ERROR_ACCESS_DENIED, windows.ERROR_BAD_EXE_FORMAT,
	windows.ERROR_DIRECTORY, windows.ERROR_INVALID_NAME, windows.ERROR_FILENAME_EXCED_RANGE, windows.ERROR_ELEVATION_REQUIRED,
}

// launch creates the process inside its job and as the head of a process
// group of its own; it reads nothing.
func (h *host) launch(l launch) (*process, error) {
	job, err := openJob(l.marks)
	if err != nil {
		return nil, fmt.Errorf("create job object: %w", err)
	}
	started := time.Now()
	info, err := createProcess(l, h.null, job)
	if err != nil {
		_ = windows.CloseHandle(job)
		return nil, execError(l.command, err)
	}
	_ = windows.CloseHandle(info.Thread)
	keepName(job, info.Process)
	p := &process{marks: l.marks, pid: int(info.ProcessId), started: started, forked: bornClock()}
	p.os.handle, p.os.job = info.Process, job
	return p, nil
}

// openJob makes the job object of a run, or finds it again.
func openJob(m marks) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(fmt.Sprintf(`Local\hcs-reconcile-%s-%s-%d`, m.owner, m.ref, m.born))
	if err != nil {
		return 0, err
	}
	return windows.CreateJobObject(nil, name)
}

// keepName gives the process a handle of its own job: a job's name lasts as
// long as a handle is open, and shall outlive the daemon.
func keepName(job, process windows.Handle) {
	var there windows.Handle
	_ = windows.DuplicateHandle(windows.CurrentProcess(), job, process, &there, jobObjectQuery, false, 0)
}

func createProcess(l launch, null, job windows.Handle) (*windows.ProcessInformation, error) {
	attrs, err := windows.NewProcThreadAttributeList(2)
	if err != nil {
		return nil, err
	}
	defer attrs.Delete()
	out, errs := windows.Handle(l.out), windows.Handle(l.err)
	inherit, jobs := []windows.Handle{null, out, errs}, []windows.Handle{job}
	const size = unsafe.Sizeof(job)
	if err := attrs.Update(windows.PROC_THREAD_ATTRIBUTE_HANDLE_LIST, unsafe.Pointer(&inherit[0]), 3*size); err != nil {
		return nil, err
	}
	if err := attrs.Update(attributeJobList, unsafe.Pointer(&jobs[0]), size); err != nil {
		return nil, err
	}
	start := &windows.StartupInfoEx{ProcThreadAttributeList: attrs.List()}
	start.Cb = uint32(unsafe.Sizeof(*start))
	start.Flags = windows.STARTF_USESTDHANDLES
	start.StdInput, start.StdOutput, start.StdErr = null, out, errs
	path, line, dir, err := programText(l.command)
	if err != nil {
		return nil, err
	}
	const flags = windows.CREATE_UNICODE_ENVIRONMENT | windows.EXTENDED_STARTUPINFO_PRESENT | windows.CREATE_NEW_PROCESS_GROUP
	info := new(windows.ProcessInformation)
	err = windows.CreateProcess(path, line, nil, nil, true, flags, envBlock(l.env), dir, &start.StartupInfo, info)
	return info, err
}

// programText returns the program (nil where the line names it), its command
// line and its folder. A relative program is meant from that folder.
func programText(c command) (path, line, dir *uint16, err error) {
	text := c.line
	if text == "" {
		text = windows.ComposeCommandLine(c.argv)
		program := c.path
		if !filepath.IsAbs(program) {
			program = filepath.Join(c.dir, program)
		}
		if path, err = windows.UTF16PtrFromString(program); err != nil {
			return nil, nil, nil, err
		}
	}
	if line, err = windows.UTF16PtrFromString(text); err != nil {
		return nil, nil, nil, err
	}
	dir, err = windows.UTF16PtrFromString(c.dir)
	return path, line, dir, err
}

// envBlock joins the variables; none of them holds a NUL.
func envBlock(env []string) *uint16 {
	var block []uint16
	for _, kv := range env {
		block = append(append(block, utf16.Encode([]rune(kv))...), 0)
	}
	block = append(block, 0, 0)
	return &block[0]
}

func execError(c command, err error) error {
	what := c.path
	if what == "" {
		what = c.line
	}
	for _, bad := range badProgram {
		if errors.Is(err, bad) {
			return fmt.Errorf("%w: exec %q in folder %q: %w", driver.ErrInvalid, what, c.dir, err)
		}
	}
	return fmt.Errorf("exec %q: %w", what, err)
}

// openInherited opens a file that a new process may be given.
func openInherited(path string, access, disposition uint32) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	sa := &windows.SecurityAttributes{InheritHandle: 1}
	sa.Length = uint32(unsafe.Sizeof(*sa))
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	return windows.CreateFile(name, access, share, sa, disposition, windows.FILE_ATTRIBUTE_NORMAL, 0)
}
