/*
 * What Wine's tests expect of <wine/test.h>, for tests that run natively on libntipc.so.
 *
 * Every check counts: those that are marked as not yet right in Wine too, because this is not Wine, and what a test
 * would let pass for some old version of Windows (broken) does not pass here. Each test function runs in a process of
 * its own (JUDGED), so one that crashes or hangs takes no other along.
 */
#ifndef JUDGE_TEST_H
#define JUDGE_TEST_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <signal.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include <windef.h>
#include <winbase.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif
#ifndef INVALID_FILE_ATTRIBUTES
#define INVALID_FILE_ATTRIBUTES (~0u)
#endif
#define U(x) (x)
#define U1(x) (x)
#define U2(x) (x)
#define U3(x) (x)
#define U4(x) (x)
#define S(x) (x)
#define S1(x) (x)
#define S2(x) (x)

struct judge_counts {
    int passed, failed, skipped, missing;
};
static struct judge_counts *judge_counts;
static __thread const char *judge_file;
static __thread int judge_line;
static __thread char judge_context[8][128];
static __thread int judge_depth;
static int judge_argument_count;
static char **judge_arguments;
static const char *winetest_platform __attribute__((unused)) = "windows";
static int winetest_debug __attribute__((unused)) = 0;
static int winetest_interactive __attribute__((unused)) = 0;

static inline void judge_say(const char *what, const char *format, va_list values)
{
    char text[1024], all[2048];
    size_t size = 0;
    vsnprintf(text, sizeof text, format, values);
    size += snprintf(all, sizeof all, "%s:%d: %s: ", judge_file, judge_line, what);
    for (int i = 0; i < judge_depth && size < 1000; i++)
        size += snprintf(all + size, sizeof all - size, "%s: ", judge_context[i]);
    size += snprintf(all + size, sizeof all - size, "%s%s", text, text[0] && text[strlen(text) - 1] == '\n' ? "" : "\n");
    if (write(2, all, size) < 0)
        _exit(99);
}

static inline void judge_at(const char *file, int line)
{
    judge_file = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
    judge_line = line;
}

static inline int winetest_vok(int condition, const char *format, va_list values)
{
    DWORD error = GetLastError();
    __atomic_add_fetch(condition ? &judge_counts->passed : &judge_counts->failed, 1, __ATOMIC_RELAXED);
    if (!condition)
        judge_say("failed", format, values);
    SetLastError(error);
    return condition;
}

static inline void winetest_ok(int condition, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    winetest_vok(condition, format, values);
    va_end(values);
}

static inline void winetest_skip(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    __atomic_add_fetch(&judge_counts->skipped, 1, __ATOMIC_RELAXED);
    judge_say("skipped", format, values);
    va_end(values);
}
#define winetest_win_skip winetest_skip

static inline void winetest_trace(const char *format, ...)
{
    (void)format;
}

static inline void winetest_push_context(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    if (judge_depth < 8)
        vsnprintf(judge_context[judge_depth++], sizeof judge_context[0], format, values);
    va_end(values);
}

static inline void winetest_pop_context(void)
{
    if (judge_depth)
        judge_depth--;
}

static inline int broken(int condition)
{
    (void)condition;
    return 0;
}

static inline int winetest_get_mainargs(char ***arguments)
{
    *arguments = judge_arguments;
    return judge_argument_count;
}

static inline void winetest_wait_child_process(HANDLE process)
{
    DWORD code = 1;
    DWORD waited = WaitForSingleObject(process, 30000);
    GetExitCodeProcess(process, &code);
    winetest_ok(waited == WAIT_OBJECT_0 && code == 0, "child process: wait %u, exit code %u\n", waited, code);
}

static inline LONG winetest_get_failures(void)
{
    return judge_counts->failed;
}

#define ok_(file, line) (judge_at(file, line), 0) ? (void)0 : winetest_ok
#define skip_(file, line) (judge_at(file, line), 0) ? (void)0 : winetest_skip
#define win_skip_(file, line) (judge_at(file, line), 0) ? (void)0 : winetest_skip
#define trace_(file, line) (judge_at(file, line), 0) ? (void)0 : winetest_trace
#define wait_child_process_(file, line) (judge_at(file, line), 0) ? (void)0 : winetest_wait_child_process
#define ok ok_(__FILE__, __LINE__)
#define skip skip_(__FILE__, __LINE__)
#define win_skip win_skip_(__FILE__, __LINE__)
#define trace trace_(__FILE__, __LINE__)
#define wait_child_process wait_child_process_(__FILE__, __LINE__)
#define subtest(name) ((void)(name))
#define ignore_exceptions(ignore) ((void)(ignore))
#define todo_wine
#define todo_wine_if(condition) if ((condition), 1)
#define todo_if(condition) if ((condition), 1)
#define flaky
#define flaky_wine
#define flaky_if(condition) if ((condition), 1)
#define flaky_wine_if(condition) if ((condition), 1)

static inline const char *judge_narrow(const WCHAR *text, int size)
{
    static __thread char buffers[8][300];
    static __thread unsigned next;
    char *to = buffers[next++ % 8];
    int at = 0;
    if (!text)
        return "(null)";
    for (int i = 0; (size < 0 ? text[i] != 0 : i < size) && at < 290; i++)
        to[at++] = text[i] < 127 && text[i] > 31 ? (char)text[i] : '?';
    to[at] = 0;
    return to;
}
#define wine_dbgstr_w(text) judge_narrow((text), -1)
#define wine_dbgstr_wn(text, size) judge_narrow((text), (size))
#define debugstr_w(text) judge_narrow((text), -1)
#define debugstr_wn(text, size) judge_narrow((text), (size))
#define wine_dbgstr_a(text) ((text) ? (text) : "(null)")
#define wine_dbgstr_an(text, size) (text)
static inline const char *wine_dbgstr_longlong(ULONGLONG value)
{
    static __thread char text[24];
    snprintf(text, sizeof text, "%llx", (unsigned long long)value);
    return text;
}
static inline const char *wine_dbgstr_guid(const GUID *id)
{
    (void)id;
    return "{guid}";
}

/* The C library of Windows, as far as tests use it. */
#define _stricmp strcasecmp
#define _snprintf snprintf
#define stricmp strcasecmp
#define lstrlenA(text) ((int)strlen(text))
#define lstrcmpA strcmp
#define lstrcmpiA strcasecmp
#define lstrcpyA strcpy
#define lstrcatA strcat
#define wsprintfA sprintf
#define lstrcpynA(to, from, size) strncpy((to), (from), (size))
static inline int judge_wlen(const WCHAR *text)
{
    int size = 0;
    while (text[size])
        size++;
    return size;
}
static inline int judge_wcmp(const WCHAR *one, const WCHAR *other)
{
    while (*one && *one == *other)
        one++, other++;
    return *one - *other;
}
static inline WCHAR *judge_wcpy(WCHAR *to, const WCHAR *from)
{
    memcpy(to, from, (judge_wlen(from) + 1) * sizeof(WCHAR));
    return to;
}
static inline WCHAR *judge_wcat(WCHAR *to, const WCHAR *from)
{
    judge_wcpy(to + judge_wlen(to), from);
    return to;
}
static inline WCHAR *judge_wchr(const WCHAR *text, WCHAR wanted)
{
    for (;; text++) {
        if (*text == wanted)
            return (WCHAR *)text;
        if (!*text)
            return NULL;
    }
}
static inline WCHAR *judge_wrchr(const WCHAR *text, WCHAR wanted)
{
    const WCHAR *found = NULL;
    do
        if (*text == wanted)
            found = text;
    while (*text++);
    return (WCHAR *)found;
}
static inline int judge_wnicmp(const WCHAR *one, const WCHAR *other, size_t size)
{
    for (; size && *one && (*one | 32) == (*other | 32); size--)
        one++, other++;
    return size ? *one - *other : 0;
}
#undef lstrlenW
#undef lstrcmpW
#undef lstrcpyW
#undef lstrcatW
#define lstrlenW judge_wlen
#define lstrcmpW judge_wcmp
#define lstrcpyW judge_wcpy
#define lstrcatW judge_wcat
#define wcslen judge_wlen
#define wcscmp judge_wcmp
#define wcscpy judge_wcpy
#define wcscat judge_wcat
#define wcschr judge_wchr
#define wcsrchr judge_wrchr
#define wcsnicmp judge_wnicmp
#define _wcsnicmp judge_wnicmp

/* As swprintf of Windows: %s is wide. The C library's has wide characters of four bytes. */
static inline int judge_swprintf(WCHAR *to, size_t room, const WCHAR *format, ...)
{
    char spec[32], piece[64];
    size_t at = 0;
    va_list values;
    va_start(values, format);
    for (; *format && at + 1 < room; format++) {
        if (*format != '%') {
            to[at++] = *format;
            continue;
        }
        size_t size = 0;
        do
            spec[size++] = (char)*format;
        while (size < sizeof spec - 1 && !strchr("sdiuxXcp%", (char)*++format));
        spec[size++] = (char)*format;
        spec[size] = 0;
        if (*format == 's') {
            for (const WCHAR *text = va_arg(values, const WCHAR *); *text && at + 1 < room; text++)
                to[at++] = *text;
            continue;
        }
        snprintf(piece, sizeof piece, spec, *format == '%' ? 0 : va_arg(values, long));
        for (const char *text = piece; *text && at + 1 < room; text++)
            to[at++] = (unsigned char)*text;
    }
    va_end(values);
    if (room)
        to[at] = 0;
    return (int)at;
}
#define swprintf judge_swprintf
#define _snwprintf judge_swprintf

/* The blocks of a thread and its process, as far as tests look: in session 1, as ntipc tells. */
static inline struct _TEB *judge_teb(void)
{
    static char teb[8192], process[4096];
    *(void **)(teb + 0x60) = process;
    *(DWORD *)(process + 0x2C0) = 1;
    return (struct _TEB *)teb;
}
#define NtCurrentTeb judge_teb

/* A call of Windows that libntipc.so lacks: the linker finds this instead, and the function that calls it fails. */
void judge_missing(const char *name);

static inline LONG judge_not_implemented(void)
{
    judge_missing("a call of ntdll by address");
    return (LONG)0xC0000002; /* STATUS_NOT_IMPLEMENTED */
}

/*
 * What a test asks for by name is listed if it is not here. The calls of ntdll are on every Windows, so tests use what
 * they get without a look at it: here a function that fails.
 */
static inline FARPROC judge_find(HMODULE module, LPCSTR name)
{
    FARPROC found = GetProcAddress(module, name);
    if (!found)
        judge_missing(name);
    return found || !JUDGE_NTDLL || strncmp(name, "Nt", 2) ? found : (FARPROC)judge_not_implemented;
}
#define GetProcAddress judge_find

#ifndef JUDGE_SECONDS
#define JUDGE_SECONDS 90
#endif

static int judge_only_child; /* a process that a test started: no isolation, its exit code is what counts */

static inline void judge_run(void (*run)(void), const char *name)
{
    const char *only = getenv("JUDGE_ONLY"); /* for debuggers: one function, in this process */
    if (judge_only_child || (only && strstr(name, only))) {
        run();
        return;
    }
    if (only)
        return;
    struct judge_counts before = *judge_counts;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        alarm(JUDGE_SECONDS);
        run();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    kill(-child, SIGKILL); /* what it has started */
    const char *how = "";
    char text[64];
    if (WIFSIGNALED(status)) {
        snprintf(text, sizeof text, WTERMSIG(status) == SIGALRM ? "hung" : "crashed by signal %d", WTERMSIG(status));
        how = text;
    } else if (WEXITSTATUS(status)) {
        snprintf(text, sizeof text, "ended early with status %d", WEXITSTATUS(status));
        how = text;
    }
    printf("JUDGED\t%s\t%d\t%d\t%d\t%d\t%s\n", name, judge_counts->passed - before.passed,
           judge_counts->failed - before.failed, judge_counts->skipped - before.skipped,
           judge_counts->missing - before.missing, how);
    fflush(stdout);
}

#define JUDGED(call) \
    ({ \
        void judged(void) { call; } \
        judge_run(judged, #call); \
    })

static void judge_test(void);
#define START_TEST(name) static void judge_test(void)

void judge_missing(const char *name)
{
    char text[200];
    int size = snprintf(text, sizeof text, "MISSING\t%s\n", name);
    if (judge_counts)
        __atomic_add_fetch(&judge_counts->missing, 1, __ATOMIC_RELAXED);
    if (write(1, text, size) < 0)
        _exit(99);
    SetLastError(ERROR_CALL_NOT_IMPLEMENTED);
}

int main(int count, char **arguments)
{
    judge_argument_count = count;
    judge_arguments = arguments;
    judge_only_child = count > 2;
    judge_counts = mmap(NULL, sizeof *judge_counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (JUDGE_WHOLE)
        judge_run(judge_test, "the whole file");
    else
        judge_test();
    return judge_only_child ? judge_counts->failed : 0;
}

#endif
