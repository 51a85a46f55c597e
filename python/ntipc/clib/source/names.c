/*
 * What programs find by names. GetProcAddress finds what libntipc.so itself exports: the stubs, which give each thread
 * its state first. The program's file is that of the C program, not that of the interpreter.
 */
#define _GNU_SOURCE
#include "internal.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static DWORD module_path(HMODULE module, char *path, size_t room)
{
    int (*is_library)(HMODULE) = ntipc_own("ntipc_is_library");
    Dl_info own;
    if (!module || module == GetModuleHandleA(NULL)) {
        ssize_t size = readlink("/proc/self/exe", path, room);
        return size > 0 ? (DWORD)size : 0;
    }
    if (!is_library(module) || !dladdr((void *)GetProcAddress, &own)) {
        SetLastError(ERROR_MOD_NOT_FOUND);
        return 0;
    }
    size_t size = strlen(own.dli_fname);
    memcpy(path, own.dli_fname, size < room ? size : room);
    return (DWORD)(size < room ? size : room);
}

DWORD GetModuleFileNameA(HMODULE hModule, LPSTR lpFilename, DWORD nSize)
{
    char path[4096];
    DWORD size = module_path(hModule, path, sizeof path - 1);
    if (!size || !nSize)
        return 0;
    if (size >= nSize) {
        size = nSize;
        SetLastError(ERROR_INSUFFICIENT_BUFFER);
    }
    memcpy(lpFilename, path, size);
    lpFilename[size < nSize ? size : nSize - 1] = 0;
    return size;
}

DWORD GetModuleFileNameW(HMODULE hModule, LPWSTR lpFilename, DWORD nSize)
{
    int (*decode)(const char *, LPWSTR, DWORD) = ntipc_own("ntipc_decode");
    char path[4096];
    DWORD size = module_path(hModule, path, sizeof path - 1);
    if (!size || !nSize)
        return 0;
    path[size] = 0;
    size = (DWORD)decode(path, lpFilename, nSize);
    if (size >= nSize) {
        size = nSize;
        SetLastError(ERROR_INSUFFICIENT_BUFFER);
    }
    return size;
}
