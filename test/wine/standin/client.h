/* What the exports of vmcompute.dll share. */
#ifndef STANDIN_CLIENT_H
#define STANDIN_CLIENT_H

#include "codes.h"
#include "wire.h"
#include <windows.h>

/* Callers read the whole register as the code, so the upper half must be zero:
 * a sign-extended HRESULT would match no error that they know. */
typedef ULONG_PTR RET;
#define HR(code) ((RET)(ULONG)(code))
#define EXPORT __declspec(dllexport) RET WINAPI

typedef struct {
	GUID id;
	DWORD flags;
	PCWSTR path;
} LAYER_DESCRIPTOR;

typedef struct {
	LAYER_DESCRIPTOR *at;
	size_t count;
} LAYERS;

/* ask calls fn in the broker. Arguments come as pairs of a name and a value,
 * ended by NULL; the name's first letters tell the type: "n:" ULONG_PTR, "w:" PCWSTR,
 * "b:" int as a truth value, "l:" LAYERS *. The answer may be NULL; free it with json_free. */
ULONG ask(struct json **answer, const char *fn, ...);

/* say is ask for calls that answer nothing but a code and, maybe, a result. */
#define say(result, ...)                                            \
	({                                                          \
		struct json *said;                                  \
		ULONG said_code = ask(&said, __VA_ARGS__);          \
		give(result, said, "result");                       \
		json_free(said);                                    \
		HR(said_code);                                      \
	})

/* give hands a member of the answer out as a string of the COM task allocator,
 * which the caller frees with CoTaskMemFree; NULL if there is none. */
void give(PWSTR *out, const struct json *answer, const char *member);

/* A connection of its own, for callbacks; the answer as with ask. */
ULONG ask_on(struct wire *w, struct json **answer, const char *line);
void write_request(struct text *line, const char *fn, ULONG_PTR handle);

#endif
