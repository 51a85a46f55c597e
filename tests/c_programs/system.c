/* Descriptors, tokens, jobs, lists of processes, the environment, times, and packets by the dozen. */
#include "check.h"

static void security(void)
{
    SECURITY_DESCRIPTOR descriptor;
    SECURITY_ATTRIBUTES attributes = {sizeof attributes, &descriptor, TRUE};
    CHECK(InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION));
    CHECK(SetSecurityDescriptorDacl(&descriptor, TRUE, NULL, FALSE) && IsValidSecurityDescriptor(&descriptor));
    BOOL present = FALSE, defaulted = TRUE;
    PACL entries = (PACL)1;
    CHECK(GetSecurityDescriptorDacl(&descriptor, &present, &entries, &defaulted) && present && !entries && !defaulted);
    HANDLE event = CreateEventA(&attributes, FALSE, FALSE, "for everybody");
    DWORD flags = 0;
    CHECK(GetHandleInformation(event, &flags) && flags == HANDLE_FLAG_INHERIT);
    CHECK_FAILS(InitializeSecurityDescriptor(&descriptor, 7), ERROR_UNKNOWN_REVISION);
    CHECK_FAILS(InitializeSecurityDescriptor(NULL, 1), ERROR_NOACCESS);
    HANDLE token = NULL;
    DWORD size = 0, elevated = 7;
    char buffer[100];
    CHECK(OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token));
    CHECK_FAILS(GetTokenInformation(token, TokenUser, NULL, 0, &size), ERROR_INSUFFICIENT_BUFFER);
    CHECK(size <= sizeof buffer && GetTokenInformation(token, TokenUser, buffer, sizeof buffer, &size));
    PSID sid = ((TOKEN_USER *)buffer)->User.Sid;
    CHECK(IsValidSid(sid) && EqualSid(sid, sid) && GetLengthSid(sid) == size - 16);
    CHECK(GetTokenInformation(token, TokenElevation, &elevated, 4, &size) && elevated == (geteuid() == 0));
    CHECK_FAILS(OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token), ERROR_NO_TOKEN);
}

static void job(const char *program)
{
    char line[5000];
    STARTUPINFOA startup;
    PROCESS_INFORMATION made;
    GetStartupInfoA(&startup);
    CHECK(startup.cb == sizeof startup);
    HANDLE job = CreateJobObjectA(NULL, NULL);
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    CHECK(SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits));
    memset(&limits, 0, sizeof limits);
    CHECK(QueryInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits, NULL));
    CHECK(limits.BasicLimitInformation.LimitFlags == JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE);
    CHECK_FAILS(SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, 8), ERROR_BAD_LENGTH);
    snprintf(line, sizeof line, "\"%s\" wait", program);
    CHECK(CreateProcessA(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &made));
    BOOL inside = FALSE;
    CHECK(AssignProcessToJobObject(job, made.hProcess) && IsProcessInJob(made.hProcess, job, &inside) && inside);
    JOBOBJECT_BASIC_ACCOUNTING_INFORMATION told;
    CHECK(QueryInformationJobObject(job, JobObjectBasicAccountingInformation, &told, sizeof told, NULL));
    CHECK(told.ActiveProcesses == 1);
    PROCESSENTRY32 entry = {.dwSize = sizeof entry};
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    CHECK(snapshot != INVALID_HANDLE_VALUE && Process32First(snapshot, &entry));
    while (entry.th32ProcessID != made.dwProcessId)
        CHECK(Process32Next(snapshot, &entry));
    CHECK(entry.th32ParentProcessID == GetCurrentProcessId());
    entry.dwSize = 3;
    CHECK_FAILS(Process32First(snapshot, &entry), ERROR_BAD_LENGTH);
    FILETIME created, ended, kernel, user;
    CHECK(GetProcessTimes(made.hProcess, &created, &ended, &kernel, &user) && created.dwHighDateTime);
    CHECK(CloseHandle(job) && WaitForSingleObject(made.hProcess, 30000) == WAIT_OBJECT_0);
}

static void surroundings(const char *program)
{
    char buffer[4096];
    WCHAR wide[4096];
    DWORD size = GetModuleFileNameA(NULL, buffer, sizeof buffer);
    CHECK(size == strlen(program) && strcmp(buffer, program) == 0);
    CHECK(GetModuleFileNameW(NULL, wide, 4096) == size && wide[0] == u'/' && wide[size] == 0);
    CHECK(GetModuleFileNameA(NULL, buffer, 3) == 3 && GetLastError() == ERROR_INSUFFICIENT_BUFFER && !buffer[2]);
    CHECK(strstr(GetCommandLineA(), "system") && GetCommandLineA() == GetCommandLineA());
    CHECK(SetEnvironmentVariableA("C_PROGRAM", "here") && GetEnvironmentVariableA("C_PROGRAM", buffer, 3) == 5);
    CHECK(GetEnvironmentVariableA("C_PROGRAM", buffer, sizeof buffer) == 4 && strcmp(buffer, "here") == 0);
    CHECK(GetEnvironmentVariableW(u"C_PROGRAM", wide, 4096) == 4 && wide[3] == u'e');
    CHECK(SetEnvironmentVariableA("C_PROGRAM", NULL));
    CHECK_FAILS(GetEnvironmentVariableA("C_PROGRAM", buffer, sizeof buffer), ERROR_ENVVAR_NOT_FOUND);
    size = 0;
    CHECK_FAILS(GetUserNameA(buffer, &size), ERROR_INSUFFICIENT_BUFFER);
    CHECK(GetUserNameA(buffer, &size) && size == strlen(buffer) + 1);
    SYSTEMTIME now, again;
    FILETIME units;
    GetSystemTime(&now);
    CHECK(SystemTimeToFileTime(&now, &units) && FileTimeToSystemTime(&units, &again));
    CHECK(memcmp(&now, &again, sizeof now) == 0 && now.wYear > 2000);
    BOOL is_32_bit = TRUE;
    CHECK(IsWow64Process(GetCurrentProcess(), &is_32_bit) && !is_32_bit);
    CHECK_FAILS(IsWow64Process(NULL, &is_32_bit), ERROR_INVALID_HANDLE);
    SYSTEM_INFO known;
    GetSystemInfo(&known);
    CHECK(known.dwPageSize == 4096 && known.dwAllocationGranularity == 65536 && known.dwNumberOfProcessors > 0);
}

static void packets(void)
{
    HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
    OVERLAPPED overlapped = {0};
    OVERLAPPED_ENTRY taken[5];
    ULONG count = 9;
    CHECK_FAILS(GetQueuedCompletionStatusEx(port, taken, 5, &count, 1, FALSE), WAIT_TIMEOUT);
    CHECK(count == 0);
    for (DWORD i = 0; i < 3; i++)
        CHECK(PostQueuedCompletionStatus(port, i, i + 10, i ? NULL : &overlapped));
    CHECK(GetQueuedCompletionStatusEx(port, taken, 5, &count, 1000, FALSE) && count == 3);
    CHECK(taken[0].lpOverlapped == &overlapped && taken[2].lpCompletionKey == 12 && taken[2].dwNumberOfBytesTransferred == 2);
}

static void memory(void)
{
    char *heap = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, 100);
    CHECK(heap && heap[99] == 0 && (heap = HeapReAlloc(GetProcessHeap(), 0, heap, 200)) && HeapFree(GetProcessHeap(), 0, heap));
    char *region = VirtualAlloc(NULL, 3 * 65536, MEM_RESERVE, PAGE_NOACCESS);
    CHECK(region && (ULONG_PTR)region % 65536 == 0);
    CHECK(VirtualAlloc(region + 65536, 10, MEM_COMMIT, PAGE_READWRITE) == region + 65536);
    region[65536 + 4095] = 'x';
    CHECK(VirtualFree(region + 65536, 4096, MEM_DECOMMIT));
    CHECK_FAILS(VirtualFree(region + 65536, 0, MEM_RELEASE), ERROR_INVALID_ADDRESS);
    CHECK(VirtualFree(region, 0, MEM_RELEASE));
    CHECK_FAILS(VirtualFree(region, 0, MEM_RELEASE), ERROR_INVALID_ADDRESS);
    CHECK_FAILS(VirtualAlloc(NULL, 0, MEM_RESERVE, PAGE_READWRITE), ERROR_INVALID_PARAMETER);
}

int main(int count, char **arguments)
{
    static char program[4096];
    CHECK(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    if (count > 1 && !strcmp(arguments[1], "wait"))
        for (;;)
            Sleep(INFINITE);
    security();
    job(program);
    surroundings(program);
    packets();
    memory();
    say("fine");
    return 0;
}
