package hcs

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// Property: an ID tells owner, name and revision again, whatever they are.
func TestIDReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		owner := rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,30}[a-z0-9_-]`).Draw(t, "owner")
		r := driver.Ref{
			Name:     rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`).Draw(t, "name"),
			Revision: manifest.Revision(rapid.StringMatching(`[0-9]{1,3}-[0-9a-f]{16}`).Draw(t, "revision")),
		}
		if err := checkOwner(owner); err != nil {
			t.Fatal(err)
		}
		id, err := systemID(owner, r)
		if err != nil {
			t.Fatal(err)
		}
		gotOwner, got, ok := parseID(id)
		if !ok || gotOwner != owner || got != r {
			t.Errorf("%s reads back as %q %q %v", id, gotOwner, got, ok)
		}
		if len(id) > 140 || id != strings.ToLower(id) {
			t.Errorf("%s is too long or not lower case", id)
		}
	})
}

func TestForeignIDsAreNotOurs(t *testing.T) {
	for _, id := range []string{
		"", ".", "..", "a.b", "web", "shop..1-00", ".web.1-00", "shop.web.", "shop.WEB.1-00", "shop.-web.1-00",
		"SHOP.web.1-00", "shop.web.1_00", "shop/x.web.1-00", `shop\x.web.1-00`, "shop..web.1-00",
		"2b1f0e8c9d5a4c7e8f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f70", strings.Repeat("a", 33) + ".web.1-00",
	} {
		if owner, r, ok := parseID(id); ok {
			t.Errorf("parseID(%q) = %q %v, want it not understood", id, owner, r)
		}
	}
}

func TestSystemIDRefusesWhatWouldNotReadBack(t *testing.T) {
	for _, r := range []driver.Ref{{Name: "we.b", Revision: "1-00"}, {Name: "web", Revision: "1.00"}, {Name: "web"}, {Revision: "1-00"}, {Name: "Web", Revision: "1-00"}} {
		if id, err := systemID("shop", r); err == nil {
			t.Errorf("systemID of %v = %q, want an error", r, id)
		}
	}
}

func TestHostName(t *testing.T) {
	tests := []struct{ owner, name, want string }{
		{"shop", "web", "web"},
		{"shop", "exactly-fifteen", "exactly-fifteen"},
		{"shop", "a-container-with-a-long-name", "a-contain-rke63"},
		{"other", "a-container-with-a-long-name", "a-contain-oyjpn"},
		{"shop", "a-container-with-a-longer-name", "a-contain-gwrso"},
		{"shop", "2024", "c2024-7yuog"},
	}
	for _, tt := range tests {
		if got := hostName(tt.owner, tt.name); got != tt.want {
			t.Errorf("hostName(%q, %q) = %q, want %q", tt.owner, tt.name, got, tt.want)
		}
	}
}

func TestHostNameIsAlwaysValid(t *testing.T) {
	valid := regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$`)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`).Draw(t, "name")
		got := hostName("shop", name)
		if !valid.MatchString(got) || strings.Trim(got, "0123456789") == "" {
			t.Errorf("hostName(%q) = %q, which Windows would refuse", name, got)
		}
	})
}
