package trust

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// fileDeleteChild is the right to delete what lies in a folder.
const fileDeleteChild = 0x40

// writing are the rights that change a file or folder, or who may.
const writing = windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA | fileDeleteChild |
	windows.DELETE | windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_WRITE | windows.GENERIC_ALL

// leading are the rights that could replace what lies in a folder; adding to
// it does not.
const leading = fileDeleteChild | windows.DELETE | windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_ALL

// ordinary are the groups that hold every user who can log on.
var ordinary = map[windows.WELL_KNOWN_SID_TYPE]string{
	windows.WinWorldSid:             "Everyone",
	windows.WinBuiltinUsersSid:      "Users",
	windows.WinAuthenticatedUserSid: "Authenticated Users",
	windows.WinInteractiveSid:       "INTERACTIVE",
	windows.WinBuiltinGuestsSid:     "Guests",
	windows.WinAnonymousSid:         "ANONYMOUS LOGON",
}

func judge(path string, p place) error {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("read access list of %s: %w", path, err)
	}
	acl, _, err := sd.DACL()
	if errors.Is(err, windows.ERROR_OBJECT_NOT_FOUND) || err == nil && acl == nil {
		return &Finding{path, "has no access list: everybody can write", fix(path)}
	}
	if err != nil {
		return fmt.Errorf("read access list of %s: %w", path, err)
	}
	rights := windows.ACCESS_MASK(writing)
	if p == passage {
		rights = leading
	}
	who, err := allowed(acl, rights)
	if err != nil || who == "" {
		return err
	}
	return &Finding{path, who + " can write", fix(path)}
}

func fix(path string) string {
	return fmt.Sprintf(`icacls "%s" /inheritance:r /grant *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F`, path)
}

// allowed names the first ordinary group that the list gives one of rights.
// An entry that denies is not counted in anybody's favour.
func allowed(acl *windows.ACL, rights windows.ACCESS_MASK) (string, error) {
	for i := range uint32(acl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(acl, i, &ace); err != nil {
			return "", fmt.Errorf("read access list entry %d: %w", i, err)
		}
		if ace.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE || ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 || ace.Mask&rights == 0 {
			continue
		}
		sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart))
		for kind, name := range ordinary {
			if sid.IsWellKnown(kind) {
				return name, nil
			}
		}
	}
	return "", nil
}

// private gives full control to the system and to administrators, and inherits
// nothing: below %ProgramData% every user may add files otherwise.
const private = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"

// MakePrivate makes a folder, and those that lead to it, for the system and
// administrators alone; one that exists stays as it is.
func MakePrivate(dir string) error {
	if st, err := os.Stat(dir); err == nil && st.IsDir() {
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := MakePrivate(parent); err != nil {
			return err
		}
	}
	sd, err := windows.SecurityDescriptorFromString(private)
	if err != nil {
		return fmt.Errorf("make folder %s: %w", dir, err)
	}
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return fmt.Errorf("make folder %s: %w", dir, err)
	}
	sa := windows.SecurityAttributes{SecurityDescriptor: sd}
	sa.Length = uint32(unsafe.Sizeof(sa))
	if err := windows.CreateDirectory(name, &sa); err != nil && !errors.Is(err, windows.ERROR_ALREADY_EXISTS) {
		return fmt.Errorf("make folder %s: %w", dir, err)
	}
	return nil
}
