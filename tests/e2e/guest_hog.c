/* guest_hog.c - takes a processor for ever, before everything else that runs: what a guest that
 * hangs is like. The kernel's guard of real-time tasks (sched_rt_runtime_us) has to be off. */
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    const struct sched_param first = { .sched_priority = 99 };
    if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &first) !=
        0) { /* musl has no function for it */
        perror("sched_setscheduler");
        return 1;
    }
    for (;;)
        ;
}
