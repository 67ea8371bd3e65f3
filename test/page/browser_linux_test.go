// Package page looks at the status page as people do: in a real browser.
package page

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/hcs-reconcile/hcs-reconcile/internal/tooltest"
)

// limit bounds each test as a whole; nothing waits for it unless it fails.
const limit = 5 * time.Minute

// look is how a page is looked at.
type look struct {
	width, height int64
	dark, phone   bool
	noScript      bool
}

var (
	desktop = look{width: 1360, height: 900}
	night   = look{width: 1360, height: 900, dark: true}
	phone   = look{width: 360, height: 780, phone: true}
)

// tab is one page of a browser, and what its console said.
type tab struct {
	t   *testing.T
	ctx context.Context
	look

	mu      sync.Mutex
	console []string
}

// browse starts a browser of its own for the test.
func browse(t *testing.T) context.Context {
	t.Helper()
	program := tooltest.Path(t, "chromium", "chromium-browser", "google-chrome")
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("hide-scrollbars", true))
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start browser: %v", err)
	}
	return ctx
}

// open shows url in a new tab.
func open(t *testing.T, browser context.Context, l look, url string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	tb := &tab{t: t, ctx: ctx, look: l}
	said := chromedp.Console(ctx)
	go tb.hear(said)
	color := "light"
	if l.dark {
		color = "dark"
	}
	tb.run(
		l.sized(l.height),
		command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: color}},
		}),
		command(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: l.noScript}),
		chromedp.Navigate(url),
	)
	return tb
}

// sized makes the window as wide as l and this high.
func (l look) sized(height int64) chromedp.Action[chromedp.Void] {
	return command(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: l.width, Height: height, DeviceScaleFactor: 1, Mobile: l.phone,
	})
}

// command is a command of the DevTools protocol that answers nothing.
func command[P any](c cdp.Command[P, cdp.Empty], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, c, params)
		return err
	})
}

// hear keeps what the page complains of until the tab is closed: errors of
// scripts, and what the policy did not let it do.
func (tb *tab) hear(said iter.Seq2[chromedp.ConsoleMessage, error]) {
	for m, err := range said {
		if err != nil {
			return
		}
		if m.Type == chromedp.ConsoleError || m.IsException() || m.Source == "security" {
			tb.mu.Lock()
			tb.console = append(tb.console, fmt.Sprintf("%s %s: %s", m.Type, m.URL, m.Text))
			tb.mu.Unlock()
		}
	}
}

// complaints are what the page said until now.
func (tb *tab) complaints() []string {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return append([]string{}, tb.console...)
}

func (tb *tab) run(steps ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	if err := chromedp.Do(tb.ctx, steps...); err != nil {
		tb.t.Fatalf("%v\nconsole: %s", err, strings.Join(tb.complaints(), "\n"))
	}
}

// eval returns the value of an expression in the page.
func eval[T any](tb *tab, expression string) T {
	tb.t.Helper()
	v, err := chromedp.Run(tb.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		tb.t.Fatalf("%s: %v\nconsole: %s", expression, err, strings.Join(tb.complaints(), "\n"))
	}
	return v
}

// await waits until an expression in the page is true.
func (tb *tab) await(expression string) {
	tb.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(40 * time.Second); !eval[bool](tb, "!!("+expression+")"); <-tick.C {
		if time.Now().After(deadline) {
			tb.t.Fatalf("wait for %s: not within time\npage: %s\nconsole: %s", expression,
				eval[string](tb, `document.body.innerText.slice(0, 3000)`), strings.Join(tb.complaints(), "\n"))
		}
	}
}

// shoot keeps a picture of the whole page as a test artefact.
func (tb *tab) shoot(name string) {
	tb.t.Helper()
	// What is out of sight is not laid out, so all of it has to be in sight; and
	// then it is higher than was guessed.
	for range 2 {
		tb.run(tb.sized(eval[int64](tb, `document.documentElement.scrollHeight`)))
		eval[bool](tb, `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`)
	}
	tb.window(name)
	tb.run(tb.sized(tb.height))
}

// window keeps a picture of what is in sight.
func (tb *tab) window(name string) {
	tb.t.Helper()
	dir := os.Getenv("HCS_SCREENSHOTS")
	if dir == "" {
		dir = tb.t.TempDir()
	}
	png, err := chromedp.Run(tb.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		tb.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		tb.t.Fatal(err)
	}
}
