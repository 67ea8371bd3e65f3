/* The network service, version 1: networks and endpoints as JSON objects that
 * are kept as they came, with an id and what the service itself fills in. */
#include "broker.h"
#include "guid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Callers compare the whole text, the last blank included. */
static const char not_valid[] = "The object identifier does not represent a valid object. ";

struct thing {
	struct thing *next;
	char id[37];
	struct json *body;
	char *user; /* id of the system that an endpoint is attached to */
	int number; /* gives the address */
};

static struct thing *networks, *endpoints;

static struct thing **list_of(const char *kind) { return !strcmp(kind, "networks") ? &networks : &endpoints; }

static struct thing *thing_new(struct thing **list, struct json *body) {
	static int count;
	char name[32];
	struct thing *t = calloc(1, sizeof *t);
	t->number = ++count;
	snprintf(name, sizeof name, "hns-%d", count);
	GUID id = guid_of_name(name);
	guid_write(t->id, &id);
	t->body = body;
	while (*list) list = &(*list)->next;
	return *list = t;
}

static struct thing *thing_find(struct thing *list, const char *id) {
	for (; list; list = list->next)
		if (!_stricmp(list->id, id)) return list;
	return NULL;
}

static const struct thing *network_of(const struct json *endpoint) {
	const char *id = json_string(endpoint, "VirtualNetwork"), *name = json_string(endpoint, "VirtualNetworkName");
	for (struct thing *n = networks; n; n = n->next)
		if (!_stricmp(n->id, id) || (*name && !_stricmp(json_string(n->body, "Name"), name))) return n;
	return NULL;
}

static void add_default(struct text *t, const struct json *body, const char *key, const char *value) {
	if (json_get(body, key)) return;
	text_addf(t, ",\"%s\":", key);
	text_quote(t, value);
}

static void write_endpoint_defaults(struct text *t, const struct thing *e) {
	const struct thing *network = network_of(e->body);
	char address[32];
	snprintf(address, sizeof address, "172.30.%d.%d", e->number / 250, e->number % 250 + 2);
	add_default(t, e->body, "IPAddress", address);
	snprintf(address, sizeof address, "00-15-5D-00-%02X-%02X", (e->number >> 8) & 255, e->number & 255);
	add_default(t, e->body, "MacAddress", address);
	add_default(t, e->body, "GatewayAddress", "172.30.0.1");
	if (!json_get(e->body, "PrefixLength")) text_add(t, ",\"PrefixLength\":16");
	if (network) {
		add_default(t, e->body, "VirtualNetwork", network->id);
		add_default(t, e->body, "VirtualNetworkName", json_string(network->body, "Name"));
	}
	text_addf(t, ",\"State\":%d", e->user ? 2 : 1);
	if (!e->user) return;
	text_add(t, ",\"SharedContainers\":[");
	text_quote(t, e->user);
	text_add(t, "]");
}

static void write_thing(struct text *t, const struct thing *it, int is_endpoint) {
	text_addf(t, "{\"ID\":\"%s\"", it->id);
	for (const struct json *m = it->body->first; m; m = m->next) {
		if (!strcmp(m->key, "ID") || !strcmp(m->key, "State") || !strcmp(m->key, "SharedContainers")) continue;
		text_add(t, ",");
		text_quote(t, m->key);
		text_add(t, ":");
		json_write(t, m);
	}
	if (is_endpoint) write_endpoint_defaults(t, it);
	text_add(t, "}");
}

void hns_write(struct text *t, const char *kind) {
	text_add(t, "[");
	for (struct thing *it = *list_of(kind); it; it = it->next) {
		text_comma(t);
		write_thing(t, it, list_of(kind) == &endpoints);
	}
	text_add(t, "]");
}

/* Every host with containers has this network. */
void hns_reset(void) {
	networks = endpoints = NULL;
	thing_new(&networks, json_parse("{\"Name\":\"nat\",\"Type\":\"nat\",\"Subnets\":[{\"AddressPrefix\":"
					"\"172.30.0.0/16\",\"GatewayAddress\":\"172.30.0.1\"}]}"));
}

/* Endpoints of systems. */

ULONG hns_check(const struct json *document) {
	const struct json *list = json_get(document, "EndpointList");
	for (const struct json *id = list ? list->first : NULL; id; id = id->next)
		if (!thing_find(endpoints, id->text)) return INVALID_OBJECT;
	return OK;
}

void hns_attach(const struct json *document, struct system *s) {
	const struct json *list = json_get(document, "EndpointList");
	for (const struct json *id = list ? list->first : NULL; id; id = id->next)
		thing_find(endpoints, id->text)->user = s->id;
}

void hns_detach(struct system *s) {
	for (struct thing *e = endpoints; e; e = e->next)
		if (e->user == s->id) e->user = NULL;
}

/* No packet ever flows. Each figure is another constant, so that a mix-up shows. */
static void write_endpoint_statistics(struct text *t, const char *id) {
	text_addf(t, "{\"BytesReceived\":1001,\"BytesSent\":1002,\"PacketsReceived\":1003,\"PacketsSent\":1004,"
		     "\"DroppedPacketsIncoming\":1005,\"DroppedPacketsOutgoing\":1006,\"EndpointId\":\"%s\","
		     "\"InstanceId\":\"%s\"}", id, id);
}

void hns_write_statistics(struct text *t, const struct json *document) {
	const struct json *list = json_get(document, "EndpointList");
	text_add(t, "[");
	for (const struct json *id = list ? list->first : NULL; id; id = id->next) {
		text_comma(t);
		write_endpoint_statistics(t, id->text);
	}
	text_add(t, "]");
}

/* The calls. */

static void succeed(struct text *out, const char *output) {
	text_addf(out, "{\"Success\":true%s%s}", *output ? ",\"Output\":" : "", output);
}

static void fail(struct text *out, const char *error) {
	text_add(out, "{\"Success\":false,\"Error\":");
	text_quote(out, error);
	text_add(out, "}");
}

static int takes_port(const struct json *policy, const struct json *wanted) {
	return !strcmp(json_string(policy, "Type"), "NAT") && !strcmp(json_string(wanted, "Type"), "NAT") &&
	       json_number(policy, "ExternalPort") && json_number(policy, "ExternalPort") == json_number(wanted, "ExternalPort") &&
	       !_stricmp(json_string(policy, "Protocol"), json_string(wanted, "Protocol"));
}

static int port_is_taken(const struct json *body) {
	const struct json *mine = json_get(body, "Policies");
	for (const struct json *wanted = mine ? mine->first : NULL; wanted; wanted = wanted->next)
		for (struct thing *e = endpoints; e; e = e->next) {
			const struct json *theirs = json_get(e->body, "Policies");
			for (const struct json *p = theirs ? theirs->first : NULL; p; p = p->next)
				if (takes_port(p, wanted)) return 1;
		}
	return 0;
}

static void say_thing(struct text *out, const struct thing *it, int is_endpoint) {
	struct text one = {0};
	write_thing(&one, it, is_endpoint);
	succeed(out, one.at);
	text_free(&one);
}

static ULONG create(struct text *out, const char *kind, const char *object) {
	int is_endpoint = list_of(kind) == &endpoints;
	struct json *body = json_parse(object);
	if (!body || body->kind != JSON_OBJECT || (is_endpoint && !network_of(body))) {
		json_free(body);
		fail(out, not_valid);
		return OK;
	}
	if (is_endpoint && port_is_taken(body)) return json_free(body), PORT_TAKEN;
	say_thing(out, thing_new(list_of(kind), body), is_endpoint);
	return OK;
}

static void delete(struct text *out, const char *kind, struct thing *gone) {
	if (gone->user) journal_violation(gone->id, "endpoint deleted while a system uses it");
	for (struct thing **link = list_of(kind); *link; link = &(*link)->next)
		if (*link == gone) {
			*link = gone->next;
			break;
		}
	succeed(out, "");
}

/* Attaching by hand: only what it means for the endpoint's state. */
static void act(struct text *out, struct thing *it, const char *action, const char *object) {
	struct json *request = json_parse(object);
	it->user = strcmp(action, "attach") ? NULL : strdup(json_string(request, "ContainerId"));
	json_free(request);
	succeed(out, "");
}

static void all(struct text *out, const char *kind) {
	struct text list = {0};
	hns_write(&list, kind);
	succeed(out, list.at);
	text_free(&list);
}

static ULONG on_thing(struct text *out, const char *method, const char *kind, char *rest, const char *object) {
	char *id = strtok(rest, "/"), *action = id ? strtok(NULL, "/") : NULL;
	struct thing *it = id ? thing_find(*list_of(kind), id) : NULL;
	if (!id && !strcmp(method, "POST")) return create(out, kind, object);
	if (!id) return all(out, kind), OK;
	if (!it)
		fail(out, not_valid);
	else if (action)
		act(out, it, action, object);
	else if (!strcmp(method, "DELETE"))
		delete(out, kind, it);
	else
		say_thing(out, it, list_of(kind) == &endpoints);
	return OK;
}

static ULONG route(struct text *out, const char *method, char *path, const char *object) {
	char *kind = strtok(path, "/"), *rest = kind ? kind + strlen(kind) + 1 : NULL;
	if (!kind) return fail(out, not_valid), OK;
	if (!strcmp(kind, "networks") || !strcmp(kind, "endpoints")) return on_thing(out, method, kind, rest, object);
	if (!strcmp(kind, "globals")) return succeed(out, "{\"Major\":13,\"Minor\":3}"), OK;
	if (!strcmp(kind, "policylists") || !strcmp(kind, "namespaces")) return succeed(out, "[]"), OK;
	if (!strcmp(kind, "endpointstats") && thing_find(endpoints, rest)) {
		struct text figures = {0};
		write_endpoint_statistics(&figures, rest);
		succeed(out, figures.at);
		text_free(&figures);
		return OK;
	}
	return fail(out, not_valid), OK;
}

ULONG do_hns(struct call *c) {
	struct text out = {0};
	char path[256] = {0}; /* ends in two NULs, so that what follows the last part is empty */
	strncpy(path, c->on, sizeof path - 2);
	ULONG code = route(&out, json_string(c->args, "method"), path, json_string(c->args, "text"));
	if (!code) reply_text(c, "out", out.at);
	text_free(&out);
	return code;
}
