#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static void text_grow(struct text *t, size_t more) {
	if (t->length + more + 1 <= t->room) return;
	t->room = (t->length + more + 1) * 2;
	t->at = realloc(t->at, t->room);
}

static void text_put(struct text *t, const char *s, size_t n) {
	text_grow(t, n);
	memcpy(t->at + t->length, s, n);
	t->length += n;
	t->at[t->length] = 0;
}

void text_add(struct text *t, const char *s) { text_put(t, s, strlen(s)); }

void text_addf(struct text *t, const char *format, ...) {
	va_list args;
	va_start(args, format);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text_grow(t, n);
	va_start(args, format);
	vsnprintf(t->at + t->length, n + 1, format, args);
	va_end(args);
	t->length += n;
}

void text_quote(struct text *t, const char *s) {
	text_put(t, "\"", 1);
	for (; *s; s++) {
		unsigned char c = *s;
		if (c == '"' || c == '\\') {
			text_put(t, "\\", 1);
			text_put(t, s, 1);
		} else if (c < 0x20) {
			text_addf(t, "\\u%04x", c);
		} else {
			text_put(t, s, 1);
		}
	}
	text_put(t, "\"", 1);
}

void text_quote_wide(struct text *t, const wchar_t *s) {
	char *utf8 = utf8_of(s ? s : L"");
	text_quote(t, utf8);
	free(utf8);
}

void text_comma(struct text *t) {
	char last = t->length ? t->at[t->length - 1] : '[';
	if (last != '[' && last != '{') text_put(t, ",", 1);
}

void text_free(struct text *t) {
	free(t->at);
	memset(t, 0, sizeof *t);
}

char *utf8_of(const wchar_t *s) {
	int n = WideCharToMultiByte(CP_UTF8, 0, s, -1, NULL, 0, NULL, NULL);
	char *utf8 = malloc(n);
	WideCharToMultiByte(CP_UTF8, 0, s, -1, utf8, n, NULL, NULL);
	return utf8;
}

wchar_t *wide_of(const char *utf8) {
	int n = MultiByteToWideChar(CP_UTF8, 0, utf8, -1, NULL, 0);
	wchar_t *s = malloc(n * sizeof *s);
	MultiByteToWideChar(CP_UTF8, 0, utf8, -1, s, n);
	return s;
}

/* The reader. at moves over the text; a NULL tree means that it is no JSON. */

enum { DEEPEST = 64 }; /* a bound for the recursion, no document comes near */

static struct json *read_value(const char **at, int depth);

static void skip_space(const char **at) { *at += strspn(*at, " \t\r\n"); }

static struct json *new_json(enum json_kind kind) {
	struct json *j = calloc(1, sizeof *j);
	j->kind = kind;
	return j;
}

static int read_hex4(const char **at, unsigned *unit) {
	*unit = 0;
	for (int i = 0; i < 4; i++) {
		char c = **at;
		const char *digits = "0123456789abcdef", *d = c ? strchr(digits, c | 0x20) : NULL;
		if (!d) return 0;
		*unit = *unit * 16 + (unsigned)(d - digits);
		++*at;
	}
	return 1;
}

/* After "\u": one code point, of a surrogate pair if need be. */
static int read_unicode(const char **at, struct text *out) {
	unsigned unit, low;
	if (!read_hex4(at, &unit)) return 0;
	wchar_t units[3] = {(wchar_t)unit, 0, 0};
	if (unit >= 0xD800 && unit < 0xDC00 && (*at)[0] == '\\' && (*at)[1] == 'u') {
		*at += 2;
		if (!read_hex4(at, &low)) return 0;
		units[1] = (wchar_t)low;
	}
	char *utf8 = utf8_of(units);
	text_add(out, utf8);
	free(utf8);
	return 1;
}

static int read_escape(const char **at, struct text *out) {
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	char c = *(*at)++;
	if (c == 'u') return read_unicode(at, out);
	const char *name = c ? strchr(names, c) : NULL;
	if (!name) return 0;
	text_put(out, values + (name - names), 1);
	return 1;
}

static char *read_string(const char **at) {
	struct text out = {0};
	text_add(&out, "");
	if (*(*at)++ != '"') goto bad;
	for (;;) {
		size_t plain = 0;
		while ((*at)[plain] != '"' && (*at)[plain] != '\\' && (unsigned char)(*at)[plain] >= 0x20) plain++;
		text_put(&out, *at, plain);
		*at += plain;
		char c = *(*at)++;
		if (c == '"') return out.at;
		if (c != '\\' || !read_escape(at, &out)) goto bad;
	}
bad:
	free(out.at);
	return NULL;
}

static struct json *read_number(const char **at) {
	char *end;
	strtod(*at, &end);
	size_t n = end - *at;
	if (!n) return NULL;
	struct json *j = new_json(JSON_NUMBER);
	j->text = calloc(1, n + 1);
	memcpy(j->text, *at, n);
	*at = end;
	return j;
}

static struct json *read_members(const char **at, enum json_kind kind, char close, int depth) {
	struct json *j = new_json(kind), **link = &j->first;
	++*at;
	skip_space(at);
	if (**at == close) return ++*at, j;
	for (;;) {
		char *key = NULL;
		skip_space(at);
		if (kind == JSON_OBJECT) {
			if (!(key = read_string(at))) break;
			skip_space(at);
			if (*(*at)++ != ':') return free(key), json_free(j), NULL;
		}
		struct json *child = read_value(at, depth + 1);
		if (!child) return free(key), json_free(j), NULL;
		child->key = key;
		*link = child;
		link = &child->next;
		skip_space(at);
		char c = *(*at)++;
		if (c == close) return j;
		if (c != ',') break;
	}
	json_free(j);
	return NULL;
}

static struct json *read_word(const char **at, const char *word, enum json_kind kind) {
	if (strncmp(*at, word, strlen(word))) return NULL;
	*at += strlen(word);
	return new_json(kind);
}

static struct json *read_value(const char **at, int depth) {
	if (depth > DEEPEST) return NULL;
	skip_space(at);
	switch (**at) {
	case '{': return read_members(at, JSON_OBJECT, '}', depth);
	case '[': return read_members(at, JSON_ARRAY, ']', depth);
	case 't': return read_word(at, "true", JSON_TRUE);
	case 'f': return read_word(at, "false", JSON_FALSE);
	case 'n': return read_word(at, "null", JSON_NULL);
	case '"': {
		char *s = read_string(at);
		if (!s) return NULL;
		struct json *j = new_json(JSON_STRING);
		j->text = s;
		return j;
	}
	default: return read_number(at);
	}
}

struct json *json_parse(const char *s) {
	struct json *j = read_value(&s, 0);
	skip_space(&s);
	if (j && *s) {
		json_free(j);
		return NULL;
	}
	return j;
}

void json_free(struct json *j) {
	while (j) {
		struct json *next = j->next;
		json_free(j->first);
		free(j->key);
		free(j->text);
		free(j);
		j = next;
	}
}

void json_write(struct text *t, const struct json *j) {
	static const char *const words[] = {"null", "false", "true"};
	switch (j->kind) {
	case JSON_NUMBER: text_add(t, j->text); return;
	case JSON_STRING: text_quote(t, j->text); return;
	case JSON_ARRAY:
	case JSON_OBJECT:
		text_add(t, j->kind == JSON_ARRAY ? "[" : "{");
		for (const struct json *child = j->first; child; child = child->next) {
			text_comma(t);
			if (child->key) text_quote(t, child->key), text_add(t, ":");
			json_write(t, child);
		}
		text_add(t, j->kind == JSON_ARRAY ? "]" : "}");
		return;
	default: text_add(t, words[j->kind]);
	}
}

const struct json *json_get(const struct json *object, const char *key) {
	if (!object || object->kind != JSON_OBJECT) return NULL;
	for (const struct json *m = object->first; m; m = m->next)
		if (!strcmp(m->key, key)) return m;
	return NULL;
}

const char *json_string(const struct json *object, const char *key) {
	const struct json *m = json_get(object, key);
	return m && m->kind == JSON_STRING ? m->text : "";
}

long long json_number(const struct json *object, const char *key) {
	const struct json *m = json_get(object, key);
	return m && (m->kind == JSON_NUMBER || m->kind == JSON_STRING) ? strtoll(m->text, NULL, 0) : 0;
}

int json_true(const struct json *object, const char *key) {
	const struct json *m = json_get(object, key);
	return m && m->kind == JSON_TRUE;
}
