/* test_places.c - one fault in a file that was right: the first error points exactly at it.
 *
 * Each row breaks one value or key of a good project in a known place, which the row marks by «…».
 * The text is then written in other ways that mean the same: CRLF, CR, a byte order mark, UTF-16,
 * behind wide characters, as the second of two files and the first, with anchors in front of all
 * values; and the faulty service comes in by include, by extends, by an alias and by a merge key.
 * The error has to move with the text. A row is text, so its place is found by looking for the
 * mark, never by counting.
 */
#include "harness/wc_test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "spec/text.h"
#include "wcompose/spec.h"

static const char good_head[] = "name: t\n"
                                "networks: {front: {}, back: {}}\n"
                                "volumes: {data: {}}\n";
static const char good_services[] = "services:\n"
                                    "  db: {image: postgres}\n"
                                    "  web:";

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
    { "E101", "    labels: {\"日😀\": é, b: «[1]»}\n    image: nginx\n" },
    { "E100", "    image: nginx\n    healthcheck: {test: [CMD, \"日😀é\"], «intervall»: 10s}\n" },
    { "E102", "    image: nginx\n    healthcheck: {test: [CMD, \"日😀é\"], interval: «10sec»}\n" },
    { "E106", "    image: nginx\n    environment: {A: \"日😀é\", B: \"日é «${X!}»\"}\n" },
    { "E107", "    image: nginx\n    environment: {A: 日é, B: \"😀${A:-日}${B-é} «${X:?日}»\"}\n" },
    { "E102", "    image: nginx\n    restart: «\"${EMPTY:-日}\"»\n" },
    { "E102",
      "    image: nginx\n    healthcheck: {test: \"日${EMPTY:-😀}\", timeout: «\"${T:-é}\"»}\n" },
    { "E102", "    image: nginx\n    ports: [\"${EMPTY:-80}:80\", «\"${EMPTY:-日}:80\"»]\n" },
    { "E200",
      "    image: nginx\n    environment: {\"日é\": 😀}\n    depends_on: [db, «\"${D:-bd}\"»]\n" },
    { "E203", "    image: nginx\n    volumes: [data:/a, «dta»:/b]\n" },
    { "E203", "    image: nginx\n    volumes:\n      - type: volume\n        source: «dta»\n       "
              " target: "
              "/b\n" },
};

/* One way of writing the same. */
enum dress {
    PLAIN,
    CRLF,
    CR,
    MARK,
    UTF16,
    WIDE,
    SECOND,
    TABS,
    ANCHORS,
    FIRST,     /* merged with a file behind it */
    INCLUDED,  /* by another file */
    EXTENDED,  /* by a service of another file */
    ALIASED,   /* the service is an alias */
    MERGE_KEY, /* its keys come by "<<" */
    N_DRESSES
};

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

static void add_unit(struct wc_buf *out, unsigned unit)
{
    wc_buf_addc(out, (char)(unit & 0xFF));
    wc_buf_addc(out, (char)(unit >> 8));
}

static void to_utf16(struct wc_buf *text)
{
    WC_CLEANUP_BUF struct wc_buf out = WC_BUF_INIT;
    wc_buf_add(&out, "\xff\xfe", 2);
    for (size_t i = 0; i < text->len;) {
        unsigned char c = (unsigned char)text->data[i++];
        unsigned more = c < 0xC0 ? 0 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
        unsigned code = more == 0 ? c : c & (0x3FU >> more);
        for (; more > 0; more--)
            code = code << 6 | ((unsigned char)text->data[i++] & 0x3FU);
        if (code >= 0x10000) {
            add_unit(&out, 0xD800 + ((code - 0x10000) >> 10));
            code = 0xDC00 + (code & 0x3FF);
        }
        add_unit(&out, code);
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
    else if (how == WIDE || how >= FIRST)
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
           !((how == WIDE || how >= FIRST) && strstr(text, "image: nginx\n") == NULL);
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
    size_t n_named; /* on the command line */
    size_t faulty;  /* 0: the first */
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

/* The project with the row's text in it. */
static void add_project(struct wc_buf *text, const char *row, enum dress how)
{
    wc_buf_adds(text, good_head);
    if (how == ALIASED || how == MERGE_KEY)
        wc_buf_printf(text, "x-web: &web\n%s%s %s\n", row, good_services,
                      how == ALIASED ? "*web" : "{<<: *web}");
    else
        wc_buf_printf(text, "%s\n%s", good_services, row);
}

/* The text among the files that this way of writing needs. */
static struct project_files among(const struct wc_buf *text, enum dress how)
{
    static const char whole[] = "services: {db: {image: x}}\nnetworks: {front: {}}\n";
    static const char including[] = "include: [two.yaml]\nservices: {\"more\": {image: \"é日\"}}\n";
    static const char extending[] =
        "networks: {front: {}, back: {}}\nvolumes: {data: {}}\n"
        "services: {db: {image: é}, web: {extends: {file: two.yaml, service: web}}}\n";
    static const char after[] =
        "services: {web: {labels: {\"é日\": 😀}, image: z}, more: {image: z}}\n";
    struct project_files alone = { .first = text->data, .first_len = text->len, .n_named = 1 };
    struct project_files second = { .second = text->data, .second_len = text->len, .faulty = 1 };
    second.first = how == INCLUDED ? including : how == EXTENDED ? extending : whole;
    second.first_len = strlen(second.first);
    second.n_named = how == SECOND ? 2 : 1;
    if (how == FIRST) {
        alone.second = after;
        alone.second_len = strlen(after);
        alone.n_named = 2;
    }
    return how == SECOND || how == INCLUDED || how == EXTENDED ? second : alone;
}

/* Loads and compares the first error; true when it is where it should be. */
static bool points_at(const struct project_files *files, const char *code, struct wc_loc want,
                      const char *what)
{
    static const char *const names[] = { "compose.yaml", "two.yaml" };
    struct wc_spec_access access = { read_file, exists, (void *)(uintptr_t)files };
    struct wc_spec_options options = { .cwd = "/p", .access = &access, .files = names };
    options.n_files = files->n_named;
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
                first->at.col == want.col && wc_streq(first->at.file, names[files->faulty]);
    if (!fine && first != NULL)
        fprintf(stderr, "%s: want %s at %u:%u, got %s at %s:%u:%u: %s\n%s\n---\n", what, code,
                want.line, want.col, first->code, first->at.file, first->at.line, first->at.col,
                first->msg, files->faulty == 1 ? files->second : files->first);
    else if (!fine)
        fprintf(stderr, "%s: want %s at %u:%u, got nothing\n%s\n---\n", what, code, want.line,
                want.col, files->faulty == 1 ? files->second : files->first);
    wc_arena_deinit(&arena);
    return fine;
}

static bool check_row(size_t row, enum dress how)
{
    static const char *const names[] = { "plain",   "CRLF",     "CR",       "mark",    "UTF-16",
                                         "wide",    "second",   "tabs",     "anchors", "first",
                                         "include", "extended", "an alias", "<<" };
    WC_CLEANUP_BUF struct wc_buf text = WC_BUF_INIT;
    add_project(&text, rows[row].text, how);
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
    struct project_files files = among(&text, how);
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
