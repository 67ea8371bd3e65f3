package main

import (
	"github.com/spf13/cobra"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

const schemaText = `Print the JSON Schema of a manifest, for editors and other tools.

With the YAML extension of most editors, a first line
  # yaml-language-server: $schema=hcs-reconcile.schema.json
in a manifest gives completion and checks while typing.`

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of a manifest",
		Long:    schemaText,
		Example: "  hcs-reconcile schema > hcs-reconcile.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := manifest.Schema()
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
}
