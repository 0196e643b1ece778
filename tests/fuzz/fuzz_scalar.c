/* fuzz_scalar.c - one value in one attribute: what a word means, and the small grammars.
 *
 * The first byte picks the attribute, the second how the rest is written: as it is (a plain word or
 * any flow YAML) or as a string in quotes. So ports, volumes, durations, sizes, commands and the
 * other short forms get arbitrary text without the fuzzer having to find out about YAML first.
 * What must hold: an error or a model, never both or none; a place within the line; the model's
 * text forms load to the same hashes.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "wcompose/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each has one place for the value, in one line. */
static const char *const attributes[] = {
    "ports: [@]",
    "expose: [@]",
    "volumes: [@]",
    "tmpfs: [@]",
    "devices: [@]",
    "command: @",
    "entrypoint: @",
    "stop_grace_period: @",
    "healthcheck: {test: @}",
    "healthcheck: {test: x, interval: @}",
    "mem_limit: @",
    "memswap_limit: @",
    "shm_size: @",
    "cpus: @",
    "cpuset: @",
    "pids_limit: @",
    "environment: {A: @}",
    "environment: [@]",
    "labels: {a: @}",
    "labels: [@]",
    "extra_hosts: [@]",
    "extra_hosts: {a: @}",
    "sysctls: {a: @}",
    "ulimits: {nofile: @}",
    "tty: @",
    "restart: @",
    "pull_policy: @",
    "platform: @",
    "user: @",
    "hostname: @",
    "dns: @",
    "stop_signal: @",
    "network_mode: @",
    "deploy: {resources: {limits: {cpus: @}}}",
    "deploy: {resources: {limits: {memory: @}}}",
    "deploy: {restart_policy: {delay: @}}",
    "scale: @",
    "isolation: @",
    "build: @",
    "profiles: [@]",
    "x-any: @",
    "security_opt: [@]",
    "volumes: [{type: tmpfs, target: /t, tmpfs: {size: @}}]",
    "configs: [{source: c, target: /c, mode: @}]",
};
enum { ATTRIBUTES = sizeof attributes / sizeof *attributes };

/* A string in double quotes; bytes that aren't ASCII go in as they are. */
static void add_quoted(struct wc_buf *out, const char *text, size_t len)
{
    wc_buf_addc(out, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            wc_buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            wc_buf_printf(out, "\\x%02x", c);
        else
            wc_buf_addc(out, (char)c);
    }
    wc_buf_addc(out, '"');
}

static void write_document(struct wc_buf *out, const char *line, bool quoted, const char *value,
                           size_t len)
{
    const char *at = strchr(line, '@');
    wc_buf_adds(out, "configs: {c: {content: x}}\nvolumes: {v: {}}\nservices:\n  a:\n"
                     "    image: x\n    ");
    wc_buf_add(out, line, (size_t)(at - line));
    if (quoted)
        add_quoted(out, value, len);
    else
        wc_buf_add(out, value, len);
    wc_buf_printf(out, "%s\n", at + 1);
}

static struct wc_project *load(struct wc_arena *arena, const struct wc_buf *text, bool canonical,
                               size_t nodes)
{
    static const char *const environ[] = { "A=1", "EMPTY=", "HOME=/nowhere", NULL };
    static const char *const profiles[] = { "*" };
    struct wc_spec_options options = { .cwd = "/nonexistent/fuzz",
                                       .environ = environ,
                                       .profiles = profiles,
                                       .n_profiles = 1,
                                       .text = text->data,
                                       .text_len = text->len,
                                       .canonical = canonical,
                                       .limits = { .nodes = nodes } };
    struct wc_diags diags;
    struct wc_project *project = NULL;
    wc_diags_init(&diags, arena);
    int rc = wc_spec_load(&options, arena, &diags, &project);
    if ((rc == 0) != (project != NULL) || (rc == 0) != (diags.n_errors == 0))
        abort();
    for (size_t i = 0; i < diags.n; i++) {
        size_t width;
        const struct wc_diag *diag = &diags.items[i];
        if (diag->msg == NULL || diag->msg[0] == '\0' || diag->code == NULL)
            abort();
        if (diag->at.line > 1 && diag->at.file != NULL &&
            wc_diags_line(&diags, diag->at.file, diag->at.line, &width) == NULL)
            abort();
    }
    return project;
}

static void must_equal(const struct wc_project *a, const struct wc_project *b, const char *text)
{
    bool same = b != NULL && a->n_services == b->n_services;
    for (size_t i = 0; same && i < a->n_services; i++)
        same = strcmp(a->services[i].spec_hash, b->services[i].spec_hash) == 0;
    if (same)
        return;
    fprintf(stderr, "not the same again:\n%s\n", text);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wc_arena arena;
    struct wc_buf text = WC_BUF_INIT, wire = WC_BUF_INIT, yaml = WC_BUF_INIT;
    if (size < 2)
        return 0;
    wc_arena_init(&arena);
    write_document(&text, attributes[data[0] % ATTRIBUTES], data[1] == '"', (const char *)data + 2,
                   size - 2);
    struct wc_project *project = load(&arena, &text, false, 5000);
    if (project != NULL) {
        wc_spec_render_wire(project, &wire);
        must_equal(project, load(&arena, &wire, true, 0), wire.data);
        wc_spec_render(project, WC_RENDER_YAML, &yaml);
        must_equal(project, load(&arena, &yaml, false, 0), yaml.data);
    }
    wc_buf_deinit(&text);
    wc_buf_deinit(&wire);
    wc_buf_deinit(&yaml);
    wc_arena_deinit(&arena);
    return 0;
}
