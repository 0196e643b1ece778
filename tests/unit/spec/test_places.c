/* test_places.c - one fault in a file that was right: the first error points exactly at it.
 *
 * Each row breaks one value or key of a good project in a known place, which the row marks by «…».
 * The text is then written in other ways that mean the same: CRLF, CR, a byte order mark, UTF-16,
 * behind wide characters, as the second of two files, with anchors in front of all values; the
 * error has to move with the text. A row is text, so its place is found by looking for the mark,
 * never by counting.
 */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "spec/text.h"
#include "wcompose/spec.h"

static const char good_head[] = "name: t\n"
                                "networks: {front: {}, back: {}}\n"
                                "volumes: {data: {}}\n"
                                "services:\n"
                                "  db: {image: postgres}\n"
                                "  web:\n";

/* What follows the head; the fault stands between « and ». */
static const struct {
    const char *code, *text;
} rows[] = {
    { "E100", "    image: nginx\n    «enviroment»: {A: 1}\n" },
    { "E100", "    image: nginx\n    healthcheck: {test: [CMD, a], «intervall»: 10s}\n" },
    { "E100", "    image: nginx\n    deploy:\n      resources:\n        «limit»: {cpus: 1}\n" },
    { "E100", "    image: nginx\n    ? «imagee»\n    : x\n" },
    { "E100", "    image: nginx\n    «\"enviroment\"»: {A: 1}\n" },
    { "E101", "    image: «[nginx]»\n" },
    { "E101", "    image: nginx\n    hostname: «5»\n" },
    { "E101", "    image: nginx\n    init: «[1]»\n" },
    { "E101", "    image: nginx\n    ports: «5»\n" },
    { "E101", "    image: nginx\n    labels:\n      a: «[1]»\n" },
    { "E102", "    image: nginx\n    stop_grace_period: «10sec»\n" },
    { "E102", "    image: nginx\n    stop_grace_period: «'10sec'»\n" },
    { "E102", "    image: nginx\n    stop_grace_period: «\"10s\\x65c\"»\n" },
    { "E102", "    image: nginx\n    stop_grace_period:\n      «10sec»\n" },
    { "E102", "    image: nginx\n    stop_grace_period: «|-\n      10sec»\n" },
    { "E102", "    image: nginx\n    mem_limit: «5xb»\n" },
    { "E102", "    image: nginx\n    ports: [\"80:80\", «\"80:0\"»]\n" },
    { "E102", "    image: nginx\n    ports:\n      - \"80:80\"\n      - «99999:80»\n" },
    { "E102", "    image: nginx\n    restart: «alway»\n" },
    { "E101", "    image: nginx\n    init: «maybe»\n" },
    { "E102", "    image: nginx\n    volumes: [«/a:/b:bad_option»]\n" },
    { "E102", "    image: nginx\n    depends_on: {db: {condition: «service_helthy»}}\n" },
    { "E103", "    image: nginx\n    user: a\n    «image»: b\n" },
    { "E103", "    image: nginx\n    labels: {a: 1, b: 2, «a»: 3}\n" },
    { "E104", "    image: nginx\n    user: «*nothing»\n" },
    { "E104", "    image: nginx\n    user: «@a»\n" },
    { "E106", "    image: nginx\n    user: a «${X!}» b\n" },
    { "E106", "    image: nginx\n    user: '$$ it''s «${1}»'\n" },
    { "E106", "    image: nginx\n    user: \"\\t\\u00e4 «${}»\"\n" },
    { "E106",
      "    image: nginx\n    labels:\n      a: |\n        one $$\n        two «${9}» three\n" },
    { "E106",
      "    image: nginx\n    labels:\n      a: >-\n        one\n\n        two «${x:=1}»\n" },
    { "E106",
      "    image: nginx\n    labels:\n      b: one\n        two «${x:=1}» c\n      c: d\n" },
    { "E107", "    image: nginx:«${TAG?no tag}»\n" },
    { "E109", "    image: nginx\n    container_name: «a b»\n" },
    { "E110", "    image: nginx\n    isolation: «hyper-v»\n" },
    { "E200", "    image: nginx\n    depends_on: [db, «bd»]\n" },
    { "E200", "    image: nginx\n    depends_on:\n      «bd»: {condition: service_started}\n" },
    { "E202", "    image: nginx\n    networks: [front, «bck»]\n" },
    { "E202", "    image: nginx\n    networks: {front: {}, «bck»: {}}\n" },
    { "E203", "    image: nginx\n    volumes: [data:/a, «dta»:/b]\n" },
    { "E203", "    image: nginx\n    volumes:\n      - type: volume\n        source: «dta»\n       "
              " target: "
              "/b\n" },
};

/* One way of writing the same. */
enum dress { PLAIN, CRLF, CR, MARK, UTF16, WIDE, SECOND, TABS, ANCHORS, N_DRESSES };

static void replace(struct wc_buf *text, const char *from, const char *to)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    for (const char *p = text->data; *p != '\0';) {
        bool hit = wc_str_starts(p, from);
        wc_buf_add(&out, hit ? to : p, hit ? strlen(to) : 1);
        p += hit ? strlen(from) : 1;
    }
    wc_buf_reset(text);
    wc_buf_add(text, out.data, out.len);
}

static void to_utf16(struct wc_buf *text)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    wc_buf_add(&out, "\xff\xfe", 2);
    for (size_t i = 0; i < text->len; i++) {
        unsigned char c = (unsigned char)text->data[i];
        if (c >= 0x80) { /* two bytes are all that the rows have besides ASCII */
            unsigned code = (c & 0x1FU) << 6 | ((unsigned char)text->data[++i] & 0x3FU);
            wc_buf_addc(&out, (char)(code & 0xFF));
            wc_buf_addc(&out, (char)(code >> 8));
        } else {
            wc_buf_addc(&out, (char)c);
            wc_buf_addc(&out, '\0');
        }
    }
    wc_buf_reset(text);
    wc_buf_add(text, out.data, out.len);
}

static void dress(struct wc_buf *text, enum dress how)
{
    if (how == CRLF)
        replace(text, "\n", "\r\n");
    else if (how == CR)
        replace(text, "\n", "\r");
    else if (how == WIDE)
        replace(
            text, "image: nginx",
            "\"image\": \"\xe6\x97\xa5\xf0\x9f\x98\x80\xe2\x80\xa8\xcc\x81\" # \xe6\x97\xa5\n   ");
    else if (how == TABS)
        replace(text, ": ", ":\t ");
    else if (how == ANCHORS)
        replace(text, ": ", ": &a ");
}

/* Ways that would be another mistake: a tab behind "?", a value that has an anchor and is an alias.
 */
static bool fits(const char *text, enum dress how)
{
    return !(how == TABS && strstr(text, "? ") != NULL) &&
           !(how == ANCHORS && strchr(text, '*') != NULL) &&
           !(how == WIDE && strstr(text, "image: nginx\n") == NULL);
}

/* Takes the marks out of the text and says where they were. */
static struct wc_loc take_marks(struct wc_buf *text)
{
    const char *mark = strstr(text->data, "\xc2\xab");
    size_t at = mark == NULL ? text->len : (size_t)(mark - text->data);
    replace(text, "\xc2\xab", "");
    replace(text, "\xc2\xbb", "");
    return wc_text_place("f", text->data, text->len, at);
}

struct project_files {
    const char *first, *second; /* second may be NULL */
    size_t first_len, second_len;
};

static int read_file(void *data, const char *path, size_t limit, struct wc_buf *out,
                     struct wc_err *err)
{
    const struct project_files *files = data;
    (void)limit;
    if (wc_streq(path, "/p/compose.yaml"))
        wc_buf_add(out, files->first, files->first_len);
    else if (wc_streq(path, "/p/two.yaml"))
        wc_buf_add(out, files->second, files->second_len);
    else
        return wc_err_set(err, WC_ERR_NOENT, 0, "not there");
    return 0;
}

static bool exists(void *data, const char *path)
{
    (void)data;
    return wc_streq(path, "/p/compose.yaml");
}

/* Loads and compares the first error; true when it is where it should be. */
static bool points_at(const struct project_files *files, const char *code, struct wc_loc want,
                      const char *what)
{
    static const char *const names[] = { "compose.yaml", "two.yaml" };
    struct wc_spec_access access = { read_file, exists, (void *)(uintptr_t)files };
    struct wc_spec_options options = { .cwd = "/p", .access = &access, .files = names };
    options.n_files = files->second != NULL ? 2 : 1;
    struct wc_arena arena;
    struct wc_diags diags;
    struct wc_project *project = NULL;
    wc_arena_init(&arena);
    wc_diags_init(&diags, &arena);
    wc_spec_load(&options, &arena, &diags, &project);
    const struct wc_diag *first = NULL;
    for (size_t i = 0; i < diags.n && first == NULL; i++)
        if (diags.items[i].severity == WC_SEVERITY_ERROR)
            first = &diags.items[i];
    bool fine = first != NULL && wc_streq(first->code, code) && first->at.line == want.line &&
                first->at.col == want.col && wc_streq(first->at.file, names[options.n_files - 1]);
    if (!fine && first != NULL)
        fprintf(stderr, "%s: want %s at %u:%u, got %s at %s:%u:%u: %s\n%s\n---\n", what, code,
                want.line, want.col, first->code, first->at.file, first->at.line, first->at.col,
                first->msg, files->second != NULL ? files->second : files->first);
    else if (!fine)
        fprintf(stderr, "%s: want %s at %u:%u, got nothing\n%s\n---\n", what, code, want.line,
                want.col, files->first);
    wc_arena_deinit(&arena);
    return fine;
}

static bool check_row(size_t row, enum dress how)
{
    static const char *const names[] = { "plain", "CRLF",   "CR",   "mark",   "UTF-16",
                                         "wide",  "second", "tabs", "anchors" };
    static const char whole[] = "services: {db: {image: x}}\nnetworks: {front: {}}\n";
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    wc_buf_adds(&text, good_head);
    wc_buf_adds(&text, rows[row].text);
    assert_non_null(strstr(text.data, "\xc2\xab"));
    if (!fits(rows[row].text, how))
        return true;
    dress(&text, how);
    struct wc_loc want = take_marks(&text);
    if (how == UTF16)
        to_utf16(&text);
    if (how == MARK) {
        WC_CLEANUP_BUF struct wc_buf marked = WC_BUF_INIT;
        wc_buf_printf(&marked, "\xef\xbb\xbf%s", text.data);
        wc_buf_reset(&text);
        wc_buf_add(&text, marked.data, marked.len);
    }
    struct project_files files = { .first = text.data, .first_len = text.len };
    if (how == SECOND)
        files = (struct project_files){ whole, text.data, sizeof whole - 1, text.len };
    return points_at(&files, rows[row].code, want, names[how]);
}

static void one_fault_one_place(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t row = 0; row < WC_COUNT(rows); row++)
        for (int how = 0; how < N_DRESSES; how++)
            wrong += check_row(row, (enum dress)how) ? 0 : 1;
    assert_int_equal(wrong, 0);
}

WC_MAIN(WC_CASE(one_fault_one_place))
