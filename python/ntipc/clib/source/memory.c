/* Memory of one process: the heap is that of the C library, and VirtualAlloc is mmap. */
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096ul
#define GRANULARITY 65536ul

static char process_heap; /* its address is the handle of the one heap */

HANDLE GetProcessHeap(void)
{
    return &process_heap;
}

LPVOID HeapAlloc(HANDLE hHeap, DWORD dwFlags, SIZE_T dwBytes)
{
    if (hHeap != &process_heap) {
        SetLastError(ERROR_INVALID_HANDLE);
        return NULL;
    }
    return dwFlags & HEAP_ZERO_MEMORY ? calloc(1, dwBytes ? dwBytes : 1) : malloc(dwBytes ? dwBytes : 1);
}

LPVOID HeapReAlloc(HANDLE hHeap, DWORD dwFlags, LPVOID lpMem, SIZE_T dwBytes)
{
    if (hHeap != &process_heap) {
        SetLastError(ERROR_INVALID_HANDLE);
        return NULL;
    }
    size_t before = lpMem ? malloc_usable_size(lpMem) : 0;
    char *after = realloc(lpMem, dwBytes ? dwBytes : 1);
    if (after && dwFlags & HEAP_ZERO_MEMORY && dwBytes > before)
        memset(after + before, 0, dwBytes - before);
    return after;
}

BOOL HeapFree(HANDLE hHeap, DWORD dwFlags, LPVOID lpMem)
{
    (void)dwFlags;
    if (hHeap != &process_heap) {
        SetLastError(ERROR_INVALID_HANDLE);
        return FALSE;
    }
    free(lpMem);
    return TRUE;
}

/* Regions that VirtualAlloc has reserved: MEM_RELEASE is told their beginnings alone. */
struct region {
    char *start;
    size_t size;
    struct region *next;
};
static struct region *regions;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int protection_of(DWORD protect)
{
    switch (protect & 0xFF) {
    case PAGE_NOACCESS: return PROT_NONE;
    case PAGE_READONLY: return PROT_READ;
    case PAGE_READWRITE: return PROT_READ | PROT_WRITE;
    case PAGE_EXECUTE: return PROT_EXEC;
    case PAGE_EXECUTE_READ: return PROT_READ | PROT_EXEC;
    case PAGE_EXECUTE_READWRITE: return PROT_READ | PROT_WRITE | PROT_EXEC;
    default: return -1;
    }
}

static struct region *region_of(const char *address)
{
    for (struct region *region = regions; region; region = region->next)
        if (region->start <= address && address < region->start + region->size)
            return region;
    return NULL;
}

static void *reserve(size_t size, int protection)
{
    char *start = mmap(NULL, size + GRANULARITY, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED)
        return NULL;
    char *aligned = (char *)(((ULONG_PTR)start + GRANULARITY - 1) & ~(GRANULARITY - 1));
    if (aligned > start)
        munmap(start, aligned - start);
    munmap(aligned + size, start + GRANULARITY - aligned);
    mprotect(aligned, size, protection);
    return aligned;
}

static LPVOID allocate(char *address, size_t size, DWORD type, int protection)
{
    size_t before = (ULONG_PTR)address & (PAGE - 1);
    size = (before + size + PAGE - 1) & ~(PAGE - 1);
    if (address && !(type & MEM_RESERVE)) {
        struct region *region = region_of(address);
        char *start = address - before;
        if (!region || start + size > region->start + region->size || mprotect(start, size, protection) != 0) {
            SetLastError(ERROR_INVALID_ADDRESS);
            return NULL;
        }
        return start;
    }
    struct region *region = address ? NULL : malloc(sizeof *region);
    char *start = region ? reserve(size, type & MEM_COMMIT ? protection : PROT_NONE) : NULL;
    if (!start) {
        free(region);
        SetLastError(address ? ERROR_INVALID_ADDRESS : ERROR_NOT_ENOUGH_MEMORY); /* Linux chooses where */
        return NULL;
    }
    *region = (struct region){start, size, regions};
    regions = region;
    return start;
}

LPVOID VirtualAlloc(LPVOID lpAddress, SIZE_T dwSize, DWORD flAllocationType, DWORD flProtect)
{
    int protection = protection_of(flProtect);
    if (protection < 0 || !dwSize || !(flAllocationType & (MEM_RESERVE | MEM_COMMIT))) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    LPVOID made = allocate(lpAddress, dwSize, flAllocationType, protection);
    pthread_mutex_unlock(&lock);
    return made;
}

static DWORD release(char *address, size_t size, DWORD type)
{
    struct region *region = region_of(address);
    if (!region)
        return ERROR_INVALID_ADDRESS;
    if (type == MEM_RELEASE) {
        if (size || region->start != address)
            return size ? ERROR_INVALID_PARAMETER : ERROR_INVALID_ADDRESS;
        for (struct region **link = &regions; *link; link = &(*link)->next)
            if (*link == region) {
                *link = region->next;
                break;
            }
        munmap(region->start, region->size);
        free(region);
        return ERROR_SUCCESS;
    }
    if (type != MEM_DECOMMIT)
        return ERROR_INVALID_PARAMETER;
    if (!size)
        size = region->start + region->size - address;
    if (address + size > region->start + region->size)
        return ERROR_INVALID_ADDRESS;
    char *start = (char *)((ULONG_PTR)address & ~(PAGE - 1));
    size = (address + size - start + PAGE - 1) & ~(PAGE - 1);
    madvise(start, size, MADV_DONTNEED);
    mprotect(start, size, PROT_NONE);
    return ERROR_SUCCESS;
}

BOOL VirtualFree(LPVOID lpAddress, SIZE_T dwSize, DWORD dwFreeType)
{
    pthread_mutex_lock(&lock);
    DWORD code = release(lpAddress, dwSize, dwFreeType);
    pthread_mutex_unlock(&lock);
    if (code)
        SetLastError(code);
    return code == ERROR_SUCCESS;
}
