package local

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
)

var baseNames = []string{
	"PATH", "PATHEXT", "SystemRoot", "SystemDrive", "windir", "ComSpec", "TEMP", "TMP", "OS",
	"USERNAME", "USERDOMAIN", "USERPROFILE", "HOMEDRIVE", "HOMEPATH", "APPDATA", "LOCALAPPDATA",
	"ProgramData", "ALLUSERSPROFILE", "PUBLIC", "ProgramFiles", "ProgramFiles(x86)", "ProgramW6432",
	"CommonProgramFiles", "CommonProgramFiles(x86)", "CommonProgramW6432", "PSModulePath",
	"COMPUTERNAME", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE",
}

const (
	rootDir        = `C:\`
	defaultPathExt = ".COM;.EXE;.BAT;.CMD"
)

func sameVar(a, b string) bool { return strings.EqualFold(a, b) }

// shellCommand hands a raw line to the system as it stands: it finds the
// program in it.
func shellCommand(line string) command { return command{line: line} }

// lookPath finds a program as the container's own PATH and PATHEXT say. A name
// with a folder is taken as it stands.
func lookPath(name string, env []string) (string, error) {
	if strings.ContainsAny(name, `\/:`) {
		return name, nil
	}
	path, _ := lookupEnv(env, "PATH")
	exts, ok := lookupEnv(env, "PATHEXT")
	if !ok {
		exts = defaultPathExt
	}
	for _, dir := range filepath.SplitList(path) {
		if file, ok := findProgram(dir, name, strings.Split(exts, ";")); ok {
			return file, nil
		}
	}
	return "", fmt.Errorf("%w: exec %q: not found in PATH %s", driver.ErrInvalid, name, path)
}

func findProgram(dir, name string, exts []string) (string, bool) {
	if !filepath.IsAbs(dir) {
		return "", false
	}
	if filepath.Ext(name) != "" {
		exts = append([]string{""}, exts...)
	}
	for _, ext := range exts {
		file := filepath.Join(dir, name+ext)
		if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() {
			return file, true
		}
	}
	return "", false
}
