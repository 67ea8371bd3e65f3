package wine

import "testing"

func TestSmoke(t *testing.T) {
	h := Start(t)
	p := newProbe(t, h)
	p.run("a")
	p.exec("a", "p", h, "print hello exit 7")
	r := p.ok(request{Op: "stdio", Name: "p"})
	t.Logf("%s", r.Value)
	if code := p.exitCode("p"); code != 7 {
		t.Errorf("exit code %d", code)
	}
	p.stop("a")
	t.Logf("%+v", h.Report())
	for _, e := range h.Journal() {
		t.Logf("%+v", e)
	}
}
