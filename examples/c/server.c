/*
 * A server of a named pipe in C: it answers each line in capitals, and keeps a board in shared memory.
 *
 *     python -m ntipc.clib build
 *     gcc examples/c/server.c -o server $(python -m ntipc.clib flags)
 *     gcc examples/c/client.c -o client $(python -m ntipc.clib flags)
 *     ./server 2 & ./client hello; ./client good bye
 */
#include "board.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what)
{
    fprintf(stderr, "server: %s: error %u\n", what, (unsigned)GetLastError());
    exit(1);
}

/* Answer one client until it goes. */
static void serve(HANDLE pipe, HANDLE lock, struct board *board)
{
    char line[64];
    DWORD size, written;
    while (ReadFile(pipe, line, sizeof line - 1, &size, NULL)) {
        line[size] = '\0';
        WaitForSingleObject(lock, INFINITE); /* WAIT_ABANDONED is fine: all fields are written in one go */
        board->asked++;
        board->characters += size;
        memcpy(board->last, line, size + 1);
        ReleaseMutex(lock);
        for (DWORD i = 0; i < size; i++)
            line[i] = (char)toupper((unsigned char)line[i]);
        if (!WriteFile(pipe, line, size, &written, NULL))
            break;
    }
    if (GetLastError() != ERROR_BROKEN_PIPE)
        fail("a client");
}

int main(int count, char **arguments)
{
    int clients = count > 1 ? atoi(arguments[1]) : 1;
    HANDLE ready = CreateEventA(NULL, TRUE, FALSE, READY_NAME);
    HANDLE lock = CreateMutexA(NULL, FALSE, MUTEX_NAME);
    HANDLE memory = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, sizeof(struct board), MEMORY_NAME);
    HANDLE pipe = CreateNamedPipeA(PIPE_NAME, PIPE_ACCESS_DUPLEX, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_WAIT,
                                   1, 4096, 4096, 0, NULL);
    if (!ready || !lock || !memory || pipe == INVALID_HANDLE_VALUE)
        fail("an object");
    struct board *board = MapViewOfFile(memory, FILE_MAP_WRITE, 0, 0, 0);
    if (!board)
        fail("the memory");
    SetEvent(ready);
    for (int i = 0; i < clients; i++) {
        if (!ConnectNamedPipe(pipe, NULL) && GetLastError() != ERROR_PIPE_CONNECTED)
            fail("the pipe");
        serve(pipe, lock, board);
        DisconnectNamedPipe(pipe);
    }
    printf("server: %u lines, %u characters, the last one: %s\n", (unsigned)board->asked, (unsigned)board->characters,
           board->last);
    return 0;
}
