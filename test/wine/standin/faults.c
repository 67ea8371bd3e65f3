/* The fault plan: a list of rules. The first rule that names the call (or the
 * notification) and its subject, and is not used up, applies. */
#include "broker.h"

#include <stdlib.h>
#include <string.h>

static struct fault *rules;
static HANDLE released; /* what hanging calls wait for; made when first needed */

static char *copy_or_null(const struct json *rule, const char *key) {
	return json_get(rule, key) ? strdup(json_string(rule, key)) : NULL;
}

void fault_add(const struct json *rule) {
	struct fault *f = calloc(1, sizeof *f), **end = &rules;
	f->fn = strdup(json_string(rule, "fn"));
	f->on = strdup(json_string(rule, "on"));
	f->out = copy_or_null(rule, "out");
	f->message = copy_or_null(rule, "message");
	f->skip = (int)json_number(rule, "skip");
	f->times = json_get(rule, "times") ? (int)json_number(rule, "times") : 1;
	f->has_code = json_get(rule, "code") != NULL;
	f->code = (ULONG)json_number(rule, "code");
	f->delay = (DWORD)json_number(rule, "delayMs");
	f->after = json_true(rule, "after");
	f->hang = json_true(rule, "hang");
	f->lost = json_true(rule, "lost");
	f->twice = json_true(rule, "twice");
	f->crash = json_true(rule, "crash");
	while (*end) end = &(*end)->next;
	*end = f;
}

/* A rule's subject is everything (empty), one name, or all that begin with what
 * stands before a final '*'. */
static int matches(const char *pattern, const char *name) {
	size_t n = strlen(pattern);
	if (!n) return 1;
	if (pattern[n - 1] == '*') return !_strnicmp(pattern, name, n - 1);
	return !_stricmp(pattern, name);
}

struct fault fault_take(const char *fn, const char *on) {
	for (struct fault *f = rules; f; f = f->next) {
		if (!f->times || strcmp(f->fn, fn) || !matches(f->on, on)) continue;
		if (f->skip > 0) {
			f->skip--;
			continue;
		}
		if (f->times > 0) f->times--;
		return *f;
	}
	return (struct fault){0};
}

static HANDLE release_event(void) {
	if (!released) released = CreateEventW(NULL, TRUE, FALSE, NULL);
	return released;
}

void fault_hang(void) {
	world_enter();
	HANDLE until = release_event();
	world_leave();
	WaitForSingleObject(until, INFINITE);
}

/* Lets every call go that hangs now; later ones hang on a new event. */
void faults_release(void) {
	SetEvent(release_event());
	released = NULL;
}

void faults_clear(void) {
	rules = NULL;
	faults_release();
}
