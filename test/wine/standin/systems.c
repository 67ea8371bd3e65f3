/* The life of a compute system: Created, Running, maybe Paused, gone. A system
 * does not end when its first process does; somebody has to stop it. */
#include "broker.h"

#include <stdlib.h>
#include <string.h>

struct system *systems;
int keep_stopped;

static int is_visible(const struct system *s) {
	return s->state != STATE_STOPPED || (keep_stopped && handle_count(s, NULL));
}

static void unlink_system(struct system *gone) {
	for (struct system **link = &systems; *link; link = &(*link)->next)
		if (*link == gone) {
			*link = gone->next;
			return;
		}
}

struct system *system_find(const char *id) {
	for (struct system *s = systems; s; s = s->next)
		if (!_stricmp(s->id, id) && is_visible(s)) return s;
	return NULL;
}

struct system *system_new(const char *id, struct json *document) {
	struct system *s = calloc(1, sizeof *s), **end = &systems;
	s->id = strdup(id);
	s->document = document;
	s->job = CreateJobObjectW(NULL, NULL);
	GetSystemTime(&s->created);
	while (*end) end = &(*end)->next;
	*end = s;
	return s;
}

const char *system_owner(const struct system *s) { return json_string(s->document, "Owner"); }

int system_is_hyperv(const struct system *s) { return json_true(s->document, "HvPartition"); }

/* Resources go before anybody is told, so that whoever hears of the end can
 * take them away at once. */
void system_exit(struct system *s, ULONG status) {
	if (s->state == STATE_STOPPED) return;
	s->state = STATE_STOPPED;
	s->exit_status = status;
	TerminateJobObject(s->job, CONTROL_C_EXIT);
	layers_release(s);
	hns_detach(s);
	if (!is_visible(s)) unlink_system(s);
	notify(s, NULL, SYSTEM_EXITED, status);
}

void system_process_ended(struct system *s) {
	if (s->stopping && !process_any_alive(s)) system_exit(s, OK);
}

void system_terminate(struct system *s) {
	s->stopping = 1;
	for (struct process *p = s->processes; p; p = p->next)
		if (!p->exited) TerminateProcess(p->handle, CONTROL_C_EXIT);
	TerminateJobObject(s->job, CONTROL_C_EXIT);
	system_process_ended(s);
}

void system_unused(struct system *s) {
	if (s->state == STATE_STOPPED)
		unlink_system(s);
	else if (json_true(s->document, "TerminateOnLastHandleClosed"))
		system_terminate(s);
}

void systems_reset(void) {
	while (systems) {
		struct system *s = systems;
		systems = s->next;
		s->stopping = 1;
		for (struct process *p = s->processes; p; p = p->next)
			if (!p->exited) TerminateProcess(p->handle, CONTROL_C_EXIT);
		system_exit(s, OK);
	}
}

/* The system that a call is about, or the code of why it cannot be. */
static ULONG target(struct call *c, struct system **s) {
	struct handle *h = handle_find(c, 0);
	if (!h) return BAD_HANDLE;
	*s = h->system;
	return h->system->state == STATE_STOPPED ? SYSTEM_STOPPED : OK;
}

ULONG do_create(struct call *c) {
	if (system_find(c->on)) return SYSTEM_EXISTS;
	struct json *document = json_parse(json_string(c->args, "text"));
	if (strcmp(json_string(document, "SystemType"), "Container")) return json_free(document), INVALID_JSON;
	ULONG code = layers_check(document);
	if (!code) code = hns_check(document);
	if (code) return json_free(document), code;
	struct system *s = system_new(c->on, document);
	layers_use(document, s);
	hns_attach(document, s);
	handle_new(c, s, NULL, 1);
	return PENDING;
}

ULONG do_open(struct call *c) {
	struct system *s = system_find(c->on);
	if (!s) return SYSTEM_NOT_FOUND;
	handle_new(c, s, NULL, 0);
	return OK;
}

ULONG do_start(struct call *c) {
	struct system *s;
	ULONG code = target(c, &s);
	if (code) return code;
	if (s->state != STATE_CREATED) return INVALID_STATE;
	if (c->crash) {
		notify(s, NULL, START_COMPLETED, c->crash_code);
		system_exit(s, c->crash_code);
		return PENDING;
	}
	s->state = STATE_RUNNING;
	GetSystemTime(&s->started);
	notify(s, NULL, START_COMPLETED, OK);
	return PENDING;
}

/* Asks every process; the system is gone when the last of them is. */
ULONG do_shutdown(struct call *c) {
	struct system *s;
	ULONG code = target(c, &s);
	if (code) return code;
	if (s->state != STATE_RUNNING) return INVALID_STATE;
	s->stopping = 1;
	for (struct process *p = s->processes; p; p = p->next) process_ask_to_end(p);
	system_process_ended(s);
	return PENDING;
}

ULONG do_terminate(struct call *c) {
	struct system *s;
	ULONG code = target(c, &s);
	if (code) return code;
	system_terminate(s);
	return PENDING;
}

LONG NTAPI NtSuspendProcess(HANDLE process);
LONG NTAPI NtResumeProcess(HANDLE process);

/* Freezes or thaws every process, as a virtual machine's pause does to what runs in it. */
static void each_process(const struct system *s, LONG NTAPI (*act)(HANDLE)) {
	DWORD pids[256];
	int n = job_pids(s, pids, 256);
	for (int i = 0; i < n; i++) {
		HANDLE process = OpenProcess(PROCESS_SUSPEND_RESUME, FALSE, pids[i]);
		if (!process) continue;
		act(process);
		CloseHandle(process);
	}
}

static ULONG change(struct call *c, enum state from, enum state to, enum notification done) {
	struct system *s;
	ULONG code = target(c, &s);
	if (code) return code;
	if (!system_is_hyperv(s)) return NOT_IMPLEMENTED;
	if (s->state != from) return INVALID_STATE;
	s->state = to;
	each_process(s, to == STATE_PAUSED ? NtSuspendProcess : NtResumeProcess);
	notify(s, NULL, done, OK);
	return PENDING;
}

ULONG do_pause(struct call *c) { return change(c, STATE_RUNNING, STATE_PAUSED, PAUSE_COMPLETED); }
ULONG do_resume(struct call *c) { return change(c, STATE_PAUSED, STATE_RUNNING, RESUME_COMPLETED); }

ULONG do_modify(struct call *c) {
	struct system *s;
	ULONG code = target(c, &s);
	if (code) return code;
	struct json *settings = json_parse(json_string(c->args, "text"));
	code = settings ? OK : INVALID_JSON;
	json_free(settings);
	return code;
}
