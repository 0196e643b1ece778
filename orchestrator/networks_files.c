/* networks_files.c - /etc/hosts and /etc/resolv.conf of every instance.
 *
 * A hosts file has every member of the instance's networks, so names resolve before the first
 * start, without a packet, and whatever becomes of the name server. The lines of a network are made
 * once and put into every member's file. A file that exists is rewritten in place, as it is bound
 * into a running container: written over, then cut to length, so that a reader sees at worst the
 * old end of it.
 */
#include "orchestrator/networks_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/paths.h"
#include "base/str.h"

enum { HOST_FILE_LIMIT = 1 << 20 };

/* What is the same for all slots. */
struct texts {
    struct wc_networks_work *w;
    struct wc_buf *members;                 /* per network of the address plan: its lines */
    struct wc_buf host_hosts;               /* the host's own /etc/hosts */
    struct wc_buf servers, search, options; /* of the host's resolv.conf, in resolv.conf's form */
    struct wc_buf host_resolv;
    bool served; /* a name server of ours answers on the gateways */
};

int wc_file_rewrite(const char *path, const char *text, struct wc_err *err)
{
    size_t len = strlen(text);
    struct stat st;
    WC_CLEANUP_FD int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0 || fstat(fd, &st) != 0 ||
        ((st.st_mode & 07777) != 0644 && fchmod(fd, 0644) != 0)) /* any user inside reads it */
        return wc_err_set(err, wc_fs_code(errno), errno, "%s", path);
    if (st.st_size == (off_t)len) {
        WC_CLEANUP_FREE char *old = wc_alloc(len + 1);
        if (pread(fd, old, len, 0) == (ssize_t)len && memcmp(old, text, len) == 0)
            return 0;
    }
    if (pwrite(fd, text, len, 0) != (ssize_t)len || ftruncate(fd, (off_t)len) != 0)
        return wc_err_set(err, wc_fs_code(errno), errno, "write %s", path);
    return 0;
}

/* ---- hosts ------------------------------------------------------------------------------ */

static const struct wc_attachment *attachment_to(const struct wc_networks_slot *slot,
                                                 const char *network)
{
    for (size_t i = 0; i < slot->n_nets; i++)
        if (wc_streq(slot->nets[i].name, network))
            return &slot->nets[i];
    return NULL;
}

/* The lines of one network: every member with its names. */
static void put_members(const struct wc_networks_work *w, const char *network, struct wc_buf *out)
{
    for (size_t s = 0; s < w->in->n_slots; s++) {
        const struct wc_attachment *att = attachment_to(&w->out->slots[s], network);
        char ip[16];
        if (att == NULL || !w->out->slots[s].leads)
            continue;
        wc_buf_adds(out, wc_ip4_format(att->ip4, ip));
        for (size_t i = 0; i < att->names.n; i++)
            wc_buf_printf(out, "%c%s", i == 0 ? '\t' : ' ', att->names.items[i]);
        wc_buf_addc(out, '\n');
    }
}

/* host-gateway stands for the host as the instance sees it. */
static void put_extra(const struct texts *t, size_t nth, struct wc_buf *out)
{
    const struct wc_networks_slot *slot = &t->w->out->slots[nth];
    const struct wc_kvs *extra = &t->w->in->slots[nth].service->extra_hosts;
    uint32_t gateway = 0;
    char ip[16];
    for (size_t i = 0; i < slot->n_nets && gateway == 0; i++)
        gateway = slot->nets[i].gateway4;
    for (size_t i = 0; i < extra->n; i++) {
        const char *value = extra->items[i].value;
        if (value == NULL)
            continue;
        if (wc_streq(value, "host-gateway"))
            value = gateway != 0 ? wc_ip4_format(gateway, ip) : "127.0.0.1";
        wc_buf_printf(out, "%s\t%s\n", value, extra->items[i].key);
    }
}

static void put_own_name(const struct texts *t, size_t nth, struct wc_buf *out)
{
    const struct wc_networks_slot *slot = &t->w->out->slots[nth];
    const struct wc_service *service = t->w->in->slots[nth].service;
    const char *host = service->hostname != NULL ? service->hostname : t->w->in->slots[nth].name;
    char ip[16];
    wc_buf_adds(out, slot->n_nets > 0 ? wc_ip4_format(slot->nets[0].ip4, ip) : "127.0.1.1");
    if (service->domainname != NULL)
        wc_buf_printf(out, "\t%s.%s %s\n", host, service->domainname, host);
    else
        wc_buf_printf(out, "\t%s\n", host);
}

static void put_hosts(const struct texts *t, size_t nth, struct wc_buf *out)
{
    const struct wc_networks_slot *slot = &t->w->out->slots[nth];
    if (t->w->in->slots[nth].service->network_mode == WC_NETMODE_HOST) {
        wc_buf_add(out, t->host_hosts.data, t->host_hosts.len);
        put_extra(t, nth, out);
        return;
    }
    wc_buf_adds(out, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    put_own_name(t, nth, out);
    put_extra(t, nth, out);
    for (size_t i = 0; i < slot->n_nets; i++) {
        const struct wc_address_plan *plan = &t->w->addresses;
        for (size_t n = 0; n < plan->n_networks; n++)
            if (wc_streq(plan->networks[n].name, slot->nets[i].name))
                wc_buf_add(out, t->members[n].data, t->members[n].len);
    }
}

/* ---- resolv.conf ------------------------------------------------------------------------ */

static void put_line(struct wc_buf *out, const char *keyword, const struct wc_strv *words)
{
    wc_buf_adds(out, keyword);
    for (size_t i = 0; i < words->n; i++)
        wc_buf_printf(out, " %s", words->items[i]);
    wc_buf_addc(out, '\n');
}

static uint32_t gateway_of(const struct texts *t, const char *network)
{
    const struct wc_address_plan *plan = &t->w->addresses;
    for (size_t n = 0; n < plan->n_networks; n++)
        if (wc_streq(plan->networks[n].name, network))
            return plan->networks[n].gateway4;
    return 0;
}

static void put_servers(const struct texts *t, size_t nth, struct wc_buf *out)
{
    const struct wc_service *service = t->w->in->slots[nth].service;
    const struct wc_networks_slot *slot = &t->w->out->slots[nth];
    char ip[16];
    if (service->dns.n > 0) {
        for (size_t i = 0; i < service->dns.n; i++)
            wc_buf_printf(out, "nameserver %s\n", service->dns.items[i]);
    } else if (service->network_mode == WC_NETMODE_HOST) {
        wc_buf_add(out, t->host_resolv.data, t->host_resolv.len);
    } else if (slot->n_nets > 0 && t->served) {
        wc_buf_printf(out, "nameserver %s\n", wc_ip4_format(gateway_of(t, slot->nets[0].name), ip));
    } else if (slot->n_nets > 0) {
        wc_buf_add(out, t->servers.data, t->servers.len);
    }
}

/* True when an option of that name is in the list. */
static bool has_option(const struct wc_strv *options, const char *name)
{
    for (size_t i = 0; i < options->n; i++)
        if (wc_str_starts(options->items[i], name))
            return true;
    return false;
}

static void put_resolv(const struct texts *t, size_t nth, struct wc_buf *out)
{
    const struct wc_service *service = t->w->in->slots[nth].service;
    bool own = service->network_mode != WC_NETMODE_HOST || service->dns.n > 0;
    put_servers(t, nth, out);
    if (service->dns_search.n == 1 && wc_streq(service->dns_search.items[0], "."))
        wc_buf_adds(out, "search .\n");
    else if (service->dns_search.n > 0)
        put_line(out, "search", &service->dns_search);
    else if (own)
        wc_buf_add(out, t->search.data, t->search.len);
    if (service->dns_opt.n > 0)
        put_line(out, "options", &service->dns_opt);
    else if (own)
        wc_buf_add(out, t->options.data, t->options.len);
    if (own && !has_option(&service->dns_opt, "ndots"))
        wc_buf_adds(out, "options ndots:0\n"); /* a service is asked for as such first */
}

/* Sorts the host's lines; a resolver on the host's loopback is out of a container's reach. */
static void read_host_resolv(struct texts *t)
{
    wc_fs_read("/etc/resolv.conf", HOST_FILE_LIMIT, &t->host_resolv, NULL);
    for (const char *line = t->host_resolv.data; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        struct wc_buf *to = wc_str_starts(line, "nameserver") ? &t->servers
                            : wc_str_starts(line, "search")   ? &t->search
                            : wc_str_starts(line, "options")  ? &t->options
                                                              : NULL;
        const char *value = line + strcspn(line, " \t\n");
        value += strspn(value, " \t");
        bool loopback = wc_str_starts(value, "127.") || wc_str_starts(value, "::1");
        if (to != NULL && !(to == &t->servers && loopback)) {
            wc_buf_add(to, line, len);
            wc_buf_addc(to, '\n');
        }
        line += len + (line[len] == '\n');
    }
}

/* ---- all of them ------------------------------------------------------------------------ */

static void add_file(struct wc_networks_work *w, const char *path, const char *text)
{
    struct wc_networks_priv *priv = w->out->priv;
    priv->files =
        wc_arena_grow(w->arena, priv->files, priv->n_files, &priv->cap_files, sizeof *priv->files);
    priv->files[priv->n_files++] = (struct wc_networks_file){ path, text };
}

/* Files of its own even where another instance's say the same: root inside may write them, as
 * Docker lets it, and must not choose its neighbours' name server by that. */
static void add_slot(struct texts *t, size_t nth)
{
    struct wc_networks_work *w = t->w;
    struct wc_networks_slot *slot = &w->out->slots[nth];
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    put_hosts(t, nth, &text);
    add_file(w, slot->hosts_file, wc_arena_strndup(w->arena, text.data, text.len));
    wc_buf_reset(&text);
    put_resolv(t, nth, &text);
    add_file(w, slot->resolv_file, wc_arena_strndup(w->arena, text.data, text.len));
}

static void open_texts(struct texts *t, struct wc_networks_work *w)
{
    const struct wc_buf empty = WC_BUF_INIT;
    char program[4096];
    *t = (struct texts){ .w = w,
                         .members = WC_NEW_ARRAY(w->arena, struct wc_buf, w->addresses.n_networks),
                         .host_hosts = empty,
                         .servers = empty,
                         .search = empty,
                         .options = empty,
                         .host_resolv = empty };
    for (size_t n = 0; n < w->addresses.n_networks; n++) {
        t->members[n] = empty;
        put_members(w, w->addresses.networks[n].name, &t->members[n]);
    }
    snprintf(program, sizeof program, "%s/wcompose-dns", w->in->paths->bin);
    t->served = w->in->paths->bin != NULL && wc_fs_exists(program);
    wc_fs_read("/etc/hosts", HOST_FILE_LIMIT, &t->host_hosts, NULL);
    read_host_resolv(t);
}

static void close_texts(struct texts *t)
{
    for (size_t n = 0; n < t->w->addresses.n_networks; n++)
        wc_buf_deinit(&t->members[n]);
    wc_buf_deinit(&t->host_hosts);
    wc_buf_deinit(&t->servers);
    wc_buf_deinit(&t->search);
    wc_buf_deinit(&t->options);
    wc_buf_deinit(&t->host_resolv);
}

/* The slot whose namespace is shared: same number, else the first replica. -1: there is none. */
static int find_join(const struct wc_networks_work *w, size_t nth)
{
    const struct wc_address_slot *slot = &w->in->slots[nth];
    int first = -1;
    for (size_t s = 0; s < w->in->n_slots; s++) {
        const struct wc_address_slot *other = &w->in->slots[s];
        if (other->aside || !wc_streq(other->service->name, slot->service->network_mode_service))
            continue;
        if (other->index == slot->index)
            return (int)s;
        if (first < 0 || other->index < w->in->slots[first].index)
            first = (int)s;
    }
    return first;
}

/* A joined instance sees the files of the one it joins. */
static int join_slots(struct wc_networks_work *w)
{
    for (size_t s = 0; s < w->in->n_slots; s++) {
        struct wc_networks_slot *slot = &w->out->slots[s];
        const struct wc_service *service = w->in->slots[s].service;
        slot->join_slot = -1;
        if (service->network_mode != WC_NETMODE_SERVICE)
            continue;
        slot->join_slot = find_join(w, s);
        if (slot->join_slot < 0)
            return wc_err_at(w->err, WC_ERR_SPEC, service->at,
                             "service %s: network_mode: service:%s, which has no instance",
                             service->name, service->network_mode_service);
    }
    for (size_t s = 0; s < w->in->n_slots; s++) {
        int target = w->out->slots[s].join_slot;
        for (size_t steps = 0; target >= 0 && steps < w->in->n_slots; steps++) {
            if (w->out->slots[target].join_slot < 0)
                break;
            target = w->out->slots[target].join_slot;
        }
        if (target >= 0) {
            w->out->slots[s].hosts_file = w->out->slots[target].hosts_file;
            w->out->slots[s].resolv_file = w->out->slots[target].resolv_file;
        }
    }
    return 0;
}

/* ---- names ------------------------------------------------------------------------------- */

static const char *file_of(const struct wc_networks_work *w, size_t nth, bool own, const char *end)
{
    const struct wc_address_slot *slot = &w->in->slots[nth];
    return own ? wc_arena_printf(w->arena, "%s/%s.%s.%s", w->out->priv->files_dir, slot->name,
                                 slot->incarnation, end)
               : wc_arena_printf(w->arena, "%s/%s.%s", w->out->priv->files_dir, slot->name, end);
}

/* True when the files named after its replica are those of one that is there beside it. */
static bool are_in_use(const struct wc_networks_work *w, size_t nth, const bool *own)
{
    for (size_t s = w->in->n_slots; s > 0 && w->in->slots[s - 1].aside; s--)
        if (!own[s - 1] && wc_streq(w->in->slots[s - 1].name, w->in->slots[nth].name))
            return true;
    return false;
}

/* Files are named after the replica. Who is made beside another has files named after itself, and
 * keeps them as long as it is there, since they are bound into it: they say so by being there. */
static void name_files(struct wc_networks_work *w)
{
    bool *own = WC_NEW_ARRAY(w->arena, bool, w->in->n_slots);
    for (size_t s = 0; s < w->in->n_slots; s++)
        own[s] = w->in->slots[s].incarnation != NULL && wc_fs_exists(file_of(w, s, true, "hosts"));
    for (size_t s = 0; s < w->in->n_slots; s++) {
        const struct wc_address_slot *slot = &w->in->slots[s];
        if (slot->service->network_mode == WC_NETMODE_SERVICE)
            continue;
        own[s] = own[s] || (!slot->aside && slot->incarnation != NULL && are_in_use(w, s, own));
        w->out->slots[s].hosts_file = file_of(w, s, own[s], "hosts");
        w->out->slots[s].resolv_file = file_of(w, s, own[s], "resolv");
    }
}

int wc_networks_name_files(struct wc_networks_work *w)
{
    name_files(w);
    return join_slots(w);
}

void wc_networks_files(struct wc_networks_work *w)
{
    struct texts t;
    open_texts(&t, w);
    for (size_t s = 0; s < w->in->n_slots; s++)
        if (!w->out->slots[s].gone && w->in->slots[s].service->network_mode != WC_NETMODE_SERVICE)
            add_slot(&t, s);
    close_texts(&t);
}
