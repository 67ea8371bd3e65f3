package main

import (
	"encoding/json"
	"os"
	"time"

	"github.com/Microsoft/hcsshim"
)

func (s *session) systemOps() map[string]func(Request) (any, error) {
	return map[string]func(Request) (any, error){
		"create": s.create,
		"open": func(r Request) (any, error) {
			c, err := hcsshim.OpenContainer(r.ID)
			return nil, s.keepContainer(r, c, err)
		},
		"list":      list,
		"start":     s.on(hcsshim.Container.Start),
		"shutdown":  s.on(hcsshim.Container.Shutdown),
		"terminate": s.on(hcsshim.Container.Terminate),
		"pause":     s.on(hcsshim.Container.Pause),
		"resume":    s.on(hcsshim.Container.Resume),
		"wait":      s.on(hcsshim.Container.Wait),
		"close":     s.on(hcsshim.Container.Close),
		"waitFor": func(r Request) (any, error) {
			return nil, s.container(r).WaitTimeout(time.Duration(r.MS) * time.Millisecond)
		},
		"statistics": func(r Request) (any, error) { return s.container(r).Statistics() },
		"processes":  func(r Request) (any, error) { return s.container(r).ProcessList() },
		"modify":     s.modify,
		"pid":        func(Request) (any, error) { return os.Getpid(), nil },
	}
}

// on makes an op of a method without arguments.
func (s *session) on(method func(hcsshim.Container) error) func(Request) (any, error) {
	return func(r Request) (any, error) { return nil, method(s.container(r)) }
}

func (s *session) keepContainer(r Request, c hcsshim.Container, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.containers[r.Name] = c
	}
	return err
}

func (s *session) create(r Request) (any, error) {
	var config hcsshim.ContainerConfig
	if err := json.Unmarshal(r.Config, &config); err != nil {
		return nil, err
	}
	c, err := hcsshim.CreateContainer(r.ID, &config)
	return nil, s.keepContainer(r, c, err)
}

func list(r Request) (any, error) {
	var query hcsshim.ComputeSystemQuery
	if err := json.Unmarshal(r.Config, &query); err != nil {
		return nil, err
	}
	return hcsshim.GetContainers(query)
}

func (s *session) modify(r Request) (any, error) {
	return nil, s.container(r).Modify(&hcsshim.ResourceModificationRequestResponse{
		Resource: hcsshim.Network,
		Request:  hcsshim.Add,
		Data:     r.Text,
	})
}
