/* What the parts of libntipc.so have in common. */
#ifndef NTIPC_INTERNAL_H
#define NTIPC_INTERNAL_H

#include "ntipc.h"

#define HIDDEN __attribute__((visibility("hidden")))
#define LIKELY(condition) __builtin_expect(!!(condition), 1)

/* The calls that are written in Python, in the order of the generated table. An address is NULL until the first call. */
extern HIDDEN const char *const ntipc_names[];
extern HIDDEN void *ntipc_addresses[];
extern HIDDEN const unsigned ntipc_name_count;

/* Names of everything that GetProcAddress finds, in strcmp's order. */
extern HIDDEN const char *const ntipc_exports[];
extern HIDDEN const unsigned ntipc_export_count;

/* True in a thread that may call into Python and keeps one Python thread state over all its calls. */
extern HIDDEN __thread char ntipc_attached;

/* Start the interpreter, if nothing has yet, and give the calling thread its thread state. */
HIDDEN void ntipc_attach(void);

/* Take the thread state from the calling thread, which ends. */
HIDDEN void ntipc_detach(void *unused);

/* Return the address of a call by its name, NULL if there is none. The thread is attached. */
HIDDEN void *ntipc_find(const char *name);
HIDDEN void *ntipc_resolve(unsigned index);

static inline void *ntipc_entry(unsigned index)
{
    if (!LIKELY(ntipc_attached))
        ntipc_attach();
    void *address = __atomic_load_n(&ntipc_addresses[index], __ATOMIC_ACQUIRE);
    return LIKELY(address) ? address : ntipc_resolve(index);
}

/* Return the address of a call that only the parts of this library make. */
static inline void *ntipc_own(const char *name)
{
    if (!LIKELY(ntipc_attached))
        ntipc_attach();
    return ntipc_find(name);
}

#endif
