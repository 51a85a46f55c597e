/*
 * ntipc.h: the calls of Windows for communication between processes, for C programs on Linux. Link with -lntipc.
 *
 * Types have Windows' sizes: LONG and DWORD 32 bits, WCHAR 16. Wide texts are u"..." literals; with -fshort-wchar they
 * are L"..." too, as on Windows. Without UNICODE, a name without A or W means the one with A, whose texts are UTF-8.
 */
#ifndef NTIPC_H
#define NTIPC_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) || !defined(__linux__) || !defined(__LP64__)
#error "libntipc.so is for 64-bit Linux"
#endif

#define WINAPI
#define CALLBACK
#define APIENTRY
#define NTAPI
#define WINBASEAPI
#define CONST const
#define VOID void
#define IN
#define OUT
#define OPTIONAL
#define TRUE 1
#define FALSE 0
#ifndef DECLSPEC_ALIGN
#define DECLSPEC_ALIGN(size) __attribute__((aligned(size)))
#endif

typedef int BOOL, *PBOOL, *LPBOOL;
typedef unsigned char BYTE, *PBYTE, *LPBYTE, UCHAR, *PUCHAR, BOOLEAN, *PBOOLEAN;
typedef char CHAR, *PCHAR, *PSTR, *LPSTR;
typedef const char *PCSTR, *LPCSTR;
typedef int16_t SHORT, *PSHORT;
typedef uint16_t WORD, *PWORD, *LPWORD, USHORT, *PUSHORT, ATOM;
typedef int INT, *PINT, *LPINT;
typedef unsigned UINT, *PUINT;
typedef int32_t LONG, *PLONG, *LPLONG, HRESULT, NTSTATUS, *PNTSTATUS;
typedef uint32_t DWORD, *PDWORD, *LPDWORD, ULONG, *PULONG, ACCESS_MASK, *PACCESS_MASK;
typedef int64_t LONGLONG, *PLONGLONG, LONG_PTR, INT_PTR, LPARAM, LRESULT, LONG64, INT64;
typedef uint64_t ULONGLONG, *PULONGLONG, DWORDLONG, ULONG64, DWORD64, UINT64;
typedef uint64_t ULONG_PTR, *PULONG_PTR, DWORD_PTR, UINT_PTR, SIZE_T, *PSIZE_T, WPARAM;
typedef int64_t SSIZE_T;
typedef void *PVOID, *LPVOID, *HANDLE, **PHANDLE, **LPHANDLE;
typedef const void *LPCVOID, *PCVOID;
typedef HANDLE HWND, HINSTANCE, HMODULE, HMENU, HICON, HCURSOR, HBRUSH, HGLOBAL, HLOCAL, HKEY;
typedef float FLOAT;
typedef double DOUBLE;

#if __SIZEOF_WCHAR_T__ == 2
typedef wchar_t WCHAR;
#define NTIPC_WIDE(text) L##text
#elif defined(__cplusplus)
typedef char16_t WCHAR;
#define NTIPC_WIDE(text) u##text
#else
typedef __CHAR16_TYPE__ WCHAR;
#define NTIPC_WIDE(text) u##text
#endif
typedef WCHAR *PWSTR, *LPWSTR, *PWCHAR;
typedef const WCHAR *PCWSTR, *LPCWSTR;
#ifdef UNICODE
typedef WCHAR TCHAR, *LPTSTR;
typedef const WCHAR *LPCTSTR;
#define TEXT(text) NTIPC_WIDE(text)
#else
typedef char TCHAR, *LPTSTR;
typedef const char *LPCTSTR;
#define TEXT(text) text
#endif

#define INVALID_HANDLE_VALUE ((HANDLE)(LONG_PTR)-1)
#define INVALID_FILE_SIZE ((DWORD)0xFFFFFFFF)
#define INVALID_SET_FILE_POINTER ((DWORD)-1)
#define INFINITE 0xFFFFFFFFu
#define MAX_PATH 260
#define MAXDWORD 0xFFFFFFFFu
#define MAXIMUM_WAIT_OBJECTS 64
#define TLS_MINIMUM_AVAILABLE 64
#define TLS_OUT_OF_INDEXES ((DWORD)0xFFFFFFFF)
#define NTIPC_DWORD(value) ((DWORD)(value))
#define HandleToULong(handle) ((ULONG)(ULONG_PTR)(handle))
#define HandleToLong(handle) ((LONG)(LONG_PTR)(handle))
#define ULongToHandle(number) ((HANDLE)(ULONG_PTR)(ULONG)(number))
#define LongToHandle(number) ((HANDLE)(LONG_PTR)(LONG)(number))
#define LOWORD(value) ((WORD)((ULONG_PTR)(value) & 0xFFFF))
#define HIWORD(value) ((WORD)((ULONG_PTR)(value) >> 16 & 0xFFFF))
#define MAKELONG(low, high) ((LONG)((WORD)(low) | (DWORD)(WORD)(high) << 16))
#define MAKEINTATOM(atom) ((LPTSTR)(ULONG_PTR)(WORD)(atom))
#define NtCurrentProcess() ((HANDLE)(LONG_PTR)-1)
#define NtCurrentThread() ((HANDLE)(LONG_PTR)-2)
#define NT_SUCCESS(status) ((NTSTATUS)(status) >= 0)
#define ZeroMemory(to, size) __builtin_memset((to), 0, (size))
#define FillMemory(to, size, value) __builtin_memset((to), (value), (size))
#define CopyMemory(to, from, size) __builtin_memcpy((to), (from), (size))
#define MoveMemory(to, from, size) __builtin_memmove((to), (from), (size))

/* ---- structures ---- */

typedef union _LARGE_INTEGER {
    struct { DWORD LowPart; LONG HighPart; };
    struct { DWORD LowPart; LONG HighPart; } u;
    LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;

typedef union _ULARGE_INTEGER {
    struct { DWORD LowPart, HighPart; };
    struct { DWORD LowPart, HighPart; } u;
    ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;

typedef struct _FILETIME { DWORD dwLowDateTime, dwHighDateTime; } FILETIME, *PFILETIME, *LPFILETIME;
typedef struct _GUID { DWORD Data1; WORD Data2, Data3; BYTE Data4[8]; } GUID;
typedef struct tagPOINT { LONG x, y; } POINT, *PPOINT, *LPPOINT;

typedef struct _SECURITY_ATTRIBUTES {
    DWORD nLength;
    LPVOID lpSecurityDescriptor;
    BOOL bInheritHandle;
} SECURITY_ATTRIBUTES, *PSECURITY_ATTRIBUTES, *LPSECURITY_ATTRIBUTES;

typedef struct _OVERLAPPED {
    ULONG_PTR Internal, InternalHigh;
    union {
        struct { DWORD Offset, OffsetHigh; };
        PVOID Pointer;
    };
    HANDLE hEvent;
} OVERLAPPED, *LPOVERLAPPED;

typedef struct _OVERLAPPED_ENTRY {
    ULONG_PTR lpCompletionKey;
    LPOVERLAPPED lpOverlapped;
    ULONG_PTR Internal;
    DWORD dwNumberOfBytesTransferred;
} OVERLAPPED_ENTRY, *LPOVERLAPPED_ENTRY;

#define NTIPC_STARTUPINFO(name, text) \
    typedef struct name { \
        DWORD cb; \
        text lpReserved, lpDesktop, lpTitle; \
        DWORD dwX, dwY, dwXSize, dwYSize, dwXCountChars, dwYCountChars, dwFillAttribute, dwFlags; \
        WORD wShowWindow, cbReserved2; \
        LPBYTE lpReserved2; \
        HANDLE hStdInput, hStdOutput, hStdError; \
    }
NTIPC_STARTUPINFO(_STARTUPINFOA, LPSTR) STARTUPINFOA, *LPSTARTUPINFOA;
NTIPC_STARTUPINFO(_STARTUPINFOW, LPWSTR) STARTUPINFOW, *LPSTARTUPINFOW;

typedef struct _PROCESS_INFORMATION {
    HANDLE hProcess, hThread;
    DWORD dwProcessId, dwThreadId;
} PROCESS_INFORMATION, *PPROCESS_INFORMATION, *LPPROCESS_INFORMATION;

typedef struct _MEMORY_BASIC_INFORMATION {
    PVOID BaseAddress, AllocationBase;
    DWORD AllocationProtect;
    WORD PartitionId;
    SIZE_T RegionSize;
    DWORD State, Protect, Type;
} MEMORY_BASIC_INFORMATION, *PMEMORY_BASIC_INFORMATION;

typedef struct _SYSTEM_INFO {
    union {
        DWORD dwOemId;
        struct { WORD wProcessorArchitecture, wReserved; };
    };
    DWORD dwPageSize;
    LPVOID lpMinimumApplicationAddress, lpMaximumApplicationAddress;
    DWORD_PTR dwActiveProcessorMask;
    DWORD dwNumberOfProcessors, dwProcessorType, dwAllocationGranularity;
    WORD wProcessorLevel, wProcessorRevision;
} SYSTEM_INFO, *LPSYSTEM_INFO;

typedef struct _SYSTEMTIME {
    WORD wYear, wMonth, wDayOfWeek, wDay, wHour, wMinute, wSecond, wMilliseconds;
} SYSTEMTIME, *PSYSTEMTIME, *LPSYSTEMTIME;

/* Security: descriptors are kept and change nothing. */
typedef PVOID PSID, PSECURITY_DESCRIPTOR;
typedef struct _ACL { BYTE AclRevision, Sbz1; WORD AclSize, AceCount, Sbz2; } ACL, *PACL;
typedef struct _SECURITY_DESCRIPTOR {
    BYTE Revision, Sbz1;
    WORD Control;
    PSID Owner, Group;
    PACL Sacl, Dacl;
} SECURITY_DESCRIPTOR;
typedef struct _SID_AND_ATTRIBUTES { PSID Sid; DWORD Attributes; } SID_AND_ATTRIBUTES;
typedef struct _TOKEN_USER { SID_AND_ATTRIBUTES User; } TOKEN_USER, *PTOKEN_USER;
#define SECURITY_DESCRIPTOR_REVISION 1
#define ACL_REVISION 2
#define TokenUser 1
#define TokenElevation 20

/* Jobs, and lists of processes. */
typedef struct _JOBOBJECT_BASIC_LIMIT_INFORMATION {
    LARGE_INTEGER PerProcessUserTimeLimit, PerJobUserTimeLimit;
    DWORD LimitFlags;
    SIZE_T MinimumWorkingSetSize, MaximumWorkingSetSize;
    DWORD ActiveProcessLimit;
    ULONG_PTR Affinity;
    DWORD PriorityClass, SchedulingClass;
} JOBOBJECT_BASIC_LIMIT_INFORMATION;
typedef struct _IO_COUNTERS {
    ULONGLONG ReadOperationCount, WriteOperationCount, OtherOperationCount;
    ULONGLONG ReadTransferCount, WriteTransferCount, OtherTransferCount;
} IO_COUNTERS;
typedef struct _JOBOBJECT_EXTENDED_LIMIT_INFORMATION {
    JOBOBJECT_BASIC_LIMIT_INFORMATION BasicLimitInformation;
    IO_COUNTERS IoInfo;
    SIZE_T ProcessMemoryLimit, JobMemoryLimit, PeakProcessMemoryUsed, PeakJobMemoryUsed;
} JOBOBJECT_EXTENDED_LIMIT_INFORMATION;
typedef struct _JOBOBJECT_BASIC_ACCOUNTING_INFORMATION {
    LARGE_INTEGER TotalUserTime, TotalKernelTime, ThisPeriodTotalUserTime, ThisPeriodTotalKernelTime;
    DWORD TotalPageFaultCount, TotalProcesses, ActiveProcesses, TotalTerminatedProcesses;
} JOBOBJECT_BASIC_ACCOUNTING_INFORMATION;
#define JobObjectBasicAccountingInformation 1
#define JobObjectBasicLimitInformation 2
#define JobObjectExtendedLimitInformation 9
#define JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE 0x2000
#define NTIPC_PROCESSENTRY(name, text) \
    typedef struct name { \
        DWORD dwSize, cntUsage, th32ProcessID; \
        ULONG_PTR th32DefaultHeapID; \
        DWORD th32ModuleID, cntThreads, th32ParentProcessID; \
        LONG pcPriClassBase; \
        DWORD dwFlags; \
        text szExeFile[MAX_PATH]; \
    }
NTIPC_PROCESSENTRY(tagPROCESSENTRY32, CHAR) PROCESSENTRY32, *LPPROCESSENTRY32;
NTIPC_PROCESSENTRY(tagPROCESSENTRY32W, WCHAR) PROCESSENTRY32W, *LPPROCESSENTRY32W;
#define TH32CS_SNAPPROCESS 2

/* Locks of one process. */
typedef struct _RTL_CRITICAL_SECTION {
    PVOID DebugInfo;
    LONG LockCount, RecursionCount;
    HANDLE OwningThread, LockSemaphore;
    ULONG_PTR SpinCount;
} CRITICAL_SECTION, *PCRITICAL_SECTION, *LPCRITICAL_SECTION, RTL_CRITICAL_SECTION, *PRTL_CRITICAL_SECTION;
typedef struct _RTL_SRWLOCK { PVOID Ptr; } SRWLOCK, *PSRWLOCK, RTL_SRWLOCK, *PRTL_SRWLOCK;
typedef struct _RTL_CONDITION_VARIABLE { PVOID Ptr; } CONDITION_VARIABLE, *PCONDITION_VARIABLE;
typedef union _RTL_RUN_ONCE { PVOID Ptr; } INIT_ONCE, *PINIT_ONCE, *LPINIT_ONCE;
#define SRWLOCK_INIT {0}
#define CONDITION_VARIABLE_INIT {0}
#define INIT_ONCE_STATIC_INIT {0}
#define INIT_ONCE_CHECK_ONLY 1u
#define INIT_ONCE_ASYNC 2u
#define INIT_ONCE_INIT_FAILED 4u
#define CONDITION_VARIABLE_LOCKMODE_SHARED 1u

/* Lists of one process: entries lie at multiples of 16. */
typedef struct _SLIST_ENTRY { struct _SLIST_ENTRY *Next; } __attribute__((aligned(16))) SLIST_ENTRY, *PSLIST_ENTRY;
typedef union _SLIST_HEADER {
    struct { ULONGLONG Alignment, Region; };
    struct { ULONGLONG Depth : 16, Sequence : 48, Reserved : 4, NextEntry : 60; } HeaderX64;
} __attribute__((aligned(16))) SLIST_HEADER, *PSLIST_HEADER;

/* Windows and messages. */
typedef struct tagMSG {
    HWND hwnd;
    UINT message;
    WPARAM wParam;
    LPARAM lParam;
    DWORD time;
    POINT pt;
} MSG, *PMSG, *LPMSG;
typedef LRESULT (CALLBACK *WNDPROC)(HWND, UINT, WPARAM, LPARAM);
typedef BOOL (CALLBACK *WNDENUMPROC)(HWND, LPARAM);
typedef void (CALLBACK *TIMERPROC)(HWND, UINT, UINT_PTR, DWORD);
typedef void (CALLBACK *SENDASYNCPROC)(HWND, UINT, ULONG_PTR, LRESULT);
typedef struct tagCOPYDATASTRUCT { ULONG_PTR dwData; DWORD cbData; PVOID lpData; } COPYDATASTRUCT, *PCOPYDATASTRUCT;
#define NTIPC_CLASS(text) \
        UINT style; \
        WNDPROC lpfnWndProc; \
        INT cbClsExtra, cbWndExtra; \
        HINSTANCE hInstance; \
        HICON hIcon; \
        HCURSOR hCursor; \
        HBRUSH hbrBackground; \
        text lpszMenuName, lpszClassName;
typedef struct tagWNDCLASSA { NTIPC_CLASS(LPCSTR) } WNDCLASSA, *LPWNDCLASSA;
typedef struct tagWNDCLASSW { NTIPC_CLASS(LPCWSTR) } WNDCLASSW, *LPWNDCLASSW;
typedef struct tagWNDCLASSEXA { UINT cbSize; NTIPC_CLASS(LPCSTR) HICON hIconSm; } WNDCLASSEXA, *LPWNDCLASSEXA;
typedef struct tagWNDCLASSEXW { UINT cbSize; NTIPC_CLASS(LPCWSTR) HICON hIconSm; } WNDCLASSEXW, *LPWNDCLASSEXW;
#define HWND_BROADCAST ((HWND)(ULONG_PTR)0xFFFF)
#define HWND_MESSAGE ((HWND)(LONG_PTR)-3)

/* The Native API. */
typedef struct _UNICODE_STRING { USHORT Length, MaximumLength; PWSTR Buffer; } UNICODE_STRING, *PUNICODE_STRING;
typedef const UNICODE_STRING *PCUNICODE_STRING;
typedef struct _OBJECT_ATTRIBUTES {
    ULONG Length;
    HANDLE RootDirectory;
    PUNICODE_STRING ObjectName;
    ULONG Attributes;
    PVOID SecurityDescriptor, SecurityQualityOfService;
} OBJECT_ATTRIBUTES, *POBJECT_ATTRIBUTES;
#define InitializeObjectAttributes(attributes, name, flags, root, descriptor) \
    (*(attributes) = (OBJECT_ATTRIBUTES){sizeof(OBJECT_ATTRIBUTES), (root), (name), (flags), (descriptor), NULL})
typedef struct _IO_STATUS_BLOCK {
    union { NTSTATUS Status; PVOID Pointer; };
    ULONG_PTR Information;
} IO_STATUS_BLOCK, *PIO_STATUS_BLOCK;
typedef struct _CLIENT_ID { HANDLE UniqueProcess, UniqueThread; } CLIENT_ID, *PCLIENT_ID;
typedef struct _PORT_MESSAGE { /* the data follow */
    USHORT DataLength, TotalLength, Type, DataInfoOffset;
    CLIENT_ID ClientId;
    ULONG MessageId;
    SIZE_T ClientViewSize;
} PORT_MESSAGE, *PPORT_MESSAGE;
typedef struct _PORT_VIEW {
    ULONG Length;
    HANDLE SectionHandle;
    ULONG SectionOffset;
    SIZE_T ViewSize;
    PVOID ViewBase, ViewRemoteBase;
} PORT_VIEW, *PPORT_VIEW;
typedef struct _REMOTE_PORT_VIEW { ULONG Length; SIZE_T ViewSize; PVOID ViewBase; } REMOTE_PORT_VIEW, *PREMOTE_PORT_VIEW;
typedef enum _EVENT_TYPE { NotificationEvent, SynchronizationEvent } EVENT_TYPE;
typedef enum _TIMER_TYPE { NotificationTimer, SynchronizationTimer } TIMER_TYPE;
typedef enum _WAIT_TYPE { WaitAll, WaitAny } WAIT_TYPE;
typedef enum _SECTION_INHERIT { ViewShare = 1, ViewUnmap = 2 } SECTION_INHERIT;
typedef struct _EVENT_BASIC_INFORMATION { EVENT_TYPE EventType; LONG EventState; } EVENT_BASIC_INFORMATION;
typedef struct _MUTANT_BASIC_INFORMATION { LONG CurrentCount; BOOLEAN OwnedByCaller, AbandonedState; } MUTANT_BASIC_INFORMATION;
typedef struct _SEMAPHORE_BASIC_INFORMATION { LONG CurrentCount, MaximumCount; } SEMAPHORE_BASIC_INFORMATION;
typedef struct _TIMER_BASIC_INFORMATION { LARGE_INTEGER RemainingTime; BOOLEAN TimerState; } TIMER_BASIC_INFORMATION;
typedef struct _SECTION_BASIC_INFORMATION {
    PVOID BaseAddress;
    ULONG Attributes;
    LARGE_INTEGER Size;
} SECTION_BASIC_INFORMATION;
typedef void (NTAPI *PIO_APC_ROUTINE)(PVOID, PIO_STATUS_BLOCK, ULONG);
typedef void (NTAPI *PNTAPCFUNC)(ULONG_PTR, ULONG_PTR, ULONG_PTR);
typedef void (NTAPI *PTIMER_APC_ROUTINE)(PVOID, ULONG, LONG);

typedef DWORD (WINAPI *LPTHREAD_START_ROUTINE)(LPVOID);
typedef void (CALLBACK *PAPCFUNC)(ULONG_PTR);
typedef void (CALLBACK *PTIMERAPCROUTINE)(LPVOID, DWORD, DWORD);
typedef void (CALLBACK *LPOVERLAPPED_COMPLETION_ROUTINE)(DWORD, DWORD, LPOVERLAPPED);
typedef void (CALLBACK *WAITORTIMERCALLBACK)(PVOID, BOOLEAN);
#define WT_EXECUTEDEFAULT 0
#define WT_EXECUTEONLYONCE 8
typedef BOOL (CALLBACK *PINIT_ONCE_FN)(PINIT_ONCE, PVOID, PVOID *);
typedef BOOL (WINAPI *PHANDLER_ROUTINE)(DWORD);
typedef INT_PTR (WINAPI *FARPROC)(void);

/* ---- in one step, in memory that processes may share ---- */

#define NTIPC_INTERLOCKED(type, suffix) \
    static inline type InterlockedIncrement##suffix(volatile type *at) { return __atomic_add_fetch(at, 1, __ATOMIC_SEQ_CST); } \
    static inline type InterlockedDecrement##suffix(volatile type *at) { return __atomic_sub_fetch(at, 1, __ATOMIC_SEQ_CST); } \
    static inline type InterlockedExchange##suffix(volatile type *at, type value) { return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST); } \
    static inline type InterlockedExchangeAdd##suffix(volatile type *at, type value) { return __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST); } \
    static inline type InterlockedAnd##suffix(volatile type *at, type value) { return __atomic_fetch_and(at, value, __ATOMIC_SEQ_CST); } \
    static inline type InterlockedOr##suffix(volatile type *at, type value) { return __atomic_fetch_or(at, value, __ATOMIC_SEQ_CST); } \
    static inline type InterlockedXor##suffix(volatile type *at, type value) { return __atomic_fetch_xor(at, value, __ATOMIC_SEQ_CST); } \
    static inline type InterlockedCompareExchange##suffix(volatile type *at, type value, type compared) \
    { \
        __atomic_compare_exchange_n(at, &compared, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
        return compared; \
    }
NTIPC_INTERLOCKED(LONG, )
NTIPC_INTERLOCKED(LONG64, 64)
static inline PVOID InterlockedExchangePointer(PVOID volatile *at, PVOID value)
{
    return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);
}
static inline PVOID InterlockedCompareExchangePointer(PVOID volatile *at, PVOID value, PVOID compared)
{
    __atomic_compare_exchange_n(at, &compared, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return compared;
}
#define MemoryBarrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define YieldProcessor() __builtin_ia32_pause()

#include "ntipc_constants.h" /* generated */

#ifdef __cplusplus
extern "C" {
#endif
#include "ntipc_calls.h" /* generated */
#ifdef __cplusplus
}
#endif

#ifdef UNICODE
typedef STARTUPINFOW STARTUPINFO, *LPSTARTUPINFO;
typedef WNDCLASSW WNDCLASS;
typedef WNDCLASSEXW WNDCLASSEX;
#else
typedef STARTUPINFOA STARTUPINFO, *LPSTARTUPINFO;
typedef WNDCLASSA WNDCLASS;
typedef WNDCLASSEXA WNDCLASSEX;
#endif

#endif
