package hcs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNoHost is what Survey answers where there is no Host Compute Service.
var ErrNoHost = errors.New("there is no Host Compute Service on this system")

// Surveyed is what lies on a host, for a doctor to judge. It is looked at
// without a driver, and nothing is changed.
type Surveyed struct {
	Build   string // of Windows: 10.0.20348
	Ours    []string
	Foreign int
	// Services are the services of Windows that we need, and why one is not
	// usable; "" if it is.
	Services map[string]string

	SystemsErr, EndpointsErr, FilesErr error

	// What bears our owner and belongs to no system and no note.
	Endpoints []string
	Layers    []string
	// Images are the versions of Windows that images were made for; "" where the
	// store has no such image.
	Images map[string]string
}

// surveyOn looks at a machine. images are references to be looked up.
func surveyOn(ctx context.Context, m machine, cfg Config, images []string) (*Surveyed, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Surveyed{Images: map[string]string{}}
	known := map[string]bool{}
	systems, err := m.systems()
	s.SystemsErr = err
	for _, p := range systems {
		if owner, _, ok := parseID(p.ID); ok && owner == cfg.Owner && p.Owner == cfg.Owner {
			s.Ours = append(s.Ours, p.ID)
			known[p.ID] = true
		} else {
			s.Foreign++
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	notes, err := noteDir(filepath.Join(cfg.StateDir, "hcs")).load(cfg.Owner)
	s.FilesErr = ignoreMissing(err)
	for _, n := range notes {
		known[n.ID] = true
	}
	if s.SystemsErr == nil && s.FilesErr == nil {
		s.leftovers(m, cfg, known)
	}
	store := imageStore{root: cfg.DockerDir, files: os.DirFS(cfg.DockerDir)}
	for _, reference := range images {
		s.Images[reference] = store.osVersion(reference)
	}
	return s, nil
}

func (s *Surveyed) leftovers(m machine, cfg Config, known map[string]bool) {
	stray := func(id string) bool {
		owner, _, ok := parseID(id)
		return ok && owner == cfg.Owner && !known[id]
	}
	endpoints, err := m.endpoints()
	s.EndpointsErr = err
	for _, e := range endpoints {
		if stray(e.Name) {
			s.Endpoints = append(s.Endpoints, e.Name)
		}
	}
	folders, err := os.ReadDir(filepath.Join(cfg.StateDir, "layers"))
	s.FilesErr = ignoreMissing(err)
	for _, f := range folders {
		if stray(strings.TrimSuffix(f.Name(), removing)) {
			s.Layers = append(s.Layers, f.Name())
		}
	}
	slices.Sort(s.Endpoints)
}

// osVersion is the version of Windows that an image was made for, "" if the
// store does not tell.
func (s imageStore) osVersion(reference string) string {
	id, err := s.imageID(reference)
	if err != nil {
		return ""
	}
	var image struct {
		Version string `json:"os.version"`
	}
	if s.readJSON(storeFolder+"/imagedb/content/"+digestPath(id), &image) != nil {
		return ""
	}
	return image.Version
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
