/* Handles, and the processes that hold them. What a process holds goes when it
 * dies, as with the real service; what it forgets to close while it lives is
 * seen in the leaks report. */
#include "broker.h"

#include <stdlib.h>

struct handle *handles;

struct client {
	struct client *next;
	ULONG pid;
	HANDLE process; /* kept open, so that the pid cannot come back as another */
};

static struct client *clients;

unsigned long long handle_new(struct call *c, struct system *s, struct process *p, int creator) {
	static unsigned long long last = 0x1000;
	struct handle *h = calloc(1, sizeof *h);
	*h = (struct handle){handles, ++last, c->client, s, p, creator, 0};
	handles = h;
	reply_number(c, "handle", h->number);
	return h->number;
}

struct handle *handle_find(const struct call *c, int of_process) {
	unsigned long long number = json_number(c->args, "handle");
	for (struct handle *h = handles; h; h = h->next)
		if (h->number == number) return !h->process == !of_process ? h : NULL;
	return NULL;
}

int handle_count(const struct system *s, const struct process *p) {
	int n = 0;
	for (struct handle *h = handles; h; h = h->next) n += p ? h->process == p : h->system == s && !h->process;
	return n;
}

static void handle_remove(struct handle **link) {
	struct handle *h = *link;
	struct system *s = h->system;
	struct process *p = h->process;
	*link = h->next;
	free(h);
	if (handle_count(s, p)) return;
	if (p)
		process_unused(p);
	else
		system_unused(s);
}

void handle_drop(unsigned long long number) {
	for (struct handle **link = &handles; *link; link = &(*link)->next)
		if ((*link)->number == number) {
			handle_remove(link);
			return;
		}
}

void handles_drop_all(void) {
	while (handles) handle_remove(&handles);
}

static void drop_of_client(ULONG pid) {
	struct handle **link = &handles;
	while (*link)
		if ((*link)->client == pid)
			handle_remove(link);
		else
			link = &(*link)->next;
}

static ULONG close_handle(struct call *c, int of_process) {
	struct handle *h = handle_find(c, of_process);
	if (!h) {
		journal_violation(c->on, "closed a handle that is not open");
		return BAD_HANDLE;
	}
	handle_drop(h->number);
	return OK;
}

ULONG do_close_system(struct call *c) { return close_handle(c, 0); }
ULONG do_close_process(struct call *c) { return close_handle(c, 1); }

static void client_forget(struct client *gone) {
	for (struct client **link = &clients; *link; link = &(*link)->next)
		if (*link == gone) {
			*link = gone->next;
			return;
		}
}

static DWORD WINAPI watch_client(void *arg) {
	struct client *client = arg;
	char text[16];
	WaitForSingleObject(client->process, INFINITE);
	world_enter();
	_ultoa(client->pid, text, 10);
	journal_event("ClientGone", "", text);
	registrations_drop_client(client->pid);
	drop_of_client(client->pid);
	client_forget(client);
	world_leave();
	CloseHandle(client->process);
	free(client);
	return 0;
}

void client_seen(ULONG pid) {
	for (struct client *c = clients; c; c = c->next)
		if (c->pid == pid) return;
	HANDLE process = OpenProcess(SYNCHRONIZE, FALSE, pid);
	if (!process) return; /* gone already, or not of this Wine: then it holds nothing */
	struct client *c = calloc(1, sizeof *c);
	*c = (struct client){clients, pid, process};
	clients = c;
	CloseHandle(CreateThread(NULL, 64 << 10, watch_client, c, 0, NULL));
}
