/* Notifications. Each registration has a connection and a thread of its own:
 * the thread is the "foreign thread" that callers must put up with, and its end
 * is what an unregistration waits for. */
#include "client.h"

#include <stdlib.h>

typedef void(WINAPI *CALLBACK_FN)(DWORD type, void *context, ULONG_PTR status, PCWSTR data);

struct registration {
	struct wire wire;
	ULONG_PTR id; /* in the broker */
	CALLBACK_FN call;
	void *context;
	HANDLE thread;
	DWORD thread_id;
	volatile LONG closing;
};

static DWORD WINAPI deliver(void *arg) {
	struct registration *r = arg;
	int told = 0; /* that the service is gone: never twice */
	char *line;
	while ((line = wire_read(&r->wire))) {
		struct json *note = json_parse(line);
		DWORD type = (DWORD)json_number(note, "type");
		free(line);
		told |= type == SERVICE_DISCONNECT;
		if (note && !r->closing) r->call(type, r->context, HR(json_number(note, "status")), NULL);
		json_free(note);
	}
	if (!told && !r->closing) r->call(SERVICE_DISCONNECT, r->context, 0, NULL);
	return 0;
}

static void free_registration(struct registration *r) {
	wire_close(&r->wire);
	if (r->thread) CloseHandle(r->thread);
	free(r);
}

static RET enroll(const char *fn, ULONG_PTR handle, CALLBACK_FN call, void *context, void **out) {
	struct registration *r = calloc(1, sizeof *r);
	struct text line = {0};
	struct json *answer;
	if (!wire_dial(&r->wire)) return free(r), HR(SERVER_UNAVAILABLE);
	write_request(&line, fn, handle);
	ULONG code = ask_on(&r->wire, &answer, line.at);
	r->id = (ULONG_PTR)json_number(answer, "registration");
	text_free(&line);
	json_free(answer);
	if ((LONG)code < 0 || !r->id) return free_registration(r), HR(code);
	r->call = call;
	r->context = context;
	*out = r;
	r->thread = CreateThread(NULL, 64 << 10, deliver, r, 0, &r->thread_id);
	return HR(code);
}

/* After the return no call is under way and none will come: callers free what
 * the callback uses next. The answer of the broker does not matter to that. */
static RET withdraw(const char *fn, struct registration *r) {
	if (!r) return HR(BAD_HANDLE);
	InterlockedExchange(&r->closing, 1);
	RET code = say(NULL, fn, "n:registration", r->id, NULL);
	shutdown(r->wire.socket, SD_BOTH);
	if (GetCurrentThreadId() == r->thread_id) return code;
	WaitForSingleObject(r->thread, INFINITE);
	free_registration(r);
	return code;
}

EXPORT HcsRegisterComputeSystemCallback(ULONG_PTR system, CALLBACK_FN call, void *context, void **out) {
	return enroll("HcsRegisterComputeSystemCallback", system, call, context, out);
}

EXPORT HcsRegisterProcessCallback(ULONG_PTR process, CALLBACK_FN call, void *context, void **out) {
	return enroll("HcsRegisterProcessCallback", process, call, context, out);
}

EXPORT HcsUnregisterComputeSystemCallback(void *registration) {
	return withdraw("HcsUnregisterComputeSystemCallback", registration);
}

EXPORT HcsUnregisterProcessCallback(void *registration) {
	return withdraw("HcsUnregisterProcessCallback", registration);
}
