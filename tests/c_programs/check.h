/* What the test programs have in common: a check that says where it fails, and ends the program. */
#include <ntipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition) check(!!(condition), #condition, __FILE__, __LINE__)
#define CHECK_FAILS(call, code) \
    do { \
        SetLastError(0xdeadbeef); \
        check(!(call), "not " #call, __FILE__, __LINE__); \
        check_code((code), #call, __FILE__, __LINE__); \
    } while (0)

static void check(int holds, const char *what, const char *file, int line)
{
    if (holds)
        return;
    fprintf(stderr, "%s:%d: it does not hold that %s (last error %u)\n", file, line, what, (unsigned)GetLastError());
    _exit(3);
}

static inline void check_code(DWORD wanted, const char *call, const char *file, int line)
{
    DWORD code = GetLastError();
    if (code == wanted)
        return;
    fprintf(stderr, "%s:%d: %s: last error %u instead of %u\n", file, line, call, (unsigned)code, (unsigned)wanted);
    _exit(3);
}

/* Say something to whoever started the program. */
static inline void say(const char *what)
{
    printf("%s\n", what);
    fflush(stdout);
}
