package hcs

import (
	"context"
	"fmt"
	"sync"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

const execVerb driver.Action = "exec"

var _ driver.Execer = (*Driver)(nil)

// Exec launches a further process in the system of a running container.
// Environment and user come from what the container was started with, or, after
// an adoption, from Process.Container; where neither is known they are those
// that Windows in the container gives. The variables that a manifest takes from
// the host are read anew.
func (d *Driver) Exec(ctx context.Context, r driver.Ref, p driver.Process) (driver.Session, error) {
	var taken handover
	pick := func(b *box) *lane { return b.exec }
	err := d.on(ctx, string(execVerb), r, callLimit, pick, func(_ context.Context, b *box) error {
		s, err := d.execIn(b, p)
		if err == nil && !taken.put(s) {
			_ = s.Close() // the call came back after its caller had gone
		}
		return err
	})
	s := taken.take()
	if err != nil || s == nil {
		if s != nil {
			_ = s.Close()
		}
		return nil, fail(execVerb, r, err)
	}
	return s, nil
}

// handover passes a session to a caller who may have gone.
type handover struct {
	mu   sync.Mutex
	s    *session
	gone bool
}

func (h *handover) put(s *session) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.gone {
		h.s = s
	}
	return !h.gone
}

func (h *handover) take() *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gone = true
	return h.s
}

func (d *Driver) execIn(b *box, p driver.Process) (*session, error) {
	state, sys, r, n := d.look(b)
	if state != driver.Running || r == nil {
		return nil, driver.ErrNotRunning
	}
	doc, err := d.execDocument(b, p)
	if err != nil {
		return nil, err
	}
	if sys == nil { // adopted, and not opened yet
		if sys, err = d.machine.open(b.id); err != nil {
			return nil, err
		}
		defer sys.close()
	}
	proc, err := sys.launch(doc)
	if codeOf(err) == codeInvalidState { // it is just ending
		return nil, fmt.Errorf("%w: %w", driver.ErrNotRunning, err)
	}
	if err != nil {
		return nil, err
	}
	return d.newSession(b, r, n.VM, proc, p)
}

// execDocument describes p as a process of the container of b.
func (d *Driver) execDocument(b *box, p driver.Process) (*processConfig, error) {
	doc := &processConfig{}
	d.mu.Lock()
	c := b.made
	d.mu.Unlock()
	if c == nil {
		c = p.Container
	}
	linux := false
	if c != nil {
		linux = c.Spec.OS == manifest.OSLinux
		_, image, err := d.image(c)
		if err != nil {
			return nil, err
		}
		if err := surroundings(doc, &c.Spec, image, hostValue); err != nil {
			return nil, err
		}
	}
	if p.WorkingDir != "" {
		doc.WorkingDirectory = p.WorkingDir
	}
	// A console without an input pipe ends its program with 0xC000013A.
	doc.CreateStdInPipe = p.Stdin || p.TTY
	doc.CreateStdOutPipe, doc.CreateStdErrPipe, doc.EmulateConsole = true, !p.TTY, p.TTY
	if p.TTY {
		rows, cols := p.Size()
		doc.ConsoleSize = [2]uint{uint(rows), uint(cols)}
	}
	line, err := commandLine(p.Command)
	if err != nil {
		return nil, err
	}
	if linux {
		doc.CommandArgs = p.Command
	} else {
		doc.CommandLine = line
	}
	return doc, nil
}
