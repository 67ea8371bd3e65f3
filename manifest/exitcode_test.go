package manifest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseExitCodes(t *testing.T) {
	for text, want := range map[string][2]uint32{
		`0`:                          {0, 0},
		`"42"`:                       {42, 42},
		`-1073741819`:                {0xC0000005, 0xC0000005},
		`"-1"`:                       {math.MaxUint32, math.MaxUint32},
		`4294967295`:                 {math.MaxUint32, math.MaxUint32},
		`"0xc0000005"`:               {0xC0000005, 0xC0000005},
		`"0XC0000005"`:               {0xC0000005, 0xC0000005},
		`"1..3"`:                     {1, 3},
		`"1 .. 0xFF"`:                {1, 255},
		`"STATUS_CONTROL_C_EXIT"`:    {0xC000013A, 0xC000013A},
		`"status_control_c_exit"`:    {0xC000013A, 0xC000013A},
		`"0x80000000..-1"`:           {0x80000000, math.MaxUint32},
		`"DBG_TERMINATE_PROCESS"`:    {0x40010004, 0x40010004},
		`"1..STATUS_STACK_OVERFLOW"`: {1, 0xC00000FD},
	} {
		var got ExitCodes
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got.From != want[0] || got.To != want[1] {
			t.Errorf("%s = %d..%d, want %d..%d", text, got.From, got.To, want[0], want[1])
		}
	}
	for _, text := range []string{
		`""`, `"x"`, `"3..1"`, `"1.."`, `"..1"`, `"1..2..3"`, `4294967296`, `-2147483649`,
		`"0x100000000"`, `1.5`, `true`, `"-0x1"`, `"STATUS_"`, `[1]`, `{}`, `"1-3"`,
	} {
		var got ExitCodes
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s is taken as %d..%d", text, got.From, got.To)
		}
	}
}

func TestExitCodesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Uint32().Draw(t, "from")
		to := rapid.Uint32Range(from, math.MaxUint32).Draw(t, "to")
		want := ExitCodes{From: from, To: to}
		want.Text = rapid.SampledFrom([]string{formatRange(from, to, "%d"), formatRange(from, to, "0x%X")}).Draw(t, "text")
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got ExitCodes
		if err := json.Unmarshal(b, &got); err != nil || got != want {
			t.Fatalf("%s = %+v, %v; want %+v", b, got, err, want)
		}
		if !got.Contains(from) || !got.Contains(to) || from > 0 && got.Contains(from-1) || to < math.MaxUint32 && got.Contains(to+1) {
			t.Fatalf("%s: ends are wrong", want.Text)
		}
	})
}

func TestFormatExit(t *testing.T) {
	for code, want := range map[uint32]string{
		0:          "0",
		1:          "1",
		128:        "128",
		129:        "129 (SIGHUP)",
		137:        "137 (SIGKILL)",
		143:        "143 (SIGTERM)",
		159:        "159 (SIGSYS)",
		160:        "160",
		255:        "255",
		259:        "259 (0x00000103 STATUS_PENDING)",
		3221225786: "3221225786 (0xC000013A STATUS_CONTROL_C_EXIT)",
		0xC0DEBABE: "3235822270 (0xC0DEBABE)",
		0xFFFFFFFF: "4294967295 (0xFFFFFFFF)",
	} {
		if got := FormatExit(code); got != want {
			t.Errorf("FormatExit(%d) = %q, want %q", code, got, want)
		}
	}
}

func TestExitMeaning(t *testing.T) {
	for code, want := range map[uint32]string{
		0xC0000005: "memory", 0xC0000135: "library", 137: "SIGKILL", 0xE0434352: ".NET",
	} {
		if got := ExitMeaning(code); !strings.Contains(got, want) {
			t.Errorf("ExitMeaning(%d) = %q, want one with %q", code, got, want)
		}
	}
	if got := ExitMeaning(3) + ExitName(3) + ExitName(0); got != "" {
		t.Errorf("codes of the program itself mean %q", got)
	}
}

// TestNTStatusTable keeps the table usable: sorted, no code or name twice.
func TestNTStatusTable(t *testing.T) {
	if len(ntStatuses) < 60 {
		t.Errorf("only %d entries", len(ntStatuses))
	}
	names := map[string]bool{}
	for i, st := range ntStatuses {
		if i > 0 && cmp.Compare(ntStatuses[i-1].code, st.code) >= 0 {
			t.Errorf("%s is out of order", st.name)
		}
		if names[st.name] || st.meaning == "" || st.name != strings.ToUpper(st.name) {
			t.Errorf("%+v: name twice, without meaning or not in capitals", st)
		}
		names[st.name] = true
		if codes, err := ParseExitCodes(ExitName(st.code)); err != nil || codes.From != st.code {
			t.Errorf("%s reads back as %v, %v", st.name, codes, err)
		}
	}
	if !slices.ContainsFunc(ntStatuses, func(s ntStatus) bool { return s.code == 0x40010004 }) {
		t.Error("DBG_TERMINATE_PROCESS is missing")
	}
}

func formatRange(from, to uint32, verb string) string {
	return fmt.Sprintf(verb+".."+verb, from, to)
}
