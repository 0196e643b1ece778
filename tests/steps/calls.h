/* calls.h - which system calls change something that outlives the process, or that somebody else
 * can see: the points at which it makes a difference to be killed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A call that a process is about to make. */
struct call {
    uint64_t nr, args[6];
};

/* Says whether a call is a step, and writes what it is into `text`, for people: "renameat2 a -> b".
 *   is_first  the process is the one that is judged; of the programs that it runs, what they say
 *             to each other through pipes doesn't count
 * Descriptors and paths are read from the stopped process.
 */
bool call_is_step(pid_t pid, const struct call *call, bool is_first, char *text, size_t size);
