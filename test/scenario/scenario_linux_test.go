// Package scenario runs one list of end-to-end scenarios with the real program:
// on this machine with the local driver, and on a Windows machine under Wine with
// the driver for HCS, on our own stand-in for the service, and with the local
// one. It judges by what the hosts show, and by the marks that the programs in
// the containers leave; the program itself is only asked whether it is done. It
// is for tests only.
package scenario

import "testing"

// scenario is one story. It begins with empty folders and without a daemon.
type scenario struct {
	name string
	tell func(w *world)
}

// everywhere is told on both hosts.
var everywhere = []scenario{
	{"Drop", drop},
	{"Edit", edit},
	{"Rename", rename},
	{"Comment", comment},
	{"Delete", del},
	{"BrokenEdit", brokenEdit},
	{"FolderGone", folderGone},
	{"CrashLoop", crashLoop},
	{"OneShot", oneShot},
	{"Dependency", dependency},
	{"Stubborn", stubbornOne},
	{"EndedUnseen", endedUnseen},
	{"Foreign", foreign},
	{"Rollback", rollback},
	{"StartFirst", startFirst},
	{"Hold", hold},
	{"Probes", probes},
	{"GitStorm", gitStorm},
	{"Killed20Times", killed},
}

func TestOnThisMachine(t *testing.T) {
	m := newThisMachine(t)
	for _, s := range everywhere {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.tell(newWorld(t, m, s.name))
		})
	}
}

func TestOnWindows(t *testing.T) {
	h := newWindows(t)
	for _, s := range everywhere {
		t.Run(s.name, func(t *testing.T) { s.tell(h.world(t, s.name)) })
	}
	for _, s := range onKeeper {
		t.Run(s.name, func(t *testing.T) {
			w := h.world(t, s.name)
			s.tell(w, w.host.(*windows).Host)
		})
	}
	for _, s := range onService {
		t.Run(s.name, func(t *testing.T) {
			w := h.world(t, s.name)
			s.tell(w, w.host.(*windows).Host)
		})
	}
}

// TestOnWindowsLocally leaves out two: without a console every program is
// stubborn, and the stranger of that host is a compute system.
func TestOnWindowsLocally(t *testing.T) {
	h := newWindows(t)
	for _, s := range everywhere {
		if s.name == "Stubborn" || s.name == "Foreign" {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			w := h.world(t, s.name)
			w.host = &windowsLocal{w.host.(*windows)}
			s.tell(w)
		})
	}
}
