/*
 * The Python interpreter behind the calls: found and started at the first one, and never finalised.
 *
 * Threads. A callback of ctypes takes the GIL by itself. In a thread of C it would make a thread state for each call,
 * and with it lose the last error. So a thread gets its state once (ntipc_attach) and has it until it ends.
 *
 * Forks. Python wants to know of a fork before and after it. When Python itself forks, the thread that forks has the
 * GIL; then the handlers here do nothing, because Python calls its own.
 *
 * The end. exit() runs what ntipc has registered with atexit, so that sessions are left as a Python process leaves
 * them. Threads may still be inside calls then, which is why the interpreter is not finalised.
 */
#define _GNU_SOURCE
#include "internal.h"

#include <dlfcn.h>
#include <locale.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "configuration.h" /* generated: NTIPC_PYTHON, NTIPC_LIBPYTHON, NTIPC_LIBPYTHON_NAME */

#define CANNOT_START 70

/* The functions of Python that are called; all are in the stable interface or exported by every version. */
#define IN_EVERY_VERSION(F) \
    F(int, Py_IsInitialized, (void)) \
    F(void, Py_InitializeEx, (int)) \
    F(int, PyGILState_Ensure, (void)) \
    F(void, PyGILState_Release, (int)) \
    F(void *, PyGILState_GetThisThreadState, (void)) \
    F(int, PyGILState_Check, (void)) \
    F(void *, PyEval_SaveThread, (void)) \
    F(void, PyEval_RestoreThread, (void *)) \
    F(void, PyThreadState_Clear, (void *)) \
    F(void, PyThreadState_DeleteCurrent, (void)) \
    F(int, PyRun_SimpleString, (const char *)) \
    F(void, PyOS_BeforeFork, (void)) \
    F(void, PyOS_AfterFork_Parent, (void)) \
    F(void, PyOS_AfterFork_Child, (void))
/* How the program's name is told: the first way up to Python 3.13, the other one since 3.14. */
#define IN_SOME_VERSIONS(F) \
    F(void, Py_SetProgramName, (const wchar_t *)) \
    F(wchar_t *, Py_DecodeLocale, (const char *, size_t *)) \
    F(void *, PyInitConfig_Create, (void)) \
    F(int, PyInitConfig_SetStr, (void *, const char *, const char *)) \
    F(int, PyInitConfig_SetInt, (void *, const char *, int64_t)) \
    F(int, PyInitConfig_GetError, (void *, const char **)) \
    F(int, Py_InitializeFromInitConfig, (void *))

#define MEMBER(result, name, arguments) result (*name) arguments;
static struct {
    IN_EVERY_VERSION(MEMBER)
    IN_SOME_VERSIONS(MEMBER)
} python;

/* What the module ntipc.clib.runtime fills in. */
static struct {
    void *(*resolve)(const char *name);
    void (*leave)(void);
} bridge;

HIDDEN __thread char ntipc_attached;
static __thread void *own_state;
static __thread int gil_for_fork;
static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;
static int started; /* changes under the lock, from 0 to 1 */

extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
extern void *__dso_handle;

static void give_up(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fputs("libntipc: ", stderr);
    vfprintf(stderr, format, values);
    fputc('\n', stderr);
    va_end(values);
    _exit(CANNOT_START);
}

static int load_from(void *library)
{
#define LOAD(result, name, arguments) *(void **)&python.name = dlsym(library, #name);
    IN_EVERY_VERSION(LOAD)
    IN_SOME_VERSIONS(LOAD)
#define IS_THERE(result, name, arguments) &&python.name
    return 1 IN_EVERY_VERSION(IS_THERE);
}

/* The interpreter that runs this program, if one does; else the library of the one that libntipc.so was built with. */
static void load_python(void)
{
    if (load_from(RTLD_DEFAULT))
        return;
    const char *chosen = getenv("NTIPC_LIBPYTHON");
    const char *const candidates[] = {chosen, NTIPC_LIBPYTHON, NTIPC_LIBPYTHON_NAME};
    const char *why = "";
    for (unsigned i = chosen ? 0 : 1; i < (chosen ? 1 : 3); i++) {
        void *library = dlopen(candidates[i], RTLD_NOW | RTLD_GLOBAL);
        if (library && load_from(library))
            return;
        why = library ? "it is no library of Python 3.11 or newer" : dlerror();
    }
    give_up("the shared library of Python cannot be loaded: %s. Debian has it in the package " NTIPC_PACKAGE
            "; NTIPC_LIBPYTHON names another place",
            why);
}

static void start_interpreter(void)
{
    const char *program = getenv("NTIPC_PYTHON");
    if (!program)
        program = NTIPC_PYTHON;
    char *locale = setlocale(LC_CTYPE, NULL);
    locale = locale ? strdup(locale) : NULL;
    if (python.PyInitConfig_Create) {
        void *configuration = python.PyInitConfig_Create();
        const char *why = "no memory";
        if (!configuration || python.PyInitConfig_SetStr(configuration, "program_name", program) < 0 ||
            python.PyInitConfig_SetInt(configuration, "install_signal_handlers", 0) < 0 ||
            python.Py_InitializeFromInitConfig(configuration) < 0) {
            if (configuration)
                python.PyInitConfig_GetError(configuration, &why);
            give_up("Python does not start: %s", why);
        }
    } else {
        wchar_t *decoded = python.Py_DecodeLocale(program, NULL);
        if (!decoded)
            give_up("%s is no path that Python can read", program);
        python.Py_SetProgramName(decoded); /* Python keeps the address */
        python.Py_InitializeEx(0);         /* 0: no signal handlers, they are the program's */
    }
    if (locale) {
        setlocale(LC_CTYPE, locale);
        free(locale);
    }
}

/* The GIL is held from here to the matching handler after the fork. */
static void before_fork(void)
{
    gil_for_fork = -1;
    if (ntipc_attached && python.PyGILState_Check())
        return;
    if (!ntipc_attached)
        ntipc_attach();
    gil_for_fork = python.PyGILState_Ensure();
    python.PyOS_BeforeFork();
}

static void after_fork_in_parent(void)
{
    if (gil_for_fork < 0)
        return;
    python.PyOS_AfterFork_Parent();
    python.PyGILState_Release(gil_for_fork);
}

static void after_fork_in_child(void)
{
    if (gil_for_fork < 0)
        return;
    python.PyOS_AfterFork_Child();
    python.PyGILState_Release(gil_for_fork);
}

static void leave(void)
{
    if (!ntipc_attached)
        ntipc_attach();
    bridge.leave();
}

static void start(void)
{
    load_python();
    int is_guest = python.Py_IsInitialized(), gil = 0;
    if (is_guest)
        gil = python.PyGILState_Ensure();
    else
        start_interpreter();
    char statement[160];
    snprintf(statement, sizeof statement, "__import__('ntipc.clib.runtime', fromlist=['connect']).connect(%llu, %d)",
             (unsigned long long)(uintptr_t)&bridge, is_guest);
    if (python.PyRun_SimpleString(statement) != 0)
        give_up("ntipc cannot be imported in the interpreter %s", is_guest ? "of this program" : NTIPC_PYTHON);
    if (is_guest) {
        python.PyGILState_Release(gil);
        return; /* forks and the end are the host's matter */
    }
    python.PyEval_SaveThread();
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child); /* after the kernel's own handlers */
    atexit(leave);
}

HIDDEN void ntipc_attach(void)
{
    if (!__atomic_load_n(&started, __ATOMIC_ACQUIRE)) {
        pthread_mutex_lock(&starting);
        if (!started) {
            start();
            __atomic_store_n(&started, 1, __ATOMIC_RELEASE);
        }
        pthread_mutex_unlock(&starting);
    }
    if (!python.PyGILState_GetThisThreadState()) {
        python.PyGILState_Ensure(); /* never released: the state lives as long as the thread */
        own_state = python.PyEval_SaveThread();
        /* Before the destructors of pthread keys, which would take Python's knowledge of this thread away first. */
        __cxa_thread_atexit_impl(ntipc_detach, NULL, &__dso_handle);
    }
    ntipc_attached = 1;
}

HIDDEN void ntipc_detach(void *unused)
{
    (void)unused;
    void *state = own_state;
    own_state = NULL;
    ntipc_attached = 0;
    if (state) {
        python.PyEval_RestoreThread(state);
        python.PyThreadState_Clear(state);
        python.PyThreadState_DeleteCurrent();
    }
}

HIDDEN void *ntipc_find(const char *name)
{
    return bridge.resolve(name);
}

HIDDEN void *ntipc_resolve(unsigned index)
{
    void *address = bridge.resolve(ntipc_names[index]);
    if (!address)
        give_up("%s is not in the installed ntipc: build libntipc.so anew", ntipc_names[index]);
    __atomic_store_n(&ntipc_addresses[index], address, __ATOMIC_RELEASE);
    return address;
}
