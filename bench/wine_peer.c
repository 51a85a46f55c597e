/* What bench_wine.py compares with: `peer.exe OPERATION COUNT` prints the seconds that one operation took.
 * From C, so that Wine is not charged with Python. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static HANDLE there, back;
static char self[MAX_PATH];

static void die(const char *what)
{
    fprintf(stderr, "%s: error %lu\n", what, GetLastError());
    exit(1);
}

static HANDLE made(HANDLE handle, const char *what)
{
    if (!handle)
        die(what);
    return handle;
}

static void mutex(int count)
{
    HANDLE lock = made(CreateMutexA(NULL, FALSE, NULL), "CreateMutex");
    while (count--) {
        WaitForSingleObject(lock, INFINITE);
        ReleaseMutex(lock);
    }
}

static void event(int count)
{
    HANDLE flag = made(CreateEventA(NULL, FALSE, FALSE, NULL), "CreateEvent");
    while (count--) {
        SetEvent(flag);
        WaitForSingleObject(flag, INFINITE);
    }
}

static void named(int count)
{
    while (count--)
        CloseHandle(made(CreateEventA(NULL, FALSE, FALSE, "bench"), "CreateEvent"));
}

static void section(int count)
{
    while (count--) {
        HANDLE first = made(CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 1 << 20, "bench-section"),
                            "CreateFileMapping");
        HANDLE again = made(OpenFileMappingA(FILE_MAP_ALL_ACCESS, FALSE, "bench-section"), "OpenFileMapping");
        volatile char *view = MapViewOfFile(again, FILE_MAP_ALL_ACCESS, 0, 0, 0);
        if (!view)
            die("MapViewOfFile");
        view[0] = 1;
        UnmapViewOfFile((void *)view);
        CloseHandle(again);
        CloseHandle(first);
    }
}

static void serve(int count)
{
    while (count--)
        if (SignalObjectAndWait(there, back, 60000, FALSE) != WAIT_OBJECT_0)
            die("SignalObjectAndWait");
}

static void answer(int count)
{
    SetThreadAffinityMask(GetCurrentThread(), 2);
    WaitForSingleObject(there, INFINITE);
    while (--count)
        if (SignalObjectAndWait(back, there, 60000, FALSE) != WAIT_OBJECT_0)
            die("SignalObjectAndWait");
    SetEvent(back);
}

static HANDLE partner(int count)
{
    char line[MAX_PATH + 40];
    STARTUPINFOA how = {.cb = sizeof how};
    PROCESS_INFORMATION process;
    snprintf(line, sizeof line, "\"%s\" answer %d", self, count);
    if (!CreateProcessA(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &how, &process))
        die("CreateProcess");
    return process.hProcess;
}

int main(int number, char **arguments)
{
    static const struct {
        const char *name;
        void (*run)(int);
    } operations[] = {{"mutex", mutex}, {"event", event}, {"named", named}, {"section", section}, {"pingpong", serve}};
    LARGE_INTEGER began, ended, frequency;
    int count = number == 3 ? atoi(arguments[2]) : 0;

    if (count <= 0)
        return 2;
    GetModuleFileNameA(NULL, self, sizeof self);
    there = made(CreateEventA(NULL, FALSE, FALSE, "bench-there"), "CreateEvent");
    back = made(CreateEventA(NULL, FALSE, FALSE, "bench-back"), "CreateEvent");
    if (!strcmp(arguments[1], "answer")) {
        answer(count);
        return 0;
    }
    for (size_t place = 0; place < sizeof operations / sizeof *operations; place++) {
        HANDLE other = NULL;
        if (strcmp(arguments[1], operations[place].name))
            continue;
        if (operations[place].run == serve) {
            SetThreadAffinityMask(GetCurrentThread(), 1);
            other = partner(count + 1);
            serve(1); /* the partner is there */
        }
        QueryPerformanceFrequency(&frequency);
        QueryPerformanceCounter(&began);
        operations[place].run(count);
        QueryPerformanceCounter(&ended);
        if (other)
            WaitForSingleObject(other, INFINITE);
        printf("%.9f\n", (double)(ended.QuadPart - began.QuadPart) / frequency.QuadPart / count);
        return 0;
    }
    return 2;
}
