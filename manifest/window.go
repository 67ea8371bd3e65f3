package manifest

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // Windows has no names of time zones

	"github.com/robfig/cron/v3"
)

// Window is when a running container may be replaced by another revision. It
// opens by the schedule of a Kubernetes CronJob and stays open for Duration.
type Window struct {
	Schedule string   `json:"schedule"`           // five fields of cron, or @daily and the like
	TimeZone string   `json:"timeZone,omitempty"` // of Schedule; "" is that of the time asked about
	Duration Duration `json:"duration"`
}

// Opens returns when w is open next: now itself if it is open then, the zero
// time if it never is again. now must bear the host's time zone.
func (w *Window) Opens(now time.Time) time.Time {
	s, err := w.schedule()
	if err != nil { // validated: only a zone that has vanished from the host
		return time.Time{}
	}
	switch start := s.Next(now.Add(-w.Duration.D())); {
	case start.After(now):
		return start
	case start.IsZero():
		return start
	default:
		return now
	}
}

var cronParser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

func (w *Window) schedule() (*cron.SpecSchedule, error) {
	text := strings.TrimSpace(w.Schedule)
	switch {
	case text == "":
		return nil, errors.New("is required: five fields of cron, as in 0 2 * * 6 for Saturdays at two")
	case strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ="):
		return nil, errors.New("must not name a time zone; use timeZone")
	}
	parsed, err := cronParser.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s is not understood: %w; five fields of cron are expected, as in 0 2 * * 6 for Saturdays at two", shown(w.Schedule), err)
	}
	s, ok := parsed.(*cron.SpecSchedule)
	if !ok { // @every counts from whenever it is asked
		return nil, fmt.Errorf("%s names no time of day; five fields of cron are expected", shown(w.Schedule))
	}
	if w.TimeZone != "" {
		if s.Location, err = time.LoadLocation(w.TimeZone); err != nil {
			return nil, errZone
		}
	}
	return s, nil
}

var errZone = errors.New("is not known; a name of the time zone database is expected, as in Europe/Berlin or Etc/UTC")

// longestWindow is a week: a longer one is open most of the time.
const longestWindow = 7 * 24 * time.Hour

func checkWindow(c *Container, r *report) {
	const at = "spec.update.window"
	w := c.Spec.Update.Window
	if w == nil {
		return
	}
	if d := w.Duration.D(); d <= 0 || d > longestWindow {
		r.add(at+".duration", "is required: longer than 0s, and at most %s", Duration(longestWindow))
	}
	zone := *w
	if zone.TimeZone == "Local" {
		zone.TimeZone = "unknown"
	}
	s, err := zone.schedule()
	switch {
	case errors.Is(err, errZone):
		r.add(at+".timeZone", "%s %v", shown(w.TimeZone), err)
	case err != nil:
		r.add(at+".schedule", "%v", err)
	case s.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero():
		r.add(at+".schedule", "%s never comes", shown(w.Schedule))
	}
}
