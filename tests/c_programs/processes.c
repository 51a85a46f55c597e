/* Processes: what a child inherits, how it ends, forks, and the part of a peer that the test in Python plays with. */
#include "check.h"

#include <sys/wait.h>

static char own_path[4096];

static HANDLE start(const char *arguments, BOOL inherit)
{
    char line[8192];
    STARTUPINFOA startup = {.cb = sizeof startup};
    PROCESS_INFORMATION made = {0};
    snprintf(line, sizeof line, "\"%s\" %s", own_path, arguments);
    CHECK(CreateProcessA(NULL, line, NULL, NULL, inherit, 0, NULL, NULL, &startup, &made));
    CHECK(GetProcessId(made.hProcess) == made.dwProcessId && CloseHandle(made.hThread));
    return made.hProcess;
}

static DWORD code_of(HANDLE process)
{
    DWORD code = 0;
    CHECK(WaitForSingleObject(process, 30000) == WAIT_OBJECT_0 && GetExitCodeProcess(process, &code));
    CloseHandle(process);
    return code;
}

static void inherited(void)
{
    SECURITY_ATTRIBUTES marked = {sizeof marked, NULL, TRUE};
    HANDLE event = CreateEventA(&marked, FALSE, FALSE, NULL), kept = CreateEventA(NULL, FALSE, FALSE, NULL);
    char line[64];
    snprintf(line, sizeof line, "set %u %u", HandleToULong(event), HandleToULong(kept));
    CHECK(code_of(start(line, TRUE)) == 0);
    CHECK(WaitForSingleObject(event, 0) == WAIT_OBJECT_0 && WaitForSingleObject(kept, 0) == WAIT_TIMEOUT);
}

static void killed(void)
{
    HANDLE mutex = CreateMutexA(NULL, FALSE, "c killed"), owned = CreateEventA(NULL, FALSE, FALSE, "c owned");
    HANDLE process = start("own", FALSE);
    CHECK(WaitForSingleObject(owned, 30000) == WAIT_OBJECT_0);
    CHECK(WaitForSingleObject(mutex, 0) == WAIT_TIMEOUT);
    CHECK(TerminateProcess(process, 9));
    CHECK(WaitForSingleObject(mutex, 30000) == WAIT_ABANDONED);
    CHECK(code_of(process) == 9);
}

static void forked(void)
{
    HANDLE event = CreateEventA(NULL, FALSE, FALSE, "c forked");
    pid_t child = fork();
    if (child == 0) {
        HANDLE own = OpenEventA(EVENT_MODIFY_STATE, FALSE, "c forked");
        _exit(own && SetEvent(own) && GetCurrentProcessId() == (DWORD)getpid() ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(WaitForSingleObject(event, 0) == WAIT_OBJECT_0);
}

int main(int count, char **arguments)
{
    CHECK(readlink("/proc/self/exe", own_path, sizeof own_path - 1) > 0);
    const char *part = count > 1 ? arguments[1] : "";
    if (!strcmp(part, "set")) {
        HANDLE event = ULongToHandle(atoi(arguments[2])), kept = ULongToHandle(atoi(arguments[3]));
        CHECK(SetEvent(event));
        CHECK_FAILS(SetEvent(kept), ERROR_INVALID_HANDLE);
    } else if (!strcmp(part, "own")) {
        CHECK(WaitForSingleObject(OpenMutexA(SYNCHRONIZE, FALSE, "c killed"), 10000) == WAIT_OBJECT_0);
        CHECK(SetEvent(OpenEventA(EVENT_MODIFY_STATE, FALSE, "c owned")));
        Sleep(INFINITE);
    } else if (!strcmp(part, "code")) {
        ExitProcess((UINT)strtoul(arguments[2], NULL, 0));
    } else if (!strcmp(part, "peer")) { /* own a mutex, tell so, and wait to be told to end */
        HANDLE mutex = CreateMutexW(NULL, TRUE, u"c and python"), end = CreateEventW(NULL, FALSE, FALSE, u"c may end");
        CHECK(mutex && end);
        say("ready");
        CHECK(WaitForSingleObject(end, INFINITE) == WAIT_OBJECT_0);
        CHECK(ReleaseMutex(mutex));
    } else {
        inherited();
        killed();
        forked();
        CHECK(code_of(start("code 3", FALSE)) == 3);
        CHECK(code_of(start("code 0xC0000005", FALSE)) == 0xC0000005u);
        CHECK(code_of(start("code 0xFFFFFFFF", FALSE)) == 255);
        say("fine");
    }
    return 0;
}
