package hcs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// removing marks a scratch folder that is being destroyed: whatever happens
// meanwhile, it is never taken for a good one.
const removing = "-removing"

func (d *Driver) scratch(id string) string { return filepath.Join(d.dir, "layers", id) }

// ensureScratch makes the writable layer of a container, or takes the one that
// it has. It returns where the layer is mounted, which only process isolation
// needs: a utility VM attaches the disk itself.
func (d *Driver) ensureScratch(ctx context.Context, s *manifest.Spec, id string, parents []string) (volume string, err error) {
	folder := d.scratch(id)
	if !folderExists(folder) {
		if err := d.destroyFolder(folder + removing); err != nil { // a removal that was not finished
			return "", err
		}
		if err := d.makeScratch(s, folder, parents); err != nil {
			return "", errors.Join(err, d.destroyFolder(folder))
		}
	}
	if isVM(s) {
		return "", nil
	}
	if volume, err := d.machine.mountPath(folder); err == nil && isVolume(volume) {
		return volume, nil // still mounted from the last run
	}
	return d.mount(ctx, folder, parents)
}

func (d *Driver) makeScratch(s *manifest.Spec, folder string, parents []string) error {
	if s.OS == manifest.OSLinux {
		return copyScratch(join(parents[0], "scratch.vhdx"), folder)
	}
	if err := d.machine.createScratch(folder, parents); err != nil {
		return fmt.Errorf("create scratch layer: %w", err)
	}
	if s.RootFS == nil || s.RootFS.ScratchSize == nil {
		return nil
	}
	if err := d.machine.expand(folder, uint64(s.RootFS.ScratchSize.Value())); err != nil { //nolint:gosec // validated
		return fmt.Errorf("expand scratch layer: %w", err)
	}
	return nil
}

// copyScratch copies the ready-made disk of a Linux container: the root
// package of hcsshim has no function that formats one.
func copyScratch(from, folder string) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("%w: scratch disk for Linux: %w", driver.ErrInvalid, err)
	}
	defer in.Close()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(filepath.Join(folder, "sandbox.vhdx"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// mountPauses are waited before a layer is prepared again: some builds say
// "not ready" for a moment after it was activated.
var mountPauses = []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond}

// notReady are the codes of that: not ready, device not connected.
var notReady = map[uint32]bool{0x15: true, 0x48F: true}

// mount attaches the disk of a layer and joins it with its parents; on failure
// it leaves the layer as it was.
func (d *Driver) mount(ctx context.Context, folder string, parents []string) (string, error) {
	if err := d.machine.activate(folder); err != nil {
		return "", fmt.Errorf("activate scratch layer: %w", err)
	}
	err := d.machine.prepare(folder, parents)
	for _, wait := range mountPauses {
		if !notReady[codeOf(err)] || !pause(ctx, wait) {
			break
		}
		err = d.machine.prepare(folder, parents)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("prepare scratch layer: %w", err), d.machine.deactivate(folder))
	}
	volume, err := d.machine.mountPath(folder)
	if err == nil && !isVolume(volume) {
		err = fmt.Errorf("%q is not a volume", volume)
	}
	if err != nil {
		err = fmt.Errorf("find mounted scratch layer: %w", err)
		return "", errors.Join(err, d.machine.unprepare(folder), d.machine.deactivate(folder))
	}
	return volume, nil
}

// isVolume tells the path of a mounted layer from the layer's own folder,
// which is what the service may give for one that is not mounted.
func isVolume(path string) bool { return strings.HasPrefix(strings.ToLower(path), `\\?\volume{`) }

// releaseScratch unmounts and destroys the writable layer. Renaming it first
// shows whether anything still uses it, and keeps a half-destroyed layer from
// being used.
func (d *Driver) releaseScratch(ctx context.Context, id string) error {
	folder := d.scratch(id)
	if err := d.destroyFolder(folder + removing); err != nil {
		return err
	}
	if !folderExists(folder) {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	unmounted := errors.Join(d.machine.unprepare(folder), d.machine.deactivate(folder))
	if err := os.Rename(folder, folder+removing); err != nil {
		// Unmounting fails for what is not mounted, so it counts only now.
		return errors.Join(fmt.Errorf("put scratch layer aside: %w", err), unmounted)
	}
	return d.destroyFolder(folder + removing)
}

// destroyFolder destroys a layer that should not be mounted. If it cannot be
// destroyed it may be so all the same, and is unmounted once more.
func (d *Driver) destroyFolder(folder string) error {
	if !folderExists(folder) || d.machine.destroy(folder) == nil {
		return nil
	}
	unmounted := errors.Join(d.machine.unprepare(folder), d.machine.deactivate(folder))
	if err := d.machine.destroy(folder); err != nil {
		return errors.Join(fmt.Errorf("destroy scratch layer: %w", err), unmounted)
	}
	return nil
}
