/* The exports of vmcompute.dll for compute systems and processes. They hold no
 * state: all of it lives in the broker, and so outlives the caller. */
#include "client.h"

#include <stdlib.h>

typedef struct {
	DWORD pid;
	DWORD reserved;
	HANDLE in, out, err;
} PROCESS_INFORMATION_OUT;

static RET with_handle(const char *fn, ULONG_PTR handle, PCWSTR text, PWSTR *result) {
	return say(result, fn, "n:handle", handle, "w:text", text, NULL);
}

/* A call whose answer is a document. */
static RET query(const char *fn, ULONG_PTR handle, PCWSTR text, PWSTR *out, PWSTR *result) {
	struct json *answer;
	ULONG code = ask(&answer, fn, "n:handle", handle, "w:text", text, NULL);
	give(out, answer, "out");
	give(result, answer, "result");
	json_free(answer);
	return HR(code);
}

/* A call whose answer is a handle. */
static RET handed(struct json *answer, ULONG code, ULONG_PTR *handle, PWSTR *result) {
	*handle = (ULONG_PTR)json_number(answer, "handle");
	give(result, answer, "result");
	json_free(answer);
	return HR(code);
}

EXPORT HcsEnumerateComputeSystems(PCWSTR text, PWSTR *systems, PWSTR *result) {
	return query("HcsEnumerateComputeSystems", 0, text, systems, result);
}

EXPORT HcsCreateComputeSystem(PCWSTR id, PCWSTR document, HANDLE identity, ULONG_PTR *system, PWSTR *result) {
	struct json *answer;
	(void)identity;
	ULONG code = ask(&answer, "HcsCreateComputeSystem", "w:id", id, "w:text", document, NULL);
	return handed(answer, code, system, result);
}

EXPORT HcsOpenComputeSystem(PCWSTR id, ULONG_PTR *system, PWSTR *result) {
	struct json *answer;
	ULONG code = ask(&answer, "HcsOpenComputeSystem", "w:id", id, NULL);
	return handed(answer, code, system, result);
}

EXPORT HcsCloseComputeSystem(ULONG_PTR system) { return with_handle("HcsCloseComputeSystem", system, L"", NULL); }

EXPORT HcsStartComputeSystem(ULONG_PTR system, PCWSTR options, PWSTR *result) {
	return with_handle("HcsStartComputeSystem", system, options, result);
}

EXPORT HcsShutdownComputeSystem(ULONG_PTR system, PCWSTR options, PWSTR *result) {
	return with_handle("HcsShutdownComputeSystem", system, options, result);
}

EXPORT HcsTerminateComputeSystem(ULONG_PTR system, PCWSTR options, PWSTR *result) {
	return with_handle("HcsTerminateComputeSystem", system, options, result);
}

EXPORT HcsPauseComputeSystem(ULONG_PTR system, PCWSTR options, PWSTR *result) {
	return with_handle("HcsPauseComputeSystem", system, options, result);
}

EXPORT HcsResumeComputeSystem(ULONG_PTR system, PCWSTR options, PWSTR *result) {
	return with_handle("HcsResumeComputeSystem", system, options, result);
}

EXPORT HcsSaveComputeSystem(ULONG_PTR system, PCWSTR options, PWSTR *result) {
	return with_handle("HcsSaveComputeSystem", system, options, result);
}

EXPORT HcsGetComputeSystemProperties(ULONG_PTR system, PCWSTR text, PWSTR *properties, PWSTR *result) {
	return query("HcsGetComputeSystemProperties", system, text, properties, result);
}

EXPORT HcsModifyComputeSystem(ULONG_PTR system, PCWSTR settings, PWSTR *result) {
	return with_handle("HcsModifyComputeSystem", system, settings, result);
}

EXPORT HcsModifyServiceSettings(PCWSTR settings, PWSTR *result) {
	return with_handle("HcsModifyServiceSettings", 0, settings, result);
}

EXPORT HcsGetServiceProperties(PCWSTR text, PWSTR *properties, PWSTR *result) {
	return query("HcsGetServiceProperties", 0, text, properties, result);
}

/* Pipes. Their server ends are made here, in the caller's process, because it
 * becomes their owner: when it dies they die, and the child sees a broken pipe,
 * as with the real service. The broker opens the other ends by name. */

struct pipe {
	HANDLE handle; /* NULL: none was asked for */
	wchar_t name[96];
};

static int make_pipe(struct pipe *p, int wanted, DWORD direction) {
	static volatile LONG count;
	p->handle = NULL;
	p->name[0] = 0;
	if (!wanted) return 1;
	wsprintfW(p->name, L"\\\\.\\pipe\\hcs-standin-%lu-%lu-%ld", GetCurrentProcessId(), GetTickCount(),
		  InterlockedIncrement(&count));
	/* Callers use completion ports, which need overlapped handles. */
	p->handle = CreateNamedPipeW(p->name, direction | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
				     PIPE_TYPE_BYTE | PIPE_WAIT, 1, 64 << 10, 64 << 10, 0, NULL);
	return p->handle != INVALID_HANDLE_VALUE;
}

static void close_pipes(struct pipe *pipes) {
	for (int i = 0; i < 3; i++)
		if (pipes[i].handle && pipes[i].handle != INVALID_HANDLE_VALUE) CloseHandle(pipes[i].handle);
}

static int make_pipes(struct pipe *pipes, PCWSTR parameters) {
	char *utf8 = utf8_of(parameters);
	struct json *wanted = json_parse(utf8);
	int ok = make_pipe(&pipes[0], json_true(wanted, "CreateStdInPipe"), PIPE_ACCESS_OUTBOUND);
	ok &= make_pipe(&pipes[1], json_true(wanted, "CreateStdOutPipe"), PIPE_ACCESS_INBOUND);
	ok &= make_pipe(&pipes[2], json_true(wanted, "CreateStdErrPipe"), PIPE_ACCESS_INBOUND);
	json_free(wanted);
	free(utf8);
	return ok;
}

EXPORT HcsCreateProcess(ULONG_PTR system, PCWSTR parameters, PROCESS_INFORMATION_OUT *info, ULONG_PTR *process,
			PWSTR *result) {
	struct pipe pipes[3] = {0};
	struct json *answer;
	if (!make_pipes(pipes, parameters)) return close_pipes(pipes), HR(CALL_FAILED);
	ULONG code = ask(&answer, "HcsCreateProcess", "n:handle", system, "w:text", parameters, "w:stdin", pipes[0].name,
			 "w:stdout", pipes[1].name, "w:stderr", pipes[2].name, NULL);
	if ((LONG)code < 0)
		close_pipes(pipes);
	else
		*info = (PROCESS_INFORMATION_OUT){.pid = (DWORD)json_number(answer, "pid"),
						  .in = pipes[0].handle,
						  .out = pipes[1].handle,
						  .err = pipes[2].handle};
	return handed(answer, code, process, result);
}

EXPORT HcsOpenProcess(ULONG_PTR system, DWORD pid, ULONG_PTR *process, PWSTR *result) {
	struct json *answer;
	ULONG code = ask(&answer, "HcsOpenProcess", "n:handle", system, "n:pid", (ULONG_PTR)pid, NULL);
	return handed(answer, code, process, result);
}

EXPORT HcsCloseProcess(ULONG_PTR process) { return with_handle("HcsCloseProcess", process, L"", NULL); }

EXPORT HcsTerminateProcess(ULONG_PTR process, PWSTR *result) {
	return with_handle("HcsTerminateProcess", process, L"", result);
}

EXPORT HcsSignalProcess(ULONG_PTR process, PCWSTR options, PWSTR *result) {
	return with_handle("HcsSignalProcess", process, options, result);
}

/* Only the pipes of the start exist; whoever asks again gets none. */
EXPORT HcsGetProcessInfo(ULONG_PTR process, PROCESS_INFORMATION_OUT *info, PWSTR *result) {
	struct json *answer;
	ULONG code = ask(&answer, "HcsGetProcessInfo", "n:handle", process, NULL);
	*info = (PROCESS_INFORMATION_OUT){.pid = (DWORD)json_number(answer, "pid")};
	give(result, answer, "result");
	json_free(answer);
	return HR(code);
}

EXPORT HcsGetProcessProperties(ULONG_PTR process, PWSTR *properties, PWSTR *result) {
	return query("HcsGetProcessProperties", process, L"", properties, result);
}

EXPORT HcsModifyProcess(ULONG_PTR process, PCWSTR settings, PWSTR *result) {
	return with_handle("HcsModifyProcess", process, settings, result);
}
