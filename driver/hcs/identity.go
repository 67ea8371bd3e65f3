package hcs

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"regexp"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// HCS has no labels. The ID of a system is therefore
//
//	<owner>.<name>.<revision>    shop.web.1-1e0b285e013664d9
//
// and is used for the system's Name, its scratch folder and its endpoint as
// well. Only the owner may hold dots, so reading from the right is unambiguous.
// Everything is lower case, because silos are named after IDs and names of
// kernel objects know no case. With its limits an ID is at most 32+1+63+1+40
// characters long, which leaves room in a path.
var (
	ownerPattern    = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,31}$`)
	namePattern     = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	revisionPattern = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
)

// checkOwner tells why owner cannot be part of an ID.
func checkOwner(owner string) error {
	if !ownerPattern.MatchString(owner) || strings.HasSuffix(owner, ".") {
		return fmt.Errorf("owner %q: want lower-case letters, digits, '.', '_' and '-', at most 32, not ending in '.'", owner)
	}
	return nil
}

// systemID returns the ID of r; it fails for what would not read back the same.
func systemID(owner string, r driver.Ref) (string, error) {
	if !namePattern.MatchString(r.Name) || !revisionPattern.MatchString(string(r.Revision)) {
		return "", fmt.Errorf("%w: %q cannot be part of the ID of a compute system", driver.ErrInvalid, r.String())
	}
	return owner + "." + r.Name + "." + string(r.Revision), nil
}

// parseID is the inverse of systemID.
func parseID(id string) (owner string, r driver.Ref, ok bool) {
	rest, revision, ok := cutLast(id)
	if !ok {
		return "", driver.Ref{}, false
	}
	owner, name, ok := cutLast(rest)
	if !ok || checkOwner(owner) != nil || !namePattern.MatchString(name) || !revisionPattern.MatchString(revision) {
		return "", driver.Ref{}, false
	}
	return owner, driver.Ref{Name: name, Revision: manifest.Revision(revision)}, true
}

func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}

// maxHostName is what NetBIOS allows.
const maxHostName = 15

// hostName derives the name that a container has on its network from the
// container's own: the same where it fits and is no number, otherwise its
// beginning and a digest that also tells owners apart.
func hostName(owner, name string) string {
	if len(name) <= maxHostName && strings.Trim(name, "0123456789") != "" {
		return name
	}
	sum := sha256.Sum256([]byte(owner + "." + name))
	suffix := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:5]
	head := "c" + name
	if strings.Trim(name, "0123456789") != "" {
		head = name
	}
	head = head[:min(len(head), maxHostName-1-len(suffix))]
	return strings.TrimRight(head, "-") + "-" + suffix
}
