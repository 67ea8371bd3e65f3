#include "guid.h"

#include <stdio.h>
#include <string.h>

/* FNV-1a, twice with different starts: enough to tell names apart. */
static unsigned long long hash(const char *s, unsigned long long h) {
	for (; *s; s++) h = (h ^ (unsigned char)*s) * 1099511628211ull;
	return h;
}

GUID guid_of_name(const char *name) {
	unsigned long long halves[2] = {hash(name, 14695981039346656037ull), hash(name, 88172645463325252ull)};
	GUID guid;
	memcpy(&guid, halves, sizeof guid);
	guid.Data3 = (guid.Data3 & 0x0FFF) | 0x5000;
	guid.Data4[0] = (guid.Data4[0] & 0x3F) | 0x80;
	return guid;
}

void guid_write(char out[37], const GUID *g) {
	snprintf(out, 37, "%08lx-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", g->Data1, g->Data2, g->Data3, g->Data4[0],
		 g->Data4[1], g->Data4[2], g->Data4[3], g->Data4[4], g->Data4[5], g->Data4[6], g->Data4[7]);
}
