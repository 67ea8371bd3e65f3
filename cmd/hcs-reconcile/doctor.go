package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hcs-reconcile/hcs-reconcile/control"
	"github.com/hcs-reconcile/hcs-reconcile/doctor"
)

const doctorText = `Tell what is wrong with this host, and what to do about it: permissions of the
folders, the manifests, the state file, the daemon and whether it has converged,
the keeper, the web endpoint, the clock, open files, disk space; with the driver
hcs also the Host Compute Service, the images, and what lies about without a
container. It changes nothing.

Beside a running daemon it takes that daemon's folder, driver and owner unless
told otherwise. Each check has its own time limit: what hangs is shown as a
finding.

With --bundle it also writes one zip for support. What may be secret is left out
of it: values of environment variables, credential specs, annotations, HTTP
headers, passwords in URLs, and what follows names like password or token. The
output of containers is only in it with --include-logs.

Exit code 1: something does not work.`

func newDoctor() *cobra.Command {
	var s settings
	var output, bundle string
	var logs bool
	var limit time.Duration
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Tell what is wrong with this host, and what to do",
		Long:    doctorText,
		Example: "  hcs-reconcile doctor\n  hcs-reconcile doctor --bundle support.zip",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output, "", "table", "json"); err != nil {
				return err
			}
			h := s.patient(cmd, limit)
			r := doctor.Run(cmd.Context(), limit, h.Checks())
			if bundle != "" {
				o := doctor.BundleOptions{Report: r, Settings: inForce(cmd.Flags()), Build: thisBuild(), Logs: logs}
				if err := writeBundle(cmd.Context(), bundle, h, o); err != nil {
					return err
				}
			}
			if err := showReport(cmd.OutOrStdout(), output, &r, bundle); err != nil {
				return err
			}
			if r.Failed() {
				return codeError(exitError)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "`format`: table, or json for programs")
	cmd.Flags().StringVar(&bundle, "bundle", "", "write all that support needs to this zip `file`")
	cmd.Flags().BoolVar(&logs, "include-logs", false, "put the ends of the containers' logs into the bundle: programs may print secrets")
	cmd.Flags().DurationVar(&limit, "timeout", 10*time.Second, "how long one check may take")
	s.offer(cmd, s.folderGroup(), s.stateGroup(), s.driverGroup(), s.webGroup())
	return cmd
}

// patient is the host that is looked at: as the daemon has it, where one runs.
func (s *settings) patient(cmd *cobra.Command, limit time.Duration) *doctor.Host {
	ctx, cancel := context.WithTimeout(cmd.Context(), limit)
	defer cancel()
	if v, err := control.NewClient(s.stateDir).View(ctx); err == nil {
		for name, from := range map[string]struct{ to, value *string }{
			"manifests": {&s.manifests, &v.Daemon.Manifests}, "driver": {&s.driver, &v.Daemon.Driver}, "owner": {&s.owner, &v.Daemon.Owner},
		} {
			if !cmd.Flags().Changed(name) {
				*from.to = *from.value
			}
		}
	}
	b := thisBuild()
	built, _ := time.Parse(time.RFC3339, b.Time) // not known: zero
	return &doctor.Host{
		Manifests: s.manifests, StateDir: s.stateDir, Driver: s.driver, Owner: s.owner, Listen: s.web.listen,
		Labels: s.allLabels(), Version: b.Version, Built: built,
	}
}

// inForce are the flags as they stand, from wherever they came.
func inForce(flags *pflag.FlagSet) map[string]string {
	all := map[string]string{}
	flags.VisitAll(func(f *pflag.Flag) { all[f.Name] = f.Value.String() })
	return all
}

// writeBundle makes the file for its owner alone; one that exists is not
// written over.
func writeBundle(ctx context.Context, path string, h *doctor.Host, o doctor.BundleOptions) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("write bundle: %s exists already; name another file", path)
	}
	if err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return h.Bundle(ctx, f, o)
}

func showReport(w io.Writer, output string, r *doctor.Report, bundle string) error {
	if output == "json" {
		return printJSON(w, r)
	}
	ink := inkFor(w)
	colours := map[doctor.Level]string{doctor.OK: green, doctor.Warn: yellow, doctor.Fail: red, doctor.Skipped: dim}
	_, err := fmt.Fprint(w, r.Text(16, func(l doctor.Level, text string) string { return ink.paint(colours[l], text) }))
	if bundle != "" {
		fmt.Fprintf(w, "\nWritten for support: %s\n", bundle)
	}
	return err
}
