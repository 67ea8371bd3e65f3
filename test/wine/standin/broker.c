/* The way of a call through the broker: read, disturb as the fault plan says,
 * handle, write down, answer. */
#include "broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CRITICAL_SECTION world;

void world_enter(void) { EnterCriticalSection(&world); }
void world_leave(void) { LeaveCriticalSection(&world); }

void reply_text(struct call *c, const char *member, const char *value) {
	text_addf(&c->reply, ",\"%s\":", member);
	text_quote(&c->reply, value);
}

void reply_number(struct call *c, const char *member, unsigned long long value) {
	text_addf(&c->reply, ",\"%s\":%llu", member, value);
}

static ULONG do_nothing(struct call *c) { return (void)c, OK; }
static ULONG do_refuse(struct call *c) { return (void)c, NOT_IMPLEMENTED; }

static ULONG do_service_properties(struct call *c) {
	reply_text(c, "out", "{\"Properties\":[]}");
	return OK;
}

static const struct {
	const char *fn;
	ULONG (*handler)(struct call *);
} handlers[] = {
	{"HcsEnumerateComputeSystems", do_enumerate},
	{"HcsCreateComputeSystem", do_create},
	{"HcsOpenComputeSystem", do_open},
	{"HcsCloseComputeSystem", do_close_system},
	{"HcsStartComputeSystem", do_start},
	{"HcsShutdownComputeSystem", do_shutdown},
	{"HcsTerminateComputeSystem", do_terminate},
	{"HcsPauseComputeSystem", do_pause},
	{"HcsResumeComputeSystem", do_resume},
	{"HcsSaveComputeSystem", do_refuse},
	{"HcsGetComputeSystemProperties", do_properties},
	{"HcsModifyComputeSystem", do_modify},
	{"HcsModifyServiceSettings", do_nothing},
	{"HcsGetServiceProperties", do_service_properties},
	{"HcsRegisterComputeSystemCallback", do_register_system},
	{"HcsUnregisterComputeSystemCallback", do_unregister},
	{"HcsRegisterProcessCallback", do_register_process},
	{"HcsUnregisterProcessCallback", do_unregister},
	{"HcsCreateProcess", do_create_process},
	{"HcsOpenProcess", do_open_process},
	{"HcsCloseProcess", do_close_process},
	{"HcsTerminateProcess", do_terminate_process},
	{"HcsSignalProcess", do_refuse},
	{"HcsGetProcessInfo", do_process_info},
	{"HcsGetProcessProperties", do_process_properties},
	{"HcsModifyProcess", do_modify_process},
	{"HNSCall", do_hns},
};

/* Everything else that the DLL sends is about layers. */
static ULONG handle(struct call *c) {
	for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++)
		if (!strcmp(handlers[i].fn, c->fn)) return handlers[i].handler(c);
	return do_layer(c);
}

static char *subject_of(const struct call *c) {
	for (struct handle *h = handles; h; h = h->next)
		if (h->number == (unsigned long long)json_number(c->args, "handle")) return strdup(h->system->id);
	for (struct registration *r = registrations; r; r = r->next)
		if (r->number == (unsigned long long)json_number(c->args, "registration")) return strdup(r->system->id);
	const char *id = json_string(c->args, "id");
	return strdup(*id ? id : json_string(c->args, "path"));
}

/* The document that a failed call may give besides its code. */
static void explain(struct call *c, ULONG code, const char *message) {
	struct text result = {0};
	text_addf(&result, "{\"Error\":%ld,\"ErrorMessage\":", (LONG)code);
	text_quote(&result, message);
	text_add(&result, ",\"ErrorEvents\":[{\"Message\":");
	text_quote(&result, message);
	text_add(&result, ",\"Provider\":\"17a2a8a3-0000-4000-8000-000000000000\",\"EventId\":1,\"Source\":\"stand-in\"}]}");
	reply_text(c, "result", result.at);
	text_free(&result);
}

/* A handle whose call fails after its effect never reaches the caller. */
static void forget_reply(struct call *c) {
	struct text whole = {0};
	text_addf(&whole, "{\"code\":0%s}", c->reply.length ? c->reply.at : "");
	struct json *reply = json_parse(whole.at);
	if (json_get(reply, "handle")) handle_drop(json_number(reply, "handle"));
	json_free(reply);
	text_free(&whole);
	text_free(&c->reply);
}

static ULONG carry_out(struct call *c, const struct fault *f) {
	c->crash = f->crash;
	c->crash_code = f->has_code ? f->code : UNEXPECTED_EXIT;
	int instead = (f->has_code && !f->crash) || f->hang;
	ULONG code = f->code;
	if (!instead || f->after) code = handle(c);
	if (f->out) {
		text_free(&c->reply);
		reply_text(c, "out", f->out);
		code = OK;
	}
	if (f->after && instead) {
		forget_reply(c);
		code = f->has_code ? f->code : CALL_FAILED;
	}
	return code;
}

static ULONG serve_call(struct call *c) {
	world_enter();
	client_seen(c->client);
	c->on = subject_of(c);
	struct fault f = fault_take(c->fn, c->on);
	world_leave();
	if (f.delay) Sleep(f.delay);
	world_enter();
	ULONG code = carry_out(c, &f);
	if (f.hang && !f.has_code) code = CALL_FAILED;
	journal_call(c, code, f.hang ? "hangs" : "");
	if (f.message) explain(c, code, f.message);
	world_leave();
	if (f.hang) fault_hang();
	return code;
}

static char *answer_call(const struct json *args, struct call *c) {
	struct text line = {0};
	c->args = args;
	c->fn = json_string(args, "fn");
	c->client = (ULONG)json_number(args, "client");
	ULONG code = serve_call(c);
	text_addf(&line, "{\"code\":%lu%s}", code, c->reply.length ? c->reply.at : "");
	text_free(&c->reply);
	free(c->on);
	return line.at;
}

static void serve_line(struct wire *w, const char *line) {
	struct json *args = json_parse(line);
	struct call c = {.socket = w->socket};
	char *reply = json_get(args, "do") ? control(args) : answer_call(args, &c);
	wire_send(w, reply);
	if (c.enrolled) {
		world_enter();
		registration_live(c.enrolled);
		world_leave();
	}
	free(reply);
	json_free(args);
}

static DWORD WINAPI serve(void *arg) {
	struct wire w = {.socket = (SOCKET)arg};
	char *line;
	while ((line = wire_read(&w))) {
		serve_line(&w, line);
		free(line);
	}
	world_enter();
	registrations_drop(w.socket);
	world_leave();
	wire_close(&w);
	return 0;
}

/* Written beside and renamed, so that nobody reads half of it. */
static void publish_port(int port) {
	char digits[16];
	DWORD n;
	snprintf(digits, sizeof digits, "%d", port);
	HANDLE f = CreateFileW(STANDIN_PORT L".new", GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
	WriteFile(f, digits, (DWORD)strlen(digits), &n, NULL);
	CloseHandle(f);
	MoveFileExW(STANDIN_PORT L".new", STANDIN_PORT, MOVEFILE_REPLACE_EXISTING);
}

static SOCKET listen_somewhere(void) {
	WSADATA data;
	struct sockaddr_in at = {.sin_family = AF_INET};
	int size = sizeof at;
	WSAStartup(MAKEWORD(2, 2), &data);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	SOCKET s = socket(AF_INET, SOCK_STREAM, 0);
	SetHandleInformation((HANDLE)s, HANDLE_FLAG_INHERIT, 0);
	if (bind(s, (struct sockaddr *)&at, sizeof at) || listen(s, 200)) {
		fprintf(stderr, "listen on the loopback address: error %d\n", WSAGetLastError());
		exit(1);
	}
	getsockname(s, (struct sockaddr *)&at, &size);
	publish_port(ntohs(at.sin_port));
	printf("ready %d\n", ntohs(at.sin_port));
	fflush(stdout);
	return s;
}

/* Under the lock, because processes start under it: one that starts between the
 * two steps would inherit the connection, and keep it open after its owner. */
static SOCKET accept_next(SOCKET listener) {
	fd_set waiting;
	BOOL at_once = TRUE;
	FD_ZERO(&waiting);
	FD_SET(listener, &waiting);
	select(0, &waiting, NULL, NULL, NULL);
	world_enter();
	SOCKET s = accept(listener, NULL, NULL);
	if (s != INVALID_SOCKET) SetHandleInformation((HANDLE)s, HANDLE_FLAG_INHERIT, 0);
	world_leave();
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, (char *)&at_once, sizeof at_once);
	return s;
}

int main(void) {
	InitializeCriticalSection(&world);
	CreateDirectoryW(STANDIN_FOLDER, NULL);
	journal_open();
	hns_reset();
	SOCKET listener = listen_somewhere();
	for (;;) {
		SOCKET s = accept_next(listener);
		if (s != INVALID_SOCKET) CloseHandle(CreateThread(NULL, 64 << 10, serve, (void *)s, 0, NULL));
	}
}
