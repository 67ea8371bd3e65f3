package logs

import (
	"bytes"
	"time"
)

// entry is one line of a file, without its newline.
type entry struct {
	at      time.Time
	from    Source
	partial bool
	text    []byte
	foreign bool // not of the format: the whole line is the text, of Stdout
}

// parse reads one line of a file. What is not of the CRI log format is
// foreign, never an error: the output of a program is shown as it is found.
func parse(line []byte) entry {
	foreign := entry{from: Stdout, text: line, foreign: true}
	stamp, rest, ok := bytes.Cut(line, []byte{' '})
	if !ok {
		return foreign
	}
	at, ok := parseTime(stamp)
	if !ok {
		return foreign
	}
	from, rest, ok := bytes.Cut(rest, []byte{' '})
	if !ok || string(from) != string(Stdout) && string(from) != string(Stderr) {
		return foreign
	}
	tags, text, ok := bytes.Cut(rest, []byte{' '})
	if !ok {
		return foreign
	}
	// The format allows more tags to come, separated by colons.
	first, _, _ := bytes.Cut(tags, []byte{':'})
	if string(first) != string(rune(tagFull)) && string(first) != string(rune(tagPartial)) {
		return foreign
	}
	return entry{at: at, from: source(from), partial: first[0] == tagPartial, text: text}
}

func source(name []byte) Source {
	if string(name) == string(Stderr) {
		return Stderr
	}
	return Stdout
}

// parseTime reads a timestamp; ours quickly, that of any other writer too.
func parseTime(b []byte) (time.Time, bool) {
	if len(b) < len("2006-01-02T15:04:05Z") || len(b) > len("2006-01-02T15:04:05.000000000+00:00") {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, string(b))
	return at, err == nil
}
