/* windows.c - the rows, and the few questions that are asked of them.
 *
 * Of the two rules in use for which image may run as a process, that of containerd is taken: it
 * agrees with all of Microsoft's tables, while hcsshim's says no to pairs that work.
 */
#include "orchestrator/core/windows.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { FIRST_LTSC_RULE = 20348, EXACT_REVISION = 14393 };

/* clang-format off */
static const struct wc_windows_build builds[] = {
    { 14393, "Windows Server 2016",                        "ltsc2016", false },
    { 17763, "Windows Server 2019, Windows 10 1809",       "ltsc2019", false },
    { 19041, "Windows Server 2004, Windows 10 2004",       NULL,       false },
    { 19042, "Windows Server 20H2, Windows 10 20H2",       NULL,       false },
    { 19045, "Windows 10 22H2",                            NULL,       false },
    { 20348, "Windows Server 2022",                        "ltsc2022", true },
    { 22000, "Windows 11 21H2",                            NULL,       false },
    { 22621, "Windows 11 22H2",                            NULL,       false },
    { 22631, "Windows 11 23H2",                            NULL,       false },
    { 25398, "Windows Server 23H2 (annual channel)",       NULL,       false },
    { 26100, "Windows Server 2025, Windows 11 24H2",       "ltsc2025", true },
    { 26200, "Windows 11 25H2",                            NULL,       false },
};

static const struct wc_windows_edition editions[WC_EDITIONS] = {
    [WC_EDITION_SERVER]     = { "server", "Windows Server", true, true, false, 0 },
    [WC_EDITION_STANDARD]   = { "standard", "Windows Server Standard", true, true, false,
                                WC_WINDOWS_STANDARD_HYPERV },
    [WC_EDITION_DATACENTER] = { "datacenter", "Windows Server Datacenter", true, true, false, 0 },
    [WC_EDITION_CLIENT]     = { "client", "Windows Pro or Enterprise", false, true, true, 0 },
    [WC_EDITION_HOME]       = { "home", "Windows Home", false, false, true, 0 },
};

static const struct wc_windows_defect defects[] = {
    { 26200, 7171, 7171, 26100,
      "ltsc2025 images are reported to fail on 26200.7171 (0xc0370112); later updates run them" },
};

static const struct wc_windows_limit limits[] = {
    { "a kernel of its own", "no", "yes", "isolation" },
    { "a boundary for hostile code", "no", "yes", "x-wcompose.trust" },
    { "device class GUID", "host and image from 1809", "no", "devices" },
    { "GPU through DirectX", "with the full windows image", "no", "devices" },
    { "the network of another service", "yes", "no, on either side", "network_mode: service:" },
    { "pause", "no", "yes", NULL },
    { "copying files while it runs", "yes, not into volumes", "no", NULL },
    { "count, shares and percent of processors", "the first of them", "all", "cpu_count" },
    { "processors", "a share of the host's", "virtual processors", "cpus" },
    { "memory limit", "a cap; the guest sees the host's", "the size of the machine", "mem_limit" },
    { "without a memory limit", "no cap", "a machine of 1 GiB", "mem_limit" },
    { "changing limits as it runs", "no", "no", NULL },
    { "who reads a bind mount", "the container's user", "LocalSystem", "volumes" },
    { "named pipes", "yes", "accepted, with trouble", "volumes" },
    { "print spooler", "one on the host", "each its own", NULL },
    { "domain accounts (gMSA)", "yes", "from 1809", "credential_spec" },
    { "memory-backed mounts", "no", "no", "tmpfs" },
    { "a single file mounted", "no", "no", "configs, secrets, volumes" },
    { "read-only root", "no", "no", "read_only" },
    { "privileges, capabilities, namespaces", "no", "no", "privileged, cap_add, pid, ipc" },
    { "kernel settings and process limits", "no", "no", "sysctls, ulimits, pids_limit" },
    { "the host's network, a host address of a port", "no", "no", "network_mode, ports" },
    { "IPv6, internal networks", "no", "no", "networks" },
};

static const struct wc_windows_error errors[] = {
    { 0x80370100, "HCS_E_TERMINATED_DURING_START", "it ended while it was starting",
      "look at the event log of the host compute service: virus scanners, damaged layers" },
    { 0x80370101, "HCS_E_IMAGE_MISMATCH", "the builds of image and host don't fit",
      "take an image of the host's build, or isolation: hyperv" },
    { 0x80370102, "HCS_E_HYPERV_NOT_INSTALLED", "there is no hypervisor, or its feature is off",
      "turn Hyper-V on (in a VM: nested virtualization), or mark the service trusted" },
    { 0x80370103, "VMCOMPUTE_OPERATION_PENDING", "it isn't over yet", "wait; this is a state" },
    { 0x80370106, "HCS_E_UNEXPECTED_EXIT", "it ended by itself while it was starting",
      "look at the event log of the host compute service: virus scanners, damaged layers" },
    { 0x8037010e, "HCS_E_SYSTEM_NOT_FOUND", "it isn't there", "nothing to do; this is a state" },
    { 0x80370110, "HCS_E_SYSTEM_ALREADY_STOPPED", "it is stopped",
      "nothing to do; this is a state" },
    { 0x80370112, "HCS_E_INVALID_LAYER", "a layer has a format that this host doesn't know",
      "see the known defects in docs/windows.md; update the host, or take an older image" },
    { 0x80370117, "HCS_E_OPERATION_PENDING", "it isn't over yet", "wait; this is a state" },
    { 0x8037011b, "HCS_E_ACCESS_DENIED", "the user may not do this",
      "run as an administrator, or join the group Hyper-V Administrators" },
    { 0x803b0013, "HCN_E_PORT_ALREADY_EXISTS", "another endpoint has this port",
      "remove the stale endpoint that holds it" },
    { 0x803b002f, "HNS error 0x2f", "an endpoint is stale",
      "remove the endpoint; it is made anew" },
};
/* clang-format on */

const struct wc_windows_build *wc_windows_builds(size_t *n)
{
    *n = WC_COUNT(builds);
    return builds;
}

const struct wc_windows_limit *wc_windows_limits(size_t *n)
{
    *n = WC_COUNT(limits);
    return limits;
}

const struct wc_windows_error *wc_windows_errors(size_t *n)
{
    *n = WC_COUNT(errors);
    return errors;
}

const struct wc_windows_edition *wc_windows_edition(enum wc_edition edition)
{
    return &editions[edition];
}

/* The LTSC before the newest that a host is not older than; the first when there is none before. */
static unsigned floor_of(unsigned host)
{
    unsigned newest = 0, before = 0;
    for (size_t i = 0; i < WC_COUNT(builds); i++) {
        if (!builds[i].is_ltsc || builds[i].build > host)
            continue;
        before = newest;
        newest = builds[i].build;
    }
    return before != 0 ? before : newest;
}

bool wc_windows_process_fits(unsigned host, unsigned host_revision, unsigned image,
                             unsigned image_revision)
{
    if (host >= FIRST_LTSC_RULE)
        return image >= floor_of(host) && image <= host;
    return image == host && (host != EXACT_REVISION || image_revision == host_revision);
}

bool wc_windows_hyperv_fits(unsigned host, unsigned image)
{
    return image <= host;
}

const struct wc_windows_defect *wc_windows_defect(const struct wc_host_facts *host,
                                                  const struct wc_image_facts *image)
{
    for (size_t i = 0; i < WC_COUNT(defects); i++)
        if (host->build == defects[i].host_build && host->revision >= defects[i].first_revision &&
            host->revision <= defects[i].last_revision && image->build == defects[i].image_build)
            return &defects[i];
    return NULL;
}

const char *wc_windows_image_name(unsigned build, char text[16])
{
    for (size_t i = 0; i < WC_COUNT(builds); i++)
        if (builds[i].build == build && builds[i].image != NULL)
            return builds[i].image;
    snprintf(text, 16, "%u", build);
    return text;
}

const char *wc_windows_image_for(unsigned host)
{
    const char *found = NULL;
    for (size_t i = 0; i < WC_COUNT(builds); i++)
        if (builds[i].image != NULL && wc_windows_process_fits(host, 0, builds[i].build, 0))
            found = builds[i].image;
    return found;
}

const struct wc_windows_error *wc_windows_error(uint32_t code)
{
    enum { SPELLING = 0x0fffffff };
    for (size_t i = 0; i < WC_COUNT(errors); i++)
        if (code >> 31 != 0 && (code & SPELLING) == (errors[i].code & SPELLING))
            return &errors[i];
    return NULL;
}
