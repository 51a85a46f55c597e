/* Calls that keep their thread are ended by another one. */
#include "check.h"

#define NAME "\\\\.\\pipe\\cancelled"

static HANDLE server, client;
static char buffer[10000];

static DWORD outcome(BOOL done)
{
    return done ? ERROR_SUCCESS : GetLastError();
}

static DWORD WINAPI connects(LPVOID unused)
{
    (void)unused;
    return outcome(ConnectNamedPipe(server, NULL));
}

static DWORD WINAPI reads(LPVOID unused)
{
    DWORD size = 77;
    (void)unused;
    DWORD code = outcome(ReadFile(client, buffer, 5, &size, NULL));
    return code ? code : 10000 + size;
}

static DWORD WINAPI writes(LPVOID size)
{
    DWORD written;
    return outcome(WriteFile(server, buffer, (DWORD)(ULONG_PTR)size, &written, NULL));
}

static IO_STATUS_BLOCK block;

static DWORD WINAPI listens(LPVOID unused)
{
    (void)unused;
    return (DWORD)NtFsControlFile(server, NULL, NULL, NULL, &block, FSCTL_PIPE_LISTEN, NULL, 0, NULL, 0);
}

static void by_its_block(void)
{
    DWORD code = 0;
    IO_STATUS_BLOCK other = {{9}, 9};
    block.Status = 0x5555;
    HANDLE thread = CreateThread(NULL, 0, listens, NULL, 0, NULL);
    while (WaitForSingleObject(server, 0) == WAIT_OBJECT_0)
        SwitchToThread();
    CHECK(NtCancelSynchronousIoFile(thread, &other, &other) == STATUS_NOT_FOUND && other.Status == STATUS_NOT_FOUND);
    CHECK(NtCancelSynchronousIoFile(thread, &block, NULL) == STATUS_ACCESS_VIOLATION);
    CHECK(NtCancelSynchronousIoFile(thread, &block, &other) == STATUS_SUCCESS && other.Status == 0 && !other.Information);
    CHECK(WaitForSingleObject(thread, 30000) == WAIT_OBJECT_0 && GetExitCodeThread(thread, &code));
    CHECK(code == (DWORD)STATUS_CANCELLED && block.Status == 0x5555);
}

/* End what a thread does, as soon as it does it; what it ends with. */
static DWORD ended(HANDLE thread)
{
    DWORD code = 0;
    while (!CancelSynchronousIo(thread)) {
        CHECK(GetLastError() == ERROR_NOT_FOUND);
        CHECK(WaitForSingleObject(thread, 0) == WAIT_TIMEOUT);
    }
    CHECK(WaitForSingleObject(thread, 30000) == WAIT_OBJECT_0 && GetExitCodeThread(thread, &code));
    CHECK_FAILS(CancelSynchronousIo(thread), ERROR_NOT_FOUND);
    CloseHandle(thread);
    return code;
}

int main(void)
{
    DWORD read = 0, code = 0, session = 0;
    server = CreateNamedPipeA(NAME, PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE, 1, 100, 100, 0, NULL);
    CHECK(server != INVALID_HANDLE_VALUE);
    CHECK_FAILS(CancelSynchronousIo(GetCurrentThread()), ERROR_NOT_FOUND);
    CHECK_FAILS(CancelSynchronousIo(server), ERROR_INVALID_HANDLE);
    CHECK(ended(CreateThread(NULL, 0, connects, NULL, 0, NULL)) == ERROR_OPERATION_ABORTED);
    by_its_block();
    client = CreateFileA(NAME, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    CHECK(client != INVALID_HANDLE_VALUE);
    CHECK(ended(CreateThread(NULL, 0, reads, NULL, 0, NULL)) == ERROR_OPERATION_ABORTED);
    /* A read that goes on ends as any other, too, and the pipe is not signalled while it does. */
    HANDLE thread = CreateThread(NULL, 0, reads, NULL, 0, NULL);
    while (WaitForSingleObject(client, 0) == WAIT_OBJECT_0)
        SwitchToThread();
    CHECK(WriteFile(server, "hello", 5, &read, NULL) && WaitForSingleObject(thread, 30000) == WAIT_OBJECT_0);
    CHECK(GetExitCodeThread(thread, &code) && code == 10005 && memcmp(buffer, "hello", 5) == 0);
    CHECK(WaitForSingleObject(client, 0) == WAIT_OBJECT_0);
    /* Of a write to a pipe of byte type, a part may be there. */
    CHECK(ended(CreateThread(NULL, 0, writes, (LPVOID)10000, 0, NULL)) == ERROR_OPERATION_ABORTED);
    CHECK(ReadFile(client, buffer, 10000, &read, NULL) && read > 0 && read < 10000);
    CHECK(GetNamedPipeServerSessionId(client, &read) && ProcessIdToSessionId(GetCurrentProcessId(), &session));
    CHECK(session == 1 && read == session);
    CHECK_FAILS(ProcessIdToSessionId(0x7FFFFFF0, &session), ERROR_INVALID_PARAMETER);
    say("fine");
    return 0;
}
