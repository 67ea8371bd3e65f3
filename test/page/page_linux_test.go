package page

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile/engine"
	"github.com/hcs-reconcile/hcs-reconcile/statedb"
	"github.com/hcs-reconcile/hcs-reconcile/web/page"
)

// live waits until the page listens.
const live = `document.querySelector('#link').textContent === 'live'`

// TestChangesAppearWithoutReload covers what a change can be: a state, a new
// name, a removed one, the verdict, the title.
func TestChangesAppearWithoutReload(t *testing.T) {
	w := host(t, &world{view: many(3)})
	tb := open(t, browse(t), desktop, w.url("/"))
	tb.await(live)
	tb.run(chromedp.Evaluate[chromedp.Void](`window.sameDocument = true, void 0`))
	if got := eval[string](tb, `document.querySelector('h1').textContent`); got != "Converged" {
		t.Errorf("the headline is %q", got)
	}
	eval[bool](tb, `document.querySelector('#r-c0001 a').focus(), true`)
	w.change(func(v *engine.View) {
		c := &v.Containers[1]
		c.State, c.Reason, c.Message, c.Ready = reconcile.StateCrashLoopBackOff, reconcile.BackOff, "exited with 3", false
		c.NextTry, c.BackOff = time.Now().Add(20*time.Second), 30*time.Second
		v.Containers = append(v.Containers[:2:2], running("a-new-one"))
	})
	tb.await(`document.querySelector('h1').textContent === '1 container of 3 needs attention'`)
	tb.await(`document.querySelector('#r-c0001').textContent.includes('CrashLoopBackOff')`)
	tb.await(`[...document.querySelectorAll('#rows tr')].map((r) => r.dataset.name).join() === 'a-new-one,c0000,c0001'`)
	tb.await(`document.querySelector('.troubles').innerText.includes('starts again in ')`)
	tb.await(`document.title.startsWith('1 container of 3 needs attention')`)
	tb.await(`document.querySelector('#icon').getAttribute('href').includes('icon-bad')`)
	if !eval[bool](tb, `document.activeElement === document.querySelector('#r-c0001 a')`) {
		t.Errorf("the focus is lost: %s", eval[string](tb, `document.activeElement.outerHTML`))
	}
	left := eval[string](tb, `document.querySelector('.troubles time[data-in]').textContent`)
	tb.await(fmt.Sprintf(`document.querySelector('.troubles time[data-in]').textContent !== %q`, left)) // it counts down
	if !eval[bool](tb, `window.sameDocument === true`) {
		t.Error("the page was loaded anew")
	}
	if c := tb.complaints(); len(c) > 0 {
		t.Errorf("the console says %q", c)
	}
}

// TestConnectionLost has the daemon killed and started again on the same
// address: the page says so, and comes back with what has changed meanwhile.
func TestConnectionLost(t *testing.T) {
	w := host(t, &world{view: many(2)})
	tb := open(t, browse(t), desktop, w.url("/"))
	tb.await(live)
	w.stop()
	tb.await(`document.querySelector('#link').textContent.startsWith('connection lost')`)
	w.change(func(v *engine.View) { v.Containers = v.Containers[:1] })
	w.serve(w.address)
	tb.await(live)
	tb.await(`document.querySelectorAll('#rows tr').length === 1`)
}

// TestWithoutScript shows that the first view is whole without JavaScript.
func TestWithoutScript(t *testing.T) {
	w := host(t, &world{view: many(5)})
	l := desktop
	l.noScript = true
	tb := open(t, browse(t), l, w.url("/?q=c0003"))
	text := eval[string](tb, `document.body.innerText`)
	for _, want := range []string{"Converged", "c0003", "as of", "reload"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not shown: %s", want, text)
		}
	}
	if strings.Contains(text, "c0002") || strings.Contains(text, "live") {
		t.Errorf("shown without script: %s", text)
	}
}

// TestFinding searches and filters, with the keyboard alone.
func TestFinding(t *testing.T) {
	v := many(30)
	for i := range 4 {
		v.Containers[7*i].State = reconcile.StateFailed
	}
	v.Containers[3].Labels = map[string]string{"tier": "gold"}
	w := host(t, &world{view: v})
	tb := open(t, browse(t), desktop, w.url("/"))
	tb.await(live)
	const shown = `[...document.querySelectorAll('#rows tr')].filter((r) => r.offsetHeight > 0).length`
	eval[bool](tb, `document.querySelector('#chip-bad').focus(), true`)
	tb.run(chromedp.KeyEvent("\r"))
	tb.await(shown + ` === 4`)
	tb.await(`document.querySelector('#shown').textContent === '4 of 30 shown'`)
	tb.await(`document.querySelector('#chip-bad').getAttribute('aria-pressed') === 'true'`)
	w.change(func(v *engine.View) { v.Containers[1].State = reconcile.StateFailed }) // one more comes into sight
	tb.await(shown + ` === 5`)
	// A browser that is told of a key by its protocol types it whatever the page says.
	if eval[bool](tb, `document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '/', bubbles: true, cancelable: true}))`) {
		t.Error("the key / would be typed, rather than lead to the search")
	}
	tb.await(`document.activeElement.id === 'q'`)
	tb.run(chromedp.KeyEvent("c0014"))
	tb.await(shown + ` === 1`)
	if got := eval[string](tb, `location.search`); got != "?show=bad&q=c0014" {
		t.Errorf("the address to pass on is %q", got)
	}
	tb.run(chromedp.Navigate(w.url("/?q=tier%3DGOLD")))
	tb.await(shown + ` === 1 && !document.querySelector('#r-c0003').hidden`)
}

// hostile is text that would do harm if it were ever more than text.
var hostile = []string{
	`<img src=x onerror="window.harmed=1">`, `"><script>window.harmed=1</script>`, `'-window.harmed=1-'`, `{{.}}`, `</title><script>harmed=1</script>`,
	"javascript:window.harmed=1", "\x1b[31mred\x1b[0m", "`${window.harmed=1}`", "</time></li></ul><h1>Converged</h1>", "\u202egnp.exe", "]]>",
}

// TestHostileText puts hostile text everywhere that text can come from.
func TestHostileText(t *testing.T) {
	w := &world{view: many(1)}
	for i, h := range hostile {
		c := running(fmt.Sprintf("c%04d", i))
		c.State, c.Reason, c.Message, c.Source, c.Image = reconcile.StateHeld, reconcile.InvalidManifest, h, h, h
		c.Labels, c.Revision = map[string]string{h: h}, manifest.Revision(h)
		c.DependsOn = []manifest.Dependency{{Name: h, Condition: manifest.Condition(h)}}
		c.LastExit = &reconcile.ExitStatus{Text: h, Reason: h, At: time.Now()}
		w.view.Containers = append(w.view.Containers[:i:i], c)
		w.view.Foreign = append(w.view.Foreign, foreign(h, h))
		w.view.Problems = append(w.view.Problems, manifest.Problem{File: h, Message: h, Field: h})
		w.events = append(w.events, statedb.Entry{At: time.Now(), Container: h, Type: "Warning", Kind: h, State: h, Reason: h, Message: h, Action: h})
		w.events = append(w.events, statedb.Entry{At: time.Now(), Container: "c0000", Message: h})
		w.lines = append(w.lines, page.Line{At: time.Now(), Text: h})
		w.fields = append(w.fields, manifest.FieldChange{Path: h, Old: h, New: h})
	}
	w.view.Doubt, w.view.ListError, w.view.SaveError, w.view.Brake.Blocked = hostile[0], hostile[1], hostile[2], hostile
	w.view.Containers[1].Name = hostile[0] // no manifest can have it, but who knows
	w.view.Source.Dir, w.view.Source.Revision = hostile[0], hostile[1]
	host(t, w)
	browser := browse(t)
	for _, path := range []string{"/", "/containers/c0000", "/containers/%3Cscript%3Eharmed=1%3C%2Fscript%3E", "/?q=%22%3E%3Cscript%3Eharmed%3D1%3C/script%3E"} {
		tb := open(t, browser, desktop, w.url(path))
		tb.await(live)
		w.change(func(v *engine.View) { // and once more through an update
			v.Containers = append(v.Containers, running(fmt.Sprintf("late-%d", len(v.Containers))))
			for i := range v.Containers {
				v.Containers[i].Message += " " + hostile[i%len(hostile)]
			}
		})
		tb.await(`!document.querySelector('#rows') || document.querySelector('[id^=r-late]')`)
		if eval[bool](tb, `'harmed' in window`) {
			t.Errorf("%s: a script ran", path)
		}
		if n := eval[int](tb, `document.querySelectorAll('script:not([src]), img, iframe, [onerror], [style]').length`); n > 0 {
			t.Errorf("%s: %d elements that text made", path, n)
		}
		if n := eval[int](tb, `[...document.querySelectorAll('a')].filter((a) => new URL(a.getAttribute('href'), location).protocol !== location.protocol).length`); n > 0 {
			t.Errorf("%s: %d links lead elsewhere", path, n)
		}
		if n := eval[int](tb, `document.querySelectorAll('h1').length`); n != 1 {
			t.Errorf("%s: %d headlines", path, n)
		}
		if c := tb.complaints(); len(c) > 0 && !strings.Contains(path, "script") {
			t.Errorf("%s: the console says %q", path, c)
		}
	}
	tb := open(t, browser, desktop, w.url("/containers/c0000"))
	text := eval[string](tb, `document.querySelector('#log').textContent`)
	for _, h := range hostile {
		if !strings.Contains(text, h) {
			t.Errorf("the log does not show %q", h)
		}
	}
}

// TestPolicyHolds tries what the content policy must not let happen.
func TestPolicyHolds(t *testing.T) {
	w := host(t, &world{view: many(1)})
	tb := open(t, browse(t), desktop, w.url("/"))
	tb.await(live)
	eval[bool](tb, `(() => { window.reports = []; document.addEventListener('securitypolicyviolation', (e) => reports.push(e.effectiveDirective)); return true })()`)
	for directive, attempt := range map[string]string{
		"script-src-elem":           `{ const s = document.createElement('script'); try { s.text = 'harmed=1' } catch {} ; document.head.append(s) }`,
		"require-trusted-types-for": `try { document.body.innerHTML += '<b>x</b>' } catch {}`,
		"style-src-elem":            `{ const s = document.createElement('style'); s.textContent = 'body{display:none}'; document.head.append(s) }`,
		"img-src":                   `{ new Image().src = 'http://example.invalid/x' }`,
		"connect-src":               `fetch('http://example.invalid/x').catch(() => 0)`,
	} {
		eval[bool](tb, `(() => { `+attempt+`; return true })()`)
		if directive == "script-src-elem" {
			continue // trusted types were first
		}
		tb.await(fmt.Sprintf(`reports.includes(%q)`, directive))
	}
	if eval[bool](tb, `'harmed' in window`) {
		t.Error("a script ran")
	}
}

// TestManyContainers changes a thousand containers and watches what one change
// costs the page: the work of each answer is bounded, and so is what it sends.
func TestManyContainers(t *testing.T) {
	w := host(t, &world{view: many(1000)})
	tb := open(t, browse(t), desktop, w.url("/"))
	tb.await(live)
	eval[bool](tb, `(() => {
		window.batches = []; window.long = []; window.frames = [];
		new MutationObserver((list) => batches.push(list.filter((m) => m.target.id === 'rows').reduce((n, m) => n + m.addedNodes.length, 0)))
			.observe(document.querySelector('#rows'), {childList: true});
		new PerformanceObserver((list) => { for (const e of list.getEntries()) long.push(Math.round(e.duration)) }).observe({type: 'longtask'});
		let last = performance.now();
		const frame = (now) => { frames.push(now - last); last = now; requestAnimationFrame(frame) };
		requestAnimationFrame(frame);
		return true;
	})()`)
	for round := range 2 {
		w.change(func(v *engine.View) {
			for i := range v.Containers {
				v.Containers[i].Restarts++
				v.Containers[i].Message = fmt.Sprintf("round %d", round)
			}
		})
		tb.await(fmt.Sprintf(`document.querySelector('#r-c0999 .msg')?.textContent === 'round %d' && document.querySelector('#r-c0000 .msg').textContent === 'round %[1]d'`, round))
	}
	if most := eval[int](tb, `Math.max(...batches)`); most > 100 {
		t.Errorf("one answer changed %d rows, want 100 at most", most)
	}
	if n := eval[int](tb, `document.querySelectorAll('#rows tr').length`); n != 1000 {
		t.Errorf("%d rows", n)
	}
	t.Logf("long tasks %v ms; frames: %s", eval[[]int](tb, `long`),
		eval[string](tb, `(() => { frames.sort((a, b) => a - b); const q = (p) => Math.round(frames[Math.floor(p * (frames.length - 1))]); return 'median ' + q(.5) + ' ms, 99 % ' + q(.99) + ' ms, longest ' + q(1) + ' ms of ' + frames.length })()`))
	w.change(func(v *engine.View) { v.Containers[500].State = reconcile.StateStuck })
	tb.await(`document.querySelector('#r-c0500').textContent.includes('Stuck')`)
	if last := eval[int](tb, `batches.at(-1)`); last != 1 {
		t.Errorf("one change changed %d rows", last)
	}
}

// spike fills the small charts with a quarter of an hour.
func spike(u *page.Usage, at time.Time, names ...string) {
	spent := map[string]time.Duration{}
	for s := 60; s >= 0; s-- {
		got := map[driver.Ref]driver.Stats{}
		for i, name := range names {
			load := 0.2 + 0.15*float64((s*(i+3))%7)/7
			if (s+i*11)%23 < 4 {
				load += 0.8
			}
			spent[name] += time.Duration(load * 15 * float64(time.Second))
			cpu, memory := spent[name], uint64(120<<20+(60-s)*(i+1)*300<<10+(s*7919*(i+1))%(9<<20))
			got[driver.Ref{Name: name, Revision: "1-9f6fb07780f0ea80"}] = driver.Stats{At: at.Add(-time.Duration(s) * 15 * time.Second), CPU: &cpu, MemoryBytes: &memory}
		}
		u.Tell(got)
	}
}
