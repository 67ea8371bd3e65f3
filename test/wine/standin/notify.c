/* Notifications: who registered, what they were told, and what is due to those
 * who registered late. */
#include "broker.h"

#include <stdio.h>
#include <stdlib.h>

struct registration *registrations;

static const char *name_of(enum notification type) {
	switch (type) {
	case SYSTEM_EXITED: return "SystemExited";
	case CREATE_COMPLETED: return "CreateCompleted";
	case START_COMPLETED: return "StartCompleted";
	case PAUSE_COMPLETED: return "PauseCompleted";
	case RESUME_COMPLETED: return "ResumeCompleted";
	case PROCESS_EXITED: return "ProcessExited";
	case SERVICE_DISCONNECT: return "ServiceDisconnect";
	}
	return "?";
}

/* A system can be paused many times; everything else happens once. */
static int comes_once(enum notification type) { return type != PAUSE_COMPLETED && type != RESUME_COMPLETED; }

static unsigned bit_of(enum notification type) { return type < 0x10 ? 1u << type : (unsigned)type; }

static void tell(struct registration *r, enum notification type, ULONG status, int twice) {
	char line[64];
	if (!r->live || (comes_once(type) && (r->told & bit_of(type)))) return;
	r->told |= bit_of(type);
	struct wire w = {.socket = r->socket};
	snprintf(line, sizeof line, "{\"type\":%u,\"status\":%lu}", type, status);
	wire_send(&w, line);
	if (twice) wire_send(&w, line);
}

struct note {
	struct system *system;
	struct process *process;
	struct registration *only; /* NULL: for all */
	enum notification type;
	ULONG status;
	DWORD delay;
	int twice;
};

static int is_registered(const struct registration *wanted) {
	for (struct registration *r = registrations; r; r = r->next)
		if (r == wanted) return 1;
	return 0;
}

static void deliver(const struct note *n) {
	char text[32];
	snprintf(text, sizeof text, "0x%08lX", n->status);
	journal_event(name_of(n->type), n->system->id, text);
	if (n->only && is_registered(n->only)) tell(n->only, n->type, n->status, n->twice);
	for (struct registration *r = registrations; r && !n->only; r = r->next)
		if (r->system == n->system && r->process == n->process) tell(r, n->type, n->status, n->twice);
	/* What could not be created is not there. */
	if (n->type == CREATE_COMPLETED && (LONG)n->status < 0) system_exit(n->system, n->status);
}

static DWORD WINAPI deliver_later(void *arg) {
	struct note *n = arg;
	Sleep(n->delay);
	world_enter();
	deliver(n);
	world_leave();
	free(n);
	return 0;
}

/* What is lost stays lost for every handle of now, even if it registers later. */
static void lose(const struct note *n) {
	journal_event("lost", n->system->id, name_of(n->type));
	if (n->type != SYSTEM_EXITED && n->type != PROCESS_EXITED) return;
	for (struct handle *h = handles; h; h = h->next)
		if (h->system == n->system && h->process == n->process) h->deaf = 1;
}

static void send_note(struct note n) {
	struct fault f = fault_take(name_of(n.type), n.system->id);
	if (f.lost) {
		lose(&n);
		return;
	}
	if (f.has_code) n.status = f.code;
	n.twice = f.twice;
	n.delay = f.delay;
	if (!n.delay) {
		deliver(&n);
		return;
	}
	struct note *later = malloc(sizeof *later);
	*later = n;
	CloseHandle(CreateThread(NULL, 64 << 10, deliver_later, later, 0, NULL));
}

void notify(struct system *s, struct process *p, enum notification type, ULONG status) {
	send_note((struct note){.system = s, .process = p, .type = type, .status = status});
}

/* What has happened already, a new registration hears at once: nobody else
 * would ever tell it. */
void registration_live(struct registration *r) {
	if (!is_registered(r)) return; /* withdrawn meanwhile */
	r->live = 1;
	if (r->process && r->process->exited && !r->deaf) tell(r, PROCESS_EXITED, OK, 0);
	if (r->process) return;
	if (r->creator)
		send_note((struct note){.system = r->system, .only = r, .type = CREATE_COMPLETED, .status = OK});
	if (r->creator && r->system->started.wYear) tell(r, START_COMPLETED, OK, 0);
	if (r->system->state == STATE_STOPPED && !r->deaf) tell(r, SYSTEM_EXITED, r->system->exit_status, 0);
}

static ULONG enroll(struct call *c, int of_process) {
	static unsigned long long last = 0x100000;
	struct handle *h = handle_find(c, of_process);
	if (!h) return BAD_HANDLE;
	struct registration *r = calloc(1, sizeof *r);
	*r = (struct registration){.next = registrations, .number = ++last, .socket = c->socket, .client = c->client,
				   .system = h->system, .process = h->process, .creator = h->creator, .deaf = h->deaf};
	registrations = r;
	c->enrolled = r;
	reply_number(c, "registration", r->number);
	return OK;
}

ULONG do_register_system(struct call *c) { return enroll(c, 0); }
ULONG do_register_process(struct call *c) { return enroll(c, 1); }

/* Removed ones are not freed: a call of registration_live may be on its way. */
ULONG do_unregister(struct call *c) {
	unsigned long long number = json_number(c->args, "registration");
	for (struct registration **link = &registrations; *link; link = &(*link)->next)
		if ((*link)->number == number) {
			(*link)->live = 0;
			*link = (*link)->next;
			return OK;
		}
	return BAD_HANDLE;
}

static void drop_if(int (*wanted)(const struct registration *, unsigned long long), unsigned long long key) {
	struct registration **link = &registrations;
	while (*link)
		if (wanted(*link, key)) {
			(*link)->live = 0;
			*link = (*link)->next;
		} else {
			link = &(*link)->next;
		}
}

static int on_socket(const struct registration *r, unsigned long long socket) { return r->socket == socket; }
static int of_client(const struct registration *r, unsigned long long pid) { return r->client == pid; }

void registrations_drop(SOCKET socket) { drop_if(on_socket, socket); }
void registrations_drop_client(ULONG pid) { drop_if(of_client, pid); }

/* The service goes away and comes back: everyone is told, and no handle of
 * before means anything to it. */
void notify_disconnect(void) {
	journal_event(name_of(SERVICE_DISCONNECT), "", "");
	for (struct registration *r = registrations; r; r = r->next) tell(r, SERVICE_DISCONNECT, OK, 0);
	handles_drop_all();
}
