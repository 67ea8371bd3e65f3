package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Digest names everything that the document says, free fields included: it
// changes with every edit that is more than spelling. It is computed anew on
// each call.
func (c *Container) Digest() string {
	h := sha256.New()
	// Maps are marshalled in order; the types hold nothing that cannot be.
	_ = json.NewEncoder(h).Encode(struct {
		M Metadata
		S *Spec
	}{c.Metadata, &c.Spec})
	return hex.EncodeToString(h.Sum(nil)[:8])
}
