/* GUIDs in the form of a version 5 UUID, derived from a name. The real service
 * hashes with SHA-1 in a namespace that is not documented; what callers rely on
 * is only that the same name gives the same GUID, and another name another. */
#ifndef STANDIN_GUID_H
#define STANDIN_GUID_H

#include <windows.h>

GUID guid_of_name(const char *name);
void guid_write(char out[37], const GUID *guid); /* lower case, no braces */

#endif
