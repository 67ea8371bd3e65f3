/* The way from an export to the broker and back. Connections are kept for the
 * next call; each carries one call at a time, so that a call that hangs holds
 * back no other. */
#include "client.h"

#include <objbase.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static SRWLOCK pool_lock = SRWLOCK_INIT;
static struct wire pool[32];
static int pooled;

/* A kept connection that has something to read was closed by the broker. */
static int take_wire(struct wire *w) {
	for (;;) {
		AcquireSRWLockExclusive(&pool_lock);
		int found = pooled > 0;
		if (found) *w = pool[--pooled];
		ReleaseSRWLockExclusive(&pool_lock);
		if (!found) return wire_dial(w);
		if (wire_idle(w)) return 1;
		wire_close(w);
	}
}

static void keep_wire(struct wire *w) {
	AcquireSRWLockExclusive(&pool_lock);
	int keep = pooled < (int)(sizeof pool / sizeof *pool);
	if (keep) pool[pooled++] = *w;
	ReleaseSRWLockExclusive(&pool_lock);
	if (!keep) wire_close(w);
}

ULONG ask_on(struct wire *w, struct json **answer, const char *line) {
	*answer = NULL;
	if (!wire_send(w, line)) return CALL_FAILED;
	char *reply = wire_read(w);
	if (!reply) return CALL_FAILED;
	*answer = json_parse(reply);
	free(reply);
	return *answer ? (ULONG)json_number(*answer, "code") : CALL_FAILED;
}

static void write_layers(struct text *t, const LAYERS *layers) {
	text_add(t, "[");
	for (size_t i = 0; i < layers->count; i++) {
		text_comma(t);
		text_quote_wide(t, layers->at[i].path);
	}
	text_add(t, "]");
}

static void begin_request(struct text *line, const char *fn) {
	text_addf(line, "{\"fn\":\"%s\",\"client\":%lu", fn, GetCurrentProcessId());
}

void write_request(struct text *line, const char *fn, ULONG_PTR handle) {
	begin_request(line, fn);
	text_addf(line, ",\"handle\":%llu}", (unsigned long long)handle);
}

static void write_arguments(struct text *line, va_list args) {
	const char *name;
	while ((name = va_arg(args, const char *))) {
		text_addf(line, ",\"%s\":", name + 2);
		switch (*name) {
		case 'n': text_addf(line, "%llu", (unsigned long long)va_arg(args, ULONG_PTR)); break;
		case 'b': text_add(line, va_arg(args, int) ? "true" : "false"); break;
		case 'w': text_quote_wide(line, va_arg(args, PCWSTR)); break;
		case 'l': write_layers(line, va_arg(args, LAYERS *)); break;
		}
	}
}

ULONG ask(struct json **answer, const char *fn, ...) {
	struct text line = {0};
	struct wire w;
	va_list args;
	*answer = NULL;
	if (!take_wire(&w)) return SERVER_UNAVAILABLE;
	begin_request(&line, fn);
	va_start(args, fn);
	write_arguments(&line, args);
	va_end(args);
	text_add(&line, "}");
	ULONG code = ask_on(&w, answer, line.at);
	text_free(&line);
	if (*answer)
		keep_wire(&w);
	else
		wire_close(&w);
	return code;
}

void give(PWSTR *out, const struct json *answer, const char *member) {
	if (!out) return;
	*out = NULL;
	if (!json_get(answer, member)) return;
	wchar_t *s = wide_of(json_string(answer, member));
	size_t size = (wcslen(s) + 1) * sizeof *s;
	*out = CoTaskMemAlloc(size);
	memcpy(*out, s, size);
	free(s);
}
