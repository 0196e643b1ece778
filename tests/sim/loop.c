/* loop.c - a simulated host has no descriptors, so the loop need not ask the kernel for any: these
 * take the place of the C library's for libuv, and make a turn of the loop several times cheaper.
 */
#include <signal.h>
#include <sys/epoll.h>

int epoll_wait(int epfd, struct epoll_event *events, int max, int timeout_ms)
{
    (void)epfd, (void)events, (void)max, (void)timeout_ms;
    return 0;
}

int epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout_ms, const sigset_t *mask)
{
    (void)epfd, (void)events, (void)max, (void)timeout_ms, (void)mask;
    return 0;
}
