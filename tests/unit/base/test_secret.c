/* test_secret.c - what the kernel knows of memory and processes that hold secrets. */
#include "harness/wc_test.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/secret.h"

/* Whether the mapping that an address is in has that flag in /proc/self/smaps. */
static bool has_flag(const void *address, const char *flag)
{
    char line[512];
    bool is_it = false, found = false;
    FILE *maps = fopen("/proc/self/smaps", "re");
    assert_non_null(maps);
    while (!found && fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            is_it = (uintptr_t)address >= from && (uintptr_t)address < to;
        found = is_it && strncmp(line, "VmFlags:", 8) == 0 && strstr(line, flag) != NULL;
    }
    fclose(maps);
    return found;
}

static void pages_are_left_out_of_core_files(void **state)
{
    WC_CLEANUP_SECRET struct wc_secret secret = WC_SECRET_INIT;
    char plain[4096] = "plain";
    (void)state;
    assert_false(has_flag(plain, " dd"));
    for (int i = 0; i < 10000; i++) { /* it moves as it grows */
        wc_secret_add(&secret, "x", 1);
        if ((i & (i - 1)) == 0)
            assert_true(has_flag(secret.bytes, " dd"));
    }
    assert_int_equal(secret.len, 10000);
    assert_true(has_flag(secret.bytes + secret.len, " dd"));
}

static void read_text(const char *path, struct wc_buf *out)
{
    struct wc_err err = { 0 };
    wc_buf_reset(out);
    assert_int_equal(wc_fs_read(path, 64, out, &err), 0);
}

/* Its limit and filter, which a program that it starts has too, are as they were. */
static void a_process_is_left_out_of_core_files(void **state)
{
    WC_CLEANUP_BUF struct wc_buf before = WC_BUF_INIT, after = WC_BUF_INIT;
    struct rlimit was, is;
    int status;
    (void)state;
    assert_int_equal(prctl(PR_GET_DUMPABLE), 1);
    assert_int_equal(getrlimit(RLIMIT_CORE, &was), 0);
    read_text("/proc/self/coredump_filter", &before);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        wc_secret_no_core();
        read_text("/proc/self/coredump_filter", &after);
        bool same = getrlimit(RLIMIT_CORE, &is) == 0 && is.rlim_cur == was.rlim_cur &&
                    is.rlim_max == was.rlim_max && strcmp(before.data, after.data) == 0;
        _exit(prctl(PR_GET_DUMPABLE) == 0 && same ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(prctl(PR_GET_DUMPABLE), 1);
}

WC_MAIN(WC_CASE(pages_are_left_out_of_core_files), WC_CASE(a_process_is_left_out_of_core_files))
