package main

import (
	"encoding/json"
	"io"
	"time"

	"github.com/Microsoft/hcsshim"
)

func (s *session) processOps() map[string]func(Request) (any, error) {
	return map[string]func(Request) (any, error){
		"exec":        s.exec,
		"openProcess": s.openProcess,
		"kill":        s.onProcess(hcsshim.Process.Kill),
		"waitProcess": s.onProcess(hcsshim.Process.Wait),
		"closeStdin":  s.onProcess(hcsshim.Process.CloseStdin),
		"closeProcess": s.onProcess(
			hcsshim.Process.Close),
		"waitProcessFor": func(r Request) (any, error) {
			return nil, s.process(r).WaitTimeout(time.Duration(r.MS) * time.Millisecond)
		},
		"exitCode": func(r Request) (any, error) { return s.process(r).ExitCode() },
		"stdio":    s.stdio,
		"resize":   func(r Request) (any, error) { return nil, s.process(r).ResizeConsole(80, 25) },
	}
}

func (s *session) onProcess(method func(hcsshim.Process) error) func(Request) (any, error) {
	return func(r Request) (any, error) { return nil, method(s.process(r)) }
}

// exec makes a process in the container ID, and keeps it as Name.
func (s *session) exec(r Request) (any, error) {
	var config hcsshim.ProcessConfig
	if err := json.Unmarshal(r.Config, &config); err != nil {
		return nil, err
	}
	p, err := s.container(Request{Name: r.ID}).CreateProcess(&config)
	return s.keepProcess(r, p, err)
}

func (s *session) openProcess(r Request) (any, error) {
	p, err := s.container(Request{Name: r.ID}).OpenProcess(r.PID)
	return s.keepProcess(r, p, err)
}

func (s *session) keepProcess(r Request, p hcsshim.Process, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.processes[r.Name] = p
	return p.Pid(), nil
}

// streams is what came out of a process, and which of its pipes there are.
type streams struct {
	Pipes          [3]bool
	Stdout, Stderr string
	Bytes          int // of stdout
}

// stdio writes Text to the process, MS times over, and reads all that it says.
func (s *session) stdio(r Request) (any, error) {
	in, out, errs, err := s.process(r).Stdio()
	if err != nil {
		return nil, err
	}
	result := streams{Pipes: [3]bool{in != nil, out != nil, errs != nil}}
	if in != nil {
		go func() {
			defer in.Close()
			for range max(1, r.MS) {
				if _, err := io.WriteString(in, r.Text); err != nil {
					return
				}
			}
		}()
	}
	if result.Stdout, err = readAll(out); err != nil {
		return nil, err
	}
	result.Bytes = len(result.Stdout)
	result.Stdout = result.Stdout[:min(4096, result.Bytes)]
	result.Stderr, err = readAll(errs)
	return result, err
}

func readAll(r io.Reader) (string, error) {
	if r == nil {
		return "", nil
	}
	data, err := io.ReadAll(r)
	return string(data), err
}
