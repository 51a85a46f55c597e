/*
 * Threads of C programs. Each is a thread of pthreads; its handle is the one that ntipc gives for a thread's id, so
 * every process can wait for it. The code that it ends with is noted in the object just before the end.
 */
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#define TOO_FEW_RESOURCES 8

struct start {
    LPTHREAD_START_ROUTINE routine;
    void *parameter;
    HANDLE handle; /* the thread's own handle to itself */
    DWORD id;
    DWORD suspensions; /* the thread goes on when there are none */
    int known;         /* its id is known */
    int terminated;    /* it ends without a call of its routine */
    DWORD code;
    struct start *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct start *waiting; /* threads that have not begun with their routines, under the lock */
static __thread struct start *current;

static HANDLE open_thread(DWORD id, BOOL inherit)
{
    HANDLE (*call)(DWORD, BOOL) = ntipc_own("ntipc_open_thread");
    return call(id, inherit);
}

static void finish(void *record)
{
    struct start *start = record;
    void (*note)(HANDLE, DWORD) = ntipc_own("ntipc_note_thread_code");
    note(start->handle, start->code);
    CloseHandle(start->handle);
    current = NULL;
    free(start);
    ntipc_detach(NULL); /* now, while what the kernel knows of this thread is still there */
}

static void *run(void *record)
{
    struct start *start = record;
    current = start;
    pthread_mutex_lock(&lock);
    start->id = GetCurrentThreadId();
    start->known = 1;
    pthread_cond_broadcast(&changed);
    while (start->suspensions)
        pthread_cond_wait(&changed, &lock);
    for (struct start **link = &waiting; *link; link = &(*link)->next)
        if (*link == start) {
            *link = start->next;
            break;
        }
    pthread_mutex_unlock(&lock);
    pthread_cleanup_push(finish, start);
    if (!start->terminated)
        start->code = start->routine(start->parameter);
    pthread_cleanup_pop(1);
    return NULL;
}

static int create(struct start *start, SIZE_T stack)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    size_t least = 256 * 1024; /* for Python's frames, besides those of the routine */
    if (stack)
        pthread_attr_setstacksize(&attributes, (stack + least + 4095) & ~(size_t)4095);
    int error = pthread_create(&thread, &attributes, run, start);
    pthread_attr_destroy(&attributes);
    return error;
}

HANDLE CreateThread(LPSECURITY_ATTRIBUTES lpThreadAttributes, SIZE_T dwStackSize, LPTHREAD_START_ROUTINE lpStartAddress,
                    LPVOID lpParameter, DWORD dwCreationFlags, LPDWORD lpThreadId)
{
    BOOL inherit = lpThreadAttributes && lpThreadAttributes->bInheritHandle;
    struct start *start = calloc(1, sizeof *start);
    if (!start) {
        SetLastError(TOO_FEW_RESOURCES);
        return NULL;
    }
    start->routine = lpStartAddress;
    start->parameter = lpParameter;
    start->suspensions = 1 + (dwCreationFlags & CREATE_SUSPENDED ? 1 : 0);
    if (!ntipc_attached)
        ntipc_attach();
    pthread_mutex_lock(&lock);
    start->next = waiting;
    waiting = start;
    pthread_mutex_unlock(&lock);
    if (create(start, dwStackSize) != 0) {
        pthread_mutex_lock(&lock);
        for (struct start **link = &waiting; *link; link = &(*link)->next)
            if (*link == start) {
                *link = start->next;
                break;
            }
        pthread_mutex_unlock(&lock);
        free(start);
        SetLastError(TOO_FEW_RESOURCES);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    while (!start->known)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    DWORD id = start->id;
    HANDLE handle = open_thread(id, inherit);
    start->handle = open_thread(id, FALSE);
    if (lpThreadId)
        *lpThreadId = id;
    pthread_mutex_lock(&lock);
    start->suspensions--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return handle;
}

/* _beginthreadex of Windows' C library: the same, with another order of types. */
uintptr_t _beginthreadex(void *security, unsigned stack_size, unsigned (*routine)(void *), void *argument,
                         unsigned flags, unsigned *thread_id)
{
    DWORD id = 0;
    HANDLE handle = CreateThread(security, stack_size, (LPTHREAD_START_ROUTINE)routine, argument, flags, &id);
    if (thread_id)
        *thread_id = id;
    return (uintptr_t)handle;
}

void ExitThread(DWORD dwExitCode)
{
    if (current)
        current->code = dwExitCode;
    pthread_exit(NULL);
}

void _endthreadex(unsigned code)
{
    ExitThread(code);
}

/* A thread that was created suspended, or any other one, with what ntipc can do for it. */
static DWORD change_suspensions(HANDLE thread, int by, const char *otherwise)
{
    DWORD id = GetThreadId(thread), before = (DWORD)-1;
    pthread_mutex_lock(&lock);
    for (struct start *start = waiting; start; start = start->next)
        if (id && start->id == id) {
            before = start->suspensions;
            if (by > 0 || before > 0)
                start->suspensions += by;
            pthread_cond_broadcast(&changed);
        }
    pthread_mutex_unlock(&lock);
    if (before != (DWORD)-1)
        return before;
    DWORD (*call)(HANDLE) = ntipc_own(otherwise);
    return call(thread);
}

DWORD ResumeThread(HANDLE hThread)
{
    return change_suspensions(hThread, -1, "ResumeThread");
}

DWORD SuspendThread(HANDLE hThread)
{
    return change_suspensions(hThread, 1, "SuspendThread");
}

/*
 * A thread can end itself, and one that has not begun can be ended. Another one that runs cannot: Linux has no way to end it that
 * would give back the locks it holds just then, that of Python's interpreter and of the C library's memory among them.
 */
BOOL TerminateThread(HANDLE hThread, DWORD dwExitCode)
{
    DWORD id = GetThreadId(hThread);
    BOOL found = FALSE;
    if (!id)
        return FALSE;
    if (id == GetCurrentThreadId())
        ExitThread(dwExitCode);
    pthread_mutex_lock(&lock);
    for (struct start *start = waiting; start; start = start->next)
        if (start->id == id) {
            start->terminated = found = TRUE;
            start->code = dwExitCode;
            start->suspensions = 0;
            pthread_cond_broadcast(&changed);
        }
    pthread_mutex_unlock(&lock);
    if (!found)
        SetLastError(ERROR_NOT_SUPPORTED);
    return found;
}

BOOL SwitchToThread(void)
{
    return sched_yield() == 0;
}

void ExitProcess(UINT uExitCode)
{
    void (*note)(UINT) = ntipc_own("ntipc_note_process_code");
    note(uExitCode);
    exit((int)(uExitCode & 0xFF)); /* Linux has room for 8 bits; participants are told all of them */
}

/* Slots of memory of threads, as Windows numbers them. */

static pthread_key_t keys[TLS_MINIMUM_AVAILABLE];
static char taken[TLS_MINIMUM_AVAILABLE];

DWORD TlsAlloc(void)
{
    DWORD found = TLS_OUT_OF_INDEXES;
    pthread_mutex_lock(&lock);
    for (DWORD i = 0; i < TLS_MINIMUM_AVAILABLE && found == TLS_OUT_OF_INDEXES; i++)
        if (!taken[i] && pthread_key_create(&keys[i], NULL) == 0) {
            taken[i] = 1;
            found = i;
        }
    pthread_mutex_unlock(&lock);
    if (found == TLS_OUT_OF_INDEXES)
        SetLastError(TOO_FEW_RESOURCES);
    return found;
}

static int is_taken(DWORD index)
{
    if (index < TLS_MINIMUM_AVAILABLE && taken[index])
        return 1;
    SetLastError(ERROR_INVALID_PARAMETER);
    return 0;
}

LPVOID TlsGetValue(DWORD dwTlsIndex)
{
    if (!is_taken(dwTlsIndex))
        return NULL;
    SetLastError(ERROR_SUCCESS); /* because NULL may be the value */
    return pthread_getspecific(keys[dwTlsIndex]);
}

BOOL TlsSetValue(DWORD dwTlsIndex, LPVOID lpTlsValue)
{
    return is_taken(dwTlsIndex) && pthread_setspecific(keys[dwTlsIndex], lpTlsValue) == 0;
}

BOOL TlsFree(DWORD dwTlsIndex)
{
    if (!is_taken(dwTlsIndex))
        return FALSE;
    pthread_mutex_lock(&lock);
    taken[dwTlsIndex] = 0;
    pthread_key_delete(keys[dwTlsIndex]);
    pthread_mutex_unlock(&lock);
    return TRUE;
}
