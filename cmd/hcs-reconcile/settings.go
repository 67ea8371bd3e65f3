package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
)

// settings are what the commands can be told. Each command offers the groups
// of flags that mean something to it; all of them can stand in the config file.
type settings struct {
	config, manifests, stateDir string
	allowInsecure               bool

	driver, owner string
	workers       int
	timeout       time.Duration
	execProbes    int
	resync        time.Duration
	stopOnExit    bool
	looking       bool // plan: nothing will be done

	labels map[string]string // given by the user
	// daemonLabels are those of the daemon that plan asks; nil: none is asked.
	daemonLabels map[string]string
	settle       folder.Settle
	brake        reconcile.BrakeConfig
	web          webSettings
	traces       string // endpoint of a collector

	logLevel, logFormat string
}

// group is a part of a command's flags under a title of its own.
type group struct {
	title string
	flags *pflag.FlagSet
}

func newGroup(title string) group {
	g := group{title, pflag.NewFlagSet(title, pflag.ContinueOnError)}
	g.flags.SortFlags = false
	return g
}

// allGroups lists every setting that there is.
func (s *settings) allGroups() []group {
	return []group{
		s.configGroup(), s.folderGroup(), s.stateGroup(), s.labelGroup(), s.driverGroup(), s.paceGroup(), s.runGroup(),
		s.settleGroup(), s.brakeGroup(), s.webGroup(), s.tracingGroup(), s.logGroup("info"), s.trustGroup(),
	}
}

func (s *settings) configGroup() group {
	g := newGroup("Settings")
	g.flags.StringVar(&s.config, "config", "", "YAML `file` with settings, named like the flags")
	return g
}

func (s *settings) folderGroup() group {
	g := newGroup("Folders")
	g.flags.StringVar(&s.manifests, "manifests", defaultDir("manifests"), "`folder` of manifests")
	return g
}

func (s *settings) stateGroup() group {
	g := newGroup("Folders")
	g.flags.StringVar(&s.stateDir, "state-dir", defaultDir("state"), "`folder` for state, logs and the control socket")
	return g
}

func (s *settings) trustGroup() group {
	g := newGroup("Folders")
	g.flags.BoolVar(&s.allowInsecure, "allow-insecure-folders", false, "go on although ordinary users can write to these folders")
	return g
}

func (s *settings) driverGroup() group {
	g := newGroup("Containers")
	g.flags.StringVar(&s.driver, "driver", defaultDriver(), "`driver` that runs the containers: local (processes of this host) or hcs (Windows)")
	g.flags.AddFlagSet(s.ownerGroup().flags)
	return g
}

func (s *settings) ownerGroup() group {
	g := newGroup("Containers")
	g.flags.StringVar(&s.owner, "owner", "default", "`name` that marks containers as ours, lower case with hcs; each daemon of a host needs its own")
	return g
}

func (s *settings) paceGroup() group {
	g := newGroup("Containers")
	g.flags.IntVar(&s.workers, "workers", engine.DefaultWorkers, "steps taken at once")
	g.flags.IntVar(&s.execProbes, "exec-probes", engine.DefaultExecProbes, "exec probes under way at once; each is a process")
	g.flags.DurationVar(&s.timeout, "operation-timeout", engine.DefaultTimeout, "how long one call to the driver may take")
	return g
}

func (s *settings) runGroup() group {
	g := newGroup("Containers")
	g.flags.DurationVar(&s.resync, "resync", engine.DefaultResync, "time between two looks at all containers and files")
	g.flags.BoolVar(&s.stopOnExit, "stop-on-exit", false, "stop the containers when the daemon ends; without it they keep running")
	return g
}

func (s *settings) settleGroup() group {
	g := newGroup("Reading the folder")
	g.flags.DurationVar(&s.settle.Add, "settle", 25*time.Millisecond, "quiet time before a new manifest counts")
	g.flags.DurationVar(&s.settle.Change, "settle-change", 250*time.Millisecond, "quiet time before a removal or replacement counts")
	g.flags.DurationVar(&s.settle.Max, "settle-max", 2*time.Second, "longest wait while somebody keeps writing")
	return g
}

func (s *settings) brakeGroup() group {
	g := newGroup("Prune brake")
	s.brake = reconcile.DefaultBrake()
	g.flags.Float64Var(&s.brake.MaxShare, "prune-max-share", s.brake.MaxShare, "`share` of the containers that may vanish within a minute, 0 to 1")
	g.flags.IntVar(&s.brake.Min, "prune-min", s.brake.Min, "fewer removals than this are not held back for their number")
	g.flags.BoolVar(&s.brake.AllowEmpty, "prune-allow-empty", s.brake.AllowEmpty, "let a folder that asks for nothing any more remove the last containers")
	return g
}

func (s *settings) webGroup() group {
	g := newGroup("Web")
	g.flags.StringSliceVar(&s.web.listen, "web.listen-address", []string{"127.0.0.1:9847"},
		"`address` of metrics and status page, several with commas or by repeating it; none for no listener")
	g.flags.BoolVar(&s.web.systemd, "web.systemd-socket", false, "take the sockets that systemd hands over instead (Linux)")
	g.flags.StringVar(&s.web.configFile, "web.config.file", "",
		"`file` with TLS, client certificates and users, as in every Prometheus exporter; from other hosts the status page needs it")
	g.flags.BoolVar(&s.web.native, "web.native-histograms", false,
		"also give native histograms; a Prometheus that takes them drops the classic ones unless told to keep them")
	g.flags.BoolVar(&s.web.profiles, "web.enable-pprof", false, "serve Go's profiles below /debug/pprof/")
	return g
}

func (s *settings) logGroup(level string) group {
	g := newGroup("Log")
	g.flags.StringVar(&s.logLevel, "log.level", level, "debug, info, warn or error")
	g.flags.StringVar(&s.logFormat, "log.format", "text", "text or json")
	return g
}

// defaultDir is where an administrator of this system would look; kind is
// manifests or state.
func defaultDir(kind string) string {
	const name = "hcs-reconcile"
	if runtime.GOOS == "windows" {
		return filepath.Join(envOr("ProgramData", `C:\ProgramData`), name, kind)
	}
	home, _ := os.UserHomeDir()
	switch root := os.Geteuid() == 0; {
	case root && kind == "manifests":
		return "/etc/" + name + "/manifests"
	case root:
		return "/var/lib/" + name
	case kind == "manifests":
		return filepath.Join(envOr("XDG_CONFIG_HOME", filepath.Join(home, ".config")), name, kind)
	default:
		return filepath.Join(envOr("XDG_STATE_HOME", filepath.Join(home, ".local", "state")), name)
	}
}

func envOr(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// envName is the variable that sets a flag.
func envName(flag string) string {
	return "HCS_RECONCILE_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(flag))
}
