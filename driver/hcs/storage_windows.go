package hcs

import (
	"os"

	"github.com/Microsoft/hcsshim"
)

// hostStorage are the layers of this host. hcsshim joins a home folder and an
// ID into a path; ours are whole paths.
type hostStorage struct{}

var wholePath = hcsshim.DriverInfo{}

func (hostStorage) createScratch(folder string, parents []string) error {
	return taken("create scratch layer", hcsshim.CreateScratchLayer(wholePath, folder, "", parents))
}

func (hostStorage) expand(folder string, size uint64) error {
	return taken("expand scratch layer", hcsshim.ExpandScratchSize(wholePath, folder, size))
}

func (hostStorage) activate(folder string) error {
	return taken("activate layer", hcsshim.ActivateLayer(wholePath, folder))
}

func (hostStorage) deactivate(folder string) error {
	return taken("deactivate layer", hcsshim.DeactivateLayer(wholePath, folder))
}

func (hostStorage) prepare(folder string, parents []string) error {
	return taken("prepare layer", hcsshim.PrepareLayer(wholePath, folder, parents))
}

func (hostStorage) unprepare(folder string) error {
	return taken("unprepare layer", hcsshim.UnprepareLayer(wholePath, folder))
}

func (hostStorage) mountPath(folder string) (string, error) {
	path, err := hcsshim.GetLayerMountPath(wholePath, folder)
	return path, taken("find layer", err)
}

func (hostStorage) destroy(folder string) error {
	return taken("destroy layer", hcsshim.DestroyLayer(wholePath, folder))
}

func (hostStorage) guid(name string) (string, error) {
	id, err := hcsshim.NameToGuid(name)
	return id.ToString(), taken("name to GUID", err)
}

func (hostStorage) exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
