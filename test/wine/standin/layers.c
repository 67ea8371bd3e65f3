/* Layers are folders. A writable one goes through created, active (its disk is
 * attached), prepared (its file system is there) and back in that order; a step
 * out of order fails, and one that would harm is a violation besides. */
#include "broker.h"
#include "guid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct layer *layers;

static int is_folder(const char *path) {
	wchar_t *wide = wide_of(path);
	DWORD attributes = GetFileAttributesW(wide);
	free(wide);
	return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY);
}

/* Opened for itself alone: while it is open it can be neither removed nor renamed. */
static HANDLE open_file(const char *folder, const char *name, DWORD how) {
	struct text path = {0};
	text_addf(&path, "%s\\%s", folder, name);
	wchar_t *wide = wide_of(path.at);
	HANDLE h = CreateFileW(wide, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ, NULL, how, 0, NULL);
	free(wide);
	text_free(&path);
	return h;
}

static ULONG make_file(const char *folder, const char *name) {
	HANDLE h = open_file(folder, name, CREATE_NEW);
	if (h == INVALID_HANDLE_VALUE) return HRESULT_FROM_WIN32(GetLastError());
	CloseHandle(h);
	return OK;
}

static struct layer *layer_find(const char *path) {
	for (struct layer *l = layers; l; l = l->next)
		if (!_stricmp(l->path, path)) return l;
	return NULL;
}

static struct layer *layer_of(const char *path) {
	struct layer *l = layer_find(path);
	if (l) return l;
	l = calloc(1, sizeof *l);
	*l = (struct layer){.next = layers, .path = strdup(path)};
	layers = l;
	return l;
}

static void mount_path(struct text *t, const char *path) {
	char guid[37];
	char *lower = _strlwr(strdup(path));
	GUID id = guid_of_name(lower);
	guid_write(guid, &id);
	text_addf(t, "\\\\?\\Volume{%s}\\", guid);
	free(lower);
}

/* What the document of a new system says of its layers. */

static int parents_fit(const struct json *list) {
	for (const struct json *l = list ? list->first : NULL; l; l = l->next) {
		char guid[37];
		const char *path = json_string(l, "Path"), *base = strrchr(path, '\\');
		GUID id = guid_of_name(base ? base + 1 : path);
		guid_write(guid, &id);
		if (!is_folder(path) || _stricmp(json_string(l, "ID"), guid)) return 0;
	}
	return 1;
}

static int volume_fits(const char *volume, const char *folder) {
	struct text mount = {0};
	mount_path(&mount, folder);
	mount.at[--mount.length] = 0; /* documents want it without the last backslash */
	int fits = !_stricmp(volume, mount.at);
	text_free(&mount);
	return fits;
}

/* Documents without layers pass, so that simple tests stay simple. A Hyper-V
 * system attaches its scratch layer itself. */
ULONG layers_check(const struct json *document) {
	const char *folder = json_string(document, "LayerFolderPath"), *volume = json_string(document, "VolumePath");
	if (!parents_fit(json_get(document, "Layers"))) return INVALID_LAYER;
	if (!*folder) return *volume ? INVALID_LAYER : OK;
	struct layer *l = layer_find(folder);
	if (l && l->user) return SHARING_VIOLATION;
	if (json_true(document, "HvPartition")) return is_folder(folder) ? OK : INVALID_LAYER;
	return l && l->prepared && volume_fits(volume, folder) ? OK : INVALID_LAYER;
}

void layers_use(const struct json *document, struct system *s) {
	const char *folder = json_string(document, "LayerFolderPath");
	if (*folder) layer_of(folder)->user = s;
}

void layers_release(struct system *s) {
	for (struct layer *l = layers; l; l = l->next)
		if (l->user == s) l->user = NULL;
}

static void detach(struct layer *l) {
	if (l->active) CloseHandle(l->disk);
	l->active = l->prepared = 0;
}

void layers_reset(void) {
	for (struct layer *l = layers; l; l = l->next) detach(l);
	layers = NULL;
}

/* The calls. */

static ULONG create_scratch(struct call *c) {
	wchar_t *wide = wide_of(c->on);
	const struct json *parents = json_get(c->args, "layers");
	for (const struct json *p = parents ? parents->first : NULL; p; p = p->next)
		if (!is_folder(p->text)) return free(wide), PATH_NOT_FOUND;
	CreateDirectoryW(wide, NULL);
	free(wide);
	if (!is_folder(c->on)) return PATH_NOT_FOUND;
	return make_file(c->on, "sandbox.vhdx");
}

static ULONG activate(struct call *c) {
	struct layer *l = layer_of(c->on);
	if (l->active) return SHARING_VIOLATION;
	HANDLE disk = open_file(c->on, "sandbox.vhdx", OPEN_EXISTING);
	if (disk == INVALID_HANDLE_VALUE) return HRESULT_FROM_WIN32(GetLastError());
	l->disk = disk;
	l->active = 1;
	return OK;
}

static ULONG prepare(struct call *c) {
	struct layer *l = layer_of(c->on);
	if (!l->active) return NOT_READY;
	if (l->prepared) return SHARING_VIOLATION;
	l->prepared = 1;
	return OK;
}

static ULONG unprepare(struct call *c) {
	struct layer *l = layer_of(c->on);
	if (l->user) {
		journal_violation(c->on, "unprepared while a system uses it");
		return SHARING_VIOLATION;
	}
	if (!l->prepared) return NOT_READY;
	l->prepared = 0;
	return OK;
}

static ULONG deactivate(struct call *c) {
	struct layer *l = layer_of(c->on);
	if (l->prepared) {
		journal_violation(c->on, "deactivated while it is prepared");
		return SHARING_VIOLATION;
	}
	if (!l->active) return NOT_READY;
	detach(l);
	return OK;
}

static ULONG remove_tree(const wchar_t *folder) {
	wchar_t pattern[MAX_PATH];
	WIN32_FIND_DATAW found;
	if (wcslen(folder) + 3 > MAX_PATH) return BAD_PARAMETER;
	wsprintfW(pattern, L"%s\\*", folder);
	HANDLE h = FindFirstFileW(pattern, &found);
	if (h == INVALID_HANDLE_VALUE) return PATH_NOT_FOUND;
	do {
		wchar_t path[MAX_PATH * 2];
		if (!wcscmp(found.cFileName, L".") || !wcscmp(found.cFileName, L"..")) continue;
		wsprintfW(path, L"%s\\%s", folder, found.cFileName);
		if (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY)
			remove_tree(path);
		else
			DeleteFileW(path);
	} while (FindNextFileW(h, &found));
	FindClose(h);
	return RemoveDirectoryW(folder) ? OK : HRESULT_FROM_WIN32(GetLastError());
}

static ULONG destroy(struct call *c) {
	struct layer *l = layer_find(c->on);
	if (l && l->active) {
		journal_violation(c->on, "destroyed while it is active");
		return SHARING_VIOLATION;
	}
	wchar_t *wide = wide_of(c->on);
	ULONG code = remove_tree(wide);
	free(wide);
	return code;
}

/* The folder path for a layer that can only be read, the volume for another. */
static ULONG get_mount_path(struct call *c) {
	struct layer *l = layer_find(c->on);
	struct text out = {0};
	if (!is_folder(c->on)) return PATH_NOT_FOUND;
	if (l && l->active)
		mount_path(&out, c->on);
	else
		text_add(&out, c->on);
	reply_text(c, "out", out.at);
	text_free(&out);
	return OK;
}

static ULONG exists(struct call *c) {
	text_addf(&c->reply, ",\"exists\":%s", is_folder(c->on) ? "true" : "false");
	return OK;
}

static ULONG base_images(struct call *c) {
	reply_text(c, "out", "{\"Images\":[]}");
	return OK;
}

static ULONG create_plain(struct call *c) {
	wchar_t *wide = wide_of(c->on);
	BOOL ok = CreateDirectoryW(wide, NULL);
	free(wide);
	return ok ? OK : HRESULT_FROM_WIN32(GetLastError());
}

static ULONG copy_tree(const wchar_t *from, const wchar_t *to) {
	wchar_t pattern[MAX_PATH * 2];
	WIN32_FIND_DATAW found;
	CreateDirectoryW(to, NULL);
	wsprintfW(pattern, L"%s\\*", from);
	HANDLE h = FindFirstFileW(pattern, &found);
	if (h == INVALID_HANDLE_VALUE) return PATH_NOT_FOUND;
	do {
		wchar_t source[MAX_PATH * 2], target[MAX_PATH * 2];
		if (!wcscmp(found.cFileName, L".") || !wcscmp(found.cFileName, L"..")) continue;
		wsprintfW(source, L"%s\\%s", from, found.cFileName);
		wsprintfW(target, L"%s\\%s", to, found.cFileName);
		if (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY)
			copy_tree(source, target);
		else
			CopyFileW(source, target, TRUE);
	} while (FindNextFileW(h, &found));
	FindClose(h);
	return OK;
}

static ULONG copy(const char *from, const char *to) {
	wchar_t *source = wide_of(from), *target = wide_of(to);
	ULONG code = copy_tree(source, target);
	free(source);
	free(target);
	return code;
}

static ULONG import(struct call *c) { return copy(json_string(c->args, "other"), c->on); }
static ULONG export(struct call *c) { return copy(c->on, json_string(c->args, "other")); }

static ULONG process_image(struct call *c) { return is_folder(c->on) ? make_file(c->on, "blank-base.vhdx") : PATH_NOT_FOUND; }
static ULONG process_utility(struct call *c) { return is_folder(c->on) ? make_file(c->on, "SystemTemplate.vhdx") : PATH_NOT_FOUND; }
static ULONG only_exists(struct call *c) { return is_folder(c->on) ? OK : PATH_NOT_FOUND; }
static ULONG grant(struct call *c) { return (void)c, OK; }

ULONG do_layer(struct call *c) {
	static const struct {
		const char *fn;
		ULONG (*handler)(struct call *);
	} calls[] = {
		{"CreateSandboxLayer", create_scratch}, {"ActivateLayer", activate},
		{"PrepareLayer", prepare},              {"GetLayerMountPath", get_mount_path},
		{"UnprepareLayer", unprepare},          {"DeactivateLayer", deactivate},
		{"DestroyLayer", destroy},              {"LayerExists", exists},
		{"CreateLayer", create_plain},          {"ExpandSandboxSize", only_exists},
		{"ImportLayer", import},                {"ExportLayer", export},
		{"CopyLayer", export},                  {"ProcessBaseImage", process_image},
		{"ProcessUtilityImage", process_utility}, {"GetBaseImages", base_images},
		{"GrantVmAccess", grant},
	};
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (!strcmp(calls[i].fn, c->fn)) return calls[i].handler(c);
	journal_violation(c->fn, "no such function");
	return NOT_IMPLEMENTED;
}
