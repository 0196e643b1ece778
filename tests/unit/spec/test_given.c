/* test_given.c - configs and secrets as mounts of the model. */
#include "spec_box.h"

#include "spec/given.h"
#include "spec/given_values.h"

#define HEAD "name: t\nservices:\n  web: {image: a, "

static const struct wc_mount *only_mount(struct box *box, const char *text)
{
    const struct wc_service *s = box_service(box, text, "web");
    assert_int_equal(s->n_mounts, 1);
    return &s->mounts[0];
}

static void file_is_bound(void **state)
{
    (void)state;
    struct box box;
    const struct wc_mount *m =
        only_mount(&box, HEAD "secrets: [key]}\nsecrets: {key: {file: ./k}}\n");
    assert_int_equal(m->type, WC_MOUNT_BIND);
    assert_string_equal(m->source, "/nonexistent/box/k");
    assert_string_equal(m->target, "/run/secrets/key");
    assert_string_equal(m->object, "secrets.key");
    assert_true(m->read_only);
    assert_false(m->create_host_path);
    assert_int_equal(m->at.line, 3);
    box_free(&box);
}

static void owner_makes_a_copy(void **state)
{
    (void)state;
    struct box box;
    const struct wc_mount *m =
        only_mount(&box, HEAD "configs: [{source: c, target: etc/c, uid: \"7\", mode: 0640}]}\n"
                              "configs: {c: {file: /c}}\n");
    assert_int_equal(m->type, WC_MOUNT_COPY);
    assert_string_equal(m->source, "/c");
    assert_null(m->content);
    assert_string_equal(m->target, "/etc/c");
    assert_int_equal(m->uid, 7);
    assert_int_equal(m->gid, 0);
    assert_int_equal(m->mode, 0640);
    box_free(&box);
}

static void content_is_copied(void **state)
{
    (void)state;
    struct box box;
    const struct wc_mount *m =
        only_mount(&box, HEAD "configs: [c]}\nconfigs: {c: {content: hello}}\n");
    assert_int_equal(m->type, WC_MOUNT_COPY);
    assert_null(m->source);
    assert_string_equal(m->content, "hello");
    assert_string_equal(m->target, "/c");
    assert_int_equal(m->mode, 0444);
    box_free(&box);
}

static void expect_error(const char *text, const char *code, const char *words)
{
    struct box box;
    box_load(&box, text);
    assert_null(box.project);
    assert_int_equal(box.diags.n, 1);
    assert_string_equal(box.diags.items[0].code, code);
    assert_non_null(strstr(box.diags.items[0].msg, words));
    box_free(&box);
}

static void what_cant_be_had(void **state)
{
    (void)state;
    expect_error(HEAD "secrets: [s]}\nsecrets: {s: {environment: NOT_SET}}\n", "E107",
                 "variable NOT_SET, the content of secret 's'");
    expect_error(HEAD "configs: [s]}\nconfigs: {s: {external: true}}\n", "E300",
                 "config 's' is kept elsewhere");
    expect_error(HEAD "secrets: [{source: s, uid: root}]}\nsecrets: {s: {file: s}}\n", "E102",
                 "uid of secret 's' is a number");
}

struct value {
    const char *object, *value;
    size_t n;
};

static void note(void *data, const char *object, const char *text)
{
    struct value *value = data;
    *value = (struct value){ object, text, value->n + 1 };
}

/* Only what the tree doesn't have goes beside it, and once. */
static void values_of_the_environment(void **state)
{
    (void)state;
    static const char text[] = "name: t\nservices:\n"
                               "  a: {image: x, secrets: [s], configs: [c]}\n"
                               "  b: {image: x, secrets: [s]}\n"
                               "secrets: {s: {environment: S}}\nconfigs: {c: {content: c}}\n";
    struct box box = { 0 };
    struct value value = { 0 };
    struct wc_spec_options options = { .cwd = "/nonexistent/box",
                                       .text = text,
                                       .text_len = strlen(text),
                                       .environ = (const char *const[]){ "S=one", NULL } };
    wc_arena_init(&box.arena);
    wc_diags_init(&box.diags, &box.arena);
    assert_int_equal(wc_spec_load(&options, &box.arena, &box.diags, &box.project), 0);
    wc_given_values(box.project, note, &value);
    assert_int_equal(value.n, 1);
    assert_string_equal(value.object, "secrets.s");
    assert_string_equal(value.value, "one");
    char before[65];
    memcpy(before, wc_project_service(box.project, "b")->spec_hash, sizeof before);
    options.environ = (const char *const[]){ "S=two", NULL };
    assert_int_equal(wc_spec_load(&options, &box.arena, &box.diags, &box.project), 0);
    assert_string_not_equal(wc_project_service(box.project, "b")->spec_hash, before);
    box_free(&box);
}

WC_MAIN(WC_CASE(file_is_bound), WC_CASE(owner_makes_a_copy), WC_CASE(content_is_copied),
        WC_CASE(what_cant_be_had), WC_CASE(values_of_the_environment))
