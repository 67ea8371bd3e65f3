package main

import (
	"strings"
	"testing"
	"time"
)

func TestAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:                   "0s",
		400 * time.Millisecond:         "0s",
		59 * time.Second:               "59s",
		61 * time.Second:               "1m01s",
		10*time.Minute + 5*time.Second: "10m",
		4*time.Hour + 7*time.Minute:    "4h07m",
		50 * time.Hour:                 "2d",
	} {
		if got := ago(d); got != want {
			t.Errorf("ago(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	tests := []struct {
		name  string
		table table
		want  string
	}{
		{"plain", table{}, "NAME   STATE\ndb     ok\nwebüü  a long text of the last column\n"},
		{"narrow", table{width: 32}, "NAME   STATE\ndb     ok\nwebüü  a long text of the last…\n"},
		{"far too narrow", table{width: 3}, "NAME   STATE\ndb     ok\nwebüü  a long text of the…\n"},
		{"coloured", table{ink: true}, "\x1b[1mNAME\x1b[0m   \x1b[1mSTATE\x1b[0m\ndb     \x1b[32mok\x1b[0m\nwebüü  a long text of the last column\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.table.head("NAME", "STATE")
			tt.table.add(cell{text: "db"}, cell{"ok", green})
			tt.table.add(cell{text: "webüü"}, cell{text: "a long text of the last column"})
			var b strings.Builder
			if err := tt.table.print(&b); err != nil || b.String() != tt.want {
				t.Errorf("print: %v\n%q, want\n%q", err, b.String(), tt.want)
			}
		})
	}
}

func TestEnvName(t *testing.T) {
	if got, want := envName("web.listen-address"), "HCS_RECONCILE_WEB_LISTEN_ADDRESS"; got != want {
		t.Errorf("envName = %s, want %s", got, want)
	}
}

func TestClip(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"", ""},
		{"12345678", "12345678"},
		{"123456789", "1234567…\x1b[0m"},
		{"\x1b[31m1234\x1b[0m5678", "\x1b[31m1234\x1b[0m5678"},
		{"\x1b[31m12345678\x1b[0m", "\x1b[31m12345678\x1b[0m"},
		{"\x1b[31m1234567890\x1b[0m", "\x1b[31m1234567…\x1b[0m"},
		{"äöüäöüäöü", "äöüäöüä…\x1b[0m"},
	} {
		if got := clip(tt.line, 8); got != tt.want {
			t.Errorf("clip(%q) = %q, want %q", tt.line, got, tt.want)
		}
	}
}
