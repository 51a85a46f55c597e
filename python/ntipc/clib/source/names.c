/* GetProcAddress finds what libntipc.so itself exports: the stubs, which give each thread its state first. */
#define _GNU_SOURCE
#include "internal.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *name, const void *entry)
{
    return strcmp(name, *(const char *const *)entry);
}

FARPROC GetProcAddress(HMODULE hModule, LPCSTR lpProcName)
{
    int (*is_library)(HMODULE) = ntipc_own("ntipc_is_library");
    if (!is_library(hModule)) {
        SetLastError(hModule ? ERROR_MOD_NOT_FOUND : ERROR_INVALID_HANDLE);
        return NULL;
    }
    const char *const *found = (ULONG_PTR)lpProcName < 0x10000 /* an ordinal number */
                                   ? NULL
                                   : bsearch(lpProcName, ntipc_exports, ntipc_export_count, sizeof *ntipc_exports, compare);
    if (!found) {
        SetLastError(ERROR_PROC_NOT_FOUND);
        return NULL;
    }
    return (FARPROC)dlsym(RTLD_DEFAULT, *found);
}
