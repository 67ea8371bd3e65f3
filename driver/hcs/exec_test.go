package hcs

import (
	"errors"
	"testing"
	"time"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

func forever() driver.Process { return driver.Process{Command: []string{"steps", "forever"}} }

// hcsshim ends the whole container where it cannot open the system to end one
// process of it. That must never happen for an exec.
func TestKillOfExecSparesTheContainer(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		r.must(web, driver.Create, driver.Start)
		x, err := r.Exec(r.Context(), refOf(web), forever())
		if err != nil {
			t.Fatal(err)
		}
		opens := 0
		r.m.setFault(func(call, _ string) error {
			if call != "open" {
				return nil
			}
			if opens++; opens == 1 {
				return nil
			}
			return coded("open", 0x6BF)
		})
		if err := x.Close(); err == nil {
			t.Error("Close tells nothing of a process that it could not end")
		}
		time.Sleep(time.Minute)
		r.want(web, driver.Running)
		if opens < 2 {
			t.Fatalf("the system was opened %d times: the fault was never met", opens)
		}
		r.m.setFault(nil)
		r.end(web)
	})
}

// A launch that hangs keeps other launches away, and no verb.
func TestHangingExecHoldsBackNothing(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		r.must(web, driver.Create, driver.Start)
		hang := make(chan struct{})
		r.m.setFault(func(call, _ string) error {
			if call == "launch" {
				<-hang
			}
			return nil
		})
		_, err := r.Exec(r.within(time.Second), refOf(web), forever())
		wantErr(t, err, driver.ErrTimeout)
		_, err = r.Exec(r.within(time.Second), refOf(web), forever())
		wantErr(t, err, driver.ErrTimeout)
		before := r.m.count("attach")
		r.must(web, driver.Update)
		if _, err := r.Stats(r.Context(), refOf(web)); err != nil {
			t.Error(err)
		}
		close(hang)
		r.m.setFault(nil)
		time.Sleep(time.Minute)
		if got := r.m.count("attach") - before; got != 1 {
			t.Errorf("%d processes were ended that came up after their caller had gone, want 1", got)
		}
		r.want(web, driver.Running)
		r.end(web)
	})
}

// Every handle is closed, whatever became of the process.
func TestExecLeavesNoHandles(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		r.must(web, driver.Create, driver.Start)
		handles := func() (n int) {
			r.m.set(func() {
				for _, s := range r.m.systemsBy {
					n += len(s.handles)
				}
			})
			return n
		}
		before := handles()
		for _, steps := range [][]string{{"steps", "exit", "3"}, {"steps", "forever"}} {
			x, err := r.Exec(r.Context(), refOf(web), driver.Process{Command: steps})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(x.Close(), x.Close()); err != nil {
				t.Error(err)
			}
		}
		_, err := r.Exec(r.Context(), refOf(web), driver.Process{Command: []string{"missing.exe"}})
		wantErr(t, err, driver.ErrInvalid)
		r.m.setFault(once("stdio", 1, coded("stdio", 0x6BF)))
		_, err = r.Exec(r.Context(), refOf(web), forever())
		wantErr(t, err, driver.ErrConnectionLost)
		r.m.setFault(nil)
		if got := handles(); got != before {
			t.Errorf("%d handles are open, before it were %d", got, before)
		}
		r.end(web)
	})
}

// The exit of a process that is not told is seen by that of its container.
func TestExecEndsWithContainerUntold(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		r.must(web, driver.Create, driver.Start)
		x, err := r.Exec(r.Context(), refOf(web), forever())
		if err != nil {
			t.Fatal(err)
		}
		r.m.set(func() { r.m.loseProcessExits = true })
		r.must(web, driver.Terminate)
		if _, err := x.Wait(); err == nil {
			t.Error("Wait knows a code that nobody told")
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		r.must(web, driver.Remove)
	})
}

func TestExecDocument(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		web.Spec.WorkingDir, web.Spec.SecurityContext.WindowsOptions.RunAsUserName = `C:\app`, "ContainerUser"
		web.Spec.Env = []manifest.EnvVar{{Name: "A", Value: "b"}}
		r.must(web, driver.Create, driver.Start)
		b := r.find(refOf(web))
		doc, err := r.execDocument(b, driver.Process{Command: []string{"cmd.exe", "/c", "a b"}, TTY: true, Cols: 100})
		if err != nil {
			t.Fatal(err)
		}
		if doc.CommandLine != `cmd.exe /c "a b"` || doc.WorkingDirectory != `C:\app` || doc.User != "ContainerUser" || doc.Environment["A"] != "b" {
			t.Errorf("the process is not described as one of its container: %+v", doc)
		}
		if !doc.EmulateConsole || !doc.CreateStdInPipe || doc.CreateStdErrPipe || doc.ConsoleSize != [2]uint{24, 100} {
			t.Errorf("the terminal is not described as it should be: %+v", doc)
		}
		doc, err = r.execDocument(b, driver.Process{Command: []string{"x.exe"}, WorkingDir: `D:\`})
		if err != nil || doc.CreateStdInPipe || !doc.CreateStdErrPipe || doc.WorkingDirectory != `D:\` {
			t.Errorf("got %+v and error %v", doc, err)
		}
		r.end(web)
	})
}

func TestAddress(t *testing.T) {
	bubble(t, func(r *rig) {
		web, guest, alone := sample("web"), sample("guest"), sample("alone")
		web.Spec.Network.Name = "nat"
		guest.Spec.Network.ShareWith = "web"
		r.must(web, driver.Create, driver.Start)
		r.must(guest, driver.Create, driver.Start)
		r.must(alone, driver.Create, driver.Start)
		for _, c := range []*manifest.Container{web, web, guest} {
			if got, err := r.Address(r.Context(), refOf(c), c); err != nil || got != "172.16.0.9" {
				t.Errorf("address of %s: got %q and error %v", c.Name(), got, err)
			}
		}
		if n := r.m.count("address"); n != 1 {
			t.Errorf("the service was asked %d times for one endpoint, want once", n)
		}
		_, err := r.Address(r.Context(), refOf(alone), alone)
		wantErr(t, err, errNoEndpoint)
		r.must(web, driver.Terminate)
		time.Sleep(time.Minute)
		r.must(web, driver.Remove)
		_, err = r.Address(r.Context(), refOf(web), web)
		wantErr(t, err, driver.ErrNotFound)
		for _, c := range []*manifest.Container{guest, alone} {
			r.must(c, driver.Terminate)
			time.Sleep(time.Minute)
			r.must(c, driver.Remove)
		}
	})
}
