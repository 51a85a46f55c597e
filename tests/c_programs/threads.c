/* Threads: their handles, codes, last errors, mutexes and locks. */
#include "check.h"

#include <pthread.h>

#define THREADS 8
#define ROUNDS 200

static HANDLE mutex;
static volatile LONG together;
static int alone;

static DWORD WINAPI worker(LPVOID parameter)
{
    DWORD number = (DWORD)(ULONG_PTR)parameter;
    for (int i = 0; i < ROUNDS; i++) {
        SetLastError(1000 + number);
        CHECK(WaitForSingleObject(mutex, INFINITE) == WAIT_OBJECT_0);
        alone++;
        CHECK(ReleaseMutex(mutex));
        InterlockedIncrement(&together);
        CHECK(GetLastError() == 1000 + number); /* neither another thread nor a call that succeeds changes it */
    }
    return 0xC0000000u + number;
}

static void eight_at_once(void)
{
    HANDLE threads[THREADS];
    DWORD code, id;
    mutex = CreateMutexA(NULL, FALSE, NULL);
    for (int i = 0; i < THREADS; i++)
        CHECK(threads[i] = CreateThread(NULL, 0, worker, (LPVOID)(ULONG_PTR)i, 0, &id));
    CHECK(WaitForMultipleObjects(THREADS, threads, TRUE, 60000) == WAIT_OBJECT_0);
    CHECK(alone == THREADS * ROUNDS && together == THREADS * ROUNDS);
    for (int i = 0; i < THREADS; i++)
        CHECK(GetExitCodeThread(threads[i], &code) && code == 0xC0000000u + i && CloseHandle(threads[i]));
}

static DWORD WINAPI owner(LPVOID parameter)
{
    CHECK(WaitForSingleObject(parameter, 0) == WAIT_OBJECT_0);
    ExitThread(7);
}

static void *owner_of_pthreads(void *parameter)
{
    CHECK(WaitForSingleObject(parameter, 0) == WAIT_OBJECT_0);
    return NULL;
}

static void abandoned(void)
{
    DWORD code = 0;
    HANDLE one = CreateMutexA(NULL, FALSE, NULL), thread = CreateThread(NULL, 0, owner, one, 0, NULL);
    CHECK(WaitForSingleObject(thread, 10000) == WAIT_OBJECT_0);
    CHECK(GetExitCodeThread(thread, &code) && code == 7);
    CHECK(WaitForSingleObject(one, 0) == WAIT_ABANDONED && ReleaseMutex(one));
    CHECK_FAILS(ReleaseMutex(one), ERROR_NOT_OWNER);
    pthread_t other;
    CHECK(pthread_create(&other, NULL, owner_of_pthreads, one) == 0 && pthread_join(other, NULL) == 0);
    CHECK(WaitForSingleObject(one, 0) == WAIT_ABANDONED);
}

static DWORD WINAPI ends_itself(LPVOID parameter)
{
    HANDLE *events = parameter;
    CHECK(SignalObjectAndWait(events[0], events[1], INFINITE, FALSE) == WAIT_OBJECT_0);
    TerminateThread(GetCurrentThread(), 9);
    return 1;
}

static void terminated(void)
{
    DWORD code = 0;
    HANDLE events[2] = {CreateEventA(NULL, FALSE, FALSE, NULL), CreateEventA(NULL, FALSE, FALSE, NULL)};
    HANDLE thread = CreateThread(NULL, 0, ends_itself, events, 0, NULL);
    CHECK(WaitForSingleObject(events[0], 10000) == WAIT_OBJECT_0);
    CHECK_FAILS(TerminateThread(thread, 8), ERROR_NOT_SUPPORTED); /* it runs */
    CHECK_FAILS(TerminateThread(events[0], 8), ERROR_INVALID_HANDLE);
    CHECK(SetEvent(events[1]) && WaitForSingleObject(thread, 10000) == WAIT_OBJECT_0);
    CHECK(GetExitCodeThread(thread, &code) && code == 9);
}

static DWORD WINAPI set_event(LPVOID parameter)
{
    SetEvent(parameter);
    return 0;
}

static void suspended(void)
{
    DWORD id = 0, code = 0;
    HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);
    HANDLE thread = CreateThread(NULL, 65536, set_event, event, CREATE_SUSPENDED, &id);
    CHECK(thread && id && GetThreadId(thread) == id);
    CHECK(WaitForSingleObject(event, 20) == WAIT_TIMEOUT);
    CHECK(GetExitCodeThread(thread, &code) && code == STILL_ACTIVE);
    CHECK(SuspendThread(thread) == 1 && ResumeThread(thread) == 2 && ResumeThread(thread) == 1);
    CHECK(WaitForSingleObject(event, 10000) == WAIT_OBJECT_0 && WaitForSingleObject(thread, 10000) == WAIT_OBJECT_0);
    HANDLE opened = OpenThread(SYNCHRONIZE, FALSE, GetCurrentThreadId());
    CHECK(opened && WaitForSingleObject(opened, 0) == WAIT_TIMEOUT);
}

static CRITICAL_SECTION section;
static CONDITION_VARIABLE changed = CONDITION_VARIABLE_INIT;
static SRWLOCK slim = SRWLOCK_INIT;
static int items, taken;
static volatile LONG address;

static DWORD WINAPI consumer(LPVOID unused)
{
    (void)unused;
    for (;;) {
        EnterCriticalSection(&section);
        while (!items && taken < 1000)
            CHECK(SleepConditionVariableCS(&changed, &section, INFINITE));
        int is_over = taken == 1000;
        if (!is_over) {
            items--;
            if (++taken == 1000)
                WakeAllConditionVariable(&changed);
        }
        LeaveCriticalSection(&section);
        if (is_over)
            return 0;
        AcquireSRWLockExclusive(&slim);
        alone++;
        ReleaseSRWLockExclusive(&slim);
    }
}

static DWORD WINAPI waker(LPVOID unused)
{
    (void)unused;
    InterlockedExchange(&address, 1);
    WakeByAddressAll((PVOID)&address);
    return 0;
}

static BOOL CALLBACK once(PINIT_ONCE unused, PVOID parameter, PVOID *context)
{
    (void)unused;
    ++*(int *)parameter;
    *context = (PVOID)0x40;
    return TRUE;
}

static void locks(void)
{
    HANDLE threads[4];
    InitializeCriticalSection(&section);
    alone = 0;
    for (int i = 0; i < 4; i++)
        threads[i] = CreateThread(NULL, 0, consumer, NULL, 0, NULL);
    for (int i = 0; i < 1000; i++) {
        EnterCriticalSection(&section);
        EnterCriticalSection(&section);
        items++;
        LeaveCriticalSection(&section);
        LeaveCriticalSection(&section);
        WakeConditionVariable(&changed);
    }
    CHECK(WaitForMultipleObjects(4, threads, TRUE, 30000) == WAIT_OBJECT_0 && taken == 1000 && alone == 1000);
    CHECK(TryAcquireSRWLockShared(&slim) && TryAcquireSRWLockShared(&slim) && !TryAcquireSRWLockExclusive(&slim));
    ReleaseSRWLockShared(&slim);
    CHECK_FAILS(SleepConditionVariableSRW(&changed, &slim, 1, CONDITION_VARIABLE_LOCKMODE_SHARED), ERROR_TIMEOUT);
    ReleaseSRWLockShared(&slim);
    LONG zero = 0;
    HANDLE thread = CreateThread(NULL, 0, waker, NULL, 0, NULL);
    while (address == 0)
        CHECK(WaitOnAddress(&address, &zero, sizeof zero, 10000));
    CHECK(WaitForSingleObject(thread, 10000) == WAIT_OBJECT_0);
    LONG same = 1;
    CHECK_FAILS(WaitOnAddress(&address, &same, sizeof same, 1), ERROR_TIMEOUT);
    INIT_ONCE state = INIT_ONCE_STATIC_INIT;
    int calls = 0;
    PVOID context = NULL;
    for (int i = 0; i < 3; i++)
        CHECK(InitOnceExecuteOnce(&state, once, &calls, &context) && context == (PVOID)0x40);
    CHECK(calls == 1);
    DWORD slot = TlsAlloc();
    CHECK(slot != TLS_OUT_OF_INDEXES && TlsGetValue(slot) == NULL && TlsSetValue(slot, &slot));
    CHECK(TlsGetValue(slot) == &slot && TlsFree(slot));
    CHECK_FAILS(TlsGetValue(slot), ERROR_INVALID_PARAMETER);
}

int main(void)
{
    eight_at_once();
    abandoned();
    terminated();
    suspended();
    locks();
    say("fine");
    return 0;
}
