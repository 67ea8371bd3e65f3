package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"sync"

	"github.com/Microsoft/hcsshim"
	"github.com/sirupsen/logrus"
)

// Request is one call. What the members mean depends on Op.
type Request struct {
	Seq    int
	Op     string
	Name   string // of the handle that the call uses or makes
	ID     string
	PID    int
	MS     int // how long to wait
	Text   string
	Paths  []string
	Config json.RawMessage
}

// Reply tells how the call ended.
type Reply struct {
	Seq   int
	Error string
	Code  uint32   // the number in the error
	Is    []string // the predicates of hcsshim that hold for it
	Value any
}

// session holds what the calls have made, by the names that the requests give.
type session struct {
	mu         sync.Mutex
	containers map[string]hcsshim.Container
	processes  map[string]hcsshim.Process
	out        *json.Encoder
}

func main() {
	logrus.SetLevel(logrus.PanicLevel) // errors come back in the replies
	go exitOnInterrupt()
	s := &session{
		containers: map[string]hcsshim.Container{},
		processes:  map[string]hcsshim.Process{},
		out:        json.NewEncoder(os.Stdout),
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r Request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			fmt.Fprintln(os.Stderr, "probe:", err)
			os.Exit(2)
		}
		go s.serve(r)
	}
}

// exitOnInterrupt ends the probe with a code that tells why.
func exitOnInterrupt() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	<-c
	os.Exit(42)
}

func (s *session) serve(r Request) {
	value, err := s.do(r)
	reply := Reply{Seq: r.Seq, Value: value}
	if err != nil {
		reply.Error, reply.Code, reply.Is = err.Error(), codeOf(err), predicates(err)
	}
	s.mu.Lock()
	err = s.out.Encode(reply)
	s.mu.Unlock()
	if err != nil {
		os.Exit(3) // nobody reads any more
	}
}

func (s *session) do(r Request) (any, error) {
	for _, ops := range []map[string]func(Request) (any, error){s.systemOps(), s.processOps(), hostOps()} {
		if op, ok := ops[r.Op]; ok {
			return op(r)
		}
	}
	return nil, fmt.Errorf("no op %q", r.Op)
}

func (s *session) container(r Request) hcsshim.Container {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.containers[r.Name]
}

func (s *session) process(r Request) hcsshim.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.processes[r.Name]
}
