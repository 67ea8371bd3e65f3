package hcs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

// imageStore reads images out of the store that a Docker engine keeps on a
// Windows host. It only reads: nothing is pulled, and nothing is locked, so an
// image that a container uses must not be deleted with Docker.
//
//	image/windowsfilter/repositories.json                 name:tag → image ID
//	image/windowsfilter/imagedb/content/sha256/<id>       configuration, diff IDs
//	image/windowsfilter/layerdb/sha256/<chain>/cache-id   top layer's folder
//	windowsfilter/<cache-id>/layerchain.json              parents, nearest first
type imageStore struct {
	root  string // Docker's data folder, for paths that are handed on
	files fs.FS  // the same folder
}

const storeFolder = "image/windowsfilter"

// resolve returns the layer folders of an image, topmost first, and what it
// runs.
func (s imageStore) resolve(reference string) ([]string, imageConfig, error) {
	folders, config, err := s.find(reference)
	if err != nil {
		return nil, imageConfig{}, fmt.Errorf("%w: image %s in the store %s: %w", driver.ErrInvalid, reference, s.root, err)
	}
	return folders, config, nil
}

func (s imageStore) find(reference string) ([]string, imageConfig, error) {
	id, err := s.imageID(reference)
	if err != nil {
		return nil, imageConfig{}, err
	}
	var image struct {
		OS     string      `json:"os"`
		Config imageConfig `json:"config"`
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if err := s.readJSON(path.Join(storeFolder, "imagedb/content", digestPath(id)), &image); err != nil {
		return nil, imageConfig{}, err
	}
	if image.OS != "windows" {
		return nil, imageConfig{}, fmt.Errorf("it is for %q, not for windows", image.OS)
	}
	chain, err := chainID(image.RootFS.DiffIDs)
	if err != nil {
		return nil, imageConfig{}, err
	}
	folders, err := s.folders(chain)
	return folders, image.Config, err
}

// imageID looks a reference up by tag, digest or image ID.
func (s imageStore) imageID(reference string) (string, error) {
	var known struct {
		Repositories map[string]map[string]string
	}
	if err := s.readJSON(path.Join(storeFolder, "repositories.json"), &known); err != nil {
		return "", err
	}
	name := familiar(reference)
	for _, repository := range known.Repositories {
		if id, ok := repository[name]; ok {
			return id, checkDigest(id)
		}
	}
	if checkDigest(reference) == nil {
		return reference, nil
	}
	return "", errors.New("not there; load or pull it with Docker first, or name layer folders in rootfs")
}

// familiar is a reference as Docker's store has it: without what the Docker
// Hub is the default for, with the tag that is the default.
func familiar(reference string) string {
	r := strings.TrimPrefix(reference, "docker.io/")
	if rest, ok := strings.CutPrefix(r, "library/"); ok && r != reference {
		r = rest
	}
	if !strings.Contains(r, "@") && !strings.Contains(r[strings.LastIndexByte(r, '/')+1:], ":") {
		r += ":latest"
	}
	return r
}

// folders follows the chain of parents from the top layer down.
func (s imageStore) folders(chain string) ([]string, error) {
	cache, err := fs.ReadFile(s.files, path.Join(storeFolder, "layerdb", digestPath(chain), "cache-id"))
	if err != nil {
		return nil, err
	}
	top := strings.TrimSpace(string(cache))
	if top == "" || strings.ContainsAny(top, `/\:`) {
		return nil, fmt.Errorf("cache ID %q of layer %s is not a folder name", top, chain)
	}
	var parents []string
	err = s.readJSON(path.Join("windowsfilter", top, "layerchain.json"), &parents)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a base layer has none
		return nil, err
	}
	return append([]string{join(s.root, "windowsfilter", top)}, parents...), nil
}

func (s imageStore) readJSON(name string, v any) error {
	text, err := fs.ReadFile(s.files, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("decode %s: %w", name, err)
	}
	return nil
}

// chainID identifies a layer together with all below it, as the OCI image
// specification defines it.
func chainID(diffs []string) (string, error) {
	chain := ""
	for _, d := range diffs {
		if err := checkDigest(d); err != nil {
			return "", err
		}
		if chain == "" {
			chain = d
			continue
		}
		sum := sha256.Sum256([]byte(chain + " " + d))
		chain = sha256Prefix + hex.EncodeToString(sum[:])
	}
	if chain == "" {
		return "", errors.New("it has no layers")
	}
	return chain, nil
}

const sha256Prefix = "sha256:"

// checkDigest keeps what is read from files from leading out of the store.
func checkDigest(d string) error {
	raw, err := hex.DecodeString(strings.TrimPrefix(d, sha256Prefix))
	if err != nil || len(raw) != sha256.Size || !strings.HasPrefix(d, sha256Prefix) {
		return fmt.Errorf("%q is not a SHA-256 digest", d)
	}
	return nil
}

func digestPath(d string) string { return strings.Replace(d, ":", "/", 1) }
