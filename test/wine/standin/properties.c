/* What can be asked of compute systems: lists, properties, figures. The figures
 * are those of the real processes. */
#include "broker.h"

#include <psapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const state_names[] = {"Created", "Running", "Paused", "Stopped"};

enum { MOST_PROCESSES = 256 };

/* The id is not known to have any form, so a GUID comes from its hash. */
static void write_runtime_id(struct text *t, const struct system *s) {
	unsigned long long h = 14695981039346656037ull;
	for (const char *c = s->id; *c; c++) h = (h ^ (unsigned char)*c) * 1099511628211ull;
	text_addf(t, "\"%08x-%04x-5000-8000-%012llx\"", (unsigned)(h >> 32), (unsigned)(h >> 16) & 0xFFFF,
		  h & 0xFFFFFFFFFFFFull);
}

static void write_base(struct text *t, const struct system *s) {
	int is_linux = !strcmp(json_string(s->document, "ContainerType"), "Linux");
	text_add(t, "\"Id\":");
	text_quote(t, s->id);
	text_add(t, ",\"Name\":");
	text_quote(t, json_string(s->document, "Name"));
	text_add(t, ",\"Owner\":");
	text_quote(t, system_owner(s));
	text_addf(t, ",\"State\":\"%s\",\"SystemType\":\"Container\",\"RuntimeOsType\":\"%s\",\"RuntimeId\":",
		  state_names[s->state], is_linux ? "Linux" : "Windows");
	write_runtime_id(t, s);
	if (s->state == STATE_STOPPED) text_add(t, ",\"Stopped\":true,\"ExitType\":\"GracefulExit\"");
}

static int listed(const struct json *query, const char *key, const char *value) {
	const struct json *list = json_get(query, key);
	if (!list || list->kind != JSON_ARRAY || !list->first) return 1;
	for (const struct json *item = list->first; item; item = item->next)
		if (item->text && !_stricmp(item->text, value)) return 1;
	return 0;
}

static int answers(const struct system *s, const struct json *query) {
	return listed(query, "Ids", s->id) && listed(query, "Types", "Container") &&
	       listed(query, "Names", json_string(s->document, "Name")) && listed(query, "Owners", system_owner(s));
}

ULONG do_enumerate(struct call *c) {
	struct json *query = json_parse(json_string(c->args, "text"));
	struct text out = {0};
	if (!query) return INVALID_JSON;
	text_add(&out, "[");
	for (struct system *s = systems; s; s = s->next) {
		if (system_find(s->id) != s || !answers(s, query)) continue;
		text_comma(&out);
		text_add(&out, "{");
		write_base(&out, s);
		text_add(&out, "}");
	}
	text_add(&out, "]");
	reply_text(c, "out", out.at);
	json_free(query);
	text_free(&out);
	return OK;
}

struct figures {
	unsigned long long user, kernel; /* in 100 ns */
	unsigned long long commit, commit_peak, private_set;
	unsigned long long reads, read_bytes, writes, written_bytes;
	SYSTEMTIME started;
	char image[MAX_PATH];
};

static unsigned long long ticks(FILETIME t) { return (unsigned long long)t.dwHighDateTime << 32 | t.dwLowDateTime; }

/* One entry of the list of all processes, as far as it is read here. It is the
 * only way to another process's times: Wine's GetProcessTimes gives the caller's. */
struct entry {
	ULONG next, threads;
	LARGE_INTEGER reserved[3];
	LARGE_INTEGER created, user, kernel;
	USHORT name_length, name_room;
	PWSTR name;
	LONG priority;
	HANDLE pid;
};

LONG NTAPI NtQuerySystemInformation(int class, void *out, ULONG size, ULONG *needed);

static void add_times(struct figures *sum, DWORD pid) {
	enum { ALL_PROCESSES = 5, ROOM = 1 << 20 };
	char *list = calloc(1, ROOM);
	struct entry *e = (struct entry *)list;
	NtQuerySystemInformation(ALL_PROCESSES, list, ROOM, NULL);
	while ((DWORD)(ULONG_PTR)e->pid != pid && e->next) e = (struct entry *)((char *)e + e->next);
	if ((DWORD)(ULONG_PTR)e->pid == pid) {
		sum->user += e->user.QuadPart;
		sum->kernel += e->kernel.QuadPart;
	}
	free(list);
}

static void add_use(struct figures *sum, HANDLE process) {
	PROCESS_MEMORY_COUNTERS_EX memory = {.cb = sizeof memory};
	IO_COUNTERS io;
	if (GetProcessMemoryInfo(process, (PROCESS_MEMORY_COUNTERS *)&memory, sizeof memory)) {
		sum->commit += memory.PagefileUsage;
		sum->commit_peak += memory.PeakPagefileUsage;
		sum->private_set += memory.WorkingSetSize;
	}
	if (GetProcessIoCounters(process, &io)) {
		sum->reads += io.ReadOperationCount;
		sum->read_bytes += io.ReadTransferCount;
		sum->writes += io.WriteOperationCount;
		sum->written_bytes += io.WriteTransferCount;
	}
}

static void measure(struct figures *sum, DWORD pid) {
	DWORD room = sizeof sum->image;
	FILETIME started, ended, kernel, user;
	HANDLE process = OpenProcess(PROCESS_QUERY_INFORMATION | PROCESS_VM_READ, FALSE, pid);
	if (!process) return;
	if (GetProcessTimes(process, &started, &ended, &kernel, &user)) FileTimeToSystemTime(&started, &sum->started);
	if (!QueryFullProcessImageNameA(process, 0, sum->image, &room)) sum->image[0] = 0;
	add_times(sum, pid);
	add_use(sum, process);
	CloseHandle(process);
}

static void write_time(struct text *t, SYSTEMTIME at) {
	text_addf(t, "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", at.wYear ? at.wYear : 1601, at.wMonth ? at.wMonth : 1,
		  at.wDay ? at.wDay : 1, at.wHour, at.wMinute, at.wSecond, at.wMilliseconds);
}

static unsigned long long since(SYSTEMTIME then, SYSTEMTIME now) {
	FILETIME a, b;
	SystemTimeToFileTime(&then, &a);
	SystemTimeToFileTime(&now, &b);
	return ticks(b) - ticks(a);
}

/* Of the living processes: what an ended one has used is lost in Wine. */
static struct figures total(const struct system *s) {
	struct figures sum = {0};
	DWORD pids[MOST_PROCESSES];
	int n = job_pids(s, pids, MOST_PROCESSES);
	for (int i = 0; i < n; i++) measure(&sum, pids[i]);
	return sum;
}

static void write_statistics(struct text *t, const struct system *s) {
	struct figures f = total(s);
	SYSTEMTIME now;
	GetSystemTime(&now);
	text_add(t, ",\"Statistics\":{\"Timestamp\":");
	write_time(t, now);
	text_add(t, ",\"ContainerStartTime\":");
	write_time(t, s->started);
	text_addf(t, ",\"Uptime100ns\":%llu,\"Memory\":{\"MemoryUsageCommitBytes\":%llu,"
		     "\"MemoryUsageCommitPeakBytes\":%llu,\"MemoryUsagePrivateWorkingSetBytes\":%llu}",
		  since(s->started, now), f.commit, f.commit_peak, f.private_set);
	text_addf(t, ",\"Processor\":{\"TotalRuntime100ns\":%llu,\"RuntimeUser100ns\":%llu,\"RuntimeKernel100ns\":%llu}",
		  f.user + f.kernel, f.user, f.kernel);
	text_addf(t, ",\"Storage\":{\"ReadCountNormalized\":%llu,\"ReadSizeBytes\":%llu,\"WriteCountNormalized\":%llu,"
		     "\"WriteSizeBytes\":%llu},\"Network\":",
		  f.reads, f.read_bytes, f.writes, f.written_bytes);
	hns_write_statistics(t, s->document);
	text_add(t, "}");
}

static void write_process(struct text *t, DWORD pid) {
	struct figures f = {0};
	measure(&f, pid);
	char *name = strrchr(f.image, '\\');
	text_add(t, "{\"CreateTimestamp\":");
	write_time(t, f.started);
	text_add(t, ",\"ImageName\":");
	text_quote(t, name ? name + 1 : f.image);
	text_addf(t, ",\"KernelTime100ns\":%llu,\"UserTime100ns\":%llu,\"MemoryCommitBytes\":%llu,"
		     "\"MemoryWorkingSetPrivateBytes\":%llu,\"MemoryWorkingSetSharedBytes\":0,\"ProcessId\":%lu}",
		  f.kernel, f.user, f.commit, f.private_set, pid);
}

static void write_processes(struct text *t, const struct system *s) {
	DWORD pids[MOST_PROCESSES];
	int n = job_pids(s, pids, MOST_PROCESSES);
	text_add(t, ",\"ProcessList\":[");
	for (int i = 0; i < n; i++) {
		text_comma(t);
		write_process(t, pids[i]);
	}
	text_add(t, "]");
}

static ULONG write_properties(struct text *t, const struct system *s, const struct json *types) {
	text_add(t, "{");
	write_base(t, s);
	for (const struct json *type = types ? types->first : NULL; type; type = type->next) {
		if (s->state == STATE_CREATED) return INVALID_STATE; /* it has no figures yet */
		if (!strcmp(type->text, "Statistics")) write_statistics(t, s);
		if (!strcmp(type->text, "ProcessList")) write_processes(t, s);
		if (!strcmp(type->text, "MappedVirtualDisk")) text_add(t, ",\"MappedVirtualDiskControllers\":{}");
	}
	text_add(t, "}");
	return OK;
}

ULONG do_properties(struct call *c) {
	struct handle *h = handle_find(c, 0);
	struct text out = {0};
	if (!h) return BAD_HANDLE;
	if (system_find(h->system->id) != h->system) return SYSTEM_STOPPED;
	struct json *query = json_parse(json_string(c->args, "text"));
	if (!query) return INVALID_JSON;
	ULONG code = write_properties(&out, h->system, json_get(query, "PropertyTypes"));
	if (!code) reply_text(c, "out", out.at);
	json_free(query);
	text_free(&out);
	return code;
}
