/* tree_watch.c - a watch for each directory of a tree, the upper ones first.
 *
 * (Rejected: libuv's own watcher, one a directory. It keeps silent when the kernel's queue has
 * overflown, and a handle for each of thousands of directories has to be closed one by one.)
 */
#include "orchestrator/gitops/tree_watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"

/* SETTLE: people and programs change several files; the last one counts. LONGEST: but not for ever.
 */
enum { SETTLE_MS = 200, LONGEST_MS = 2000, DEPTH_MAX = 64 };

static const uint32_t mask = IN_CREATE | IN_DELETE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM |
                             IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

/* A walk: what it is to find, and what it has found. */
struct walk {
    uv_work_t work;
    dev_t dev;
    ino_t ino;
    int *watches; /* n_watches, in order; the directories of the tree */
    size_t n_watches, max;
    bool is_forced; /* also when the root is the one that it was */
    bool is_new;    /* it has found another root than the one that was watched */
    unsigned depth; /* how many levels are watched */
    char why[256];  /* why not all of it is watched; "" */
};

struct wc_tree_watch {
    struct wc_tree_watch_config config;
    char *root, *only;
    uv_loop_t *uv;
    uv_poll_t poll;
    uv_timer_t timer;
    int fd; /* inotify; -1: there is none to be had */
    struct walk walk;
    bool is_walking, is_closing, is_stale; /* stale: other directories may be there now */
    bool has_news;                         /* that nobody was told of yet */
    bool walks_again;
    uint64_t news_ms;   /* since when; loop's time */
    char said[256];     /* the last reason why it is partial */
    unsigned n_handles; /* open ones */
};

/* Walking; on another thread -------------------------------------------------------------------*/

static int add_watch(struct walk *walk, int fd, int dir)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", dir);
    int wd = inotify_add_watch(fd, path, mask);
    if (wd < 0)
        return errno;
    walk->watches = wc_realloc(walk->watches, walk->n_watches + 1, sizeof *walk->watches);
    walk->watches[walk->n_watches++] = wd;
    return 0;
}

static bool is_directory(int dir, const struct dirent *entry)
{
    struct stat st;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
        return false;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Watches the directories that are `depth` beneath this one, which is taken over. True: there are
 * some. Level by level, so that the upper ones are watched where not all can be. */
static bool walk_level(struct walk *walk, int fd, int dir, unsigned depth)
{
    bool any = false;
    DIR *entries = depth > 0 ? fdopendir(dir) : NULL;
    if (depth == 0 && walk->why[0] == '\0') {
        bool is_full = walk->n_watches == walk->max;
        int sys = is_full ? 0 : add_watch(walk, fd, dir);
        if (is_full)
            snprintf(walk->why, sizeof walk->why, "it has more than %zu directories", walk->max);
        else if (sys != 0)
            snprintf(walk->why, sizeof walk->why, "%s",
                     sys == ENOSPC ? "fs.inotify.max_user_watches is reached" : strerror(sys));
    }
    if (entries == NULL) {
        close(dir);
        return depth == 0;
    }
    for (const struct dirent *e = readdir(entries); e != NULL; e = readdir(entries)) {
        int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        int child = is_directory(dir, e) ? openat(dir, e->d_name, flags) : -1;
        if (child >= 0)
            any = walk_level(walk, fd, child, depth - 1) || any;
    }
    closedir(entries);
    return any;
}

static int compare(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* Directories that were moved elsewhere are theirs who have them now. */
static void drop_strays(int fd, const struct walk *walk, const int *old, size_t n_old)
{
    for (size_t i = 0; i < n_old; i++)
        if (walk->n_watches == 0 ||
            bsearch(&old[i], walk->watches, walk->n_watches, sizeof old[i], compare) == NULL)
            (void)inotify_rm_watch(fd, old[i]);
}

static void on_work(uv_work_t *work)
{
    struct wc_tree_watch *watch = work->data;
    struct walk *walk = &watch->walk;
    struct stat st;
    bool is_there = stat(watch->root, &st) == 0;
    walk->is_new = is_there && (st.st_dev != walk->dev || st.st_ino != walk->ino);
    if (!walk->is_forced && !walk->is_new)
        return;
    int *old = walk->watches;
    size_t n_old = walk->n_watches;
    walk->watches = NULL;
    walk->n_watches = 0;
    walk->why[0] = '\0';
    walk->dev = is_there ? st.st_dev : 0;
    walk->ino = is_there ? st.st_ino : 0;
    bool any = true;
    for (unsigned depth = 0; any && depth < walk->depth && walk->why[0] == '\0'; depth++) {
        int dir = open(watch->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
            snprintf(walk->why, sizeof walk->why, "%s", strerror(errno));
        any = dir >= 0 && walk_level(walk, watch->fd, dir, depth);
    }
    if (walk->n_watches > 0)
        qsort(walk->watches, walk->n_watches, sizeof *walk->watches, compare);
    drop_strays(watch->fd, walk, old, n_old);
    wc_free(old);
}

/* On the loop ----------------------------------------------------------------------------------*/

static void free_if_over(struct wc_tree_watch *watch)
{
    if (watch->n_handles > 0 || watch->is_walking)
        return;
    void (*closed)(void *) = watch->config.closed;
    void *data = watch->config.data;
    if (watch->fd >= 0)
        close(watch->fd);
    wc_free(watch->walk.watches);
    wc_free(watch->root);
    wc_free(watch->only);
    wc_free(watch);
    closed(data);
}

static void start_walk(struct wc_tree_watch *watch, bool is_forced);

static void say_partial(struct wc_tree_watch *watch, const char *why)
{
    if (strcmp(why, watch->said) == 0)
        return;
    snprintf(watch->said, sizeof watch->said, "%s", why);
    if (why[0] != '\0')
        watch->config.partial(watch->config.data, watch->root, why);
}

static void tell(struct wc_tree_watch *watch)
{
    if (!watch->has_news)
        return;
    watch->has_news = false;
    watch->config.changed(watch->config.data);
}

static void on_walked(uv_work_t *work, int status)
{
    struct wc_tree_watch *watch = work->data;
    (void)status;
    watch->is_walking = false;
    if (watch->is_closing) {
        free_if_over(watch);
        return;
    }
    say_partial(watch, watch->walk.why);
    watch->has_news = watch->has_news || watch->walk.is_new; /* nobody told of what came before */
    if (watch->walks_again)
        start_walk(watch, true);
    else
        tell(watch);
}

static void start_walk(struct wc_tree_watch *watch, bool is_forced)
{
    if (watch->fd < 0)
        return;
    if (watch->is_walking) {
        watch->walks_again = watch->walks_again || is_forced;
        return;
    }
    watch->walk.is_forced = is_forced || watch->is_stale;
    watch->walks_again = watch->is_stale = false;
    watch->walk.work.data = watch;
    watch->is_walking = uv_queue_work(watch->uv, &watch->walk.work, on_work, on_walked) == 0;
}

static void on_settled(uv_timer_t *timer)
{
    struct wc_tree_watch *watch = timer->data;
    if (watch->is_stale)
        start_walk(watch, true);
    if (!watch->is_walking)
        tell(watch);
}

static void note(struct wc_tree_watch *watch, uint32_t what, const char *name)
{
    if (name[0] != '\0' && watch->only != NULL && strcmp(name, watch->only) != 0)
        return;
    bool is_of_directories = (what & IN_ISDIR) != 0 &&
                             (what & (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)) != 0;
    if ((what & IN_IGNORED) != 0)
        return;
    if (is_of_directories || (what & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF)) != 0)
        watch->is_stale = true;
    uint64_t now_ms = uv_now(watch->uv);
    if (!watch->has_news)
        watch->news_ms = now_ms;
    watch->has_news = true;
    if (!uv_is_active((uv_handle_t *)&watch->timer) || now_ms - watch->news_ms < LONGEST_MS)
        uv_timer_start(&watch->timer, on_settled, SETTLE_MS, 0);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct wc_tree_watch *watch = poll->data;
    char bytes[16384] __attribute__((aligned(8)));
    (void)status, (void)events;
    ssize_t n = read(watch->fd, bytes, sizeof bytes);
    for (ssize_t at = 0; at < n;) {
        struct inotify_event event;
        memcpy(&event, bytes + at, sizeof event);
        note(watch, event.mask, event.len > 0 ? bytes + at + sizeof event : "");
        at += (ssize_t)(sizeof event + event.len);
    }
}

struct wc_tree_watch *wc_tree_watch_open(uv_loop_t *uv, const struct wc_tree_watch_config *config)
{
    struct wc_tree_watch *watch = wc_calloc(1, sizeof *watch);
    watch->config = *config;
    watch->root = wc_strdup(config->root);
    watch->only = config->only != NULL ? wc_strdup(config->only) : NULL;
    watch->walk.depth = config->only != NULL ? 1 : DEPTH_MAX;
    watch->uv = uv;
    watch->walk.max = config->max != 0 ? config->max : WC_TREE_WATCH_MAX;
    watch->n_handles = 1;
    uv_timer_init(uv, &watch->timer);
    watch->timer.data = watch->poll.data = watch;
    watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch->fd < 0) {
        say_partial(watch,
                    errno == EMFILE ? "fs.inotify.max_user_instances is reached" : strerror(errno));
        return watch;
    }
    uv_poll_init(uv, &watch->poll, watch->fd);
    watch->n_handles++;
    uv_poll_start(&watch->poll, UV_READABLE, on_readable);
    start_walk(watch, true);
    return watch;
}

bool wc_tree_watch_is_of(const struct wc_tree_watch *watch, const char *root, const char *only)
{
    return wc_streq(watch->root, root) && wc_streq0(watch->only, only);
}

void wc_tree_watch_check(struct wc_tree_watch *watch)
{
    start_walk(watch, false);
}

static void on_closed(uv_handle_t *handle)
{
    struct wc_tree_watch *watch = handle->data;
    watch->n_handles--;
    free_if_over(watch);
}

void wc_tree_watch_close(struct wc_tree_watch *watch)
{
    watch->is_closing = true;
    uv_close((uv_handle_t *)&watch->timer, on_closed);
    if (watch->fd >= 0)
        uv_close((uv_handle_t *)&watch->poll, on_closed);
}
