package local

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
)

// BenchmarkIdleKeeper is what the keeper takes while it holds containers that
// print nothing: memory of its own (without the pages of its program, which the
// daemon shares), and processor time.
func BenchmarkIdleKeeper(b *testing.B) {
	for _, n := range []int{0, 100, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			d, first := benchDriver(b)
			all := benchRun(b, d, first, max(n, 1))
			if n == 0 {
				benchEnd(b, d, all)
			}
			pid := d.Keeper().PID
			before, began := keeperTime(b, pid), time.Now()
			for b.Loop() {
				time.Sleep(time.Second)
			}
			spent := keeperTime(b, pid) - before
			b.ReportMetric(float64(spent.Microseconds())/time.Since(began).Seconds(), "cpu-µs/s")
			b.ReportMetric(keeperMemory(b, pid, "RssAnon"), "own-MB")
			b.ReportMetric(keeperMemory(b, pid, "VmRSS"), "rss-MB")
			if n > 0 {
				benchEnd(b, d, all)
			}
		})
	}
}

// BenchmarkLogs is the output of four containers at once on its way to their
// logs, beside a plain copy of the same bytes to the same disk in the same run.
func BenchmarkLogs(b *testing.B) {
	const streams, size = 4, 64 << 20
	line := bytes.Repeat([]byte("x"), 99)
	text := bytes.Repeat(append(line, '\n'), size/100)
	d, first := benchDriver(b)
	source := filepath.Join(b.TempDir(), "text")
	if err := os.WriteFile(source, text, 0o600); err != nil {
		b.Fatal(err)
	}
	limit := resource.MustParse("1Gi")
	first.Spec.Command, first.Spec.Logs = []string{"cat", source}, manifest.Logs{MaxSize: &limit}
	var logs, copies time.Duration
	for b.Loop() {
		copies += timed(func() { copyTimes(b, source, streams) })
		logs += timed(func() {
			all := benchRun(b, d, first, streams)
			for range all {
				<-d.Exits()
			}
		})
	}
	total := float64(b.N) * streams * float64(len(text)) / 1e6
	b.ReportMetric(total/logs.Seconds(), "logs-MB/s")
	b.ReportMetric(total/copies.Seconds(), "copy-MB/s")
}

func timed(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

func copyTimes(b *testing.B, source string, n int) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			in, err := os.Open(source)
			if err != nil {
				b.Error(err)
				return
			}
			defer in.Close()
			out, err := os.Create(fmt.Sprintf("%s-%d", source, i))
			if err != nil {
				b.Error(err)
				return
			}
			_, err = io.Copy(struct{ io.Writer }{out}, in)
			if err = errors.Join(err, out.Close()); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
}

func benchRun(b *testing.B, d *Driver, c *manifest.Container, n int) (refs []driver.Ref) {
	for i := range n {
		one := *c
		one.Metadata.Name = fmt.Sprintf("b-%d", i)
		if err := errors.Join(driver.Settle(driver.Create, d.Create(b.Context(), &one)), d.Start(b.Context(), &one)); err != nil {
			b.Fatal(err)
		}
		refs = append(refs, refOf(&one))
	}
	return refs
}

func benchEnd(b *testing.B, d *Driver, refs []driver.Ref) {
	for _, r := range refs {
		if err := d.Terminate(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
	for range refs {
		<-d.Exits()
	}
}

func keeperTime(b *testing.B, pid int) time.Duration {
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		b.Fatal(err)
	}
	var ns int64
	for _, path := range paths {
		if text, err := os.ReadFile(path); err == nil {
			n, _ := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
			ns += n
		}
	}
	return time.Duration(ns)
}

// keeperMemory returns a figure of the keeper in MB.
func keeperMemory(b *testing.B, pid int, key string) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), key+":")
	kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	return kb / 1024
}
