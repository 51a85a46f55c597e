/* Lists that several threads change at once. */
#include "check.h"

#define THREADS 4
#define ENTRIES 64
#define ROUNDS 4000

typedef struct { SLIST_ENTRY entry; volatile LONG taken; } item;

static SLIST_HEADER list, spare;
static item items[ENTRIES];
static volatile LONG twice;

static void steps(void)
{
    SLIST_ENTRY one, two, three;
    memset(&list, 0xff, sizeof list);
    InitializeSListHead(&list);
    CHECK(QueryDepthSList(&list) == 0 && !RtlFirstEntrySList(&list) && !InterlockedPopEntrySList(&list));
    CHECK(!InterlockedFlushSList(&list));
    CHECK(InterlockedPushEntrySList(&list, &one) == NULL);
    CHECK(InterlockedPushEntrySList(&list, &two) == &one && QueryDepthSList(&list) == 2 && list.HeaderX64.Depth == 2);
    CHECK(RtlFirstEntrySList(&list) == &two && two.Next == &one && one.Next == NULL);
    CHECK(InterlockedPopEntrySList(&list) == &two && QueryDepthSList(&list) == 1);
    two.Next = &three;
    CHECK(InterlockedPushListSListEx(&list, &two, &three, 2) == &one && three.Next == &one && QueryDepthSList(&list) == 3);
    CHECK(InterlockedFlushSList(&list) == &two && QueryDepthSList(&list) == 0 && !RtlFirstEntrySList(&list));
    ULONGLONG changes = list.HeaderX64.Sequence;
    RtlInitializeSListHead(&spare);
    CHECK(!RtlInterlockedPushEntrySList(&spare, &one) && RtlQueryDepthSList(&spare) == 1);
    CHECK(RtlInterlockedPushListSList(&spare, &two, &three, 42) == &one && RtlQueryDepthSList(&spare) == 43);
    CHECK(RtlInterlockedPopEntrySList(&spare) == &two && RtlInterlockedFlushSList(&spare) == &three);
    CHECK(changes == 5 && sizeof(SLIST_HEADER) == 16 && sizeof(SLIST_ENTRY) == 16);
    CHECK(GetProcAddress(GetModuleHandleA("ntdll"), "RtlInterlockedPushListSListEx"));
}

/* Take entries of one list, which nobody else may have then, and give them to the other one; sometimes all of them. */
static DWORD WINAPI mover(LPVOID parameter)
{
    PSLIST_HEADER lists[] = {&list, &spare};
    for (int i = (int)(ULONG_PTR)parameter; i < ROUNDS; i++) {
        PSLIST_ENTRY all = i % 50 ? InterlockedPopEntrySList(lists[i & 1]) : InterlockedFlushSList(lists[i & 1]);
        for (PSLIST_ENTRY at = all, next; at; at = next) {
            item *mine = (item *)at;
            next = i % 50 ? NULL : at->Next;
            if (InterlockedIncrement(&mine->taken) != 1)
                InterlockedIncrement(&twice);
            InterlockedDecrement(&mine->taken);
            InterlockedPushEntrySList(lists[(i + 1) & 1], at);
        }
    }
    return 0;
}

static void together(void)
{
    HANDLE threads[THREADS];
    int count = 0;
    InitializeSListHead(&list);
    InitializeSListHead(&spare);
    for (int i = 0; i < ENTRIES; i++)
        InterlockedPushEntrySList(&list, &items[i].entry);
    for (int i = 0; i < THREADS; i++)
        CHECK(threads[i] = CreateThread(NULL, 0, mover, (LPVOID)(ULONG_PTR)i, 0, NULL));
    CHECK(WaitForMultipleObjects(THREADS, threads, TRUE, 60000) == WAIT_OBJECT_0);
    CHECK(!twice && QueryDepthSList(&list) + QueryDepthSList(&spare) == ENTRIES);
    while (InterlockedPopEntrySList(&list) || InterlockedPopEntrySList(&spare))
        count++;
    CHECK(count == ENTRIES);
}

int main(void)
{
    steps();
    together();
    say("fine");
    return 0;
}
