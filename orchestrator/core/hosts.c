/* hosts.c - hosts by name, and the words that facts are written with. */
#include "wcompose/host.h"

#include <string.h>

#include "base/str.h"
#include "orchestrator/core/windows.h"

#define SERVER(name_, title_, build_)                                                              \
    {                                                                                              \
        .name = (name_), .title = (title_), .os = WC_OS_WINDOWS, .edition = WC_EDITION_SERVER,     \
        .build = (build_), .architecture = "amd64", .hyperv = WC_TRI_UNSET                         \
    }
#define CLIENT(name_, title_, build_)                                                              \
    {                                                                                              \
        .name = (name_), .title = (title_), .os = WC_OS_WINDOWS, .edition = WC_EDITION_CLIENT,     \
        .build = (build_), .architecture = "amd64", .hyperv = WC_TRI_UNSET                         \
    }

static const struct wc_host_facts presets[] = {
    SERVER("ws2016", "Windows Server 2016", 14393),
    SERVER("ws2019", "Windows Server 2019", 17763),
    SERVER("ws2022", "Windows Server 2022", 20348),
    SERVER("ws23h2", "Windows Server 23H2", 25398),
    SERVER("ws2025", "Windows Server 2025", 26100),
    CLIENT("w10-22h2", "Windows 10 22H2", 19045),
    CLIENT("w11-22h2", "Windows 11 22H2", 22621),
    CLIENT("w11-23h2", "Windows 11 23H2", 22631),
    CLIENT("w11-24h2", "Windows 11 24H2", 26100),
    CLIENT("w11-25h2", "Windows 11 25H2", 26200),
    { .name = "linux",
      .title = "Linux without virtual machines",
      .os = WC_OS_LINUX,
      .hyperv = WC_TRI_FALSE,
      .hyperv_why = "it makes no virtual machines" },
    { .name = "linux-kvm", .title = "Linux with KVM", .os = WC_OS_LINUX, .hyperv = WC_TRI_TRUE },
    { .name = "linux-tcg",
      .title = "Linux with emulated machines",
      .os = WC_OS_LINUX,
      .hyperv = WC_TRI_TRUE,
      .is_emulated = true },
};

const struct wc_host_facts *wc_host_preset_at(size_t i)
{
    return i < WC_COUNT(presets) ? &presets[i] : NULL;
}

const struct wc_host_facts *wc_host_preset(const char *name)
{
    for (size_t i = 0; i < WC_COUNT(presets); i++)
        if (wc_str_caseeq(presets[i].name, name))
            return &presets[i];
    return NULL;
}

bool wc_edition_parse(const char *word, enum wc_edition *out)
{
    for (size_t i = 0; i < WC_EDITIONS; i++) {
        if (!wc_str_caseeq(wc_windows_edition((enum wc_edition)i)->word, word))
            continue;
        *out = (enum wc_edition)i;
        return true;
    }
    return false;
}

const char *wc_edition_name(enum wc_edition edition)
{
    return wc_windows_edition(edition)->word;
}

enum wc_os wc_os_parse(const char *word)
{
    if (word == NULL)
        return WC_OS_UNKNOWN;
    return wc_str_caseeq(word, "linux")     ? WC_OS_LINUX
           : wc_str_caseeq(word, "windows") ? WC_OS_WINDOWS
                                            : WC_OS_OTHER;
}

bool wc_windows_version_parse(const char *text, unsigned *build, unsigned *revision)
{
    enum { MAJOR, MINOR, BUILD, REVISION, PARTS };
    int64_t parts[PARTS] = { 0 };
    char part[16];
    size_t n = 0;
    for (const char *p = text; n < PARTS; n++) {
        size_t len = strcspn(p, ".");
        if (len == 0 || len >= sizeof part)
            return false;
        memcpy(part, p, len);
        part[len] = '\0';
        if (!wc_str_to_i64(part, 0, INT32_MAX, &parts[n]))
            return false;
        p += len;
        if (*p == '\0') {
            n++;
            text = p;
            break;
        }
        p++;
    }
    if (*text != '\0' || n < BUILD + 1 || parts[MAJOR] != 10 || parts[MINOR] != 0 ||
        parts[BUILD] == 0)
        return false;
    *build = (unsigned)parts[BUILD];
    *revision = (unsigned)parts[REVISION];
    return true;
}
