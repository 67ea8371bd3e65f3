/* The journal: one JSON object per line for each call, event and violation, in
 * the order of their effects. Tests read the file itself. */
#include "broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static HANDLE file;
static unsigned long long line_number;
static struct text violations; /* JSON strings with commas between */

void journal_open(void) {
	file = CreateFileW(STANDIN_JOURNAL, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
			   CREATE_ALWAYS, 0, NULL);
}

void journal_reset(void) {
	SetFilePointer(file, 0, NULL, FILE_BEGIN);
	SetEndOfFile(file);
	text_free(&violations);
	line_number = 0;
}

static void begin_line(struct text *t) {
	SYSTEMTIME now;
	GetSystemTime(&now);
	text_addf(t, "{\"n\":%llu,\"at\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", ++line_number, now.wYear, now.wMonth,
		  now.wDay, now.wHour, now.wMinute, now.wSecond, now.wMilliseconds);
}

static void write_line(struct text *t) {
	DWORD n;
	text_add(t, "}\n");
	WriteFile(file, t->at, (DWORD)t->length, &n, NULL);
	text_free(t);
}

static void add_member(struct text *t, const char *key, const char *value) {
	if (!*value) return;
	text_addf(t, ",\"%s\":", key);
	text_quote(t, value);
}

void journal_call(const struct call *c, ULONG code, const char *remark) {
	struct text t = {0};
	begin_line(&t);
	add_member(&t, "fn", c->fn);
	add_member(&t, "on", c->on);
	text_addf(&t, ",\"client\":%lu,\"code\":%lu", c->client, code);
	add_member(&t, "text", remark);
	text_add(&t, ",\"args\":");
	json_write(&t, c->args);
	write_line(&t);
}

void journal_event(const char *event, const char *on, const char *text) {
	struct text t = {0};
	begin_line(&t);
	add_member(&t, "event", event);
	add_member(&t, "on", on);
	add_member(&t, "text", text);
	write_line(&t);
}

void journal_violation(const char *on, const char *text) {
	struct text t = {0};
	journal_event("violation", on, text);
	text_addf(&t, "%s: %s", on, text);
	if (violations.length) text_add(&violations, ",");
	text_quote(&violations, t.at);
	text_free(&t);
}

void violations_write(struct text *t) { text_addf(t, "[%s]", violations.length ? violations.at : ""); }
