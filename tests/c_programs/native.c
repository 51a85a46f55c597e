/* The Native API in C, asynchronous procedure calls, and pointers that lead nowhere. */
#include "check.h"

static UNICODE_STRING text(const WCHAR *units)
{
    UNICODE_STRING made;
    RtlInitUnicodeString(&made, units);
    return made;
}

static void objects(void)
{
    UNICODE_STRING name = text(u"\\BaseNamedObjects\\c native");
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_OPENIF, NULL, NULL);
    HANDLE event = NULL, again = NULL, copy = NULL;
    CHECK(NtCreateEvent(&event, EVENT_ALL_ACCESS, &attributes, NotificationEvent, FALSE) == STATUS_SUCCESS);
    CHECK(NtCreateEvent(&again, EVENT_ALL_ACCESS, &attributes, NotificationEvent, FALSE) == STATUS_OBJECT_NAME_EXISTS);
    CHECK(OpenEventW(EVENT_ALL_ACCESS, FALSE, u"c native")); /* the same object by Win32 */
    LONG previous = 9;
    CHECK(NtSetEvent(event, &previous) == STATUS_SUCCESS && previous == 0);
    CHECK(ZwSetEvent(again, &previous) == STATUS_SUCCESS && previous == 1);
    EVENT_BASIC_INFORMATION told;
    ULONG size = 0;
    CHECK(NtQueryEvent(event, 0, &told, sizeof told, &size) == STATUS_SUCCESS && size == sizeof told);
    CHECK(told.EventType == NotificationEvent && told.EventState == 1);
    CHECK(NtQueryEvent(event, 0, &told, 1, NULL) == STATUS_INFO_LENGTH_MISMATCH);
    CHECK(NtDuplicateObject(NtCurrentProcess(), event, NtCurrentProcess(), &copy, SYNCHRONIZE, 0, 0) == STATUS_SUCCESS);
    CHECK(NtSetEvent(copy, NULL) == STATUS_ACCESS_DENIED);
    CHECK(NtCompareObjects(copy, event) == STATUS_SUCCESS);
    struct { UNICODE_STRING name; WCHAR room[100]; } path;
    CHECK(NtQueryObject(event, 1, &path, sizeof path, &size) == STATUS_SUCCESS);
    CHECK(path.name.Length == name.Length && memcmp(path.name.Buffer, name.Buffer, name.Length) == 0);
    LARGE_INTEGER soon = {.QuadPart = -10000};
    HANDLE both[2] = {event, copy}, mutant = NULL;
    CHECK(NtWaitForMultipleObjects(2, both, WaitAny, FALSE, &soon) == STATUS_WAIT_0);
    CHECK(NtCreateMutant(&mutant, MUTANT_ALL_ACCESS, NULL, TRUE) == STATUS_SUCCESS);
    MUTANT_BASIC_INFORMATION owned;
    CHECK(NtQueryMutant(mutant, 0, &owned, sizeof owned, NULL) == STATUS_SUCCESS && owned.OwnedByCaller);
    CHECK(NtReleaseMutant(mutant, &previous) == STATUS_SUCCESS && previous == 0);
    CHECK(NtReleaseMutant(mutant, NULL) == STATUS_MUTANT_NOT_OWNED);
    CHECK(NtClose(mutant) == STATUS_SUCCESS && NtClose(mutant) == STATUS_INVALID_HANDLE);
    HANDLE all = NULL, none = NULL;
    CHECK(NtCreateEvent(&all, GENERIC_ALL, NULL, SynchronizationEvent, TRUE) == STATUS_SUCCESS);
    CHECK(NtQueryEvent(all, 0, &told, sizeof told, NULL) == STATUS_SUCCESS && NtSetEvent(all, NULL) == STATUS_SUCCESS);
    CHECK(NtCreateEvent(&none, 0, NULL, SynchronizationEvent, TRUE) == STATUS_SUCCESS);
    CHECK(NtSetEvent(none, NULL) == STATUS_ACCESS_DENIED && NtReleaseSemaphore(none, 1, NULL) == STATUS_OBJECT_TYPE_MISMATCH);
    CHECK(RtlNtStatusToDosError(STATUS_OBJECT_NAME_NOT_FOUND) == ERROR_FILE_NOT_FOUND);
}

static void nowhere(void)
{
    HANDLE event = (HANDLE)1;
    OBJECT_ATTRIBUTES attributes = {.Length = sizeof attributes, .ObjectName = (PUNICODE_STRING)0xdeadbee0};
    CHECK(NtCreateEvent(NULL, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE) == STATUS_ACCESS_VIOLATION);
    CHECK(NtCreateEvent((PHANDLE)0xdeadbee0, EVENT_ALL_ACCESS, NULL, NotificationEvent, 0) == STATUS_ACCESS_VIOLATION);
    CHECK(NtCreateEvent(&event, EVENT_ALL_ACCESS, &attributes, NotificationEvent, FALSE) == STATUS_ACCESS_VIOLATION);
    CHECK(NtDelayExecution(FALSE, (LARGE_INTEGER *)0x7ff000000000) == STATUS_ACCESS_VIOLATION);
    attributes = (OBJECT_ATTRIBUTES){.Length = 1};
    CHECK(NtCreateEvent(&event, EVENT_ALL_ACCESS, &attributes, NotificationEvent, 0) == STATUS_INVALID_PARAMETER);
    CHECK(NtSetEvent(NULL, NULL) == STATUS_INVALID_HANDLE);
}

static void sections(void)
{
    LARGE_INTEGER size = {.QuadPart = 100000};
    HANDLE section = NULL;
    CHECK(NtCreateSection(&section, SECTION_ALL_ACCESS, NULL, &size, PAGE_READWRITE, SEC_COMMIT, NULL) == STATUS_SUCCESS);
    PVOID one = NULL, two = NULL;
    SIZE_T room = 0;
    CHECK(NtMapViewOfSection(section, NtCurrentProcess(), &one, 0, 0, NULL, &room, ViewShare, 0, PAGE_READWRITE) == 0);
    CHECK(one && room >= 100000);
    room = 4096;
    LARGE_INTEGER offset = {.QuadPart = 65536};
    CHECK(NtMapViewOfSection(section, NtCurrentProcess(), &two, 0, 0, &offset, &room, ViewUnmap, 0, PAGE_READONLY) == 0);
    ((char *)one)[65536] = 'x';
    CHECK(*(char *)two == 'x');
    SECTION_BASIC_INFORMATION told;
    CHECK(NtQuerySection(section, 0, &told, sizeof told, NULL) == STATUS_SUCCESS && told.Size.QuadPart >= 100000);
    CHECK(NtUnmapViewOfSection(NtCurrentProcess(), one) == STATUS_SUCCESS);
    CHECK(NtUnmapViewOfSection(NtCurrentProcess(), one) == STATUS_NOT_MAPPED_VIEW);
}

static void pipes(void)
{
    UNICODE_STRING name = text(u"\\??\\pipe\\c native");
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    IO_STATUS_BLOCK block = {.Information = 77}, reading = {.Information = 77};
    HANDLE server = NULL, client = NULL, event = NULL;
    LARGE_INTEGER wait = {.QuadPart = -10000000};
    CHECK(NtCreateNamedPipeFile(&server, FILE_GENERIC_READ | FILE_GENERIC_WRITE, &attributes, &block,
                                FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_CREATE, 0, 1, 1, 0, 1, 4096, 4096, &wait) == 0);
    CHECK(block.Status == STATUS_SUCCESS && block.Information == FILE_CREATED);
    CHECK(NtOpenFile(&client, FILE_GENERIC_READ | FILE_GENERIC_WRITE | SYNCHRONIZE, &attributes, &block, 0,
                     FILE_SYNCHRONOUS_IO_NONALERT) == STATUS_SUCCESS);
    CHECK(NtCreateEvent(&event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE) == STATUS_SUCCESS);
    char buffer[16];
    CHECK(NtReadFile(server, event, NULL, NULL, &reading, buffer, sizeof buffer, NULL, NULL) == STATUS_PENDING);
    CHECK(reading.Information == 77); /* nothing is told before the end */
    CHECK(NtWriteFile(client, NULL, NULL, NULL, &block, "abc", 3, NULL, NULL) == STATUS_SUCCESS);
    CHECK(NtWaitForSingleObject(event, FALSE, NULL) == STATUS_WAIT_0);
    CHECK(reading.Status == STATUS_SUCCESS && reading.Information == 3 && memcmp(buffer, "abc", 3) == 0);
    struct { ULONG numbers[10]; } local;
    CHECK(NtQueryInformationFile(server, &block, &local, sizeof local, 24) == STATUS_SUCCESS);
    CHECK(local.numbers[0] == 1 && local.numbers[3] == 1 && local.numbers[8] == FILE_PIPE_CONNECTED_STATE);
    struct { ULONG length; WCHAR name[20]; } told;
    CHECK(NtQueryInformationFile(client, &block, &told, sizeof told, 9) == STATUS_SUCCESS && told.length == 18);
    CHECK(NtFsControlFile(server, NULL, NULL, NULL, &block, FSCTL_PIPE_DISCONNECT, NULL, 0, NULL, 0) == STATUS_SUCCESS);
    CHECK(NtReadFile(client, NULL, NULL, NULL, &block, buffer, 1, NULL, NULL) == STATUS_PIPE_DISCONNECTED);
}

static void directories(void)
{
    UNICODE_STRING name = text(u"\\BaseNamedObjects\\c folder"), inside = text(u"inside");
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
    HANDLE folder = NULL, event = NULL;
    CHECK(NtCreateDirectoryObject(&folder, DIRECTORY_ALL_ACCESS, &attributes) == STATUS_SUCCESS);
    InitializeObjectAttributes(&attributes, &inside, 0, folder, NULL);
    CHECK(NtCreateEvent(&event, EVENT_ALL_ACCESS, &attributes, NotificationEvent, FALSE) == STATUS_SUCCESS);
    struct { UNICODE_STRING name, type; char room[200]; } listed;
    ULONG context = 0, size = 0;
    CHECK(NtQueryDirectoryObject(folder, &listed, sizeof listed, TRUE, TRUE, &context, &size) == STATUS_SUCCESS);
    CHECK(listed.name.Length == 12 && memcmp(listed.name.Buffer, u"inside", 12) == 0 && context == 1);
    CHECK(memcmp(listed.type.Buffer, u"Event", 12) == 0);
    CHECK(NtQueryDirectoryObject(folder, &listed, sizeof listed, TRUE, FALSE, &context, &size) == STATUS_NO_MORE_ENTRIES);
}

static ULONG_PTR seen;
static DWORD moved;

static void CALLBACK note(ULONG_PTR data)
{
    seen += data;
}

static void CALLBACK note_timer(LPVOID data, DWORD low, DWORD high)
{
    seen += (ULONG_PTR)data + (low | high ? 0 : 1000);
}

static void CALLBACK note_end(DWORD code, DWORD size, LPOVERLAPPED overlapped)
{
    moved = code ? code : size + (DWORD)(ULONG_PTR)overlapped->hEvent;
}

static DWORD WINAPI wait_alertably(LPVOID event)
{
    SetEvent(event);
    return SleepEx(30000, TRUE);
}

static void procedure_calls(void)
{
    CHECK(QueueUserAPC(note, GetCurrentThread(), 1) && QueueUserAPC(note, GetCurrentThread(), 2));
    CHECK(SleepEx(0, FALSE) == 0 && seen == 0);
    CHECK(SleepEx(1000, TRUE) == WAIT_IO_COMPLETION && seen == 3);
    HANDLE ready = CreateEventA(NULL, FALSE, FALSE, NULL), thread = CreateThread(NULL, 0, wait_alertably, ready, 0, NULL);
    DWORD code = 0;
    CHECK(WaitForSingleObject(ready, 30000) == WAIT_OBJECT_0 && QueueUserAPC(note, thread, 10));
    CHECK(WaitForSingleObject(thread, 30000) == WAIT_OBJECT_0 && GetExitCodeThread(thread, &code));
    CHECK(code == WAIT_IO_COMPLETION && seen == 13);
    CHECK_FAILS(QueueUserAPC(note, thread, 1), ERROR_GEN_FAILURE);
    HANDLE timer = CreateWaitableTimerA(NULL, TRUE, NULL);
    LARGE_INTEGER due = {.QuadPart = -10000};
    CHECK(SetWaitableTimer(timer, &due, 0, note_timer, (LPVOID)100, FALSE));
    CHECK(WaitForSingleObjectEx(ready, 30000, TRUE) == WAIT_IO_COMPLETION && seen == 113);
    HANDLE reader, writer;
    char buffer[8];
    OVERLAPPED overlapped = {.hEvent = (HANDLE)1000}; /* the program's own to use */
    CHECK(CreatePipe(&reader, &writer, NULL, 0) && WriteFile(writer, "four", 4, &code, NULL));
    CHECK(ReadFileEx(reader, buffer, sizeof buffer, &overlapped, note_end));
    CHECK(moved == 0 && SleepEx(1000, TRUE) == WAIT_IO_COMPLETION && moved == 1004 && memcmp(buffer, "four", 4) == 0);
    CHECK(SignalObjectAndWait(ready, ready, 1000, TRUE) == WAIT_OBJECT_0);
}

struct letter {
    PORT_MESSAGE head;
    char text[64];
};

static struct letter letter_of(const char *text)
{
    struct letter made = {0};
    made.head.DataLength = (USHORT)(strlen(text) + 1);
    made.head.TotalLength = (USHORT)(sizeof made.head + strlen(text) + 1);
    strcpy(made.text, text);
    return made;
}

static DWORD WINAPI client_of_port(LPVOID unused)
{
    UNICODE_STRING name = text(u"\\BaseNamedObjects\\c port");
    HANDLE port = NULL;
    char said[16] = "hello";
    ULONG size = 6, longest = 0;
    (void)unused;
    CHECK(NtConnectPort(&port, &name, NULL, NULL, NULL, &longest, said, &size) == STATUS_SUCCESS && longest >= 100);
    struct letter request = letter_of("datagram"), reply;
    CHECK(NtRequestPort(port, &request.head) == STATUS_SUCCESS);
    request = letter_of("six times seven");
    CHECK(NtRequestWaitReplyPort(port, &request.head, &reply.head) == STATUS_SUCCESS);
    CHECK(reply.head.Type == LPC_REPLY && strcmp(reply.text, "42") == 0 && reply.head.DataLength == 3);
    return NtClose(port) == STATUS_SUCCESS;
}

static void ports(void)
{
    UNICODE_STRING name = text(u"\\BaseNamedObjects\\c port");
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
    HANDLE port = NULL, connection = NULL;
    CHECK(NtCreatePort(&port, &attributes, 64, 200, 0) == STATUS_SUCCESS);
    HANDLE thread = CreateThread(NULL, 0, client_of_port, NULL, 0, NULL);
    struct letter taken;
    PVOID context = NULL;
    CHECK(NtReplyWaitReceivePort(port, &context, NULL, &taken.head) == STATUS_SUCCESS);
    CHECK(taken.head.Type == LPC_CONNECTION_REQUEST && strcmp(taken.text, "hello") == 0);
    CHECK(taken.head.ClientId.UniqueProcess == ULongToHandle(GetCurrentProcessId()));
    CHECK(NtAcceptConnectPort(&connection, (PVOID)0x77, &taken.head, TRUE, NULL, NULL) == STATUS_SUCCESS);
    CHECK(NtCompleteConnectPort(connection) == STATUS_SUCCESS);
    CHECK(NtReplyWaitReceivePort(port, &context, NULL, &taken.head) == STATUS_SUCCESS && context == (PVOID)0x77);
    CHECK(taken.head.Type == LPC_DATAGRAM && strcmp(taken.text, "datagram") == 0);
    CHECK(NtReplyWaitReceivePort(port, &context, NULL, &taken.head) == STATUS_SUCCESS);
    CHECK(taken.head.Type == LPC_REQUEST && strcmp(taken.text, "six times seven") == 0);
    struct letter answer = letter_of("42");
    answer.head.MessageId = taken.head.MessageId;
    answer.head.ClientId = taken.head.ClientId;
    CHECK(NtReplyPort(port, &answer.head) == STATUS_SUCCESS);
    CHECK(NtReplyPort(port, &answer.head) == STATUS_REPLY_MESSAGE_MISMATCH);
    CHECK(NtReplyWaitReceivePort(port, &context, NULL, &taken.head) == STATUS_SUCCESS);
    CHECK(taken.head.Type == LPC_PORT_CLOSED && context == (PVOID)0x77);
    DWORD code = 0;
    CHECK(WaitForSingleObject(thread, 30000) == WAIT_OBJECT_0 && GetExitCodeThread(thread, &code) && code == 1);
    LARGE_INTEGER now = {.QuadPart = 0};
    CHECK(NtReplyWaitReceivePortEx(port, NULL, NULL, &taken.head, &now) == STATUS_TIMEOUT);
    CHECK(NtReplyPort(port, NULL) == STATUS_ACCESS_VIOLATION);
    CHECK(NtClose(port) == STATUS_SUCCESS);
}

static volatile LONG calls, timeouts;

static void CALLBACK count_call(PVOID event, BOOLEAN timed_out)
{
    InterlockedIncrement(&calls);
    if (timed_out)
        InterlockedIncrement(&timeouts);
    SetEvent(event);
}

static void pool(void)
{
    HANDLE called = CreateEventA(NULL, FALSE, FALSE, NULL), set = CreateEventA(NULL, FALSE, FALSE, NULL);
    HANDLE queue = CreateTimerQueue(), timer = NULL, late = NULL, wait = NULL;
    CHECK(queue && CreateTimerQueueTimer(&timer, queue, count_call, called, 1, 1, WT_EXECUTEDEFAULT));
    for (int i = 0; i < 3; i++)
        CHECK(WaitForSingleObject(called, 30000) == WAIT_OBJECT_0);
    CHECK(DeleteTimerQueueTimer(queue, timer, INVALID_HANDLE_VALUE));
    LONG before = calls;
    CHECK(before >= 3 && timeouts == before);
    CHECK(CreateTimerQueueTimer(&late, queue, count_call, called, 100000, 0, 0));
    CHECK(ChangeTimerQueueTimer(queue, late, 1, 0));
    ResetEvent(called);
    CHECK(WaitForSingleObject(called, 30000) == WAIT_OBJECT_0);
    CHECK(DeleteTimerQueueEx(queue, INVALID_HANDLE_VALUE));
    CHECK_FAILS(DeleteTimerQueueEx(queue, NULL), ERROR_INVALID_HANDLE);
    calls = timeouts = 0;
    CHECK(RegisterWaitForSingleObject(&wait, set, count_call, called, INFINITE, WT_EXECUTEDEFAULT));
    for (int i = 0; i < 2; i++)
        CHECK(SetEvent(set) && WaitForSingleObject(called, 30000) == WAIT_OBJECT_0);
    CHECK(UnregisterWaitEx(wait, INVALID_HANDLE_VALUE) && calls == 2 && timeouts == 0);
    CHECK(SetEvent(set) && WaitForSingleObject(set, 0) == WAIT_OBJECT_0); /* nobody else takes it any more */
    CHECK(RegisterWaitForSingleObject(&wait, set, count_call, called, 1, WT_EXECUTEONLYONCE));
    CHECK(WaitForSingleObject(called, 30000) == WAIT_OBJECT_0 && timeouts == 1);
    CHECK(UnregisterWaitEx(wait, INVALID_HANDLE_VALUE));
    CHECK_FAILS(UnregisterWait(wait), ERROR_INVALID_HANDLE);
    CHECK_FAILS(RegisterWaitForSingleObject(&wait, NULL, count_call, called, 1, 0), ERROR_INVALID_HANDLE);
}

static void links(void)
{
    HANDLE link = INVALID_HANDLE_VALUE, directory = NULL, event = NULL;
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING target = text(u"\\BaseNamedObjects"), name = text(u"x"), odd = {3, 4, (PWSTR)3};
    CHECK(NtCreateSymbolicLinkObject(&link, SYMBOLIC_LINK_ALL_ACCESS, NULL, &target) == STATUS_SUCCESS);
    WCHAR room[50];
    ULONG size = 0;
    UNICODE_STRING told = {9, sizeof room, room};
    memset(room, 0xAA, sizeof room);
    CHECK(NtQuerySymbolicLinkObject(link, &told, &size) == STATUS_SUCCESS && told.Length == 34 && size == 36);
    CHECK(memcmp(room, u"\\BaseNamedObjects", 36) == 0); /* who asks how long it is gets the terminator */
    told.MaximumLength = 34, told.Length = 9;
    CHECK(NtQuerySymbolicLinkObject(link, &told, &size) == STATUS_BUFFER_TOO_SMALL && told.Length == 9 && size == 36);
    CHECK(NtQuerySymbolicLinkObject(link, &told, NULL) == STATUS_SUCCESS && told.Length == 34);
    target.MaximumLength = 0;
    CHECK(NtCreateSymbolicLinkObject(&link, SYMBOLIC_LINK_ALL_ACCESS, NULL, &target) == STATUS_INVALID_PARAMETER);
    CHECK(link == NULL); /* which it is as soon as anything is refused */
    CHECK(NtCreateDirectoryObject(&directory, DIRECTORY_ALL_ACCESS, NULL) == STATUS_SUCCESS);
    InitializeObjectAttributes(&attributes, &name, 0, directory, NULL);
    CHECK(NtCreateEvent(&event, EVENT_ALL_ACCESS, &attributes, NotificationEvent, FALSE) == STATUS_SUCCESS);
    CHECK(NtOpenEvent(&event, EVENT_ALL_ACCESS, &attributes) == STATUS_SUCCESS);
    attributes.ObjectName = &odd;
    CHECK(NtOpenEvent(&event, EVENT_ALL_ACCESS, &attributes) == STATUS_DATATYPE_MISALIGNMENT && event == NULL);
}

int main(void)
{
    objects();
    links();
    nowhere();
    sections();
    pipes();
    directories();
    procedure_calls();
    pool();
    ports();
    say("fine");
    return 0;
}
