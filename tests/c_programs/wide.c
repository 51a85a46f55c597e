/* A program as it stands on Windows: windows.h, UNICODE, L"..." literals (gcc -fshort-wchar). */
#include <windows.h>
#include <stdio.h>

int main(void)
{
    HANDLE event = CreateEvent(NULL, TRUE, FALSE, TEXT("wide"));
    HANDLE again = OpenEvent(EVENT_ALL_ACCESS, FALSE, L"wide");
    if (!event || !again || !SetEvent(again) || WaitForSingleObject(event, 0) != WAIT_OBJECT_0)
        return 1;
    STARTUPINFO startup = {.cb = sizeof(STARTUPINFO)};
    if (sizeof(WCHAR) != 2 || sizeof(LONG) != 4 || sizeof startup != 104 || sizeof(OVERLAPPED) != 32)
        return 2;
    puts("fine");
    return 0;
}
