/* svc.c - payload of the benchmark containers: one process that starts in no time and ends at once
 * on SIGTERM, so that what is measured is the tool.
 *   svc MARK      writes /ready, then sleeps. MARK makes the process findable in /proc.
 *   svc -h        health probe: 0 when /ready exists, else 1.
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static void on_term(int signal_number)
{
    (void)signal_number;
    _exit(0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "-h") == 0)
        return access("/ready", F_OK) == 0 ? 0 : 1;
    signal(SIGTERM, on_term);
    signal(SIGINT, on_term);
    int fd = open("/ready", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (fd >= 0)
        close(fd);
    for (;;)
        pause();
}
