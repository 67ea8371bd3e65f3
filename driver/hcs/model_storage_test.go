package hcs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mLayer is a writable layer, mounted in two steps.
type mLayer struct {
	folder           string
	size             uint64
	active, prepared bool
	parents          []string
}

func (l *mLayer) volume() string { return `\\?\Volume{` + filepath.Base(l.folder) + `}` }

func (m *model) createScratch(folder string, parents []string) error {
	if err := m.enter("createScratch", folder); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.layers[folder] != nil {
		return coded("createScratch", 0x50)
	}
	m.layers[folder] = &mLayer{folder: folder, parents: parents}
	return os.MkdirAll(folder, 0o700)
}

// layer changes a layer in the state that is wanted.
func (m *model) layer(call, folder string, f func(*mLayer) bool) error {
	if err := m.enter(call, folder); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.layers[strings.TrimSuffix(folder, removing)]
	if l == nil || !f(l) {
		return coded(call, 0x57)
	}
	return nil
}

func (m *model) expand(folder string, size uint64) error {
	return m.layer("expand", folder, func(l *mLayer) bool { l.size = size; return !l.active })
}

func (m *model) activate(folder string) error {
	return m.layer("activate", folder, func(l *mLayer) bool { was := l.active; l.active = true; return !was })
}

func (m *model) deactivate(folder string) error {
	return m.layer("deactivate", folder, func(l *mLayer) bool { was := l.active && !l.prepared; l.active = l.active && !was; return was })
}

func (m *model) prepare(folder string, parents []string) error {
	return m.layer("prepare", folder, func(l *mLayer) bool {
		ok := l.active && !l.prepared && slices.Equal(l.parents, parents)
		l.prepared = l.prepared || ok
		return ok
	})
}

func (m *model) unprepare(folder string) error {
	if m.inUse(folder) {
		return coded("unprepare", 0x20)
	}
	return m.layer("unprepare", folder, func(l *mLayer) bool { was := l.prepared; l.prepared = false; return was })
}

func (m *model) inUse(folder string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.systemsBy {
		if s.doc.LayerFolderPath == folder {
			return true
		}
	}
	return false
}

func (m *model) mountPath(folder string) (string, error) {
	volume := ""
	err := m.layer("mountPath", folder, func(l *mLayer) bool {
		if volume = folder; l.prepared {
			volume = l.volume() + `\`
		}
		return true
	})
	return volume, err
}

func (m *model) destroy(folder string) error {
	if err := m.enter("destroy", folder); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	name := strings.TrimSuffix(folder, removing)
	if l := m.layers[name]; l != nil && l.active {
		return coded("destroy", 0x20)
	}
	delete(m.layers, name)
	return os.RemoveAll(folder)
}

func (m *model) guid(name string) (string, error) { return "guid-of-" + name, m.enter("guid", name) }

func (m *model) exists(path string) bool { return strings.HasPrefix(path, `C:\layers\`) }

func (m *model) findNetwork(name string) (string, bool, error) {
	if err := m.enter("findNetwork", name); err != nil {
		return "", false, err
	}
	nat, ok := m.nets[name]
	if !ok {
		return "", false, coded("findNetwork", codeElementAbsent)
	}
	return "id-of-" + name, nat, nil
}

func (m *model) endpoints() ([]endpoint, error) {
	if err := m.enter("endpoints", ""); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []endpoint
	for id, e := range m.ends {
		all = append(all, endpoint{ID: id, Name: e.Name})
	}
	return all, nil
}

func (m *model) createEndpoint(doc *endpointRequest) (string, error) {
	if err := m.enter("createEndpoint", doc.Name); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lastEnd++
	id := fmt.Sprintf("endpoint-%d", m.lastEnd)
	m.ends[id] = *doc
	return id, nil
}

func (m *model) address(id string) (string, error) {
	if err := m.enter("address", id); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.ends[id]; !ok {
		return "", coded("address", codeElementAbsent)
	}
	return "172.16.0.9", nil
}

func (m *model) deleteEndpoint(id string) error {
	if err := m.enter("deleteEndpoint", id); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.ends, id)
	return nil
}
