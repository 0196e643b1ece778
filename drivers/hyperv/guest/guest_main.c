/* guest_main.c - wcompose-guest, the first process of a virtual machine.
 *
 *   wcompose-guest                                     as /init of an initramfs
 *   wcompose-guest --channel FD --own DIR --image DIR --join FILE
 *                                                      in a test's namespaces (mount, pid, net …)
 *
 * Boot, say hello, then do what the host says until it says power off, or is gone.
 */
#include "drivers/hyperv/guest/guest.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static struct wc_guest the_guest;

static int usage(void)
{
    static const char words[] =
        "wcompose-guest is the first process of a virtual machine; by hand it takes\n"
        "  --channel FD --own DIRECTORY --image DIRECTORY --join FILE\n";
    wc_file_write_all(2, words, sizeof words - 1);
    return 2;
}

static bool take_options(struct wc_guest *guest, int argc, char **argv)
{
    uint64_t fd;
    struct wc_guest_place *place = &guest->place;
    place->test = true;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--channel") == 0 && wc_number(argv[i + 1], INT32_MAX, &fd))
            place->channel = (int)fd;
        else if (strcmp(argv[i], "--image") == 0)
            place->image = argv[i + 1];
        else if (strcmp(argv[i], "--join") == 0)
            place->join = argv[i + 1][0] == '/' ? argv[i + 1] + 1 : argv[i + 1];
        else if (strcmp(argv[i], "--own") == 0)
            place->own = argv[i + 1];
        else
            return false;
    }
    return argc % 2 == 1 && place->channel > 2;
}

int main(int argc, char **argv)
{
    struct wc_guest *guest = &the_guest;
    sigset_t all;
    guest->place = (struct wc_guest_place){ .channel = -1,
                                            .own = "/own",
                                            .image = "/dev/vda",
                                            .scratch = "/dev/vdb",
                                            .join = "bin/wcompose-join" };
    guest->notify = guest->report = guest->cgroup = -1;
    if (argc > 1 && strcmp(argv[1], "--channel") == 0) {
        if (!take_options(guest, argc, argv))
            return usage();
    } else if (getpid() != 1) {
        return usage();
    }
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    wc_guest_boot(guest);
    sigemptyset(&all);
    sigaddset(&all, SIGCHLD);
    guest->signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    wc_guest_hello(guest);
    wc_guest_loop(guest);
}
