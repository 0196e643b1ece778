/* test_commands.c - the commands that ask nobody: from their words to what they print and their
 * exit code. The rest runs end to end.
 */
#include "harness/wc_test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "cli/cli.h"

static const char file[] = "name: shop\n"
                           "services:\n"
                           "  web: {image: nginx, depends_on: [db], ports: ['8080:80']}\n"
                           "  db: {image: postgres, volumes: ['data:/var/lib']}\n"
                           "  lamp: {image: oil, profiles: [night]}\n"
                           "volumes: {data: {}}\n";

static char dir[64];

static void enter_project(const char *text)
{
    char path[96];
    snprintf(dir, sizeof dir, "/tmp/wc-cli-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    setenv("WCOMPOSE_ROOT", dir, 1);
    snprintf(path, sizeof path, "%s/compose.yaml", dir);
    assert_int_equal(wc_fs_write_atomic(path, text, strlen(text), 0600, false, NULL), 0);
}

/* Runs "wcompose <words>", cut at blanks; *out gets both streams. Returns the exit code. */
static int run(const char *words, struct wc_buf *out)
{
    char line[256], *argv[16] = { (char[]){ "wcompose" } };
    int argc = 1;
    snprintf(line, sizeof line, "%s", words);
    for (char *word = line; *word != '\0' && argc < 15;) {
        size_t len = strcspn(word, " ");
        argv[argc++] = word;
        word += len;
        if (*word == ' ')
            *word++ = '\0';
    }
    fflush(stdout);
    int kept[2] = { dup(1), dup(2) };
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    dup2(fd, 1);
    dup2(fd, 2);
    int status = wc_cli_main(argc, argv);
    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        dup2(kept[i], i + 1);
        close(kept[i]);
    }
    off_t size = lseek(fd, 0, SEEK_END);
    out->len = 0;
    wc_buf_reserve(out, (size_t)size + 1);
    assert_int_equal(pread(fd, out->data, (size_t)size, 0), size);
    out->data[size] = '\0';
    out->len = (size_t)size;
    close(fd);
    return status;
}

/* What the cases made: the file, and the roots of WCOMPOSE_ROOT. */
static void leave_project(void)
{
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(wc_fs_remove_tree(dir, NULL), 0);
}

static void assert_says(const struct wc_buf *out, const char *text)
{
    if (strstr(out->data, text) == NULL)
        fail_msg("'%s' is not in:\n%s", text, out->data);
}

static void config_prints_the_project(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    enter_project(file);
    assert_int_equal(run("config", &out), 0);
    assert_says(&out, "name: shop");
    assert_says(&out, "published: \"8080\"");
    assert_null(strstr(out.data, "lamp")); /* its profile is off */
    assert_int_equal(run("config --services", &out), 0);
    assert_says(&out, "db\n");
    assert_int_equal(run("--profile night config --services", &out), 0);
    assert_says(&out, "lamp\n");
    assert_int_equal(run("config --volumes", &out), 0);
    assert_string_equal(out.data, "data\n");
    assert_int_equal(run("config --quiet", &out), 0);
    assert_string_equal(out.data, "");
    assert_int_equal(run("config --format json", &out), 0);
    assert_int_equal(out.data[0], '{');
    assert_int_equal(run("config --hash web", &out), 0);
    assert_true(wc_str_starts(out.data, "web "));
    leave_project();
}

static void plan_says_what_images_it_needs(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    enter_project(file);
    assert_int_equal(run("plan", &out), 0);
    assert_says(&out, "would pull postgres for db: isn't on this host\n");
    assert_int_equal(run("plan --pull never", &out), 66);
    assert_says(&out, "service db: no image 'postgres'");
    assert_says(&out, "wcompose image make RECIPE");
    assert_int_equal(run("plan --pull never --json", &out), 66);
    assert_says(&out, "\"exit\":66");
    leave_project();
}

static void errors_point_and_teach(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    enter_project("services:\n  web: {image: nginx, prots: ['80']}\n");
    assert_int_not_equal(run("config", &out), 0);
    assert_says(&out, "compose.yaml:2:");
    assert_says(&out, "ports");
    assert_int_not_equal(run("confgi", &out), 0);
    assert_says(&out, "config");
    assert_int_not_equal(run("config --formta json", &out), 0);
    assert_says(&out, "--format");
    assert_int_not_equal(run("-f none.yaml config", &out), 0);
    assert_says(&out, "none.yaml");
    leave_project();
}

static void every_shell_completes(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    enter_project(file);
    assert_int_equal(run("completion bash", &out), 0);
    assert_says(&out, "complete ");
    assert_int_equal(run("completion zsh", &out), 0);
    assert_says(&out, "#compdef wcompose");
    assert_int_equal(run("completion fish", &out), 0);
    assert_says(&out, "complete -c wcompose");
    assert_int_not_equal(run("completion csh", &out), 0);
    assert_says(&out, "csh");
    leave_project();
}

static void nothing_runs_yet(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    enter_project(file);
    assert_int_equal(run("version", &out), 0);
    assert_says(&out, WC_VERSION);
    assert_int_equal(run("--help", &out), 0);
    assert_says(&out, "up");
    assert_int_equal(run("ps --json", &out), 0);
    assert_int_not_equal(run("exec web true", &out), 0);
    assert_says(&out, "web");
    assert_int_not_equal(run("exec wbe true", &out), 0);
    assert_says(&out, "wbe");
    assert_int_equal(run("image ls", &out), 0);
    leave_project();
}

/* What an engine on Windows prints is explained in either spelling, and by name. */
static void codes_are_explained(void **state)
{
    static const char *const words[] = { "explain 0x80370101", "explain 0xC0370101",
                                         "explain c0370101", "explain hcs_e_image_mismatch" };
    (void)state;
    enter_project(file);
    for (size_t i = 0; i < WC_COUNT(words); i++) {
        WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
        assert_int_equal(run(words[i], &out), WC_EXIT_OK);
        assert_non_null(strstr(out.data, "0x80370101: HCS_E_IMAGE_MISMATCH"));
        assert_non_null(strstr(out.data, "the builds of image and host don't fit"));
        assert_non_null(strstr(out.data, "0xc0370101"));
        assert_non_null(strstr(out.data, "isolation: hyperv"));
    }
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    assert_int_equal(run("--json explain 0x803b0013 E101", &out), WC_EXIT_OK);
    assert_non_null(strstr(out.data, "\"code\":\"0x803b0013\""));
    assert_non_null(strstr(out.data, "\"advice\":\"remove the stale endpoint"));
    wc_buf_reset(&out);
    assert_int_equal(run("explain 0x80070005", &out), WC_EXIT_USAGE);
    assert_non_null(strstr(out.data, "0x80070005"));
    assert_non_null(strstr(out.data, "docs/windows.md"));
    wc_buf_reset(&out);
    assert_int_equal(run("explain 0x8037010", &out), WC_EXIT_USAGE); /* a digit is missing */
    wc_buf_reset(&out);
    assert_int_equal(run("explain", &out), WC_EXIT_OK);
    assert_non_null(strstr(out.data, "0x80370112  HCS_E_INVALID_LAYER: a layer has"));
}

WC_MAIN(WC_CASE(config_prints_the_project), WC_CASE(plan_says_what_images_it_needs),
        WC_CASE(errors_point_and_teach), WC_CASE(every_shell_completes), WC_CASE(nothing_runs_yet),
        WC_CASE(codes_are_explained))
