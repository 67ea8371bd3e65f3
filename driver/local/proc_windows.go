package local

import (
	"errors"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// startGrain is by how much a start may seem to be earlier than it was: the
// kernel stamps it with its coarse clock.
const startGrain = int64(20 * time.Millisecond)

// maxEnviron bounds what is believed of the size of an environment, in bytes.
const maxEnviron = 1 << 20

// bornClock reads the clock with which the kernel stamps the start of processes.
func bornClock() int64 { return time.Now().UnixNano() }

func startTime(start int64) time.Time { return time.Unix(0, start) }

// bootID is not needed where the clock does not begin anew.
func bootID() string { return "" }

// scan returns the processes that bear marks, and those that the journal may
// vouch for, without the ones in known. Every process may be an init process
// here; the oldest of a run is.
func scan(known map[int]struct{}, vouched map[int]entry) ([]seen, error) {
	snapshot, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return nil, err
	}
	defer windows.CloseHandle(snapshot)
	var found []seen
	e := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(snapshot, &e); err == nil; err = windows.Process32Next(snapshot, &e) {
		pid := int(e.ProcessID)
		if _, ok := known[pid]; ok || pid == 0 || pid == os.Getpid() {
			continue
		}
		_, suspect := vouched[pid]
		if s, ok := look(pid); ok || suspect && s.start != 0 {
			s.parent = int(e.ParentProcessID)
			found = append(found, s)
		}
	}
	if !errors.Is(err, windows.ERROR_NO_MORE_FILES) {
		return nil, err
	}
	return found, nil
}

// look reads the marks of one process, and when it started.
func look(pid int) (s seen, ok bool) {
	const access = windows.PROCESS_QUERY_INFORMATION | windows.PROCESS_VM_READ
	p, err := windows.OpenProcess(access, false, uint32(pid))
	if err != nil {
		return seen{}, false // gone, or not ours to read
	}
	defer windows.CloseHandle(p)
	start, err := creationTime(p)
	if err != nil {
		return seen{}, false
	}
	s = seen{pid: pid, leader: true, trusted: true, start: start}
	text, err := environOf(p)
	if err != nil {
		return s, false
	}
	s.marks, ok = parseMarks(text)
	return s, ok
}

func creationTime(p windows.Handle) (int64, error) {
	var creation, exit, kernel, user windows.Filetime
	err := windows.GetProcessTimes(p, &creation, &exit, &kernel, &user)
	return creation.Nanoseconds(), err
}

// environOf reads the environment block of another process by way of its
// process environment block and the parameters that it points to.
func environOf(p windows.Handle) (string, error) {
	var info windows.PROCESS_BASIC_INFORMATION
	err := windows.NtQueryInformationProcess(p, windows.ProcessBasicInformation,
		unsafe.Pointer(&info), uint32(unsafe.Sizeof(info)), nil)
	if err != nil {
		return "", err
	}
	var params, block, size uintptr
	var peb windows.PEB
	var par windows.RTL_USER_PROCESS_PARAMETERS
	at := uintptr(unsafe.Pointer(info.PebBaseAddress))
	if params, err = readPointer(p, at+unsafe.Offsetof(peb.ProcessParameters)); err != nil {
		return "", err
	}
	if block, err = readPointer(p, params+unsafe.Offsetof(par.Environment)); err != nil {
		return "", err
	}
	if size, err = readPointer(p, params+unsafe.Offsetof(par.EnvironmentSize)); err != nil {
		return "", err
	}
	if size < 2 || size > maxEnviron {
		return "", windows.ERROR_BAD_ENVIRONMENT
	}
	text := make([]uint16, size/2)
	err = windows.ReadProcessMemory(p, block, (*byte)(unsafe.Pointer(&text[0])), size/2*2, nil)
	return decodeBlock(text), err
}

// decodeBlock keeps the NULs between the variables, at which
// windows.UTF16ToString would stop.
func decodeBlock(text []uint16) string {
	var s []byte
	for len(text) > 0 {
		n := 0
		for n < len(text) && text[n] != 0 {
			n++
		}
		s = append(append(s, windows.UTF16ToString(text[:n])...), 0)
		text = text[min(n+1, len(text)):]
	}
	return string(s)
}

func readPointer(p windows.Handle, at uintptr) (v uintptr, err error) {
	err = windows.ReadProcessMemory(p, at, (*byte)(unsafe.Pointer(&v)), unsafe.Sizeof(v), nil)
	return v, err
}
