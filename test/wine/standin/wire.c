#include "wire.h"

#include <stdlib.h>
#include <string.h>
#include <windows.h>

/* The port of the broker that runs now; it is another one after a restart. */
static int broker_port(void) {
	char digits[16] = {0};
	DWORD n;
	HANDLE f = CreateFileW(STANDIN_PORT, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
			       OPEN_EXISTING, 0, NULL);
	if (f == INVALID_HANDLE_VALUE) return 0;
	ReadFile(f, digits, sizeof digits - 1, &n, NULL);
	CloseHandle(f);
	return atoi(digits);
}

int wire_dial(struct wire *w) {
	WSADATA data;
	BOOL at_once = TRUE;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(broker_port())};
	memset(w, 0, sizeof *w);
	if (!to.sin_port || WSAStartup(MAKEWORD(2, 2), &data)) return 0;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->socket = socket(AF_INET, SOCK_STREAM, 0);
	if (w->socket == INVALID_SOCKET) return 0;
	/* A child that inherits the connection would keep it open after us. */
	SetHandleInformation((HANDLE)w->socket, HANDLE_FLAG_INHERIT, 0);
	setsockopt(w->socket, IPPROTO_TCP, TCP_NODELAY, (char *)&at_once, sizeof at_once);
	if (!connect(w->socket, (struct sockaddr *)&to, sizeof to)) return 1;
	closesocket(w->socket);
	return 0;
}

static int send_all(SOCKET s, const char *at, size_t n) {
	while (n) {
		int sent = send(s, at, (int)n, 0);
		if (sent <= 0) return 0;
		at += sent;
		n -= sent;
	}
	return 1;
}

int wire_send(struct wire *w, const char *line) {
	struct text whole = {0};
	text_addf(&whole, "%s\n", line);
	int ok = send_all(w->socket, whole.at, whole.length);
	text_free(&whole);
	return ok;
}

static char *take_line(struct text *buffer) {
	char *end = buffer->length ? memchr(buffer->at, '\n', buffer->length) : NULL;
	if (!end) return NULL;
	size_t n = end - buffer->at;
	char *line = malloc(n + 1);
	memcpy(line, buffer->at, n);
	line[n] = 0;
	buffer->length -= n + 1;
	memmove(buffer->at, end + 1, buffer->length + 1);
	return line;
}

char *wire_read(struct wire *w) {
	for (;;) {
		char chunk[4097], *line = take_line(&w->buffer);
		if (line) return line;
		int n = recv(w->socket, chunk, sizeof chunk - 1, 0);
		if (n <= 0) return NULL;
		chunk[n] = 0;
		text_add(&w->buffer, chunk);
	}
}

int wire_idle(struct wire *w) {
	fd_set readable;
	struct timeval at_once = {0, 0};
	FD_ZERO(&readable);
	FD_SET(w->socket, &readable);
	return select(0, &readable, NULL, NULL, &at_once) == 0;
}

void wire_close(struct wire *w) {
	closesocket(w->socket);
	text_free(&w->buffer);
}
