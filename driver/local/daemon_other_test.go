//go:build !linux

package local_test

func daemon(string) { panic("the daemon of the tests runs on Linux only") }
