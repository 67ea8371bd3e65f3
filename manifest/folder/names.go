package folder

import (
	"path"
	"regexp"
	"strings"
)

// foreign are the ends of names that editors, sync tools and merges give to
// files that only look like manifests.
var foreign = []string{"~", ".swp", ".swo", ".swx", ".tmp", ".temp", ".bak", ".orig", ".rej", ".part", ".partial", ".crdownload", ".old", ".save"}

// gitTemp is how git names the versions of a conflict for a merge tool:
// web_BACKUP_1234.yaml beside web.yaml.
var gitTemp = regexp.MustCompile(`_(BACKUP|BASE|LOCAL|REMOTE)_[0-9]+\.[^.]+$`)

// counts reports whether a file of this base name is a manifest.
func counts(name string) bool {
	if !visible(name) || gitTemp.MatchString(name) {
		return false
	}
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// visible reports whether a file or folder of this base name is looked at.
func visible(name string) bool {
	if name == "" || name[0] == '.' || name[0] == '#' {
		return false
	}
	for _, end := range foreign {
		if strings.HasSuffix(name, end) {
			return false
		}
	}
	return true
}

// under reports whether file lies in the folder dir ("." is the root) or is it.
func under(file, dir string) bool {
	return dir == "." || file == dir || strings.HasPrefix(file, dir) && file[len(dir)] == '/'
}
