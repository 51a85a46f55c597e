/*
 * Locks of one process, by compare-and-exchange and futexes: critical sections, slim reader and writer locks, condition
 * variables, WaitOnAddress and one-time initialisation. Other processes have no part in them, and neither has Python.
 *
 * Every waiter sleeps on a word that a waker changes before it wakes, and looks again when it wakes.
 */
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef unsigned word;

#define LOAD(at) __atomic_load_n(at, __ATOMIC_ACQUIRE)
#define SWAPPED(at, old, new) __atomic_compare_exchange_n(at, old, new, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)

static struct timespec deadline_of(DWORD milliseconds)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += milliseconds / 1000;
    at.tv_nsec += milliseconds % 1000 * 1000000L;
    if (at.tv_nsec >= 1000000000L) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000L;
    }
    return at;
}

/* Words that stand for addresses on which no futex can be: each changes with a wake for any of its addresses. */
static word wakes[256];

static word *wakes_of(const volatile void *address)
{
    return &wakes[((ULONG_PTR)address >> 2 ^ (ULONG_PTR)address >> 12) & 255];
}

static int is_aligned(const word *at)
{
    return ((ULONG_PTR)at & (sizeof(word) - 1)) == 0;
}

/* Sleep while the word has that value; 0 once the deadline has passed. */
static int sleep_on(word *at, word value, const struct timespec *deadline)
{
    if (!is_aligned(at)) {
        word *shared = wakes_of(at), seen = LOAD(shared);
        if (LOAD(at) != value)
            return 1;
        at = shared;
        value = seen;
    }
    long result = syscall(SYS_futex, at, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value, deadline, NULL,
                          FUTEX_BITSET_MATCH_ANY);
    return !(result < 0 && errno == ETIMEDOUT);
}

static void wake(word *at, int how_many)
{
    if (!is_aligned(at)) {
        at = wakes_of(at);
        __atomic_add_fetch(at, 1, __ATOMIC_SEQ_CST);
        how_many = INT32_MAX;
    }
    syscall(SYS_futex, at, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, how_many, NULL, NULL, 0);
}

/* Critical sections. LockCount is -1 when free; LockSemaphore's low half is the word: 0 free, 1 owned, 2 and waited for. */

static word *word_of(CRITICAL_SECTION *section)
{
    return (word *)&section->LockSemaphore;
}

void InitializeCriticalSection(LPCRITICAL_SECTION lpCriticalSection)
{
    InitializeCriticalSectionEx(lpCriticalSection, 0, 0);
}

BOOL InitializeCriticalSectionAndSpinCount(LPCRITICAL_SECTION lpCriticalSection, DWORD dwSpinCount)
{
    return InitializeCriticalSectionEx(lpCriticalSection, dwSpinCount, 0);
}

BOOL InitializeCriticalSectionEx(LPCRITICAL_SECTION lpCriticalSection, DWORD dwSpinCount, DWORD Flags)
{
    (void)Flags;
    /* DebugInfo of -1 means none, as on Windows 8 and later. */
    *lpCriticalSection =
        (CRITICAL_SECTION){.DebugInfo = (PVOID)(LONG_PTR)-1, .LockCount = -1, .SpinCount = dwSpinCount & 0xFFFFFF};
    return TRUE;
}

DWORD SetCriticalSectionSpinCount(LPCRITICAL_SECTION lpCriticalSection, DWORD dwSpinCount)
{
    DWORD before = (DWORD)lpCriticalSection->SpinCount;
    lpCriticalSection->SpinCount = dwSpinCount;
    return before;
}

static HANDLE own_id(void)
{
    static __thread pid_t id, process;
    if (process != getpid()) {
        process = getpid();
        id = (pid_t)syscall(SYS_gettid);
    }
    return (HANDLE)(ULONG_PTR)id;
}

static void own(CRITICAL_SECTION *section)
{
    section->OwningThread = own_id();
    section->RecursionCount = 1;
    section->LockCount = 0;
}

BOOL TryEnterCriticalSection(LPCRITICAL_SECTION lpCriticalSection)
{
    if (LOAD(&lpCriticalSection->OwningThread) == own_id()) {
        lpCriticalSection->RecursionCount++;
        lpCriticalSection->LockCount++;
        return TRUE;
    }
    word free_word = 0;
    if (!SWAPPED(word_of(lpCriticalSection), &free_word, 1))
        return FALSE;
    own(lpCriticalSection);
    return TRUE;
}

void EnterCriticalSection(LPCRITICAL_SECTION lpCriticalSection)
{
    if (TryEnterCriticalSection(lpCriticalSection))
        return;
    word *at = word_of(lpCriticalSection);
    while (__atomic_exchange_n(at, 2, __ATOMIC_ACQUIRE) != 0)
        sleep_on(at, 2, NULL);
    own(lpCriticalSection);
}

void LeaveCriticalSection(LPCRITICAL_SECTION lpCriticalSection)
{
    lpCriticalSection->LockCount--;
    if (--lpCriticalSection->RecursionCount > 0)
        return;
    __atomic_store_n(&lpCriticalSection->OwningThread, NULL, __ATOMIC_RELEASE);
    if (__atomic_exchange_n(word_of(lpCriticalSection), 0, __ATOMIC_RELEASE) == 2)
        wake(word_of(lpCriticalSection), 1);
}

void DeleteCriticalSection(LPCRITICAL_SECTION lpCriticalSection)
{
    *lpCriticalSection = (CRITICAL_SECTION){.LockCount = -1}; /* with a DebugInfo of NULL */
}

/*
 * Slim locks. The low word: the number of readers, or WRITER, and WANTED while a writer waits, which keeps new readers
 * out. The high word: a count that changes with each release, on which waiters sleep.
 */

#define WRITER 0x80000000u
#define WANTED 0x40000000u

void InitializeSRWLock(PSRWLOCK SRWLock)
{
    SRWLock->Ptr = NULL;
}

static word *slim_state(PSRWLOCK lock)
{
    return (word *)&lock->Ptr;
}

static word *slim_releases(PSRWLOCK lock)
{
    return (word *)&lock->Ptr + 1;
}

BOOLEAN TryAcquireSRWLockExclusive(PSRWLOCK SRWLock)
{
    word state = LOAD(slim_state(SRWLock));
    while (!(state & ~WANTED))
        if (SWAPPED(slim_state(SRWLock), &state, WRITER))
            return TRUE;
    return FALSE;
}

BOOLEAN TryAcquireSRWLockShared(PSRWLOCK SRWLock)
{
    word state = LOAD(slim_state(SRWLock));
    while (!(state & (WRITER | WANTED)))
        if (SWAPPED(slim_state(SRWLock), &state, state + 1))
            return TRUE;
    return FALSE;
}

static void released(PSRWLOCK lock)
{
    __atomic_add_fetch(slim_releases(lock), 1, __ATOMIC_RELEASE);
    wake(slim_releases(lock), INT32_MAX);
}

void AcquireSRWLockExclusive(PSRWLOCK SRWLock)
{
    for (;;) {
        word releases = LOAD(slim_releases(SRWLock));
        if (TryAcquireSRWLockExclusive(SRWLock))
            return;
        word state = LOAD(slim_state(SRWLock));
        if (!(state & ~WANTED))
            continue; /* released meanwhile */
        if (!(state & WANTED) && !SWAPPED(slim_state(SRWLock), &state, state | WANTED))
            continue;
        sleep_on(slim_releases(SRWLock), releases, NULL);
    }
}

void AcquireSRWLockShared(PSRWLOCK SRWLock)
{
    for (;;) {
        word releases = LOAD(slim_releases(SRWLock));
        if (TryAcquireSRWLockShared(SRWLock))
            return;
        sleep_on(slim_releases(SRWLock), releases, NULL);
    }
}

void ReleaseSRWLockExclusive(PSRWLOCK SRWLock)
{
    __atomic_and_fetch(slim_state(SRWLock), ~WRITER, __ATOMIC_ACQ_REL); /* WANTED stays for the next writer */
    released(SRWLock);
}

void ReleaseSRWLockShared(PSRWLOCK SRWLock)
{
    if ((__atomic_sub_fetch(slim_state(SRWLock), 1, __ATOMIC_ACQ_REL) & ~WANTED) == 0)
        released(SRWLock);
}

/* Condition variables: a count of wakes. A sleeper has read it before it lets the lock go, so it misses none. */

void InitializeConditionVariable(PCONDITION_VARIABLE ConditionVariable)
{
    ConditionVariable->Ptr = NULL;
}

static BOOL await(PCONDITION_VARIABLE variable, word seen, DWORD milliseconds)
{
    struct timespec deadline = deadline_of(milliseconds);
    while (LOAD((word *)&variable->Ptr) == seen)
        if (!sleep_on((word *)&variable->Ptr, seen, milliseconds == INFINITE ? NULL : &deadline))
            return FALSE;
    return TRUE;
}

static BOOL in_time(BOOL woken)
{
    if (!woken)
        SetLastError(ERROR_TIMEOUT);
    return woken;
}

BOOL SleepConditionVariableCS(PCONDITION_VARIABLE ConditionVariable, PCRITICAL_SECTION CriticalSection,
                              DWORD dwMilliseconds)
{
    word seen = LOAD((word *)&ConditionVariable->Ptr);
    LeaveCriticalSection(CriticalSection);
    BOOL woken = await(ConditionVariable, seen, dwMilliseconds);
    EnterCriticalSection(CriticalSection);
    return in_time(woken);
}

BOOL SleepConditionVariableSRW(PCONDITION_VARIABLE ConditionVariable, PSRWLOCK SRWLock, DWORD dwMilliseconds,
                               ULONG Flags)
{
    int shared = Flags & CONDITION_VARIABLE_LOCKMODE_SHARED;
    word seen = LOAD((word *)&ConditionVariable->Ptr);
    shared ? ReleaseSRWLockShared(SRWLock) : ReleaseSRWLockExclusive(SRWLock);
    BOOL woken = await(ConditionVariable, seen, dwMilliseconds);
    shared ? AcquireSRWLockShared(SRWLock) : AcquireSRWLockExclusive(SRWLock);
    return in_time(woken);
}

void WakeConditionVariable(PCONDITION_VARIABLE ConditionVariable)
{
    __atomic_add_fetch((word *)&ConditionVariable->Ptr, 1, __ATOMIC_ACQ_REL);
    wake((word *)&ConditionVariable->Ptr, 1);
}

void WakeAllConditionVariable(PCONDITION_VARIABLE ConditionVariable)
{
    __atomic_add_fetch((word *)&ConditionVariable->Ptr, 1, __ATOMIC_ACQ_REL);
    wake((word *)&ConditionVariable->Ptr, INT32_MAX);
}

/* Initialisation that happens once. The low two bits: 0 not begun, 1 under way, 2 done; above them, the context. */

enum { FRESH, BEGUN, DONE, BEGUN_ASYNCHRONOUSLY };

void InitOnceInitialize(PINIT_ONCE InitOnce)
{
    InitOnce->Ptr = NULL;
}

BOOL InitOnceBeginInitialize(LPINIT_ONCE lpInitOnce, DWORD dwFlags, PBOOL fPending, LPVOID *lpContext)
{
    int asynchronous = dwFlags & INIT_ONCE_ASYNC;
    if (dwFlags & INIT_ONCE_CHECK_ONLY) {
        ULONG_PTR value = (ULONG_PTR)LOAD(&lpInitOnce->Ptr);
        if (asynchronous || (value & 3) != DONE) {
            SetLastError(asynchronous ? ERROR_INVALID_PARAMETER : ERROR_GEN_FAILURE);
            return FALSE;
        }
        *fPending = FALSE;
        if (lpContext)
            *lpContext = (LPVOID)(value & ~(ULONG_PTR)3);
        return TRUE;
    }
    for (;;) {
        ULONG_PTR value = (ULONG_PTR)LOAD(&lpInitOnce->Ptr);
        PVOID expected = (PVOID)value;
        PVOID begun = (PVOID)(ULONG_PTR)(asynchronous ? BEGUN_ASYNCHRONOUSLY : BEGUN);
        if ((value & 3) == DONE) {
            *fPending = FALSE;
            if (lpContext)
                *lpContext = (LPVOID)(value & ~(ULONG_PTR)3);
            return TRUE;
        }
        if (value == BEGUN_ASYNCHRONOUSLY || (value == BEGUN && asynchronous)) {
            if (!asynchronous || value == BEGUN) {
                SetLastError(ERROR_INVALID_PARAMETER);
                return FALSE;
            }
            *fPending = TRUE;
            return TRUE;
        }
        if (value == FRESH && SWAPPED(&lpInitOnce->Ptr, &expected, begun)) {
            *fPending = TRUE;
            return TRUE;
        }
        if (value == BEGUN)
            sleep_on((word *)&lpInitOnce->Ptr, BEGUN, NULL);
    }
}

BOOL InitOnceComplete(LPINIT_ONCE lpInitOnce, DWORD dwFlags, LPVOID lpContext)
{
    int asynchronous = dwFlags & INIT_ONCE_ASYNC, failed = dwFlags & INIT_ONCE_INIT_FAILED;
    PVOID begun = (PVOID)(ULONG_PTR)(asynchronous ? BEGUN_ASYNCHRONOUSLY : BEGUN);
    PVOID after = failed ? NULL : (PVOID)((ULONG_PTR)lpContext | DONE);
    if ((asynchronous && failed) || (failed && lpContext) || ((ULONG_PTR)lpContext & 3)) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    if (!SWAPPED(&lpInitOnce->Ptr, &begun, after)) {
        /* `begun` is now what was found: begun in the other way, or not begun at all. */
        int other_way = begun == (PVOID)(ULONG_PTR)(asynchronous ? BEGUN : BEGUN_ASYNCHRONOUSLY);
        SetLastError(other_way ? ERROR_INVALID_PARAMETER : ERROR_GEN_FAILURE);
        return FALSE;
    }
    wake((word *)&lpInitOnce->Ptr, INT32_MAX);
    return TRUE;
}

BOOL InitOnceExecuteOnce(PINIT_ONCE InitOnce, PINIT_ONCE_FN InitFn, PVOID Parameter, LPVOID *Context)
{
    BOOL pending;
    if (!InitOnceBeginInitialize(InitOnce, 0, &pending, Context))
        return FALSE;
    if (!pending)
        return TRUE;
    LPVOID made = NULL;
    if (!InitFn(InitOnce, Parameter, Context ? Context : &made)) {
        InitOnceComplete(InitOnce, INIT_ONCE_INIT_FAILED, NULL);
        return FALSE; /* with the last error that the function has left */
    }
    return InitOnceComplete(InitOnce, 0, Context ? *Context : made);
}

/* WaitOnAddress: sleepers on all addresses share the words above, as values may have any size. */

static int is_equal(volatile void *address, void *compared, SIZE_T size)
{
    switch (size) {
    case 1: return __atomic_load_n((volatile uint8_t *)address, __ATOMIC_SEQ_CST) == *(uint8_t *)compared;
    case 2: return __atomic_load_n((volatile uint16_t *)address, __ATOMIC_SEQ_CST) == *(uint16_t *)compared;
    case 4: return __atomic_load_n((volatile uint32_t *)address, __ATOMIC_SEQ_CST) == *(uint32_t *)compared;
    default: return __atomic_load_n((volatile uint64_t *)address, __ATOMIC_SEQ_CST) == *(uint64_t *)compared;
    }
}

BOOL WaitOnAddress(volatile VOID *Address, PVOID CompareAddress, SIZE_T AddressSize, DWORD dwMilliseconds)
{
    if (AddressSize != 1 && AddressSize != 2 && AddressSize != 4 && AddressSize != 8) {
        SetLastError(ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    struct timespec deadline = deadline_of(dwMilliseconds);
    word *at = wakes_of(Address), seen = LOAD(at);
    if (!is_equal(Address, CompareAddress, AddressSize))
        return TRUE;
    while (LOAD(at) == seen)
        if (!sleep_on(at, seen, dwMilliseconds == INFINITE ? NULL : &deadline))
            return in_time(FALSE);
    return TRUE; /* which may be for another address: the caller looks again */
}

void WakeByAddressAll(PVOID Address)
{
    __atomic_add_fetch(wakes_of(Address), 1, __ATOMIC_SEQ_CST);
    wake(wakes_of(Address), INT32_MAX);
}

void WakeByAddressSingle(PVOID Address)
{
    WakeByAddressAll(Address); /* addresses share counts, so one alone could be the wrong one */
}
