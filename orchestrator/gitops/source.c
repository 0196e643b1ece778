/* source.c - what holds for all kinds of sources: is one sound, and who does the work. */
#include "wcompose/source.h"

#include <string.h>

#include "base/semver.h"
#include "base/str.h"
#include "orchestrator/gitops/archive.h"
#include "orchestrator/gitops/directory.h"
#include "orchestrator/gitops/file.h"
#include "orchestrator/gitops/git.h"
#include "orchestrator/gitops/git_text.h"
#include "orchestrator/gitops/tree.h"

/* What is wrong with one member: its name, and why. */
struct fault {
    const char *field, *why;
};

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text <= ' ' || *text == 127)
            return false;
    return true;
}

/* A host's name, with or without a user before it and a port behind it, none of which git or ssh
 * could take for an option or a command. */
static bool is_host(const char *text, size_t len)
{
    const char *at = memchr(text, '@', len);
    if (at != NULL && (at == text || memchr(text, ':', (size_t)(at - text)) != NULL))
        return false;
    const char *host = at == NULL ? text : at + 1;
    if (text[0] == '-' || host == text + len || *host == '-')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!wc_ascii_isalnum(text[i]) && strchr("@.:_-[]+%", text[i]) == NULL)
            return false;
    return true;
}

static const char *check_url_form(const char *url, const char *scheme)
{
    const char *host = url + strlen(scheme);
    size_t len = strcspn(host, "/");
    if (host[len] != '/' || !is_host(host, len))
        return "it needs a host and a path, and no password in it";
    return NULL;
}

/* "git@host:shop.git": a colon before the first slash, and no scheme. */
static const char *check_scp_form(const char *url)
{
    const char *colon = strchr(url, ':');
    size_t before = strcspn(url, "/");
    if (colon == NULL || (size_t)(colon - url) > before || colon[1] == '\0' || colon[1] == '-' ||
        strstr(url, "::") != NULL || strstr(url, "://") != NULL ||
        !is_host(url, (size_t)(colon - url)))
        return "it is none of ssh://…, user@host:path, https://… and an absolute path";
    return NULL;
}

static const char *check_git_url(const char *url)
{
    if (!is_printable(url))
        return "it has a blank or a control character in it";
    if (wc_str_starts(url, "ssh://"))
        return check_url_form(url, "ssh://");
    if (wc_str_starts(url, "https://"))
        return strchr(url, '@') != NULL ? "a user or token belongs in token_file"
                                        : check_url_form(url, "https://");
    if (wc_str_starts(url, "file://"))
        return url[7] == '/' ? NULL : "a file:// URL needs an absolute path";
    if (wc_str_starts(url, "http://") || wc_str_starts(url, "git://"))
        return "anybody on the way could change what comes: use https or ssh";
    return url[0] == '/' ? NULL : check_scp_form(url);
}

static bool is_ssh(const char *url)
{
    return url[0] != '/' && !wc_str_starts(url, "https://") && !wc_str_starts(url, "file://");
}

static struct fault check_pin(const struct wc_app_source *source)
{
    const char *pin = source->pin, *why = NULL;
    if (pin == NULL)
        return (struct fault){ "pin", "it is missing" };
    switch (source->pin_kind) {
    case WC_PIN_BRANCH:
    case WC_PIN_TAG:
        why = wc_git_is_ref_name(pin) ? NULL : "git knows no such name";
        break;
    case WC_PIN_SEMVER:
        (void)wc_semver_range_valid(pin, &why);
        break;
    case WC_PIN_COMMIT:
        why = wc_git_is_id(pin, strlen(pin)) ? NULL : "a commit has 40 or 64 lower-case hex digits";
        break;
    }
    return (struct fault){ "pin", why };
}

static struct fault check_git(const struct wc_app_source *source)
{
    struct fault fault = { "url", check_git_url(source->url) };
    if (fault.why == NULL)
        fault = check_pin(source);
    if (fault.why == NULL && is_ssh(source->url) && source->known_hosts == NULL)
        fault = (struct fault){ "known_hosts", "ssh needs to know the host's key beforehand" };
    bool wants_tag = source->verify == WC_VERIFY_TAG || source->verify == WC_VERIFY_BOTH;
    if (fault.why == NULL && wants_tag && source->pin_kind != WC_PIN_TAG &&
        source->pin_kind != WC_PIN_SEMVER)
        fault = (struct fault){ "verify", "only what is pinned by a tag has a tag's signature" };
    return fault;
}

static struct fault check_archive(const struct wc_app_source *source)
{
    struct fault fault = { "url", NULL };
    if (!is_printable(source->url) || !wc_str_starts(source->url, "https://") ||
        strchr(source->url, '@') != NULL)
        fault.why = "an archive comes by https, without a user in its URL";
    else
        fault.why = check_url_form(source->url, "https://");
    if (fault.why == NULL && source->sha256 != NULL &&
        (strlen(source->sha256) != 64 || !wc_git_is_id(source->sha256, 64)))
        fault = (struct fault){ "sha256", "it has 64 lower-case hex digits" };
    if (fault.why == NULL && (source->verify == WC_VERIFY_TAG || source->verify == WC_VERIFY_BOTH))
        fault = (struct fault){ "verify", "an archive has no tag" };
    return fault;
}

static struct fault check_directory(const struct wc_app_source *source)
{
    if (source->url[0] != '/')
        return (struct fault){ "url", "a directory needs an absolute path" };
    if (source->verify != WC_VERIFY_NONE)
        return (struct fault){ "verify", "a directory has no signature" };
    return (struct fault){ "url", NULL };
}

static struct fault check_file(const struct wc_app_source *source)
{
    if (source->url[0] != '/' || !wc_git_is_path(wc_file_name(source->url)))
        return (struct fault){ "url", "a file needs an absolute path with a name" };
    if (source->path != NULL)
        return (struct fault){ "path", "there is nothing beneath a file" };
    if (source->verify != WC_VERIFY_NONE)
        return (struct fault){ "verify", "a file on this host has no signature" };
    return (struct fault){ "url", NULL };
}

/* Paths of the admin's that are written between quotation marks in settings. */
static struct fault check_files(const struct wc_app_source *source)
{
    const struct {
        const char *field, *path;
    } files[] = { { "ssh_key", source->ssh_key },       { "known_hosts", source->known_hosts },
                  { "token_file", source->token_file }, { "ca_file", source->ca_file },
                  { "signers", source->signers },       { "keyring", source->keyring } };
    for (size_t i = 0; i < WC_COUNT(files); i++) {
        const char *path = files[i].path;
        if (path != NULL && path[0] != '/')
            return (struct fault){ files[i].field, "it must be an absolute path" };
        for (; path != NULL && *path != '\0'; path++)
            if ((unsigned char)*path < ' ' || *path == '"' || *path == '\\')
                return (struct fault){ files[i].field, "there is a character in it that can't be "
                                                       "given to git" };
    }
    return (struct fault){ "url", NULL };
}

static struct fault check_common(const struct wc_app_source *source)
{
    if (source->url == NULL || source->url[0] == '\0')
        return (struct fault){ "url", "it is missing" };
    if (source->path != NULL && !wc_git_is_path(source->path))
        return (struct fault){ "path", "it must stay beneath the source's top" };
    if (source->verify != WC_VERIFY_NONE && source->signers == NULL && source->keyring == NULL)
        return (struct fault){ "verify", "signatures need signers or a keyring" };
    return check_files(source);
}

int wc_app_source_check(const struct wc_app_source *source, const char **field, struct wc_err *err)
{
    struct fault fault = check_common(source);
    if (fault.why == NULL) {
        switch (source->kind) {
        case WC_APP_SOURCE_GIT:
            fault = check_git(source);
            break;
        case WC_APP_SOURCE_DIRECTORY:
            fault = check_directory(source);
            break;
        case WC_APP_SOURCE_FILE:
            fault = check_file(source);
            break;
        case WC_APP_SOURCE_ARCHIVE:
            fault = check_archive(source);
            break;
        }
    }
    if (fault.why == NULL)
        return 0;
    if (field != NULL)
        *field = fault.field;
    return wc_err_set(err, WC_ERR_USAGE, 0, "%s: %s", fault.field, fault.why);
}

int wc_app_source_look(const struct wc_app_source *source, const struct wc_source_place *place,
                       struct wc_revision *out, struct wc_err *err)
{
    int rc = wc_app_source_check(source, NULL, err);
    if (rc != 0)
        return rc;
    switch (source->kind) {
    case WC_APP_SOURCE_GIT:
        return wc_git_look(source, place, out, err);
    case WC_APP_SOURCE_DIRECTORY:
        return wc_directory_look(source, place, out, err);
    case WC_APP_SOURCE_FILE:
        return wc_file_look(source, place, out, err);
    case WC_APP_SOURCE_ARCHIVE:
        return wc_archive_look(source, place, out, err);
    }
    return wc_err_set(err, WC_ERR_BUG, 0, "no such kind of source");
}

int wc_app_source_fetch(const struct wc_app_source *source, const struct wc_source_place *place,
                        const struct wc_source_trail *trail, struct wc_revision *revision,
                        struct wc_err *err)
{
    int rc = wc_app_source_check(source, NULL, err);
    if (rc != 0)
        return rc;
    switch (source->kind) {
    case WC_APP_SOURCE_GIT:
        return wc_git_fetch(source, place, trail, revision, err);
    case WC_APP_SOURCE_DIRECTORY:
        return wc_directory_fetch(source, place, revision, err);
    case WC_APP_SOURCE_FILE:
        return wc_file_fetch(source, place, revision, err);
    case WC_APP_SOURCE_ARCHIVE:
        return wc_archive_fetch(source, place, revision, err);
    }
    return wc_err_set(err, WC_ERR_BUG, 0, "no such kind of source");
}

int wc_app_source_verify(const struct wc_app_source *source, const struct wc_source_place *place,
                         const struct wc_source_trail *trail, struct wc_revision *revision,
                         struct wc_err *err)
{
    int rc = wc_app_source_check(source, NULL, err);
    if (rc != 0)
        return rc;
    switch (source->kind) {
    case WC_APP_SOURCE_GIT:
        return wc_git_verify(source, place, trail, revision, err);
    case WC_APP_SOURCE_DIRECTORY:
    case WC_APP_SOURCE_FILE:
        return 0;
    case WC_APP_SOURCE_ARCHIVE:
        return wc_archive_verify(source, place, revision, err);
    }
    return wc_err_set(err, WC_ERR_BUG, 0, "no such kind of source");
}

int wc_app_source_tidy(const struct wc_app_source *source, const struct wc_source_place *place,
                       const struct wc_strv *keep, struct wc_err *err)
{
    int rc = wc_tree_tidy(place, keep, err);
    return rc == 0 && source->kind == WC_APP_SOURCE_GIT ? wc_git_tidy(source, place, err) : rc;
}
