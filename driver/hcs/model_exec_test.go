package hcs

import (
	"fmt"
	"io"
	"time"
)

// steps acts the program that the suite executes in containers: see
// drivertest.Harness.Exec.
func (p *mProcess) steps(todo []string) {
	if p.doc.EmulateConsole && p.in == nil {
		p.exit(0xC000013A) // as real consoles do
		return
	}
	value := func() string {
		todo = todo[1:]
		return todo[0]
	}
	code := uint32(0)
	for ; len(todo) > 0; todo = todo[1:] {
		switch todo[0] {
		case "print":
			fmt.Fprintln(p.out, value())
		case "err":
			fmt.Fprintln(p.err, value())
		case "env":
			fmt.Fprintln(p.out, p.doc.Environment[value()])
		case "cat":
			_, _ = io.Copy(p.out, p.in)
		case "sleep":
			time.Sleep(time.Duration(number(value())) * time.Millisecond)
		case "forever":
			return
		case "exit":
			code = number(value())
		}
	}
	p.exit(code)
}

// kill does what hcsshim's does, see host.go.
func (h *mProcessHandle) kill() error {
	m := h.sys.m
	if err := m.enter("kill", h.sys.id); err != nil {
		return err
	}
	if err := m.enter("open", h.sys.id); err != nil {
		select {
		case <-h.from.closed:
		default:
			h.sys.stop(1)
		}
		return nil
	}
	time.AfterFunc(time.Millisecond, func() { h.proc.exit(1) })
	return nil
}

func (h *mProcessHandle) resize(uint16, uint16) error { return h.sys.m.enter("resize", h.sys.id) }
