package hcs

import (
	"encoding/json"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// natNetwork is the network that Windows hosts of containers have by default.
const natNetwork = "nat"

// networkName returns the network on which c needs an endpoint of its own, ""
// if on none: it has none, brings endpoints, or shares those of another.
func networkName(s *manifest.Spec) string {
	switch {
	case s.Network.Name != "":
		return s.Network.Name
	case len(s.Network.Endpoints) > 0 || s.Network.ShareWith != "":
		return ""
	case len(published(s)) > 0:
		return natNetwork
	default:
		return ""
	}
}

// published lists the ports that the host shall have.
func published(s *manifest.Spec) []manifest.Port {
	var ports []manifest.Port
	for _, p := range s.Ports {
		if p.HostPort != 0 {
			ports = append(ports, p)
		}
	}
	return ports
}

// endpointDocument describes the endpoint of a container on a network. HNS
// endpoints have no owner; the name carries it.
func endpointDocument(s *manifest.Spec, id, networkID string, nat bool) (*endpointRequest, error) {
	doc := &endpointRequest{
		Name: id, VirtualNetwork: networkID,
		DNSServerList: strings.Join(s.DNSConfig.Nameservers, ","), EnableInternalDNS: nat,
	}
	if len(s.DNSConfig.Searches) > 0 {
		doc.DNSSuffix = s.DNSConfig.Searches[0]
	}
	for _, p := range published(s) {
		policy, err := json.Marshal(natPolicy{
			Type: "NAT", Protocol: string(p.Protocol), ExternalPortReserved: true,
			InternalPort: uint16(p.ContainerPort), ExternalPort: uint16(p.HostPort), //nolint:gosec // validated
		})
		if err != nil {
			return nil, err
		}
		doc.Policies = append(doc.Policies, policy)
	}
	return doc, nil
}
