package hcs

import (
	"context"
	"fmt"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc/mgr"
)

// Survey looks at this host without opening a driver. images are references to
// be looked up in the image store. It may block for as long as Windows likes.
func Survey(ctx context.Context, cfg Config, images []string) (*Surveyed, error) {
	v := windows.RtlGetVersion()
	build := fmt.Sprintf("%d.%d.%d", v.MajorVersion, v.MinorVersion, v.BuildNumber)
	services := map[string]string{"vmcompute": serviceProblem("vmcompute"), "hns": serviceProblem("hns")}
	if err := windows.NewLazySystemDLL("vmcompute.dll").Load(); err != nil {
		return &Surveyed{Build: build, Services: services, SystemsErr: fmt.Errorf("this host lacks the Containers feature of Windows: %w", err)}, nil
	}
	s, err := surveyOn(ctx, machine{compute: hostCompute{}, storage: hostStorage{}, network: hostNetwork{}, processTable: hostProcesses{}}, cfg, images)
	if err != nil {
		return nil, err
	}
	s.Build, s.Services = build, services
	return s, nil
}

// serviceProblem tells why a service of Windows cannot be used; "" if it can.
// One that is stopped is started by the first call.
func serviceProblem(name string) string {
	h, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT)
	if err != nil {
		return "the service manager does not answer: " + err.Error()
	}
	defer func() { _ = windows.CloseServiceHandle(h) }()
	text, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return err.Error()
	}
	s, err := windows.OpenService(h, text, windows.SERVICE_QUERY_CONFIG|windows.SERVICE_QUERY_STATUS)
	if err != nil {
		return "not installed: " + err.Error()
	}
	service := mgr.Service{Name: name, Handle: s}
	defer service.Close()
	config, err := service.Config()
	if err == nil && config.StartType == mgr.StartDisabled {
		return "disabled"
	}
	return ""
}
