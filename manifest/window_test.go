package manifest

import (
	"strings"
	"testing"
	"time"
)

func TestWindowOpens(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(day, hour, minute int, loc *time.Location) time.Time {
		return time.Date(2026, 11, day, hour, minute, 0, 0, loc)
	}
	night := Window{Schedule: "0 2 * * *", Duration: Duration(2 * time.Hour)}
	for _, tt := range []struct {
		name      string
		w         Window
		now, want time.Time
	}{
		{"before", night, at(26, 1, 59, time.UTC), at(26, 2, 0, time.UTC)},
		{"at the start", night, at(26, 2, 0, time.UTC), at(26, 2, 0, time.UTC)},
		{"inside", night, at(26, 3, 59, time.UTC), at(26, 3, 59, time.UTC)},
		{"at the end", night, at(26, 4, 0, time.UTC), at(27, 2, 0, time.UTC)},
		{"in the host's zone", night, at(26, 1, 0, berlin), at(26, 2, 0, berlin)},
		{"in its own zone", Window{"0 2 * * *", "Europe/Berlin", night.Duration}, at(26, 0, 30, time.UTC), at(26, 1, 0, time.UTC)},
		{"over midnight", Window{"0 23 * * 4", "", Duration(3 * time.Hour)}, at(27, 1, 0, time.UTC), at(27, 1, 0, time.UTC)},
		{"a word", Window{"@weekly", "", Duration(time.Hour)}, at(26, 1, 0, time.UTC), at(29, 0, 0, time.UTC)},
		{"longer than its period", Window{"@hourly", "", Duration(2 * time.Hour)}, at(26, 1, 30, time.UTC), at(26, 1, 30, time.UTC)},
	} {
		if got := tt.w.Opens(tt.now); !got.Equal(tt.want) {
			t.Errorf("%s: opens %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestWindowIsValidated(t *testing.T) {
	for window, want := range map[string]string{
		"{schedule: 0 2 * * *, duration: 2h}":                   "",
		"{schedule: '@daily', duration: 2h, timeZone: Etc/UTC}": "",
		"{}":                                                        "spec.update.window.schedule: is required",
		"{schedule: 0 2 * *, duration: 1h}":                         "is not understood: expected exactly 5 fields",
		"{schedule: 0 25 * * *, duration: 1h}":                      "is not understood",
		"{schedule: '@every 1h', duration: 1h}":                     "names no time of day",
		"{schedule: TZ=UTC, duration: 1h}":                          "must not name a time zone; use timeZone",
		"{schedule: CRON_TZ=UTC 0 2 * * *, duration: 1h}":           "must not name a time zone; use timeZone",
		"{schedule: 0 0 30 2 *, duration: 1h}":                      "never comes",
		"{schedule: 0 2 * * *, duration: 0s}":                       "spec.update.window.duration: is required: longer than 0s",
		"{schedule: 0 2 * * *, duration: 169h}":                     "at most 168h",
		"{schedule: 0 2 * * *, duration: 1h, timeZone: Mars/North}": "spec.update.window.timeZone: \"Mars/North\" is not known",
		"{schedule: 0 2 * * *, duration: 1h, timeZone: Local}":      "spec.update.window.timeZone: \"Local\" is not known",
	} {
		text := head + "spec: {image: a, update: {window: " + window + "}}\n"
		_, problems := Parse("a.yaml", []byte(text))
		got := ""
		for _, p := range problems {
			got += p.String() + "\n"
		}
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s\ngot  %q\nwant %q", window, got, want)
		}
	}
}

// FuzzWindow: no schedule makes the library panic, and what is taken opens.
func FuzzWindow(f *testing.F) {
	for _, s := range []string{"0 2 * * *", "@daily", "TZ=UTC", "TZ= ", "*/0 * * * *", "1-70/3 ? L W 7", "\x00", "59 23 31 12 6"} {
		f.Add(s, "Etc/UTC", int64(time.Hour))
	}
	now := time.Date(2026, 2, 28, 23, 59, 59, 1, time.UTC)
	f.Fuzz(func(t *testing.T, schedule, zone string, d int64) {
		c := &Container{}
		c.Spec.Update.Window = &Window{schedule, zone, Duration(d)}
		var r report
		checkWindow(c, &r)
		opens := c.Spec.Update.Window.Opens(now)
		if len(r.issues) == 0 && opens.Before(now) && !opens.IsZero() {
			t.Errorf("opens %v, before %v", opens, now)
		}
	})
}
