/* What server and client agree on: names, and the memory that both map. */
#include <windows.h>

#define PIPE_NAME "\\\\.\\pipe\\example board"
#define READY_NAME "example board ready"
#define MUTEX_NAME "example board lock"
#define MEMORY_NAME "example board memory"

struct board {
    DWORD asked;      /* how many lines the server has answered; changed under the mutex */
    DWORD characters; /* how many characters were in them */
    char last[64];    /* the last of them */
};
