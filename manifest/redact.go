package manifest

import (
	"crypto/sha256"
	"encoding/hex"
)

// Redacted returns the canonical JSON of metadata and spec, with defaults, for
// the store: enough to explain a later difference. Literal environment values
// and inline credential specs are replaced by a short digest, which tells that
// they changed and no more.
func Redacted(c *Container) ([]byte, error) {
	doc := struct {
		Metadata Metadata `json:"metadata"`
		Spec     Spec     `json:"spec"`
	}{c.Metadata, c.Spec}
	doc.Spec.Env = make([]EnvVar, len(c.Spec.Env))
	for i, e := range c.Spec.Env {
		e.Value = hide(e.Value)
		doc.Spec.Env[i] = e
	}
	secret := &doc.Spec.SecurityContext.WindowsOptions.GMSACredentialSpec
	*secret = hide(*secret)
	return encode(doc)
}

// hiddenPrefix heads what stands for a hidden value.
const hiddenPrefix = "sha256:"

// hide replaces a value by 32 bits of its digest: two values of one field are
// told apart, while far too many texts share a digest to find one from it
// without knowing what to look for.
func hide(v string) string {
	if v == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(v))
	return hiddenPrefix + hex.EncodeToString(sum[:4])
}

// Encode writes c as a manifest of its own, with every default filled in: Parse
// reads it back as the same revision. It holds what the manifest holds, literal
// environment values included, and is for the owner of the state alone; what
// comes from the host (valueFrom) stays a reference.
func Encode(c *Container) ([]byte, error) { return encode(c) }
