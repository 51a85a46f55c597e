/* So that a source written for Windows finds its header. */
#include "ntipc.h"
