/* Objects by name, results, the last error, and inputs that are refused. */
#include "check.h"

static void names(void)
{
    HANDLE wide = CreateEventW(NULL, FALSE, FALSE, u"gr\u00fc\u00dfe");
    CHECK(wide && GetLastError() == ERROR_SUCCESS);
    HANDLE narrow = CreateEventA(NULL, FALSE, FALSE, "gr\xc3\xbc\xc3\x9f" "e"); /* the same in UTF-8 */
    CHECK(narrow && narrow != wide && GetLastError() == ERROR_ALREADY_EXISTS);
    CHECK(SetEvent(wide) && WaitForSingleObject(narrow, 0) == WAIT_OBJECT_0);
    CHECK(WaitForSingleObject(wide, 0) == WAIT_TIMEOUT);
    CHECK_FAILS(OpenEventW(EVENT_ALL_ACCESS, FALSE, u"nobody's"), ERROR_FILE_NOT_FOUND);
    CHECK_FAILS(OpenMutexW(MUTEX_ALL_ACCESS, FALSE, u"gr\u00fc\u00dfe"), ERROR_INVALID_HANDLE);
    CHECK_FAILS(OpenEventW(EVENT_ALL_ACCESS, FALSE, NULL), ERROR_INVALID_PARAMETER);
    HANDLE listener = OpenEventA(SYNCHRONIZE, FALSE, "gr\xc3\xbc\xc3\x9f" "e");
    CHECK(listener);
    CHECK_FAILS(SetEvent(listener), ERROR_ACCESS_DENIED);
}

static void handles(void)
{
    CHECK_FAILS(CloseHandle(NULL), ERROR_INVALID_HANDLE);
    CHECK_FAILS(SetEvent(NULL), ERROR_INVALID_HANDLE);
    CHECK_FAILS(SetEvent((HANDLE)0xdeadbee0), ERROR_INVALID_HANDLE);
    CHECK_FAILS(ReleaseMutex(INVALID_HANDLE_VALUE), ERROR_INVALID_HANDLE);
    SetLastError(0);
    CHECK(WaitForSingleObject((HANDLE)0xdeadbee0, 0) == WAIT_FAILED && GetLastError() == ERROR_INVALID_HANDLE);
    HANDLE event = CreateEventA(NULL, TRUE, TRUE, NULL), copy = NULL;
    CHECK(DuplicateHandle(GetCurrentProcess(), event, GetCurrentProcess(), &copy, 0, FALSE, DUPLICATE_SAME_ACCESS));
    CHECK(CloseHandle(event) && WaitForSingleObject(copy, 0) == WAIT_OBJECT_0);
    CHECK_FAILS(CloseHandle(event), ERROR_INVALID_HANDLE);
    CHECK(SetHandleInformation(copy, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT));
    DWORD flags = 0;
    CHECK(GetHandleInformation(copy, &flags) && flags == HANDLE_FLAG_INHERIT);
}

static void null_pointers(void)
{
    HANDLE event = CreateEventA(NULL, TRUE, TRUE, NULL);
    SetLastError(0);
    CHECK(WaitForMultipleObjects(1, NULL, FALSE, 0) == WAIT_FAILED && GetLastError() == ERROR_INVALID_PARAMETER);
    CHECK(WaitForMultipleObjects(0, &event, FALSE, 0) == WAIT_FAILED);
    CHECK(WaitForMultipleObjects(65, &event, FALSE, 0) == WAIT_FAILED);
    HANDLE semaphore = CreateSemaphoreA(NULL, 0, 2, NULL);
    CHECK(ReleaseSemaphore(semaphore, 1, NULL));
    CHECK_FAILS(ReleaseSemaphore(semaphore, 2, NULL), ERROR_TOO_MANY_POSTS);
    CHECK_FAILS(ReleaseSemaphore(semaphore, 0, NULL), ERROR_INVALID_PARAMETER);
    CHECK_FAILS(CreateSemaphoreA(NULL, 3, 2, NULL), ERROR_INVALID_PARAMETER);
    HANDLE timer = CreateWaitableTimerA(NULL, TRUE, NULL);
    CHECK_FAILS(SetWaitableTimer(timer, NULL, 0, NULL, NULL, FALSE), ERROR_INVALID_PARAMETER);
    CHECK_FAILS(MapViewOfFile(NULL, FILE_MAP_READ, 0, 0, 0), ERROR_INVALID_HANDLE);
    CHECK_FAILS(UnmapViewOfFile(NULL), ERROR_INVALID_ADDRESS);
    CHECK_FAILS(CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 0, NULL), ERROR_INVALID_PARAMETER);
    CHECK_FAILS(CreateProcessA(NULL, NULL, NULL, NULL, FALSE, 0, NULL, NULL, NULL, NULL), ERROR_NOACCESS);
    CHECK_FAILS(CreatePipe(NULL, NULL, NULL, 0), ERROR_NOACCESS);
    DWORD size = 7;
    CHECK_FAILS(ReadFile(NULL, &size, 4, &size, NULL), ERROR_INVALID_HANDLE);
    CHECK(size == 0);
    CHECK_FAILS(GetProcAddress(NULL, "SetEvent"), ERROR_INVALID_HANDLE);
    CHECK_FAILS(GetProcAddress(GetModuleHandleA("kernel32.dll"), "NoSuchCall"), ERROR_PROC_NOT_FOUND);
    CHECK(GetProcAddress(GetModuleHandleA("kernel32"), "SetEvent") == (FARPROC)(void *)SetEvent);
}

static void semaphores_and_timers(void)
{
    HANDLE semaphore = CreateSemaphoreW(NULL, 1, 5, u"places");
    LONG before = -1;
    CHECK(ReleaseSemaphore(semaphore, 3, &before) && before == 1);
    for (int i = 0; i < 4; i++)
        CHECK(WaitForSingleObject(semaphore, 0) == WAIT_OBJECT_0);
    CHECK(WaitForSingleObject(semaphore, 0) == WAIT_TIMEOUT);
    HANDLE timer = CreateWaitableTimerW(NULL, FALSE, u"alarm");
    LARGE_INTEGER due = {.QuadPart = -10000}; /* one millisecond */
    CHECK(SetWaitableTimer(timer, &due, 0, NULL, NULL, FALSE));
    CHECK(WaitForSingleObject(timer, 10000) == WAIT_OBJECT_0 && WaitForSingleObject(timer, 0) == WAIT_TIMEOUT);
    CHECK(CancelWaitableTimer(timer));
}

static void sixty_four_handles(void)
{
    HANDLE handles[MAXIMUM_WAIT_OBJECTS];
    for (int i = 0; i < MAXIMUM_WAIT_OBJECTS; i++)
        CHECK(handles[i] = CreateEventA(NULL, FALSE, FALSE, NULL));
    CHECK(WaitForMultipleObjects(64, handles, FALSE, 0) == WAIT_TIMEOUT);
    SetEvent(handles[63]);
    CHECK(WaitForMultipleObjects(64, handles, FALSE, INFINITE) == WAIT_OBJECT_0 + 63);
    for (int i = 0; i < MAXIMUM_WAIT_OBJECTS; i++)
        SetEvent(handles[i]);
    CHECK(WaitForMultipleObjects(64, handles, TRUE, INFINITE) == WAIT_OBJECT_0);
    CHECK(WaitForMultipleObjects(64, handles, FALSE, 0) == WAIT_TIMEOUT);
}

static void memory(void)
{
    HANDLE section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 8192, u"c memory");
    CHECK(section && GetLastError() == ERROR_SUCCESS);
    HANDLE again = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 8192, "c memory");
    CHECK(again && GetLastError() == ERROR_ALREADY_EXISTS);
    char *one = MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 0), *two = MapViewOfFile(again, FILE_MAP_READ, 0, 0, 0);
    CHECK(one && two && one != two);
    strcpy(one, "seen twice");
    CHECK(strcmp(two, "seen twice") == 0);
    LONG volatile *count = (LONG volatile *)(one + 64);
    CHECK(InterlockedIncrement(count) == 1 && InterlockedCompareExchange(count, 9, 1) == 1 && *count == 9);
    MEMORY_BASIC_INFORMATION told;
    CHECK(VirtualQuery(one, &told, sizeof told) == sizeof told && told.RegionSize == 8192);
    CHECK(UnmapViewOfFile(one) && UnmapViewOfFile(two));
    CHECK_FAILS(UnmapViewOfFile(one), ERROR_INVALID_ADDRESS);
    HGLOBAL block = GlobalAlloc(GMEM_MOVEABLE | GMEM_ZEROINIT, 100);
    char *bytes = GlobalLock(block);
    CHECK(bytes && bytes[99] == 0 && GlobalSize(block) >= 100 && !GlobalUnlock(block) && !GlobalFree(block));
    WCHAR *text = NULL;
    CHECK(FormatMessageW(FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM, NULL, 5, 0, (LPWSTR)&text, 0, NULL));
    CHECK(text && text[0] == u'A' && LocalFree(text) == NULL);
}

int main(void)
{
    names();
    handles();
    null_pointers();
    semaphores_and_timers();
    sixty_four_handles();
    memory();
    say("fine");
    return 0;
}
