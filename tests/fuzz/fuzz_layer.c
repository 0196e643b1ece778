/* fuzz_layer.c - any bytes as a layer, as they are, packed with zstd, and in small runs: unpacked
 * on a tmpfs of its own, they may fail, but nothing may appear or change outside the root, and what
 * was unpacked can be removed again. */
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/fs.h"
#include "images/inflate.h"
#include "images/layer.h"

static const struct wc_layer_limits limits = {
    .bytes = 4 << 20, .entries = 200, .depth = 16, .names = 1 << 20
};
static const char home[] = "/tmp/wc-fuzz-layer";

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* Fuzzed layers make device nodes and millions of files: not on the user's disk. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    mkdir(home, 0700);
    if (geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("tmpfs", home, "tmpfs", MS_NODEV, "size=64m,mode=0700") != 0)
        abort();
    return 0;
}

static void check(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "escaped: %s\n", what);
    abort();
}

static void check_outside(const char *dir)
{
    char path[128], text[16] = "";
    struct stat st;
    snprintf(path, sizeof path, "%s/secret", dir);
    check(lstat(path, &st) == 0 && S_ISREG(st.st_mode), "the file beside is gone");
    check(st.st_nlink == 1 && (st.st_mode & 07777) == 0600 && st.st_uid == geteuid(),
          "the file beside is linked or owned");
    int fd = open(path, O_RDONLY);
    check(read(fd, text, sizeof text) == 6 && memcmp(text, "secret", 6) == 0,
          "the file beside has other content");
    close(fd);
    check(stat(dir, &st) == 0 && (st.st_mode & 07777) == 0700 && st.st_nlink == 3,
          "the directory above changed");
}

/* The bytes in runs of changing length, as a network gives them. */
struct runs {
    const uint8_t *data;
    size_t size, at;
};

static int next_run(void *data, const void **bytes, size_t *len, struct wc_err *err)
{
    struct runs *runs = data;
    (void)err;
    size_t left = runs->size - runs->at, want = 1 + runs->at % 613;
    *bytes = runs->data + runs->at;
    *len = want < left ? want : left;
    runs->at += *len;
    return 0;
}

/* What the parser sees is the input in every case; random changes of packed bytes would end at the
 * first checksum. */
static int unpack(const uint8_t *data, size_t size, int root,
                  const struct wc_layer_options *options, struct wc_err *err)
{
    struct wc_layer_result result;
    size_t bound = ZSTD_compressBound(size);
    uint8_t *packed = NULL;
    struct runs runs = { .data = data, .size = size };
    const struct wc_bytes from = { next_run, &runs };
    if (size % 3 == 0) {
        packed = malloc(bound);
        check(packed != NULL, "no memory");
        runs.data = packed;
        runs.size = ZSTD_compress(packed, bound, data, size, 1);
    }
    int rc = wc_layer_unpack_from(&from, root, options, &result, err);
    free(packed);
    return rc;
}

static int unpack_file(const uint8_t *data, size_t size, int root,
                       const struct wc_layer_options *options, struct wc_err *err)
{
    struct wc_layer_result result;
    int blob = memfd_create("layer", MFD_CLOEXEC);
    check(blob >= 0 && write(blob, data, size) == (ssize_t)size, "no layer");
    lseek(blob, 0, SEEK_SET);
    int rc = wc_layer_unpack(blob, root, options, &result, err);
    close(blob);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct wc_layer_options options = { .limits = limits, .merge_usr = size % 2 == 1 };
    char dir[64], path[128];
    struct wc_err err = { 0 };
    snprintf(dir, sizeof dir, "%s/%d", home, (int)getpid());
    mkdir(home, 0700);
    check(mkdir(dir, 0700) == 0, "no directory to work in");
    snprintf(path, sizeof path, "%s/secret", dir);
    check(wc_fs_write_atomic(path, "secret", 6, 0600, false, NULL) == 0, "no file beside");
    snprintf(path, sizeof path, "%s/root", dir);
    check(mkdir(path, 0755) == 0, "no root");
    int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check(root >= 0, "no root");
    int rc = size % 3 == 2 ? unpack_file(data, size, root, &options, &err)
                           : unpack(data, size, root, &options, &err);
    check((rc == 0) == (err.code == 0) && rc <= 0, "an error without a message");
    close(root);
    check_outside(dir);
    check(wc_fs_remove_tree(dir, &err) == 0, err.msg);
    return 0;
}

/* Puts the checksum right in what looks like a tar header; without it nearly every change of a
 * header would end at the parser's first look. */
static void mend(uint8_t *head)
{
    char sum_text[8];
    unsigned sum = 0;
    memset(head + 148, ' ', 8);
    for (size_t i = 0; i < 512; i++)
        sum += head[i];
    snprintf(sum_text, sizeof sum_text, "%06o", sum & 0777777);
    memcpy(head + 148, sum_text, 7);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    size_t len = LLVMFuzzerMutate(data, size, max_size);
    if (seed % 8 == 0) /* now and then as it is: compressed, cut, or no tar at all */
        return len;
    for (size_t at = 0; at + 512 <= len; at += 512)
        if (memcmp(data + at + 257, "ustar", 5) == 0)
            mend(data + at);
    return len;
}
