/* The way between the DLL, the broker and the tests: one JSON object per line,
 * over TCP on the loopback address. TCP, because a test on Linux can speak it
 * too, and because a killed process shows as a closed connection. */
#ifndef STANDIN_WIRE_H
#define STANDIN_WIRE_H

#include <winsock2.h>
#include "json.h"

/* Where the broker leaves its port and its journal. */
#define STANDIN_FOLDER L"C:\\ProgramData\\hcs-standin"
#define STANDIN_PORT STANDIN_FOLDER L"\\port"
#define STANDIN_JOURNAL STANDIN_FOLDER L"\\journal.jsonl"

struct wire {
	SOCKET socket;
	struct text buffer; /* what was received and not yet read */
};

int wire_dial(struct wire *w); /* to the broker; 0 if there is none */
int wire_send(struct wire *w, const char *line);
char *wire_read(struct wire *w); /* one line, caller frees; NULL when the other side is gone */
int wire_idle(struct wire *w);   /* open, and nothing has arrived */
void wire_close(struct wire *w);

#endif
