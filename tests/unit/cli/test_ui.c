/* test_ui.c - the renderers on one stream of events: what stands on the screen afterwards.
 *
 * The tty renderer is read back by a small terminal (screen_feed), so that the tests say what a
 * person sees and not which escapes were chosen.
 */
// LINK: wc_orchestrator
#include "harness/wc_test.h"

#include "base/buf.h"
#include "base/str.h"
#include "cli/ui.h"

enum { SCREEN_LINES = 40, SCREEN_COLUMNS = 256 };

/* Just enough of a terminal: lines of bytes, cursor up, erase to the end, return, newline. */
struct screen {
    char lines[SCREEN_LINES][SCREEN_COLUMNS];
    size_t row, col;
};

static void screen_erase_below(struct screen *screen)
{
    for (size_t i = screen->row; i < SCREEN_LINES; i++)
        memset(screen->lines[i], 0, SCREEN_COLUMNS);
}

/* Obeys one escape sequence and returns what follows it. */
static const char *screen_escape(struct screen *screen, const char *at)
{
    char *after;
    bool is_private = at[2] == '?';
    unsigned long number = strtoul(at + (is_private ? 3 : 2), &after, 10);
    assert_int_equal(at[1], '[');
    if (*after == 'A') {
        assert_true(number <= screen->row);
        screen->row -= number;
    } else if (*after == 'K') {
        memset(screen->lines[screen->row] + screen->col, 0, SCREEN_COLUMNS - screen->col);
    } else if (*after == 'J') {
        screen_erase_below(screen);
    } else {
        assert_true(is_private || *after == 'm');
    }
    return after + 1;
}

static void screen_feed(struct screen *screen, struct wc_buf *bytes)
{
    for (const char *at = bytes->data; *at != '\0';) {
        if (*at == '\033') {
            at = screen_escape(screen, at);
            continue;
        }
        if (*at == '\r') {
            screen->col = 0;
        } else if (*at == '\n') {
            screen->row++;
            screen->col = 0;
        } else {
            screen->lines[screen->row][screen->col++] = *at;
        }
        assert_true(screen->row < SCREEN_LINES && screen->col < SCREEN_COLUMNS);
        at++;
    }
    wc_buf_reset(bytes);
}

static struct wc_event instance(const char *service, const char *action, uint64_t ms)
{
    return (struct wc_event){ .type = WC_EVENT_INSTANCE,
                              .action = action,
                              .project = "shop",
                              .service = service,
                              .name = service,
                              .index = 1,
                              .level = WC_ISOLATION_PROCESS,
                              .elapsed_ms = ms };
}

static const struct wc_style terminal = { .tty = true, .cursor = true, .width = 80, .height = 24 };
static const struct wc_style pipe_style = { .width = 80, .height = 24 };

static void play(struct wc_ui *ui)
{
    struct wc_event event = instance("db", "created", 10);
    wc_ui_event(ui, &event, 1010);
    event = instance("db", "started", 50);
    wc_ui_event(ui, &event, 1050);
    event = instance("db", "healthy", 2700);
    event.reason = "1 of 1 checks";
    wc_ui_event(ui, &event, 3700);
    wc_ui_event(ui, &event, 3710); /* again: not news */
    event = instance("migrate", "exited", 3520);
    event.reason = "exited 0"; /* says no more than the word */
    wc_ui_event(ui, &event, 4520);
    event = instance("api", "exited", 4000);
    event.exit_code = 3;
    event.level = WC_ISOLATION_HYPERV;
    wc_ui_event(ui, &event, 5000);
}

static void plain_lines(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_ui *ui = wc_ui_new_buffer(WC_PROGRESS_PLAIN, &pipe_style, "up", "shop", &out);
    play(ui);
    struct wc_event done = { .type = WC_EVENT_PROJECT,
                             .action = "failed",
                             .project = "shop",
                             .reason = "api exited 3",
                             .elapsed_ms = 4001 };
    wc_ui_event(ui, &done, 5001);
    assert_int_equal(wc_ui_tick(ui, 5002), 0);
    wc_ui_finish(ui, 5003);
    assert_string_equal(out.data, "[  0.01] db       process  created\n"
                                  "[  0.05] db       process  started\n"
                                  "[  2.70] db       process  healthy  1 of 1 checks\n"
                                  "[  3.52] migrate  process  exited 0\n"
                                  "[  4.00] api      hyperv   exited 3\n"
                                  "[  4.00] project  shop failed  api exited 3\n");
    wc_ui_free(ui);
}

static void tty_final_picture(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct screen *screen = calloc(1, sizeof *screen);
    struct wc_ui *ui = wc_ui_new_buffer(WC_PROGRESS_TTY, &terminal, "up", "shop", &out);
    wc_ui_expect(ui, "db", 1, WC_ISOLATION_PROCESS, NULL);
    wc_ui_expect(ui, "migrate", 1, WC_ISOLATION_PROCESS, "db healthy");
    wc_ui_expect(ui, "api", 1, WC_ISOLATION_HYPERV, "migrate completed");
    assert_int_equal(wc_ui_tick(ui, 1000), 100);
    screen_feed(screen, &out);
    assert_string_equal(screen->lines[0], "shop  up  0/3  0.0 s");
    assert_non_null(strstr(screen->lines[2], "o migrate  = process   pending    db healthy"));
    play(ui);
    wc_ui_finish(ui, 5100);
    screen_feed(screen, &out);
    assert_string_equal(screen->lines[0], "shop  up  2/3  4.1 s");
    assert_non_null(strstr(screen->lines[1], "* db       = process   healthy    1 of 1 checks"));
    assert_non_null(strstr(screen->lines[1], "2.6 s"));
    assert_non_null(strstr(screen->lines[2], "* migrate  = process   exited 0"));
    assert_non_null(strstr(screen->lines[3], "x api      # hyperv    exited 3"));
    assert_int_equal(screen->row, 4);
    assert_int_equal(wc_ui_tick(ui, 6000), 0);
    wc_ui_free(ui);
    free(screen);
}

static void tty_redraws_little(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct wc_ui *ui = wc_ui_new_buffer(WC_PROGRESS_TTY, &terminal, "up", "shop", &out);
    for (unsigned i = 0; i < 10; i++)
        wc_ui_expect(ui, "web", i + 1, WC_ISOLATION_PROCESS, NULL);
    wc_ui_tick(ui, 1000);
    size_t first = out.len;
    wc_buf_reset(&out);
    for (uint64_t now = 1001; now < 1100; now += 3) { /* within one frame: nothing */
        struct wc_event event = instance("web", now % 2 ? "created" : "started", now - 1000);
        wc_ui_event(ui, &event, now);
    }
    assert_int_equal(out.len, 0);
    wc_ui_tick(ui, 1100); /* one row and the header */
    assert_true(out.len > 0 && out.len < first / 2);
    wc_ui_free(ui);
}

static void tty_hides_for_log_lines(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct screen *screen = calloc(1, sizeof *screen);
    struct wc_ui *ui = wc_ui_new_buffer(WC_PROGRESS_TTY, &terminal, "up", "shop", &out);
    wc_ui_expect(ui, "db", 1, WC_ISOLATION_PROCESS, NULL);
    wc_ui_tick(ui, 1000);
    wc_ui_hide(ui);
    screen_feed(screen, &out);
    assert_int_equal(screen->row, 0);
    assert_string_equal(screen->lines[0], "");
    wc_buf_adds(&out, "db | hello\n");
    wc_ui_tick(ui, 1300);
    screen_feed(screen, &out);
    assert_string_equal(screen->lines[0], "db | hello");
    assert_string_equal(screen->lines[1], "shop  up  0/1  0.3 s");
    wc_ui_free(ui);
    free(screen);
}

static void tty_short_terminal(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct screen *screen = calloc(1, sizeof *screen);
    struct wc_style small = terminal;
    small.height = 8;
    small.width = 40;
    struct wc_ui *ui = wc_ui_new_buffer(WC_PROGRESS_TTY, &small, "up", "shop", &out);
    for (unsigned i = 1; i <= 20; i++)
        wc_ui_expect(ui, "web", i, WC_ISOLATION_PROCESS, NULL);
    wc_ui_tick(ui, 1000);
    screen_feed(screen, &out);
    assert_int_equal(screen->row, 6);
    assert_string_equal(screen->lines[5], " ... 16 more");
    for (size_t i = 0; i < screen->row; i++)
        assert_true(strlen(screen->lines[i]) < 40);
    wc_ui_free(ui);
    free(screen);
}

static void no_escape_without_terminal(void **state)
{
    (void)state;
    static const enum wc_progress kinds[] = { WC_PROGRESS_PLAIN, WC_PROGRESS_JSON,
                                              WC_PROGRESS_QUIET };
    for (size_t i = 0; i < WC_COUNT(kinds); i++) {
        WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
        struct wc_ui *ui = wc_ui_new_buffer(kinds[i], &pipe_style, "up", "shop", &out);
        struct wc_event message = { .type = WC_EVENT_LOG,
                                    .action = "error",
                                    .project = "shop",
                                    .reason = "it said \033[31m no" };
        play(ui);
        wc_ui_event(ui, &message, 6000);
        wc_ui_finish(ui, 7000);
        assert_true(out.len > 0);
        assert_null(strchr(out.data, '\033'));
        if (kinds[i] == WC_PROGRESS_QUIET)
            assert_string_equal(out.data, "error: it said ?[31m no\n");
        wc_ui_free(ui);
    }
}

static void down_counts_exits_as_done(void **state)
{
    (void)state;
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    struct screen *screen = calloc(1, sizeof *screen);
    struct wc_ui *ui = wc_ui_new_buffer(WC_PROGRESS_TTY, &terminal, "down", "shop", &out);
    struct wc_event event = instance("db", "exited", 40);
    event.exit_code = 143;
    wc_ui_event(ui, &event, 1000);
    wc_ui_finish(ui, 1040);
    screen_feed(screen, &out);
    assert_string_equal(screen->lines[0], "shop  down  1/1  0.0 s");
    wc_ui_free(ui);
    free(screen);
}

static void failure_report(void **state)
{
    (void)state;
    static const char *const log_lines[] = { "cannot parse DATABASE_URL", "bye\033[0m\n" };
    static const char *const blocked[] = { "web", "plugin" }, *const running[] = { "db" };
    struct wc_ui_failure failure = { .project = "shop",
                                     .verb = "up",
                                     .service = "api",
                                     .index = 1,
                                     .cause = "exited 3 after 0.4 s",
                                     .at = { "compose.yaml", 27, 3 },
                                     .log_lines = log_lines,
                                     .n_log_lines = 2,
                                     .blocked = blocked,
                                     .n_blocked = 2,
                                     .running = running,
                                     .n_running = 1,
                                     .command = "wcompose -f x.yaml",
                                     .exit_status = 3 };
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    wc_ui_format_failure(&pipe_style, false, &failure, &out);
    assert_string_equal(out.data,
                        "x shop did not come up: api: exited 3 after 0.4 s  compose.yaml:27:3\n"
                        "  last lines of api:\n"
                        "     cannot parse DATABASE_URL\n"
                        "     bye?[0m\n"
                        "  blocked by it: web, plugin\n"
                        "  still running: db\n"
                        "  next:  wcompose -f x.yaml logs api    wcompose -f x.yaml ps -a    "
                        "wcompose -f x.yaml down\n");
    wc_buf_reset(&out);
    wc_ui_format_failure(&pipe_style, true, &failure, &out);
    assert_non_null(strstr(out.data, "\"blocked\":[\"web\",\"plugin\"]"));
    assert_null(strchr(out.data, '\033'));
    wc_buf_reset(&out);
    struct wc_ui_failure undone = { .project = "shop",
                                    .verb = "up",
                                    .service = "web",
                                    .cause = "port 80/tcp is taken by nginx (pid 4)",
                                    .at = { "compose.yaml", 3, 3 },
                                    .nothing_left = true };
    wc_ui_format_failure(&pipe_style, false, &undone, &out);
    assert_string_equal(out.data,
                        "x shop did not come up: web: port 80/tcp is taken by nginx (pid 4)"
                        "  compose.yaml:3:3\n"
                        "  nothing of it was left behind\n"
                        "  next:  mend that, then  wcompose up\n");
}

static void name_colours_are_stable(void **state)
{
    (void)state;
    struct wc_style colour = terminal;
    colour.colour = true;
    const char *first = wc_ui_name_colour(&colour, "api");
    assert_ptr_equal(wc_ui_name_colour(&colour, "api"), first);
    assert_string_equal(wc_ui_name_colour(&terminal, "api"), "");
}

WC_MAIN(WC_CASE(plain_lines), WC_CASE(tty_final_picture), WC_CASE(tty_redraws_little),
        WC_CASE(tty_hides_for_log_lines), WC_CASE(tty_short_terminal),
        WC_CASE(no_escape_without_terminal), WC_CASE(down_counts_exits_as_done),
        WC_CASE(failure_report), WC_CASE(name_colours_are_stable))
