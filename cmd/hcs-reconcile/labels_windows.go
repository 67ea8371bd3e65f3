package main

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/windows"
)

// systemLabels tells the build of Windows, which an image must fit.
func systemLabels() map[string]string {
	major, minor, build := windows.RtlGetNtVersionNumbers()
	return map[string]string{
		"build":                            strconv.FormatUint(uint64(build), 10),
		"node.kubernetes.io/windows-build": fmt.Sprintf("%d.%d.%d", major, minor, build),
	}
}
