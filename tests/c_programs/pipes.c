/* Named pipes with overlapped operations, completion ports, anonymous pipes and mailslots. */
#include "check.h"

#define NAME "\\\\.\\pipe\\c pipe"

static HANDLE open_client(DWORD flags)
{
    HANDLE client = CreateFileA(NAME, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, flags, NULL);
    CHECK(client != INVALID_HANDLE_VALUE);
    return client;
}

static void overlapped(void)
{
    HANDLE server = CreateNamedPipeA(NAME, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
                                     PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, 1, 4096, 4096, 0, NULL);
    CHECK(server != INVALID_HANDLE_VALUE);
    OVERLAPPED connecting = {.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)};
    CHECK_FAILS(ConnectNamedPipe(server, &connecting), ERROR_IO_PENDING);
    HANDLE client = open_client(0);
    CHECK(WaitForSingleObject(connecting.hEvent, 10000) == WAIT_OBJECT_0);
    DWORD size = 0, mode = PIPE_READMODE_MESSAGE, pid = 0;
    CHECK(SetNamedPipeHandleState(client, &mode, NULL, NULL));
    CHECK(GetNamedPipeClientProcessId(server, &pid) && pid == (DWORD)getpid());
    char buffer[16] = "";
    OVERLAPPED reading = {.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)};
    CHECK_FAILS(ReadFile(server, buffer, sizeof buffer, NULL, &reading), ERROR_IO_PENDING);
    CHECK_FAILS(GetOverlappedResult(server, &reading, &size, FALSE), ERROR_IO_INCOMPLETE);
    CHECK(WriteFile(client, "hello", 5, &size, NULL) && size == 5);
    CHECK(GetOverlappedResult(server, &reading, &size, TRUE) && size == 5 && memcmp(buffer, "hello", 5) == 0);
    CHECK(reading.Internal == 0 && reading.InternalHigh == 5);
    CHECK(WriteFile(server, "longer than the room", 20, &size, &connecting));
    CHECK(PeekNamedPipe(client, NULL, 0, NULL, &size, &mode) && size == 20);
    CHECK_FAILS(ReadFile(client, buffer, 6, &size, NULL), ERROR_MORE_DATA);
    CHECK(size == 6 && memcmp(buffer, "longer", 6) == 0);
    CHECK(ReadFile(client, buffer, sizeof buffer, &size, NULL) && size == 14);
    CHECK_FAILS(ReadFile(server, buffer, sizeof buffer, NULL, &reading), ERROR_IO_PENDING);
    CHECK(CancelIoEx(server, &reading));
    CHECK_FAILS(GetOverlappedResult(server, &reading, &size, TRUE), ERROR_OPERATION_ABORTED);
    CHECK_FAILS(ReadFile(server, buffer, sizeof buffer, NULL, &reading), ERROR_IO_PENDING);
    CHECK(CloseHandle(client));
    CHECK_FAILS(GetOverlappedResult(server, &reading, &size, TRUE), ERROR_BROKEN_PIPE);
    CHECK(DisconnectNamedPipe(server) && CloseHandle(server));
}

static void completion_port(void)
{
    HANDLE server = CreateNamedPipeA(NAME, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, PIPE_TYPE_BYTE, 1, 4096, 4096, 0, NULL);
    HANDLE port = CreateIoCompletionPort(server, NULL, 77, 0);
    CHECK(port);
    HANDLE client = open_client(0);
    char buffer[16];
    OVERLAPPED reading = {0}, *done = NULL;
    DWORD size = 0;
    ULONG_PTR key = 0;
    CHECK_FAILS(ReadFile(server, buffer, sizeof buffer, NULL, &reading), ERROR_IO_PENDING);
    CHECK(WriteFile(client, "abc", 3, &size, NULL));
    CHECK(GetQueuedCompletionStatus(port, &size, &key, &done, 10000) && size == 3 && key == 77 && done == &reading);
    CHECK(PostQueuedCompletionStatus(port, 5, 6, NULL));
    CHECK(GetQueuedCompletionStatus(port, &size, &key, &done, 10000) && size == 5 && key == 6 && done == NULL);
    CHECK_FAILS(GetQueuedCompletionStatus(port, &size, &key, &done, 0), WAIT_TIMEOUT);
    CloseHandle(client);
    CloseHandle(server);
}

static void without_names(void)
{
    HANDLE reader, writer;
    char buffer[8];
    DWORD size = 0;
    CHECK(CreatePipe(&reader, &writer, NULL, 0));
    CHECK(WriteFile(writer, "xy", 2, &size, NULL) && ReadFile(reader, buffer, 8, &size, NULL) && size == 2);
    CloseHandle(writer);
    CHECK_FAILS(ReadFile(reader, buffer, 8, &size, NULL), ERROR_BROKEN_PIPE);
    CHECK_FAILS(WriteFile(reader, "xy", 2, &size, NULL), ERROR_ACCESS_DENIED);
    CHECK_FAILS(WaitNamedPipeA("\\\\.\\pipe\\nobody's", 1), ERROR_FILE_NOT_FOUND);
    CHECK(CreateFileA("\\\\.\\pipe\\nobody's", GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL) == INVALID_HANDLE_VALUE);
}

static void mailslot(void)
{
    HANDLE slot = CreateMailslotA("\\\\.\\mailslot\\c slot", 32, 0, NULL);
    CHECK(slot != INVALID_HANDLE_VALUE);
    HANDLE writer = CreateFileA("\\\\.\\mailslot\\c slot", GENERIC_WRITE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    CHECK(writer != INVALID_HANDLE_VALUE);
    DWORD size, largest, next, count, wait;
    char letter[32];
    CHECK_FAILS(ReadFile(slot, letter, sizeof letter, &size, NULL), ERROR_SEM_TIMEOUT);
    CHECK(WriteFile(writer, "one", 3, &size, NULL) && WriteFile(writer, "second", 6, &size, NULL));
    CHECK(GetMailslotInfo(slot, &largest, &next, &count, &wait) && largest == 32 && next == 3 && count == 2 && wait == 0);
    CHECK(SetMailslotInfo(slot, MAILSLOT_WAIT_FOREVER));
    CHECK(ReadFile(slot, letter, sizeof letter, &size, NULL) && size == 3);
    CHECK(ReadFile(slot, letter, sizeof letter, &size, NULL) && size == 6 && memcmp(letter, "second", 6) == 0);
}

int main(void)
{
    overlapped();
    completion_port();
    without_names();
    mailslot();
    say("fine");
    return 0;
}
