/* Processes of compute systems: real ones, in a job object per system. */
#include "broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int keep_exits;

static HANDLE open_pipe(const char *name, DWORD access) {
	SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
	if (!*name) return NULL;
	wchar_t *wide = wide_of(name);
	HANDLE h = CreateFileW(wide, access, 0, &inherited, OPEN_EXISTING, 0, NULL);
	free(wide);
	return h == INVALID_HANDLE_VALUE ? NULL : h;
}

static void add_wide(wchar_t **at, const wchar_t *s) {
	size_t n = wcslen(s) + 1;
	memcpy(*at, s, n * sizeof *s);
	*at += n;
}

static int is_set_in(const struct json *set, const wchar_t *line) {
	char *utf8 = utf8_of(line);
	char *equals = strchr(utf8 + 1, '=');
	int found = 0;
	if (equals) *equals = 0;
	for (const struct json *v = set ? set->first : NULL; v; v = v->next) found |= !_stricmp(v->key, utf8);
	free(utf8);
	return found;
}

/* The broker's own environment stands for that of the image; set goes over it. */
static wchar_t *environment(const struct json *set) {
	wchar_t *base = GetEnvironmentStringsW(), *line, *end;
	struct text extra = {0};
	for (const struct json *v = set ? set->first : NULL; v; v = v->next)
		text_addf(&extra, "%s=%s\n", v->key, v->text ? v->text : "");
	wchar_t *more = wide_of(extra.length ? extra.at : "");
	for (end = base; *end; end += wcslen(end) + 1) {}
	wchar_t *block = malloc((end - base + wcslen(more) + 2) * sizeof *block), *at = block;
	for (line = base; *line; line += wcslen(line) + 1)
		if (!is_set_in(set, line)) add_wide(&at, line);
	for (line = more; *line; line = end + 1) {
		end = wcschr(line, L'\n');
		*end = 0;
		add_wide(&at, line);
	}
	*at = 0;
	FreeEnvironmentStringsW(base);
	text_free(&extra);
	free(more);
	return block;
}

/* One argument as the C runtime will read it back. */
static void add_argument(struct text *line, const char *arg) {
	size_t slashes = 0;
	if (line->length) text_add(line, " ");
	text_add(line, "\"");
	for (; *arg; arg++) {
		slashes = *arg == '\\' ? slashes + 1 : 0;
		if (*arg == '"') text_add(line, "\\");
		text_addf(line, "%c", *arg);
		if (slashes && (arg[1] == '"' || !arg[1])) {
			for (; slashes; slashes--) text_add(line, "\\");
		}
	}
	text_add(line, "\"");
}

/* Linux containers give arguments, in the document or in an OCI specification;
 * the stand-in runs them as a Windows command line. */
static char *command_line(const struct json *parameters) {
	const char *line = json_string(parameters, "CommandLine");
	const struct json *args = json_get(parameters, "CommandArgs");
	struct text joined = {0};
	if (*line) return strdup(line);
	if (!args) args = json_get(json_get(json_get(parameters, "OCISpecification"), "process"), "args");
	for (const struct json *a = args ? args->first : NULL; a; a = a->next)
		if (a->text) add_argument(&joined, a->text);
	if (!joined.length) add_argument(&joined, json_string(parameters, "ApplicationName"));
	return joined.at;
}

static int is_folder(const wchar_t *path) {
	DWORD attributes = GetFileAttributesW(path);
	return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY);
}

/* Suspended until it is in the job: nothing it starts can then escape it. */
static DWORD launch(struct system *s, const char *command, const struct json *parameters, HANDLE stdio[3],
		    PROCESS_INFORMATION *info) {
	STARTUPINFOW start = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES, .hStdInput = stdio[0],
			      .hStdOutput = stdio[1], .hStdError = stdio[2]};
	wchar_t *line = wide_of(command), *program = wide_of(json_string(parameters, "ApplicationName"));
	wchar_t *folder = wide_of(json_string(parameters, "WorkingDirectory"));
	wchar_t *env = environment(json_get(parameters, "Environment"));
	DWORD error = 0;
	if (*folder && !is_folder(folder))
		error = ERROR_DIRECTORY;
	else if (!CreateProcessW(*program ? program : NULL, line, NULL, NULL, TRUE,
				 CREATE_SUSPENDED | CREATE_UNICODE_ENVIRONMENT | DETACHED_PROCESS, env,
				 *folder ? folder : NULL, &start, info))
		error = GetLastError();
	free(line), free(program), free(folder), free(env);
	if (error) return error;
	AssignProcessToJobObject(s->job, info->hProcess);
	ResumeThread(info->hThread);
	CloseHandle(info->hThread);
	return 0;
}

static void forget(struct process *p) {
	p->forgotten = 1;
	CloseHandle(p->handle);
}

void process_unused(struct process *p) {
	if (p->exited && !p->forgotten && !keep_exits) forget(p);
}

static DWORD WINAPI watch(void *arg) {
	struct process *p = arg;
	char text[64];
	WaitForSingleObject(p->handle, INFINITE);
	world_enter();
	GetExitCodeProcess(p->handle, &p->code);
	p->exited = 1;
	snprintf(text, sizeof text, "%lu ended with 0x%08lX", p->pid, p->code);
	journal_event("ProcessEnded", p->system->id, text);
	notify(p->system, p, PROCESS_EXITED, OK);
	if (!handle_count(p->system, p)) process_unused(p);
	system_process_ended(p->system);
	world_leave();
	return 0;
}

DWORD process_start(struct system *s, const struct json *parameters, HANDLE stdio[3], struct process **out) {
	PROCESS_INFORMATION info;
	char *command = command_line(parameters);
	DWORD error = launch(s, command, parameters, stdio, &info);
	if (error) return free(command), error;
	struct process *p = calloc(1, sizeof *p);
	*p = (struct process){.next = s->processes, .system = s, .pid = info.dwProcessId, .handle = info.hProcess,
			      .command = command};
	s->processes = *out = p;
	CloseHandle(CreateThread(NULL, 64 << 10, watch, p, 0, NULL));
	return 0;
}

int process_any_alive(const struct system *s) {
	for (struct process *p = s->processes; p; p = p->next)
		if (!p->exited) return 1;
	return 0;
}

/* A process that has made this event wants to be asked; any other one has no
 * handler, and ends as Windows ends such at a shutdown. */
void process_ask_to_end(struct process *p) {
	wchar_t name[64];
	if (p->exited) return;
	wsprintfW(name, L"hcs-standin-shutdown-%lu", p->pid);
	HANDLE asked = OpenEventW(EVENT_MODIFY_STATE, FALSE, name);
	if (!asked) {
		TerminateProcess(p->handle, CONTROL_C_EXIT);
		return;
	}
	SetEvent(asked);
	CloseHandle(asked);
}

/* The list is in a plain buffer, because it is longer than its declared type:
 * read through that, the compiler may stop after the first one. */
int job_pids(const struct system *s, DWORD *pids, int room) {
	size_t size = sizeof(JOBOBJECT_BASIC_PROCESS_ID_LIST) + room * sizeof(ULONG_PTR);
	JOBOBJECT_BASIC_PROCESS_ID_LIST *list = calloc(1, size);
	const ULONG_PTR *found = list->ProcessIdList;
	int n = 0;
	if (QueryInformationJobObject(s->job, JobObjectBasicProcessIdList, list, (DWORD)size, NULL))
		for (; n < room && n < (int)list->NumberOfProcessIdsInList; n++) pids[n] = (DWORD)found[n];
	free(list);
	return n;
}

/* A console without anybody at its keyboard ends its process. */
static int has_dead_console(const struct json *parameters) {
	return json_true(parameters, "EmulateConsole") && !json_true(parameters, "CreateStdInPipe");
}

static ULONG create_process(struct call *c, struct system *s, const struct json *parameters) {
	HANDLE stdio[3] = {open_pipe(json_string(c->args, "stdin"), GENERIC_READ),
			   open_pipe(json_string(c->args, "stdout"), GENERIC_WRITE),
			   open_pipe(json_string(c->args, "stderr"), GENERIC_WRITE)};
	struct process *p;
	DWORD error = process_start(s, parameters, stdio, &p);
	for (int i = 0; i < 3; i++)
		if (stdio[i]) CloseHandle(stdio[i]);
	if (error) return HRESULT_FROM_WIN32(error);
	if (has_dead_console(parameters)) TerminateProcess(p->handle, CONTROL_C_EXIT);
	handle_new(c, s, p, 0);
	reply_number(c, "pid", p->pid);
	return OK;
}

ULONG do_create_process(struct call *c) {
	struct handle *h = handle_find(c, 0);
	if (!h) return BAD_HANDLE;
	if (h->system->state == STATE_STOPPED) return SYSTEM_STOPPED;
	if (h->system->state != STATE_RUNNING) return INVALID_STATE;
	struct json *parameters = json_parse(json_string(c->args, "text"));
	if (!parameters) return INVALID_JSON;
	ULONG code = create_process(c, h->system, parameters);
	json_free(parameters);
	return code;
}

ULONG do_open_process(struct call *c) {
	struct handle *h = handle_find(c, 0);
	if (!h) return BAD_HANDLE;
	if (h->system->state == STATE_STOPPED) return SYSTEM_STOPPED;
	for (struct process *p = h->system->processes; p; p = p->next)
		if (p->pid == (DWORD)json_number(c->args, "pid") && !p->forgotten) {
			handle_new(c, h->system, p, 0);
			reply_number(c, "pid", p->pid);
			return OK;
		}
	return ELEMENT_NOT_FOUND;
}

ULONG do_terminate_process(struct call *c) {
	struct handle *h = handle_find(c, 1);
	if (!h) return BAD_HANDLE;
	if (h->process->exited) return PROCESS_STOPPED;
	TerminateProcess(h->process->handle, CONTROL_C_EXIT);
	return OK;
}

ULONG do_process_info(struct call *c) {
	struct handle *h = handle_find(c, 1);
	if (!h) return BAD_HANDLE;
	reply_number(c, "pid", h->process->pid);
	return OK;
}

ULONG do_process_properties(struct call *c) {
	struct handle *h = handle_find(c, 1);
	struct text out = {0};
	if (!h) return BAD_HANDLE;
	text_addf(&out, "{\"ProcessId\":%lu,\"Exited\":%s,\"ExitCode\":%lu,\"LastWaitResult\":0}", h->process->pid,
		  h->process->exited ? "true" : "false", h->process->exited ? h->process->code : 0);
	reply_text(c, "out", out.at);
	text_free(&out);
	return OK;
}

/* Closing stdin needs nothing here, because the caller closes its own end of
 * the pipe; a console has no size, because there is none. */
ULONG do_modify_process(struct call *c) {
	struct handle *h = handle_find(c, 1);
	if (!h) return BAD_HANDLE;
	struct json *request = json_parse(json_string(c->args, "text"));
	const char *operation = json_string(request, "Operation");
	int known = !strcmp(operation, "CloseHandle") || !strcmp(operation, "ConsoleSize");
	json_free(request);
	if (!known) return INVALID_JSON;
	return h->process->exited ? PROCESS_STOPPED : OK;
}
