package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/convert"
)

const convertText = `Make manifests from compose files, and from Pods, Deployments, StatefulSets,
DaemonSets, Jobs and CronJobs of Kubernetes. - reads standard input.

The manifests go to standard output, or as NAME.yaml into a folder (-o); a file
that is there already is not overwritten. They pass validate; read them before you
use them. Each field that has no equivalent is named on standard error, as
file:line:column: field: why; nothing is dropped silently.

Secrets are not copied: a variable of the compose file becomes a reference to the
host's environment, a secretKeyRef one to a file on the host.`

func newConvert() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:     "convert FILE...",
		Short:   "Make manifests from compose and Kubernetes files",
		Long:    convertText,
		Example: "  hcs-reconcile convert compose.yaml\n  hcs-reconcile convert -o manifests deployment.yaml job.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			logrus.SetOutput(io.Discard) // compose warns there of what is named anyway
			var docs []convert.Document
			for _, name := range args {
				text, err := readFile(name, cmd.InOrStdin())
				if err != nil {
					return fmt.Errorf("convert: %w", err)
				}
				if name == "-" {
					name = "stdin"
				}
				r, err := convert.File(filepath.ToSlash(name), text)
				if err != nil {
					return err
				}
				for _, n := range r.Notes {
					fmt.Fprintln(cmd.ErrOrStderr(), n)
				}
				docs = append(docs, r.Documents...)
			}
			if dir != "" {
				return writeDocuments(cmd.OutOrStdout(), dir, docs)
			}
			return printDocuments(cmd.OutOrStdout(), docs)
		},
	}
	cmd.Flags().StringVarP(&dir, "output-dir", "o", "", "`folder` to write one file for each container to")
	return cmd
}

func printDocuments(w io.Writer, docs []convert.Document) error {
	for i, d := range docs {
		if i > 0 {
			fmt.Fprintln(w, "---")
		}
		if _, err := w.Write(d.YAML); err != nil {
			return err
		}
	}
	return nil
}

// writeDocuments writes all documents or, if one is in the way, none.
func writeDocuments(w io.Writer, dir string, docs []convert.Document) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	seen := map[string]bool{}
	for _, d := range docs {
		path := filepath.Join(dir, d.Name+".yaml")
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) || seen[path] {
			return fmt.Errorf("convert: write %s: it is there already, and is not overwritten", path)
		}
		seen[path] = true
	}
	for _, d := range docs {
		path := filepath.Join(dir, d.Name+".yaml")
		if err := os.WriteFile(path, d.YAML, 0o644); err != nil {
			return fmt.Errorf("convert: %w", err)
		}
		fmt.Fprintln(w, path)
	}
	return nil
}
