package main

import (
	"path/filepath"

	"github.com/Microsoft/hcsshim"
	"github.com/Microsoft/hcsshim/osversion"
)

// hostOps are the calls on layers and on the network.
func hostOps() map[string]func(Request) (any, error) {
	return map[string]func(Request) (any, error){
		"createScratch": layerWithParents(createScratch),
		"activate":      layer(hcsshim.ActivateLayer),
		"prepare":       layerWithParents(hcsshim.PrepareLayer),
		"unprepare":     layer(hcsshim.UnprepareLayer),
		"deactivate":    layer(hcsshim.DeactivateLayer),
		"destroy":       layer(hcsshim.DestroyLayer),
		"mountPath": func(r Request) (any, error) {
			return hcsshim.GetLayerMountPath(driverInfo(r.ID))
		},
		"layerExists": func(r Request) (any, error) { return hcsshim.LayerExists(driverInfo(r.ID)) },
		"nameToGuid": func(r Request) (any, error) {
			guid, err := hcsshim.NameToGuid(r.Text)
			return guid.ToString(), err
		},
		"rules":          rules,
		"build":          func(Request) (any, error) { return osversion.Get(), nil },
		"endpoint":       endpoint,
		"endpointByName": func(r Request) (any, error) { return hcsshim.GetHNSEndpointByName(r.Text) },
		"endpoints":      func(Request) (any, error) { return hcsshim.HNSListEndpointRequest() },
		"networkByName":  func(r Request) (any, error) { return hcsshim.GetHNSNetworkByName(r.Text) },
		"globals":        func(Request) (any, error) { return hcsshim.GetHNSGlobals() },
	}
}

// endpoint is a request in the service's own words: method, id, body.
func endpoint(r Request) (any, error) {
	return hcsshim.HNSEndpointRequest(r.Name, r.ID, r.Text)
}

// driverInfo splits a path in the way that hcsshim joins it again.
func driverInfo(path string) (hcsshim.DriverInfo, string) {
	return hcsshim.DriverInfo{HomeDir: filepath.Dir(path)}, filepath.Base(path)
}

func createScratch(info hcsshim.DriverInfo, id string, parents []string) error {
	return hcsshim.CreateScratchLayer(info, id, "", parents)
}

func layer(call func(hcsshim.DriverInfo, string) error) func(Request) (any, error) {
	return func(r Request) (any, error) {
		info, id := driverInfo(r.ID)
		return nil, call(info, id)
	}
}

func layerWithParents(call func(hcsshim.DriverInfo, string, []string) error) func(Request) (any, error) {
	return func(r Request) (any, error) {
		info, id := driverInfo(r.ID)
		return nil, call(info, id, r.Paths)
	}
}
