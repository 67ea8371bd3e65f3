package page

import (
	"net/http"
	"slices"

	"github.com/hcs-reconcile/hcs-reconcile/driver"
	"github.com/hcs-reconcile/hcs-reconcile/manifest"
	"github.com/hcs-reconcile/hcs-reconcile/reconcile"
)

const (
	eventsOfOne = 50
	linesOfLog  = 100
)

// containerPage is the data of the template container.
type containerPage struct {
	frame
	reconcile.ContainerStatus
	Level    Level
	Says     string
	Next     Next
	Runs     manifest.Revision
	Differs  bool
	Labels   []string
	Needs    []need
	NeededBy []need
	Copies   []driver.Status // all that the runtime holds of it
	Figures  Figures
	Fields   []manifest.FieldChange
	FieldErr string
	Compared bool
	Events   []event
	EventErr string
	Log      []Line
	LogErr   string
	Logged   bool
}

// need is a dependency, in one direction or the other.
type need struct {
	Name      string
	Condition manifest.Condition
	State     reconcile.State
	Level     Level
}

func (p *Page) container(r *http.Request) answer {
	p.board.refresh(r.Context())
	name := r.PathValue("name")
	s := p.board.since("")
	i := slices.IndexFunc(s.View.Containers, func(st reconcile.ContainerStatus) bool { return st.Name == name })
	if i < 0 {
		d := struct {
			frame
			Name string
		}{p.frame(r, "No such container – "+p.Host, &s), name}
		d.Icon = Off
		return p.answer(http.StatusNotFound, "missing", &d)
	}
	st := s.View.Containers[i]
	d := containerPage{
		frame: p.frame(r, name+" "+string(st.State)+" – "+p.Host, &s), ContainerStatus: st,
		Level: levelOf(&st), Says: saying(&st), Next: nextOf(&st), Differs: differs(&st), Copies: st.Actual,
		Figures: p.Usage.Of(running(&st)),
	}
	d.Icon = d.Level
	for k, v := range st.Labels {
		d.Labels = append(d.Labels, k+"="+v)
	}
	slices.Sort(d.Labels)
	d.Needs, d.NeededBy = needs(s.View.Containers, &st)
	if p.Differences != nil {
		d.Compared = true
		d.Fields, d.FieldErr = told(p.Differences(r.Context(), st))
	}
	d.Events, d.EventErr = p.events(name, eventsOfOne)
	if p.Tail != nil {
		d.Logged = true
		d.Log, d.LogErr = told(p.Tail(r.Context(), name, linesOfLog))
	}
	return p.answer(http.StatusOK, "container", &d)
}

// told turns an error into what is shown in place of the answer.
func told[T any](v T, err error) (T, string) {
	if err != nil {
		return v, err.Error()
	}
	return v, ""
}

func needs(all []reconcile.ContainerStatus, of *reconcile.ContainerStatus) (ins, outs []need) {
	for _, dep := range of.DependsOn {
		n := need{Name: dep.Name, Condition: dep.Condition, State: "not in the manifests", Level: Bad}
		if i := slices.IndexFunc(all, func(st reconcile.ContainerStatus) bool { return st.Name == dep.Name }); i >= 0 {
			n.State, n.Level = all[i].State, levelOf(&all[i])
		}
		ins = append(ins, n)
	}
	for i := range all {
		for _, dep := range all[i].DependsOn {
			if dep.Name == of.Name {
				outs = append(outs, need{all[i].Name, dep.Condition, all[i].State, levelOf(&all[i])})
			}
		}
	}
	return ins, outs
}

// Yes is what a template cannot ask of a pointer.
func (c *containerPage) Yes(b *bool) bool { return b != nil && *b }
