/* The exports of vmcompute.dll for layers and for the network service. */
#include "client.h"
#include "guid.h"

#include <stdlib.h>
#include <string.h>

/* The DriverInfo argument says nothing: callers always pass the same one, and
 * the id of a layer is its full path. */
typedef const void *DRIVER_INFO;

static RET on_layer(const char *fn, PCWSTR path) { return say(NULL, fn, "w:path", path, NULL); }

static RET on_layers(const char *fn, PCWSTR path, PCWSTR other, LAYER_DESCRIPTOR *at, size_t count) {
	LAYERS layers = {at, count};
	return say(NULL, fn, "w:path", path, "w:other", other, "l:layers", &layers, NULL);
}

EXPORT ActivateLayer(DRIVER_INFO d, PCWSTR path) { return (void)d, on_layer("ActivateLayer", path); }
EXPORT DeactivateLayer(DRIVER_INFO d, PCWSTR path) { return (void)d, on_layer("DeactivateLayer", path); }
EXPORT UnprepareLayer(DRIVER_INFO d, PCWSTR path) { return (void)d, on_layer("UnprepareLayer", path); }
EXPORT DestroyLayer(DRIVER_INFO d, PCWSTR path) { return (void)d, on_layer("DestroyLayer", path); }
EXPORT ProcessBaseImage(PCWSTR path) { return on_layer("ProcessBaseImage", path); }
EXPORT ProcessUtilityImage(PCWSTR path) { return on_layer("ProcessUtilityImage", path); }

EXPORT PrepareLayer(DRIVER_INFO d, PCWSTR path, LAYER_DESCRIPTOR *at, size_t count) {
	return (void)d, on_layers("PrepareLayer", path, L"", at, count);
}

EXPORT CreateLayer(DRIVER_INFO d, PCWSTR path, PCWSTR parent) {
	return (void)d, on_layers("CreateLayer", path, parent, NULL, 0);
}

EXPORT CreateSandboxLayer(DRIVER_INFO d, PCWSTR path, ULONG_PTR parent, LAYER_DESCRIPTOR *at, size_t count) {
	return (void)d, (void)parent, on_layers("CreateSandboxLayer", path, L"", at, count);
}

EXPORT ImportLayer(DRIVER_INFO d, PCWSTR path, PCWSTR from, LAYER_DESCRIPTOR *at, size_t count) {
	return (void)d, on_layers("ImportLayer", path, from, at, count);
}

EXPORT ExportLayer(DRIVER_INFO d, PCWSTR path, PCWSTR to, LAYER_DESCRIPTOR *at, size_t count) {
	return (void)d, on_layers("ExportLayer", path, to, at, count);
}

EXPORT CopyLayer(DRIVER_INFO d, PCWSTR from, PCWSTR to, LAYER_DESCRIPTOR *at, size_t count) {
	return (void)d, on_layers("CopyLayer", from, to, at, count);
}

EXPORT ExpandSandboxSize(DRIVER_INFO d, PCWSTR path, UINT64 size) {
	(void)d;
	return say(NULL, "ExpandSandboxSize", "w:path", path, "n:size", (ULONG_PTR)size, NULL);
}

EXPORT GrantVmAccess(PCWSTR vm, PCWSTR path) {
	return say(NULL, "GrantVmAccess", "w:path", path, "w:other", vm, NULL);
}

/* Called twice: without a buffer for the length with its NUL, then with one. */
EXPORT GetLayerMountPath(DRIVER_INFO d, PCWSTR path, SIZE_T *length, PWSTR buffer) {
	struct json *answer;
	(void)d;
	ULONG code = ask(&answer, "GetLayerMountPath", "w:path", path, NULL);
	if ((LONG)code >= 0) {
		wchar_t *mount = wide_of(json_string(answer, "out"));
		size_t needed = wcslen(mount) + 1;
		if (buffer && *length >= needed) memcpy(buffer, mount, needed * sizeof *mount);
		*length = needed;
		free(mount);
	}
	json_free(answer);
	return HR(code);
}

EXPORT LayerExists(DRIVER_INFO d, PCWSTR path, DWORD *exists) {
	struct json *answer;
	(void)d;
	ULONG code = ask(&answer, "LayerExists", "w:path", path, NULL);
	*exists = json_true(answer, "exists");
	json_free(answer);
	return HR(code);
}

EXPORT GetBaseImages(PWSTR *images) {
	struct json *answer;
	ULONG code = ask(&answer, "GetBaseImages", NULL);
	give(images, answer, "out");
	json_free(answer);
	return HR(code);
}

/* A function of the name alone, so it needs no broker. */
EXPORT NameToGuid(PCWSTR name, GUID *guid) {
	char *utf8 = utf8_of(name);
	*guid = guid_of_name(utf8);
	free(utf8);
	return 0;
}

EXPORT HNSCall(PCWSTR method, PCWSTR path, PCWSTR object, PWSTR *response) {
	struct json *answer;
	ULONG code = ask(&answer, "HNSCall", "w:method", method, "w:path", path, "w:text", object, NULL);
	give(response, answer, "out");
	json_free(answer);
	/* Callers dereference the response of a call that succeeded. */
	return (LONG)code >= 0 && !*response ? HR(CALL_FAILED) : HR(code);
}
