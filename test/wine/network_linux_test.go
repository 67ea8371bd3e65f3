package wine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

var networkCases = []testCase{
	{"Endpoints", endpoints},
	{"EndpointsNotFound", endpointsNotFound},
	{"PortTaken", portTaken},
	{"EndpointOfASystem", endpointOfASystem},
	{"NetworkGlobals", networkGlobals},
}

type endpointFacts struct {
	ID               string
	Name             string
	VirtualNetwork   string
	IPAddress        string
	MacAddress       string
	SharedContainers []string
	Policies         []json.RawMessage
}

// makeEndpoint makes one on the nat network, with a port of the host.
func (p *probe) makeEndpoint(name string, port int) endpointFacts {
	p.t.Helper()
	var e endpointFacts
	p.value(request{Op: "endpoint", Name: "POST", Text: p.endpointBody(name, port)}, &e)
	return e
}

func (p *probe) endpointBody(name string, port int) string {
	p.t.Helper()
	var network struct {
		ID string `json:"ID"`
	}
	p.value(request{Op: "networkByName", Text: "nat"}, &network)
	return fmt.Sprintf(`{"Name":%q,"VirtualNetwork":%q,"Policies":[{"Type":"NAT","Protocol":"TCP",`+
		`"InternalPort":80,"ExternalPort":%d,"ExternalPortReserved":true}]}`, name, network.ID, port)
}

func endpoints(t *testing.T, h *Host) {
	p := startProbe(t, h)
	made := p.makeEndpoint("ours-web", 8080)
	if made.ID == "" || made.Name != "ours-web" || made.IPAddress == "" || made.MacAddress == "" || len(made.Policies) != 1 {
		t.Errorf("made %+v", made)
	}
	for _, r := range []request{
		{Op: "endpoint", Name: "GET", ID: made.ID},
		{Op: "endpointByName", Text: "ours-web"},
	} {
		var got endpointFacts
		if p.value(r, &got); got.ID != made.ID || got.IPAddress != made.IPAddress {
			t.Errorf("%s: got %+v, want %+v", r.Op, got, made)
		}
	}
	var all []endpointFacts
	if p.value(request{Op: "endpoints"}, &all); len(all) != 1 {
		t.Errorf("there are %+v", all)
	}
	p.ok(request{Op: "endpoint", Name: "DELETE", ID: made.ID})
	if p.value(request{Op: "endpoints"}, &all); len(all) != 0 {
		t.Errorf("after the delete there are %+v", all)
	}
}

func endpointsNotFound(t *testing.T, h *Host) {
	const text = "hns failed with error : The object identifier does not represent a valid object. "
	const id = "11111111-2222-3333-4444-555555555555"
	p := startProbe(t, h)
	for _, r := range []request{
		{Op: "endpoint", Name: "GET", ID: id},
		{Op: "endpoint", Name: "DELETE", ID: id},
		{Op: "endpoint", Name: "POST", Text: `{"Name":"x","VirtualNetwork":"` + id + `"}`},
	} {
		if got := p.ask(r); got.Error != text || len(got.Is) != 0 {
			t.Errorf("%s: got %q (%v), want %q and no predicate", r.Name, got.Error, got.Is, text)
		}
	}
	for _, op := range []string{"endpointByName", "networkByName"} {
		if got := p.ask(request{Op: op, Text: "none"}); !slices.Equal(got.Is, []string{"NotExist"}) {
			t.Errorf("%s: got %q (%v), want NotExist", op, got.Error, got.Is)
		}
	}
}

func portTaken(t *testing.T, h *Host) {
	p := startProbe(t, h)
	first := p.makeEndpoint("one", 8080)
	got := p.ask(request{Op: "endpoint", Name: "POST", Text: p.endpointBody("two", 8080)})
	if !strings.Contains(got.Error, "0x803b0013") {
		t.Errorf("the same port again: %q", got.Error)
	}
	p.makeEndpoint("two", 8081)
	p.ok(request{Op: "endpoint", Name: "DELETE", ID: first.ID})
	p.makeEndpoint("three", 8080)
}

func endpointOfASystem(t *testing.T, h *Host) {
	p := startProbe(t, h)
	e := p.makeEndpoint("ours-a", 8080)
	document := func(id string) json.RawMessage {
		return config(map[string]any{"SystemType": "Container", "Name": "a", "EndpointList": []string{id}})
	}
	p.fails(request{Op: "create", Name: "a", ID: "a", Config: document("11111111-2222-3333-4444-555555555555")}, 0x10d8)
	p.ok(request{Op: "create", Name: "a", ID: "a", Config: document(e.ID)})
	p.start("a")
	var got endpointFacts
	if p.value(request{Op: "endpoint", Name: "GET", ID: e.ID}, &got); !slices.Equal(got.SharedContainers, []string{"a"}) {
		t.Errorf("the endpoint of a running system is shared with %v", got.SharedContainers)
	}
	var figures figures
	p.value(request{Op: "statistics", Name: "a"}, &figures)
	if len(figures.Network) != 1 || figures.Network[0]["EndpointId"] != e.ID || figures.Network[0]["BytesSent"] != 1002.0 {
		t.Errorf("network figures: %v", figures.Network)
	}
	p.stop("a")
	got = endpointFacts{}
	if p.value(request{Op: "endpoint", Name: "GET", ID: e.ID}, &got); len(got.SharedContainers) != 0 {
		t.Errorf("the endpoint is still shared with %v", got.SharedContainers)
	}
	if leaks := h.Leaks(); len(leaks) != 1 || leaks[0] != "endpoint ours-a is there" {
		t.Errorf("leaks: %q", leaks)
	}
	p.ok(request{Op: "endpoint", Name: "DELETE", ID: e.ID})
	clean(t, h)
}

func networkGlobals(t *testing.T, h *Host) {
	p := startProbe(t, h)
	var got struct{ Version struct{ Major, Minor int } }
	p.value(request{Op: "globals"}, &got)
	if got.Version.Major != 13 || got.Version.Minor != 3 {
		t.Errorf("got %+v", got)
	}
}
