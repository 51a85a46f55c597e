/* How threads and programs end: each way must come to its end, with the code given, and leave nothing behind. */
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>

/* Leave as much as can be left to the end of a thread: a message queue, an alertable wait, a mutex. */
static void *leave_things(void *unused)
{
    MSG message;
    (void)unused;
    CHECK(PostThreadMessageA(GetCurrentThreadId(), WM_USER, 1, 2) || !PeekMessageA(&message, NULL, 0, 0, PM_NOREMOVE));
    CHECK(PostThreadMessageA(GetCurrentThreadId(), WM_USER, 3, 4));
    do
        CHECK(GetMessageA(&message, NULL, 0, 0) == 1 && message.message == WM_USER);
    while (message.wParam != 3);
    SleepEx(1, TRUE);
    CHECK(CreateMutexA(NULL, TRUE, NULL));
    return NULL;
}

static void *end_the_program(void *unused)
{
    (void)unused;
    CHECK(CreateMutexA(NULL, TRUE, NULL));
    exit(4);
}

static void *wait_for_ever(void *event)
{
    WaitForSingleObject(event, INFINITE);
    return NULL;
}

static void begin(pthread_t *thread, void *(*routine)(void *), void *argument)
{
    CHECK(pthread_create(thread, NULL, routine, argument) == 0);
}

int main(int count, char **arguments)
{
    pthread_t threads[8];
    const char *way = count > 1 ? arguments[1] : "";
    HANDLE event = CreateEventA(NULL, FALSE, FALSE, NULL);
    if (!strcmp(way, "threads")) {
        for (int round = 0; round < 4; round++) {
            for (int i = 0; i < 8; i++)
                begin(&threads[i], leave_things, NULL);
            for (int i = 0; i < 8; i++)
                CHECK(pthread_join(threads[i], NULL) == 0);
        }
    } else if (!strcmp(way, "exit in a thread")) {
        begin(threads, end_the_program, NULL);
        for (;;)
            pause();
    } else if (!strcmp(way, "return beside a waiter")) {
        begin(threads, wait_for_ever, event);
        Sleep(20);
        return 5;
    } else if (!strcmp(way, "exit of a child")) {
        int status = 0;
        begin(threads, wait_for_ever, event);
        Sleep(20);
        if (fork() == 0) {
            CHECK(SetEvent(event)); /* which the waiter of the parent takes */
            exit(6);
        }
        CHECK(wait(&status) > 0);
        return WEXITSTATUS(status);
    }
    return 0;
}
