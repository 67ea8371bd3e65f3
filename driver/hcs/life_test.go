package hcs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// A container costs one create, one start, one launch and one opening by the
// keeper, and no listing; and
// a settled one costs nothing but the listing itself.
func TestCallsPerContainer(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		before := r.m.count("systems")
		r.must(web, driver.Create, driver.Start)
		for call, want := range map[string]int{"create": 1, "start": 1, "launch": 1, "open": 1, "attach": 0, "endpoints": 0, "systems": before} {
			if got := r.m.count(call); got != want {
				t.Errorf("%d calls of %s, want %d", got, call, want)
			}
		}
		total := r.m.total()
		for range 10 {
			time.Sleep(10 * time.Second)
			r.want(web, driver.Running)
		}
		if got := r.m.total() - total; got > 10+2 { // and the one sweep
			t.Errorf("ten listings of a settled container cost %d calls", got)
		}
		r.end(web)
	})
}

func (m *model) total() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, c := range m.calls {
		n += c
	}
	return n
}

// A system goes on without its init process; the driver ends it.
func TestSystemIsEndedAfterItsInitProcess(t *testing.T) {
	bubble(t, func(r *rig) {
		job := sample("job", "exit", "3", "1s")
		r.must(job, driver.Create, driver.Start)
		time.Sleep(2 * time.Second)
		st := r.want(job, driver.Stopped)
		if !st.Exit.Known || st.Exit.Code != 3 {
			t.Errorf("exit is %+v, want code 3", st.Exit)
		}
		if n := len(r.m.systemsBy); n != 0 {
			t.Errorf("%d systems go on without their init process", n)
		}
		r.must(job, driver.Start)
		if r.m.count("createScratch") != 1 || r.m.count("prepare") != 1 || r.m.count("create") != 2 {
			t.Errorf("a restart must make a new system on the same mounted layer; calls: %v", r.m.calls)
		}
		r.end(job)
	})
}

func TestFirstBootOnly(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		r.must(web, driver.Create)
		if doc := r.m.document(t, web); !doc.IgnoreFlushesDuringBoot {
			t.Error("the first boot must ignore flushes")
		}
		r.must(web, driver.Start, driver.Terminate)
		time.Sleep(time.Second)
		r.must(web, driver.Start)
		if doc := r.m.document(t, web); doc.IgnoreFlushesDuringBoot {
			t.Error("only the first boot may ignore flushes: data would be lost")
		}
		r.end(web)
	})
}

// document returns what the system of c was created with.
func (m *model) document(t *testing.T, c *manifest.Container) containerConfig {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, s := range m.systemsBy {
		if _, r, _ := parseID(id); r == refOf(c) {
			return s.doc
		}
	}
	t.Fatalf("%s has no system", c.Name())
	return containerConfig{}
}

func TestScratchSize(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		size := resource.MustParse("40Gi")
		web.Spec.RootFS.ScratchSize = &size
		r.must(web, driver.Create)
		for _, l := range r.m.layers {
			if l.size != 40<<30 || !l.prepared {
				t.Errorf("scratch layer is %+v, want it prepared with 40 GiB", l)
			}
		}
		r.end(web)
	})
}

func TestEndpointOfItsOwn(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		web.Spec.Ports = []manifest.Port{{ContainerPort: 80, HostPort: 8080, Protocol: manifest.ProtocolTCP}}
		r.m.set(func() { r.m.ends["other"] = endpointRequest{Name: "other.web.1-00000000000000aa"} })
		r.m.set(func() { r.m.ends["docker"] = endpointRequest{Name: "ethernet"} })
		r.must(web, driver.Create, driver.Start)
		doc := r.m.document(t, web)
		if len(doc.EndpointList) != 1 || r.m.ends[doc.EndpointList[0]].Name != doc.Name {
			t.Errorf("endpoints are %v, want one that is named after %s", doc.EndpointList, doc.Name)
		}
		if e := r.m.ends[doc.EndpointList[0]]; e.VirtualNetwork != "id-of-nat" || !e.EnableInternalDNS || len(e.Policies) != 1 {
			t.Errorf("endpoint is %+v", e)
		}
		r.must(web, driver.Terminate)
		time.Sleep(time.Second)
		r.must(web, driver.Start)
		if len(r.m.ends) != 3 {
			t.Errorf("endpoints of the second run: %v, want one of ours", r.m.ends)
		}
		r.must(web, driver.Terminate)
		time.Sleep(time.Second)
		r.must(web, driver.Remove)
		if len(r.m.ends) != 2 || r.m.ends["other"].Name == "" || r.m.ends["docker"].Name == "" {
			t.Errorf("endpoints afterwards: %v, want only those of others", r.m.ends)
		}
	})
}

func TestExistingEndpointsAndUnknownNetworks(t *testing.T) {
	bubble(t, func(r *rig) {
		web, lost := sample("web"), sample("lost")
		r.m.set(func() { r.m.ends["mine"] = endpointRequest{Name: "made by hand"} })
		web.Spec.Network.Endpoints = []string{"mine"}
		r.must(web, driver.Create)
		if doc := r.m.document(t, web); len(doc.EndpointList) != 1 || doc.EndpointList[0] != "mine" {
			t.Errorf("endpoints are %v", doc.EndpointList)
		}
		r.must(web, driver.Remove)
		if r.m.ends["mine"].Name == "" {
			t.Error("an endpoint that the manifest only names was deleted")
		}
		lost.Spec.Network.Name = "nowhere"
		wantErr(t, r.Create(r.Context(), lost), driver.ErrInvalid)
		r.want(lost, "")
	})
}

func TestSharedNetwork(t *testing.T) {
	bubble(t, func(r *rig) {
		web, sidecar := sample("web"), sample("sidecar")
		sidecar.Spec.Network.ShareWith = "web"
		wantErr(t, r.Create(r.Context(), sidecar), driver.ErrInvalid)
		r.must(web, driver.Create, driver.Start)
		r.must(sidecar, driver.Create)
		if got, want := r.m.document(t, sidecar).NetworkSharedContainerName, r.m.document(t, web).Name; got != want {
			t.Errorf("shares the network of %q, want %q", got, want)
		}
	})
}

func TestCredentialSpecFile(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		web.Spec.SecurityContext.WindowsOptions.GMSACredentialSpecName = "web.json"
		r.specs = filepath.Join(r.dir, "specs")
		wantErr(t, r.Create(r.Context(), web), driver.ErrInvalid)
		r.m.wantEmpty(t)
		if err := os.MkdirAll(r.specs, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(r.specs, "web.json"), []byte(`{"a":1}`), 0o600); err != nil {
			t.Fatal(err)
		}
		r.must(web, driver.Create)
		if doc := r.m.document(t, web); doc.Credentials != `{"a":1}` {
			t.Errorf("credentials are %q", doc.Credentials)
		}
	})
}

func TestLinuxScratchIsCopied(t *testing.T) {
	bubble(t, func(r *rig) {
		web := sample("web")
		web.Spec.OS = manifest.OSLinux
		err := r.Create(r.Context(), web)
		if err == nil || !strings.Contains(err.Error(), "scratch disk for Linux") {
			t.Errorf("without a disk to copy: got error %v", err)
		}
		r.want(web, "")
	})
}

func TestAdditionalJSONIsRefused(t *testing.T) {
	t.Setenv(additionalJSON, `{"HvPartition":true}`)
	_, err := openOn(t.Context(), Config{Owner: "shop", StateDir: tempDir(t)}, newModel().machine(), 1, newModel().link)
	if err == nil || !strings.Contains(err.Error(), additionalJSON) {
		t.Errorf("got error %v, want it to name %s", err, additionalJSON)
	}
}

func TestOwnerIsChecked(t *testing.T) {
	for _, owner := range []string{"Shop", "a b", ".a", "a.", strings.Repeat("a", 33), `a\b`} {
		if _, err := openOn(t.Context(), Config{Owner: owner, StateDir: tempDir(t)}, newModel().machine(), 1, newModel().link); err == nil {
			t.Errorf("owner %q is accepted", owner)
		}
	}
}
