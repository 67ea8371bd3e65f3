/* payload.exe: what runs in the containers of the tests. Its arguments are steps,
 * done one after the other; at their end it exits with 0.
 *
 *   print TEXT | err TEXT    a line to stdout or stderr
 *   env NAME | cwd | args    a line to stdout
 *   cat                      stdin to stdout, to its end
 *   touch FILE               append one line to FILE
 *   sleep MS | forever
 *   count N MS               "line 0" to "line N-1" to stdout, so far apart
 *   burn MS                  use the processor for so long
 *   spawn MS                 start a child that sleeps, and go on
 *   ask CODE                 when asked to shut down, exit with CODE
 *   ignore                   when asked to shut down, do nothing
 *   exit CODE | crash
 *
 * Without ask or ignore a shutdown ends it at once, as it ends any program that
 * handles no console events. */
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static HANDLE asked;
static UINT asked_code;

static DWORD WINAPI wait_asked(void *unused) {
	(void)unused;
	WaitForSingleObject(asked, INFINITE);
	ExitProcess(asked_code);
}

static void listen_for_shutdown(void) {
	char name[64];
	snprintf(name, sizeof name, "hcs-standin-shutdown-%lu", GetCurrentProcessId());
	asked = CreateEventA(NULL, TRUE, FALSE, name);
}

static void ask(const char *code) {
	asked_code = strtoul(code, NULL, 0);
	listen_for_shutdown();
	CloseHandle(CreateThread(NULL, 0, wait_asked, NULL, 0, NULL));
}

/* Counted in time of the processor, which a busy machine gives late. */
static ULONGLONG used(void) {
	FILETIME started, ended, kernel, user;
	GetProcessTimes(GetCurrentProcess(), &started, &ended, &kernel, &user);
	return ((ULONGLONG)user.dwHighDateTime << 32 | user.dwLowDateTime) / 10000;
}

static void burn(DWORD ms) {
	volatile unsigned x = 0;
	for (ULONGLONG end = used() + ms; used() < end;)
		for (int i = 0; i < 100000; i++) x += i;
}

static void cat(void) {
	char chunk[1 << 16];
	int n;
	while ((n = _read(0, chunk, sizeof chunk)) > 0)
		for (int sent = 0, more; sent < n && (more = _write(1, chunk + sent, n - sent)) > 0;) sent += more;
}

static void touch(const char *path) {
	FILE *f = fopen(path, "a");
	if (!f) exit(3);
	fprintf(f, "%lu\n", GetCurrentProcessId());
	fclose(f);
}

static void spawn(const char *self, const char *ms) {
	char line[1024];
	STARTUPINFOA start = {.cb = sizeof start};
	PROCESS_INFORMATION info;
	snprintf(line, sizeof line, "\"%s\" sleep %s", self, ms);
	if (!CreateProcessA(NULL, line, NULL, NULL, FALSE, DETACHED_PROCESS, NULL, NULL, &start, &info)) exit(3);
}

/* An access violation that no debugger is started for. */
static void crash(void) {
	SetErrorMode(SEM_NOGPFAULTERRORBOX);
	RaiseException(EXCEPTION_ACCESS_VIOLATION, EXCEPTION_NONCONTINUABLE, 0, NULL);
}

static void say(FILE *f, const char *s) {
	fprintf(f, "%s\n", s ? s : "");
	fflush(f);
}

static void count(long n, DWORD ms) {
	char line[32];
	for (long i = 0; i < n; i++) {
		snprintf(line, sizeof line, "line %ld", i);
		say(stdout, line);
		Sleep(ms);
	}
}

/* Does one step, and returns how many arguments it took. */
static int step(char **argv) {
	const char *verb = argv[0], *value = argv[1] ? argv[1] : "";
	char folder[MAX_PATH];
	if (!strcmp(verb, "cat")) return cat(), 1;
	if (!strcmp(verb, "cwd")) return GetCurrentDirectoryA(sizeof folder, folder), say(stdout, folder), 1;
	if (!strcmp(verb, "forever")) return Sleep(INFINITE), 1;
	if (!strcmp(verb, "ignore")) return listen_for_shutdown(), 1;
	if (!strcmp(verb, "crash")) return crash(), 1;
	if (!strcmp(verb, "args")) return say(stdout, GetCommandLineA()), 1;
	if (!strcmp(verb, "print")) return say(stdout, value), 2;
	if (!strcmp(verb, "err")) return say(stderr, value), 2;
	if (!strcmp(verb, "env")) return say(stdout, getenv(value)), 2;
	if (!strcmp(verb, "touch")) return touch(value), 2;
	if (!strcmp(verb, "sleep")) return Sleep(atoi(value)), 2;
	if (!strcmp(verb, "count")) return count(atol(value), atoi(argv[2])), 3;
	if (!strcmp(verb, "burn")) return burn(atoi(value)), 2;
	if (!strcmp(verb, "ask")) return ask(value), 2;
	if (!strcmp(verb, "exit")) ExitProcess(strtoul(value, NULL, 0));
	fprintf(stderr, "payload: no step %s\n", verb);
	exit(64);
}

int main(int argc, char **argv) {
	for (int i = 1; i < argc;) {
		if (!strcmp(argv[i], "spawn")) {
			spawn(argv[0], argv[i + 1]);
			i += 2;
			continue;
		}
		i += step(argv + i);
	}
	return 0;
}
