/* JSON, as much as the stand-in needs: a tree for what comes in, growing text
 * for what goes out. Strings are UTF-8; numbers keep their spelling, because
 * codes such as 3221225786 must not pass through a double. */
#ifndef STANDIN_JSON_H
#define STANDIN_JSON_H

#include <stddef.h>
#include <wchar.h>

struct text {
	char *at; /* always ends in NUL once something was added */
	size_t length, room;
};

void text_add(struct text *t, const char *s);
void text_addf(struct text *t, const char *format, ...);
void text_quote(struct text *t, const char *s);         /* as a JSON string */
void text_quote_wide(struct text *t, const wchar_t *s); /* NULL becomes "" */
void text_comma(struct text *t);                        /* unless a list or object just began */
void text_free(struct text *t);

char *utf8_of(const wchar_t *s);    /* caller frees */
wchar_t *wide_of(const char *utf8); /* caller frees */

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_kind kind;
	char *key;          /* of a member */
	char *text;         /* of a string or number */
	struct json *first; /* of an array or object */
	struct json *next;  /* sibling */
};

struct json *json_parse(const char *s); /* NULL: not one JSON value */
void json_free(struct json *j);
void json_write(struct text *t, const struct json *j);

/* Look-ups take NULL and other kinds, and then find nothing. */
const struct json *json_get(const struct json *object, const char *key);
const char *json_string(const struct json *object, const char *key); /* "" if absent */
long long json_number(const struct json *object, const char *key);   /* 0 if absent; "0x…" works too */
int json_true(const struct json *object, const char *key);

#endif
