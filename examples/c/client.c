/* A client of examples/c/server.c: it sends its arguments, one a line, and shows the answers and the board. */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what)
{
    fprintf(stderr, "client: %s: error %u\n", what, (unsigned)GetLastError());
    exit(1);
}

int main(int count, char **arguments)
{
    HANDLE ready = CreateEventA(NULL, TRUE, FALSE, READY_NAME);
    if (WaitForSingleObject(ready, 10000) != WAIT_OBJECT_0)
        fail("no server is ready");
    HANDLE pipe;
    while ((pipe = CreateFileA(PIPE_NAME, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL)) ==
           INVALID_HANDLE_VALUE)
        if (GetLastError() != ERROR_PIPE_BUSY || !WaitNamedPipeA(PIPE_NAME, 10000))
            fail("the pipe");
    DWORD mode = PIPE_READMODE_MESSAGE, size;
    SetNamedPipeHandleState(pipe, &mode, NULL, NULL);
    char answer[64];
    for (int i = 1; i < count; i++) {
        if (!TransactNamedPipe(pipe, arguments[i], (DWORD)strlen(arguments[i]), answer, sizeof answer, &size, NULL))
            fail("the answer");
        printf("client: %.*s\n", (int)size, answer);
    }
    HANDLE lock = OpenMutexA(SYNCHRONIZE, FALSE, MUTEX_NAME);
    HANDLE memory = OpenFileMappingA(FILE_MAP_READ, FALSE, MEMORY_NAME);
    struct board *board = memory ? MapViewOfFile(memory, FILE_MAP_READ, 0, 0, 0) : NULL;
    if (!lock || !board)
        fail("the board");
    WaitForSingleObject(lock, INFINITE);
    printf("client: %u lines so far\n", (unsigned)board->asked);
    ReleaseMutex(lock);
    return 0;
}
