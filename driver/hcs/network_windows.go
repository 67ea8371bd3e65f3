package hcs

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/Microsoft/hcsshim"
)

// hostNetwork is the Host Network Service of this host.
type hostNetwork struct{}

func (hostNetwork) findNetwork(name string) (string, bool, error) {
	n, err := hcsshim.GetHNSNetworkByName(name)
	if err != nil {
		return "", false, taken("find network", err)
	}
	return n.Id, strings.EqualFold(n.Type, "nat"), nil
}

func (hostNetwork) endpoints() ([]endpoint, error) {
	list, err := hcsshim.HNSListEndpointRequest()
	if err != nil {
		return nil, taken("list endpoints", err)
	}
	all := make([]endpoint, len(list))
	for i, e := range list {
		all[i] = endpoint{ID: e.Id, Name: e.Name}
	}
	return all, nil
}

func (hostNetwork) createEndpoint(doc *endpointRequest) (string, error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return "", err
	}
	e, err := hcsshim.HNSEndpointRequest("POST", "", string(text))
	if err != nil {
		return "", taken("create endpoint", err)
	}
	if e == nil || e.Id == "" {
		return "", errors.New("create endpoint: the service gave no ID")
	}
	return e.Id, nil
}

func (hostNetwork) address(id string) (string, error) {
	e, err := hcsshim.GetHNSEndpointByID(id)
	if err != nil {
		return "", taken("look at endpoint", err)
	}
	if e == nil || len(e.IPAddress) == 0 {
		return "", nil
	}
	return e.IPAddress.String(), nil
}

func (hostNetwork) deleteEndpoint(id string) error {
	_, err := hcsshim.HNSEndpointRequest("DELETE", id, "")
	return taken("delete endpoint", err)
}
