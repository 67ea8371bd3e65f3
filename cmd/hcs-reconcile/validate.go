package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/manifest/folder"
)

const validateText = `Check manifests as the daemon would, without a daemon and on any system.

A folder is checked as the daemon would read it, with all that is below it. Files
are checked together, as if they lay in one folder: names must be unique, and
dependencies must exist and go in no circle. A file alone is checked for itself.
- reads one from standard input.

Every problem is printed, as path:line:column: field: message. It succeeds if
there is none.`

func newValidate() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "validate FILE|FOLDER...",
		Short:   "Check manifests",
		Long:    validateText,
		Example: "  hcs-reconcile validate ./manifests\n  hcs-reconcile validate -o github web.yaml db.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOutput(output, "", "json", "github"); err != nil {
				return err
			}
			var v validation
			if err := v.read(args, cmd.InOrStdin()); err != nil {
				return err
			}
			if err := v.print(cmd.OutOrStdout(), output); err != nil {
				return err
			}
			if len(v.Problems) > 0 {
				return codeError(exitError)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "`format`: json, for programs, or github, annotations of a workflow")
	return cmd
}

// validation is what validate found; it is also the shape of its JSON.
type validation struct {
	Files      int                `json:"files"`
	Containers int                `json:"containers"`
	Problems   []manifest.Problem `json:"problems"`
}

func (v *validation) read(args []string, stdin io.Reader) error {
	v.Problems = []manifest.Problem{}
	var loose []*manifest.Container
	files := 0
	for _, arg := range args {
		if st, err := os.Stat(arg); err == nil && st.IsDir() {
			if err := v.folder(arg); err != nil {
				return err
			}
			continue
		}
		found, err := v.file(arg, stdin)
		if err != nil {
			return err
		}
		loose = append(loose, found...)
		files++
	}
	if files > 1 {
		v.Problems = append(v.Problems, folder.Together(loose)...)
	}
	return nil
}

func (v *validation) folder(dir string) error {
	u := folder.Read(dir, folder.Start{Fleet: true})
	if u.Doubt != "" && len(u.Problems) == 0 {
		return fmt.Errorf("validate %s: %s", dir, u.Doubt)
	}
	v.Files += len(u.Files)
	for _, f := range u.Files {
		v.Containers += f.Containers
	}
	for _, p := range u.Problems {
		p.File = path.Join(filepath.ToSlash(dir), p.File)
		v.Problems = append(v.Problems, p)
	}
	return nil
}

func (v *validation) file(name string, stdin io.Reader) ([]*manifest.Container, error) {
	text, err := readFile(name, stdin)
	if err != nil {
		return nil, fmt.Errorf("validate: %w", err)
	}
	if name == "-" {
		name = "stdin"
	}
	found, problems := manifest.Parse(filepath.ToSlash(name), text)
	v.Files++
	v.Containers += len(found)
	v.Problems = append(v.Problems, problems...)
	return found, nil
}

// maxManifest is the size that the daemon reads at most.
const maxManifest = 10 << 20

func readFile(name string, stdin io.Reader) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		stdin = f
	}
	text, err := io.ReadAll(io.LimitReader(stdin, maxManifest+1))
	if err == nil && len(text) > maxManifest {
		err = errors.New("larger than 10 MiB")
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return text, nil
}

func (v *validation) print(w io.Writer, output string) error {
	switch output {
	case "json":
		return printJSON(w, v)
	case "github":
		for _, p := range v.Problems {
			fmt.Fprintln(w, annotation(p))
		}
	default:
		for _, p := range v.Problems {
			fmt.Fprintln(w, p)
		}
	}
	result := "no problems"
	if n := len(v.Problems); n > 0 {
		result = plural(n, "problem")
	}
	_, err := fmt.Fprintf(w, "%s in %s with %s.\n", result, plural(v.Files, "file"), plural(v.Containers, "good container"))
	return err
}

// annotation is a workflow command of GitHub Actions.
func annotation(p manifest.Problem) string {
	text := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	s := "::error file=" + property.Replace(p.File)
	if p.Line > 0 {
		s += fmt.Sprintf(",line=%d,col=%d", p.Line, p.Column)
	}
	message := p.Message
	if p.Field != "" {
		message = p.Field + ": " + message
	}
	return s + "::" + text.Replace(message)
}
