//go:build linux

package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"time"
)

// scrape measures scrapes as Prometheus makes them, at 10, 100 … n containers.
func scrape(l *lab) error {
	for n := 10; n <= l.n; n *= 10 {
		round := *l
		round.dir = filepath.Join(l.dir, fmt.Sprint(n))
		if err := scrapeOf(&round, n); err != nil {
			return err
		}
	}
	return nil
}

// scrapes is how often each is asked for.
const scrapes = 30

func scrapeOf(l *lab, n int) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	d, err := l.open(sleepers(n), "--web.listen-address", address)
	if err != nil {
		return err
	}
	if _, err := d.wait(n); err != nil {
		return err
	}
	time.Sleep(2 * time.Second) // until it rests
	before, err := d.usage()
	if err != nil {
		return err
	}
	text, ours, err := fetch("http://"+address+"/metrics", scrapes)
	if err != nil {
		return err
	}
	after, err := d.usage()
	if err != nil {
		return err
	}
	packed := gzipped(text)
	floor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed)
	}))
	defer floor.Close()
	_, base, err := fetch(floor.URL, scrapes)
	if err != nil {
		return err
	}
	series := bytes.Count(text, []byte("\n")) - bytes.Count(text, []byte("\n#")) - 1
	row(fmt.Sprintf("%d containers", n), "%d series, %d KiB, %d KiB compressed", series, len(text)>>10, len(packed)>>10)
	quantiles("floor: the same bytes from memory", base)
	quantiles("scrape", ours)
	row("CPU of the daemon for one scrape", "%v", (after.cpu-before.cpu)/scrapes)
	return d.close()
}

// fetch asks for a page again and again, and returns it and how long it took.
func fetch(url string, times int) (text []byte, took []time.Duration, err error) {
	for range times {
		began := time.Now()
		req, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			return nil, nil, err
		}
		req.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, nil, err
		}
		text, err = io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			return nil, nil, err
		}
		took = append(took, time.Since(began))
	}
	return text, took, nil
}

func gzipped(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(text) // into memory
	_ = w.Close()
	return b.Bytes()
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
