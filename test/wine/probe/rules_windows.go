package main

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// calling is what the calling rules look like to a caller without hcsshim.
type calling struct {
	Create        uint64 // the whole register, which must hold no sign
	Open          uint64 // of what does not exist
	Handle        bool   // there is one, though the creation is pending
	Type          uint32 // of the first notification
	Status        uint64 // of it
	ForeignThread bool   // it came on another thread
	Drained       bool   // the callback had returned before the unregistration did
}

// rules makes a system by the bare exports, and listens to its creation.
func rules(r Request) (any, error) {
	dll := windows.NewLazySystemDLL("vmcompute.dll")
	id, err := windows.UTF16PtrFromString(r.ID)
	if err != nil {
		return nil, err
	}
	document, err := windows.UTF16PtrFromString(string(r.Config))
	if err != nil {
		return nil, err
	}
	var got calling
	var system, registration, result uintptr
	got.Open = callOpen(dll, id, &system, &result)
	got.Create = callCreate(dll, id, document, &system, &result)
	got.Handle = system != 0

	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	thread, began := windows.GetCurrentThreadId(), make(chan struct{})
	var done atomic.Bool
	callback := syscall.NewCallback(func(kind uint32, _, status, _ uintptr) uintptr {
		got.Type, got.Status = kind, uint64(status)
		got.ForeignThread = windows.GetCurrentThreadId() != thread
		close(began)
		time.Sleep(200 * time.Millisecond) // so that the unregistration finds it under way
		done.Store(true)
		return 0
	})
	_, _, _ = dll.NewProc("HcsRegisterComputeSystemCallback").Call(system, callback, 0, uintptr(unsafe.Pointer(&registration)))
	<-began
	_, _, _ = dll.NewProc("HcsUnregisterComputeSystemCallback").Call(registration)
	got.Drained = done.Load()
	_, _, _ = dll.NewProc("HcsTerminateComputeSystem").Call(system, uintptr(unsafe.Pointer(new(uint16))), 0)
	_, _, _ = dll.NewProc("HcsCloseComputeSystem").Call(system)
	return got, nil
}

func callOpen(dll *windows.LazyDLL, id *uint16, out, result *uintptr) uint64 {
	code, _, _ := dll.NewProc("HcsOpenComputeSystem").Call(uintptr(unsafe.Pointer(id)), uintptr(unsafe.Pointer(out)), uintptr(unsafe.Pointer(result)))
	return uint64(code)
}

func callCreate(dll *windows.LazyDLL, id, document *uint16, out, result *uintptr) uint64 {
	code, _, _ := dll.NewProc("HcsCreateComputeSystem").Call(uintptr(unsafe.Pointer(id)), uintptr(unsafe.Pointer(document)), 0,
		uintptr(unsafe.Pointer(out)), uintptr(unsafe.Pointer(result)))
	return uint64(code)
}
