package manifest

import "reflect"

// Lifecycle hooks of a Pod.
type Lifecycle struct {
	PostStart *Hook `json:"postStart,omitempty"`
	PreStop   *Hook `json:"preStop,omitempty"`
}

// Hook is one lifecycle action; exactly one field is set.
type Hook struct {
	Exec    *ExecAction    `json:"exec,omitempty"`
	HTTPGet *HTTPGetAction `json:"httpGet,omitempty"`
	Sleep   *SleepAction   `json:"sleep,omitempty"`
}

// Probe of a Pod, and named pipes; exactly one action is set.
type Probe struct {
	Exec      *ExecAction      `json:"exec,omitempty"`
	HTTPGet   *HTTPGetAction   `json:"httpGet,omitempty"`
	TCPSocket *TCPSocketAction `json:"tcpSocket,omitempty"`
	GRPC      *GRPCAction      `json:"grpc,omitempty"`
	NamedPipe *NamedPipeAction `json:"namedPipe,omitempty"`

	InitialDelaySeconds int32 `json:"initialDelaySeconds,omitempty"`
	TimeoutSeconds      int32 `json:"timeoutSeconds,omitempty"`   // default 1
	PeriodSeconds       int32 `json:"periodSeconds,omitempty"`    // default 10
	SuccessThreshold    int32 `json:"successThreshold,omitempty"` // default 1
	FailureThreshold    int32 `json:"failureThreshold,omitempty"` // default 3
	// TerminationGracePeriodSeconds overrides the container's for a stop by this probe.
	TerminationGracePeriodSeconds *int64 `json:"terminationGracePeriodSeconds,omitempty"`
}

// ExecAction runs a command in the container.
type ExecAction struct {
	Command []string `json:"command"`
}

// HTTPGetAction asks a URL; 200..399 is success.
type HTTPGetAction struct {
	Path        string       `json:"path,omitempty"`
	Port        int32        `json:"port"`
	Host        string       `json:"host,omitempty"`
	Scheme      string       `json:"scheme,omitempty"` // HTTP | HTTPS
	HTTPHeaders []HTTPHeader `json:"httpHeaders,omitempty"`
}

// HTTPHeader is one request header.
type HTTPHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// TCPSocketAction succeeds when the port accepts.
type TCPSocketAction struct {
	Port int32  `json:"port"`
	Host string `json:"host,omitempty"`
}

// GRPCAction asks the standard gRPC health service.
type GRPCAction struct {
	Port    int32  `json:"port"`
	Service string `json:"service,omitempty"`
}

// NamedPipeAction succeeds when the pipe can be opened.
type NamedPipeAction struct {
	Path string `json:"path"`
}

// SleepAction waits.
type SleepAction struct {
	Seconds int64 `json:"seconds"`
}

// Probes are the probes of s by the words that their fields begin with, nil
// where there is none: startup, liveness, readiness.
func (s *Spec) Probes() [3]*Probe {
	return [3]*Probe{s.StartupProbe, s.LivenessProbe, s.ReadinessProbe}
}

// Same reports whether two probes ask the same in the same way.
func (p *Probe) Same(other *Probe) bool { return reflect.DeepEqual(p, other) }

// Handler is the name of the action that p takes.
func (p *Probe) Handler() string {
	switch {
	case p.Exec != nil:
		return "exec"
	case p.HTTPGet != nil:
		return "httpGet"
	case p.TCPSocket != nil:
		return "tcpSocket"
	case p.GRPC != nil:
		return "grpc"
	case p.NamedPipe != nil:
		return "namedPipe"
	default:
		return ""
	}
}

// Handler is the name of the action that h takes.
func (h *Hook) Handler() string {
	switch {
	case h.Exec != nil:
		return "exec"
	case h.HTTPGet != nil:
		return "httpGet"
	case h.Sleep != nil:
		return "sleep"
	default:
		return ""
	}
}

// WithoutHeaders is h as it may be stored: the values of headers may be secret.
func (h *Hook) WithoutHeaders() *Hook {
	if h == nil || h.HTTPGet == nil || len(h.HTTPGet.HTTPHeaders) == 0 {
		return h
	}
	get := *h.HTTPGet
	get.HTTPHeaders = nil
	return &Hook{HTTPGet: &get}
}
