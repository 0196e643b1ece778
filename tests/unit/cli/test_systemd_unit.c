/* test_systemd_unit.c - quoting by systemd's rules, and the unit as a whole. */
#include "harness/wc_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "cli/systemd_unit.h"

static void quoting(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        bool expands;
        const char *quoted;
    } rows[] = {
        { "plain", true, "\"plain\"" },
        { "", true, "\"\"" },
        { "two words", true, "\"two words\"" },
        { "a\"b", true, "\"a\\\"b\"" },
        { "a\\b", true, "\"a\\\\b\"" },
        { "it's", true, "\"it's\"" },
        { "100%h", true, "\"100%%h\"" },
        { "$HOME", true, "\"$$HOME\"" },
        { "$HOME", false, "\"$HOME\"" },
        { "a\nb\tc\x7f", true, "\"a\\x0ab\\x09c\\x7f\"" },
        { "gr\xc3\xbc\xc3\x9f", true, "\"gr\xc3\xbc\xc3\x9f\"" },
    };
    for (size_t i = 0; i < WC_COUNT(rows); i++) {
        struct wc_buf out = WC_BUF_INIT;
        wc_systemd_quote(&out, rows[i].word, rows[i].expands);
        assert_string_equal(out.data, rows[i].quoted);
        wc_buf_deinit(&out);
    }
}

/* The line, whole, comes once and in its section. */
static void assert_line(const char *text, const char *section, const char *line)
{
    char whole[512];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    const char *found = strstr(text, whole), *begin = strstr(text, section);
    if (found == NULL || strstr(found + 1, whole) != NULL)
        fail_msg("not once: %s", line);
    assert_non_null(begin);
    const char *next = strstr(begin + 1, "\n[");
    assert_true(found > begin && (next == NULL || found < next));
}

static void programs(void **state)
{
    (void)state;
    assert_true(wc_systemd_runs("/opt/my $x 5%h/wcompose"));
    assert_false(wc_systemd_runs("/opt/it's/wcompose"));
    assert_false(wc_systemd_runs("/opt/\"x\"/wcompose"));
    assert_false(wc_systemd_runs("/opt/a\\b/wcompose"));
    assert_false(wc_systemd_runs("/opt/a\nb/wcompose"));
}

static void the_unit(void **state)
{
    (void)state;
    static const char *const environment[] = { "WCOMPOSE_ROOT=/srv/a b",
                                               "WCOMPOSE_LIBEXEC=/x%y$z" };
    const struct wc_systemd_unit unit = { .project = "shop",
                                          .program = "/opt/my $x/wcompose",
                                          .lib = "/srv/a b/lib",
                                          .environment = environment,
                                          .n_environment = 2 };
    struct wc_buf out = WC_BUF_INIT;
    wc_systemd_unit_format(&unit, &out);
    static const char *const service[] = {
        "Type=notify",
        "NotifyAccess=main",
        "ExecStart=\"/opt/my $x/wcompose\" supervise --stay --replace --project \"shop\"",
        "Environment=\"WCOMPOSE_ROOT=/srv/a b\"",
        "Environment=\"WCOMPOSE_LIBEXEC=/x%%y$z\"",
        "Restart=always",
        "WatchdogSec=30",
        "KillMode=process",
        "OOMPolicy=continue",
    };
    for (size_t i = 0; i < WC_COUNT(service); i++)
        assert_line(out.data, "[Service]", service[i]);
    assert_line(out.data, "[Unit]", "RequiresMountsFor=\"/srv/a b/lib\"");
    assert_line(out.data, "[Install]", "WantedBy=multi-user.target");
    wc_buf_deinit(&out);
}

/* A program and a root with every letter that means something to systemd; quotes and
 * backslashes it takes in values only. */
/* The agent's: it is told where its file is, and a stop ends no app. */
static void the_agents_unit(void **state)
{
    (void)state;
    static const char *const environment[] = { "WCOMPOSE_ROOT=/x y" };
    const struct wc_systemd_unit unit = { .program = "/usr/bin/wcompose",
                                          .lib = "/var/lib/wcompose",
                                          .environment = environment,
                                          .n_environment = 1 };
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    wc_systemd_agent_format(&unit, "/etc/wcompose/$agent.yaml", &out);
    assert_line(out.data, "[Service]",
                "ExecStart=\"/usr/bin/wcompose\" reconcile --agent-file "
                "\"/etc/wcompose/$$agent.yaml\"");
    assert_line(out.data, "[Service]", "Type=notify");
    assert_line(out.data, "[Service]", "KillMode=process");
    assert_line(out.data, "[Service]", "Environment=\"WCOMPOSE_ROOT=/x y\"");
    assert_line(out.data, "[Unit]", "RequiresMountsFor=\"/var/lib/wcompose\"");
    assert_line(out.data, "[Install]", "WantedBy=multi-user.target");
}

static void systemd_reads_it(void **state)
{
    (void)state;
    if (access("/usr/bin/systemd-analyze", X_OK) != 0)
        WC_SKIP("systemd-analyze (package systemd) is not installed");
    static const char *const environment[] = { "WCOMPOSE_ROOT=/srv/a \"b\\ 100%h $HOME 'c'" };
    char dir[] = "/tmp/wc-unit-XXXXXX", odd[64], program[96], file[96], command[512];
    assert_non_null(mkdtemp(dir));
    snprintf(odd, sizeof odd, "%s/a b; 5%%h $x ${y}", dir);
    snprintf(program, sizeof program, "%s/wcompose", odd);
    snprintf(file, sizeof file, "%s/wcompose-shop.service", dir);
    assert_int_equal(mkdir(odd, 0755), 0);
    assert_int_equal(symlink("/bin/true", program), 0);
    const struct wc_systemd_unit unit = { .project = "shop",
                                          .program = program,
                                          .lib = odd,
                                          .environment = environment,
                                          .n_environment = 1 };
    struct wc_buf out = WC_BUF_INIT;
    wc_systemd_unit_format(&unit, &out);
    assert_int_equal(wc_fs_write_atomic(file, out.data, out.len, 0644, false, NULL), 0);
    wc_buf_deinit(&out);
    snprintf(command, sizeof command, "systemd-analyze verify %s > %s/said 2>&1", file, dir);
    int status = system(command);
    struct stat said;
    snprintf(file, sizeof file, "%s/said", dir);
    assert_int_equal(stat(file, &said), 0);
    assert_int_equal(status, 0);
    assert_int_equal(said.st_size, 0);
    assert_int_equal(wc_fs_remove_tree(dir, NULL), 0);
}

WC_MAIN(WC_CASE(quoting), WC_CASE(programs), WC_CASE(the_unit), WC_CASE(the_agents_unit),
        WC_CASE(systemd_reads_it))
