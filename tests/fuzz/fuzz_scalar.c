/* fuzz_scalar.c - one value in one attribute: what a word means, and the small grammars.
 *
 * The first byte picks the attribute, the second how the rest is written: as it is (a plain word or
 * any flow YAML) or as a string in quotes. So ports, volumes, durations, sizes, commands and the
 * other short forms get arbitrary text without the fuzzer having to find out about YAML first.
 * What must hold: see fuzz_load.h.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "fuzz_load.h"
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
    "mac_address: @",
    "networks: {default: {ipv4_address: @}}",
    "networks: {default: {ipv6_address: @}}",
    "networks: {default: {mac_address: @}}",
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wc_arena arena;
    struct wc_buf text = WC_BUF_INIT;
    struct wc_spec_options options = fuzz_options("/nonexistent/fuzz");
    if (size < 2)
        return 0;
    wc_arena_init(&arena);
    write_document(&text, attributes[data[0] % ATTRIBUTES], data[1] == '"', (const char *)data + 2,
                   size - 2);
    options.text = text.data;
    options.text_len = text.len;
    options.limits.nodes = 5000;
    struct wc_project *project = fuzz_load(&arena, &options);
    options.limits.nodes = 0;
    if (project != NULL)
        fuzz_come_back(&arena, options, project);
    wc_buf_deinit(&text);
    wc_arena_deinit(&arena);
    return 0;
}
