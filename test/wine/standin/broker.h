/* broker.exe plays the operating system: it owns compute systems, their real
 * child processes, layers and networks, and outlives whoever calls.
 *
 * One lock, the world's, guards everything below; a handler runs under it and
 * never waits for anything while it does. Systems, processes and layers are
 * never freed: a broker lives for one test, and nothing can dangle. */
#ifndef STANDIN_BROKER_H
#define STANDIN_BROKER_H

#include "codes.h"
#include "wire.h"
#include <windows.h>

void world_enter(void);
void world_leave(void);

/* One call of the DLL. A handler adds members to the reply, and returns the code. */
struct call {
	const struct json *args;
	const char *fn;
	char *on; /* system id, layer path or network path: what fault rules match */
	ULONG client;
	SOCKET socket;
	struct text reply;
	int crash;                     /* a fault rule wants HcsStartComputeSystem to crash */
	ULONG crash_code;
	struct registration *enrolled; /* to be brought to life after the reply */
};

void reply_text(struct call *c, const char *member, const char *value);
void reply_number(struct call *c, const char *member, unsigned long long value);

/* systems.c */
enum state { STATE_CREATED, STATE_RUNNING, STATE_PAUSED, STATE_STOPPED };

struct system {
	struct system *next;
	char *id;
	struct json *document;
	enum state state;
	int stopping;      /* ends when its last process does */
	ULONG exit_status; /* of a stopped one */
	HANDLE job;
	SYSTEMTIME created, started;
	struct process *processes;
};

extern struct system *systems;
extern int keep_stopped; /* show stopped systems until their last handle is closed */

struct system *system_find(const char *id); /* NULL if there is none to see */
struct system *system_new(const char *id, struct json *document);
const char *system_owner(const struct system *s);
int system_is_hyperv(const struct system *s);
void system_exit(struct system *s, ULONG status);
void system_terminate(struct system *s);
void system_process_ended(struct system *s);
void system_unused(struct system *s); /* its last handle was closed */
void systems_reset(void);

ULONG do_create(struct call *c);
ULONG do_open(struct call *c);
ULONG do_start(struct call *c);
ULONG do_shutdown(struct call *c);
ULONG do_terminate(struct call *c);
ULONG do_pause(struct call *c);
ULONG do_resume(struct call *c);
ULONG do_modify(struct call *c);

/* properties.c */
extern const char *const state_names[];
ULONG do_enumerate(struct call *c);
ULONG do_properties(struct call *c);

/* process.c */
struct process {
	struct process *next;
	struct system *system;
	DWORD pid;
	HANDLE handle; /* closed when forgotten */
	char *command;
	int exited, forgotten;
	ULONG code;
};

extern int keep_exits; /* remember ended processes that nobody has a handle to */

DWORD process_start(struct system *s, const struct json *parameters, HANDLE stdio[3], struct process **out);
int process_any_alive(const struct system *s);
void process_ask_to_end(struct process *p);
void process_unused(struct process *p);
int job_pids(const struct system *s, DWORD *pids, int room);

ULONG do_create_process(struct call *c);
ULONG do_open_process(struct call *c);
ULONG do_terminate_process(struct call *c);
ULONG do_process_info(struct call *c);
ULONG do_process_properties(struct call *c);
ULONG do_modify_process(struct call *c);

/* handles.c */
struct handle {
	struct handle *next;
	unsigned long long number;
	ULONG client;
	struct system *system;
	struct process *process; /* NULL: a handle to the system itself */
	int creator;             /* of the system: learns of the creation's end */
	int deaf;                /* the notification of the end was lost for it */
};

extern struct handle *handles;

unsigned long long handle_new(struct call *c, struct system *s, struct process *p, int creator);
struct handle *handle_find(const struct call *c, int of_process); /* NULL: bad handle */
int handle_count(const struct system *s, const struct process *p);
void handle_drop(unsigned long long number);
void handles_drop_all(void);
void client_seen(ULONG pid);
ULONG do_close_system(struct call *c);
ULONG do_close_process(struct call *c);

/* notify.c */
struct registration {
	struct registration *next;
	unsigned long long number;
	SOCKET socket;
	ULONG client;
	struct system *system;
	struct process *process;
	int creator, live, deaf;
	unsigned told; /* one bit per type: each comes at most once */
};

extern struct registration *registrations;

void notify(struct system *s, struct process *p, enum notification type, ULONG status);
void notify_disconnect(void);
void registration_live(struct registration *r);
void registrations_drop(SOCKET socket);
void registrations_drop_client(ULONG pid);
ULONG do_register_system(struct call *c);
ULONG do_register_process(struct call *c);
ULONG do_unregister(struct call *c);

/* layers.c */
struct layer {
	struct layer *next;
	char *path;
	int active, prepared;
	HANDLE disk; /* kept open while active, as an attached disk is */
	struct system *user;
};

extern struct layer *layers;

ULONG layers_check(const struct json *document);
void layers_use(const struct json *document, struct system *s);
void layers_release(struct system *s);
void layers_reset(void);
ULONG do_layer(struct call *c);

/* hns.c */
ULONG hns_check(const struct json *document);
void hns_attach(const struct json *document, struct system *s);
void hns_detach(struct system *s);
void hns_reset(void);
void hns_write(struct text *t, const char *kind); /* the list of "networks" or "endpoints" */
void hns_write_statistics(struct text *t, const struct json *document);
ULONG do_hns(struct call *c);

/* faults.c */
struct fault {
	struct fault *next;
	char *fn, *on, *out, *message;
	int skip, times; /* times < 0: for ever */
	ULONG code;
	int has_code, after, hang, lost, twice, crash;
	DWORD delay;
};

void fault_add(const struct json *rule);
struct fault fault_take(const char *fn, const char *on); /* zero if none applies */
void fault_hang(void); /* until faults_release; not under the world's lock */
void faults_release(void);
void faults_clear(void);

/* journal.c */
void journal_open(void);
void journal_reset(void);
void journal_call(const struct call *c, ULONG code, const char *remark);
void journal_event(const char *event, const char *on, const char *text);
void journal_violation(const char *on, const char *text);
void violations_write(struct text *t);

/* control.c */
char *control(const struct json *order); /* the reply; not under the world's lock */

#endif
