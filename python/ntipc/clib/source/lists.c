/*
 * Singly linked lists that the threads of one process change in one step each: SLIST_HEADER.
 *
 * The header is laid out as on 64-bit Windows: how many entries there are and how often it was changed, then the first
 * entry. Entries are aligned to 16 bytes, so the lowest bit of the second word is free: who sets it may change the list.
 *
 * Why not compare-and-exchange alone: to take the first entry, a thread has to read where that leads, and by then another
 * thread may have taken and freed it. Windows steps over the fault that this is; here nobody reads an entry that is not in the
 * list. The bit is held for a few instructions, and whoever finds it set looks again.
 *
 * Acquire when the bit is set pairs with Release when it is cleared: who gets the list sees all that was done to it, and
 * who takes an entry sees what was written there before it was added.
 */
#define _GNU_SOURCE
#include "internal.h"

#include <sched.h>
#include <time.h>

#define BUSY 1ull
#define PATIENCE 64 /* looks, before others get the processor for certain */
#define ONE_CHANGE 0x10000ull

static PSLIST_ENTRY first_of(ULONGLONG region)
{
    return (PSLIST_ENTRY)(region & ~15ull);
}

static PSLIST_ENTRY entered(PSLIST_HEADER list)
{
    for (int looks = 0;; looks++) {
        ULONGLONG region = __atomic_fetch_or(&list->Region, BUSY, __ATOMIC_ACQUIRE);
        if (LIKELY(!(region & BUSY)))
            return first_of(region);
        if (looks < PATIENCE)
            sched_yield();
        else
            nanosleep(&(struct timespec){0, 50000}, NULL); /* the one who holds it may have a lower priority */
    }
}

static void left(PSLIST_HEADER list, PSLIST_ENTRY first, USHORT depth)
{
    ULONGLONG changes = (list->Alignment & ~0xFFFFull) + ONE_CHANGE;
    __atomic_store_n(&list->Alignment, changes | depth, __ATOMIC_RELAXED);
    __atomic_store_n(&list->Region, (ULONGLONG)(ULONG_PTR)first, __ATOMIC_RELEASE);
}

USHORT QueryDepthSList(PSLIST_HEADER ListHead)
{
    return (USHORT)__atomic_load_n(&ListHead->Alignment, __ATOMIC_RELAXED);
}

void InitializeSListHead(PSLIST_HEADER ListHead)
{
    ListHead->Alignment = ListHead->Region = 0;
}

PSLIST_ENTRY RtlFirstEntrySList(const SLIST_HEADER *ListHead)
{
    return first_of(__atomic_load_n(&ListHead->Region, __ATOMIC_ACQUIRE));
}

PSLIST_ENTRY InterlockedPushListSListEx(PSLIST_HEADER ListHead, PSLIST_ENTRY List, PSLIST_ENTRY ListEnd, ULONG Count)
{
    PSLIST_ENTRY before = entered(ListHead);
    ListEnd->Next = before;
    left(ListHead, List, QueryDepthSList(ListHead) + (USHORT)Count);
    return before;
}

PSLIST_ENTRY InterlockedPushEntrySList(PSLIST_HEADER ListHead, PSLIST_ENTRY ListEntry)
{
    return InterlockedPushListSListEx(ListHead, ListEntry, ListEntry, 1);
}

PSLIST_ENTRY InterlockedPopEntrySList(PSLIST_HEADER ListHead)
{
    PSLIST_ENTRY first = entered(ListHead);
    if (first)
        left(ListHead, first->Next, QueryDepthSList(ListHead) - 1);
    else
        __atomic_store_n(&ListHead->Region, 0, __ATOMIC_RELEASE);
    return first;
}

PSLIST_ENTRY InterlockedFlushSList(PSLIST_HEADER ListHead)
{
    PSLIST_ENTRY first = entered(ListHead);
    if (first)
        left(ListHead, NULL, 0);
    else
        __atomic_store_n(&ListHead->Region, 0, __ATOMIC_RELEASE);
    return first;
}

/* The same by ntdll's names. */

void RtlInitializeSListHead(PSLIST_HEADER ListHead)
{
    InitializeSListHead(ListHead);
}

USHORT RtlQueryDepthSList(PSLIST_HEADER ListHead)
{
    return QueryDepthSList(ListHead);
}

PSLIST_ENTRY RtlInterlockedPushEntrySList(PSLIST_HEADER ListHead, PSLIST_ENTRY ListEntry)
{
    return InterlockedPushListSListEx(ListHead, ListEntry, ListEntry, 1);
}

PSLIST_ENTRY RtlInterlockedPopEntrySList(PSLIST_HEADER ListHead)
{
    return InterlockedPopEntrySList(ListHead);
}

PSLIST_ENTRY RtlInterlockedFlushSList(PSLIST_HEADER ListHead)
{
    return InterlockedFlushSList(ListHead);
}

PSLIST_ENTRY RtlInterlockedPushListSList(PSLIST_HEADER ListHead, PSLIST_ENTRY List, PSLIST_ENTRY ListEnd, ULONG Count)
{
    return InterlockedPushListSListEx(ListHead, List, ListEnd, Count);
}

PSLIST_ENTRY RtlInterlockedPushListSListEx(PSLIST_HEADER ListHead, PSLIST_ENTRY List, PSLIST_ENTRY ListEnd, ULONG Count)
{
    return InterlockedPushListSListEx(ListHead, List, ListEnd, Count);
}
