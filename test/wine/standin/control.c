/* What tests may order: look, disturb, clean up. */
#include "broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_member(struct text *t, const char *key, const char *value) {
	text_comma(t);
	text_addf(t, "\"%s\":", key);
	text_quote(t, value);
}

static void list_processes(struct text *t, const struct system *s) {
	text_add(t, ",\"processes\":[");
	for (struct process *p = s->processes; p; p = p->next) {
		text_comma(t);
		text_addf(t, "{\"pid\":%lu,\"exited\":%s,\"code\":%lu", p->pid, p->exited ? "true" : "false", p->code);
		write_member(t, "command", p->command);
		text_add(t, "}");
	}
	text_add(t, "]");
}

static void list_systems(struct text *t) {
	text_add(t, "\"systems\":[");
	for (struct system *s = systems; s; s = s->next) {
		text_comma(t);
		text_add(t, "{");
		write_member(t, "id", s->id);
		write_member(t, "owner", system_owner(s));
		write_member(t, "state", state_names[s->state]);
		list_processes(t, s);
		text_add(t, ",\"document\":");
		json_write(t, s->document);
		text_add(t, "}");
	}
	text_add(t, "]");
}

static void list_layers(struct text *t) {
	text_add(t, "\"layers\":[");
	for (struct layer *l = layers; l; l = l->next) {
		if (!l->active) continue;
		text_comma(t);
		text_add(t, "{");
		write_member(t, "path", l->path);
		text_addf(t, ",\"prepared\":%s", l->prepared ? "true" : "false");
		write_member(t, "user", l->user ? l->user->id : "");
		text_add(t, "}");
	}
	text_add(t, "]");
}

static void list_handles(struct text *t) {
	text_add(t, "\"handles\":[");
	for (struct handle *h = handles; h; h = h->next) {
		text_comma(t);
		text_addf(t, "{\"handle\":%llu,\"client\":%lu,\"pid\":%lu", h->number, h->client, h->process ? h->process->pid : 0);
		write_member(t, "id", h->system->id);
		text_add(t, "}");
	}
	text_add(t, "]");
}

static void list_registrations(struct text *t) {
	int n = 0;
	for (struct registration *r = registrations; r; r = r->next) n++;
	text_addf(t, "\"registrations\":%d", n);
}

/* Everything that there is. What of it is a leak, the test knows. */
static const char *report(struct text *t, const struct json *order) {
	(void)order;
	text_add(t, ",");
	list_systems(t);
	text_add(t, ",");
	list_layers(t);
	text_add(t, ",");
	list_handles(t);
	text_add(t, ",");
	list_registrations(t);
	text_add(t, ",\"networks\":");
	hns_write(t, "networks");
	text_add(t, ",\"endpoints\":");
	hns_write(t, "endpoints");
	text_add(t, ",\"violations\":");
	violations_write(t);
	return NULL;
}

static const char *fault(struct text *t, const struct json *order) {
	(void)t;
	if (!*json_string(order, "fn")) return "a fault needs fn";
	fault_add(order);
	return NULL;
}

static const char *clear_faults(struct text *t, const struct json *order) { return (void)t, (void)order, faults_clear(), NULL; }
static const char *release(struct text *t, const struct json *order) { return (void)t, (void)order, faults_release(), NULL; }
static const char *disconnect(struct text *t, const struct json *order) { return (void)t, (void)order, notify_disconnect(), NULL; }
static const char *nothing(struct text *t, const struct json *order) { return (void)t, (void)order, NULL; }

/* A system that nobody has a handle to: somebody else's, or an orphan. */
static struct system *lonely_system(const struct json *order) {
	const char *id = json_string(order, "id"), *name = json_string(order, "name");
	struct text document = {0};
	text_add(&document, "{\"SystemType\":\"Container\"");
	write_member(&document, "Owner", json_string(order, "owner"));
	write_member(&document, "Name", *name ? name : id);
	text_add(&document, "}");
	struct system *s = system_new(id, json_parse(document.at));
	text_free(&document);
	return s;
}

static const char *run_in(struct text *t, struct system *s, const char *command) {
	struct text parameters = {0};
	struct process *p;
	HANDLE stdio[3] = {0};
	text_add(&parameters, "{");
	write_member(&parameters, "CommandLine", command);
	text_add(&parameters, "}");
	struct json *parsed = json_parse(parameters.at);
	DWORD error = process_start(s, parsed, stdio, &p);
	json_free(parsed);
	text_free(&parameters);
	if (error) return "the command cannot be started";
	text_addf(t, ",\"pid\":%lu", p->pid);
	return NULL;
}

static const char *make_system(struct text *t, const struct json *order) {
	const char *command = json_string(order, "command");
	if (system_find(json_string(order, "id"))) return "there is such a system already";
	struct system *s = lonely_system(order);
	if (!strcmp(json_string(order, "state"), "Created")) return NULL;
	s->state = STATE_RUNNING;
	GetSystemTime(&s->started);
	return *command ? run_in(t, s, command) : NULL;
}

static const char *kill_process(struct text *t, const struct json *order) {
	DWORD pid = (DWORD)json_number(order, "pid");
	(void)t;
	for (struct system *s = systems; s; s = s->next)
		for (struct process *p = s->processes; p; p = p->next)
			if (p->pid == pid && !p->exited) return TerminateProcess(p->handle, (UINT)json_number(order, "code")), NULL;
	return "no such process";
}

static const char *end_system(struct text *t, const struct json *order) {
	struct system *s = system_find(json_string(order, "id"));
	(void)t;
	if (!s) return "no such system";
	system_exit(s, (ULONG)json_number(order, "code"));
	return NULL;
}

static const char *set(struct text *t, const struct json *order) {
	(void)t;
	if (json_get(order, "keepExits")) keep_exits = json_true(order, "keepExits");
	if (json_get(order, "keepStopped")) keep_stopped = json_true(order, "keepStopped");
	return NULL;
}

static const char *reset(struct text *t, const struct json *order) {
	(void)t, (void)order;
	faults_clear();
	keep_exits = keep_stopped = 0;
	handles_drop_all();
	systems_reset();
	layers_reset();
	hns_reset();
	journal_reset();
	return NULL;
}

static const char *quit(struct text *t, const struct json *order) {
	(void)t, (void)order;
	systems_reset();
	exit(0);
}

static const struct {
	const char *name;
	const char *(*obey)(struct text *reply, const struct json *order); /* NULL or what is wrong */
} orders[] = {
	{"ping", nothing}, {"report", report}, {"fault", fault}, {"clear", clear_faults}, {"release", release},
	{"system", make_system}, {"kill", kill_process}, {"end", end_system}, {"disconnect", disconnect},
	{"set", set}, {"reset", reset}, {"quit", quit},
};

char *control(const struct json *order) {
	struct text reply = {0}, members = {0};
	const char *error = "no such order", *name = json_string(order, "do");
	world_enter();
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
		if (!strcmp(orders[i].name, name)) error = orders[i].obey(&members, order);
	world_leave();
	text_add(&reply, "{\"error\":");
	text_quote(&reply, error ? error : "");
	text_addf(&reply, "%s}", members.length ? members.at : "");
	text_free(&members);
	return reply.at;
}
