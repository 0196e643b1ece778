/* windows.h - what is known of Windows as a host and of its images (orchestrator/core, pure data).
 *
 * Idea:    builds, editions, limits of the two modes and error codes are rows; who decides asks
 *          them and knows no number itself. docs/windows.md is printed from the same rows.
 * Threads: constants. Errors: none.
 * Source:  Microsoft, "Windows container version compatibility", "Isolation modes"; moby,
 *          daemon_windows.go; containerd, pkg/platforms; named at each table.
 */
#ifndef ORCHESTRATOR_CORE_WINDOWS_H
#define ORCHESTRATOR_CORE_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/host.h"

struct wc_buf;

/* Engines refuse anything older. */
enum { WC_WINDOWS_OLDEST_HOST = 17763 };

/* Instances with a kernel of their own that a licence of Windows Server Standard covers. */
enum { WC_WINDOWS_STANDARD_HYPERV = 2 };

/* One build. */
struct wc_windows_build {
    unsigned build;
    const char *hosts; /* "Windows Server 2022" */
    const char *image; /* tag of its base images, or NULL: there are none any more */
    bool is_ltsc;      /* later hosts run its images as processes, up to the LTSC after the next */
};

/* One edition. */
struct wc_windows_edition {
    const char *word, *title;
    bool is_server;              /* its engine starts processes unless it is told otherwise */
    bool has_containers;         /* the feature can be turned on */
    bool is_licensed_for_tests;  /* processes are for development and tests only */
    unsigned max_hyperv_licence; /* 0: no bound */
};

/* One thing that the two modes take differently, or none takes. */
struct wc_windows_limit {
    const char *feature, *process, *hyperv; /* "yes", "no", or what becomes of it */
    const char *attribute;                  /* of Compose, or NULL */
};

/* A pair of builds that is known not to work though the rules allow it. */
struct wc_windows_defect {
    unsigned host_build, first_revision, last_revision, image_build;
    const char *text;
};

/* The rows; *n of them. */
const struct wc_windows_build *wc_windows_builds(size_t *n);
const struct wc_windows_limit *wc_windows_limits(size_t *n);
const struct wc_windows_edition *wc_windows_edition(enum wc_edition edition);

/* Whether an image of a build runs as a process, or in a machine, on a host of a build. Builds and
 * revisions are known. */
bool wc_windows_process_fits(unsigned host, unsigned host_revision, unsigned image,
                             unsigned image_revision);
bool wc_windows_hyperv_fits(unsigned host, unsigned image);

/* The known defect of a pair, or NULL. */
const struct wc_windows_defect *wc_windows_defect(const struct wc_host_facts *host,
                                                  const struct wc_image_facts *image);

/* "ltsc2022" for 20348; the number as text for a build without a name. Literal or in `text`. */
const char *wc_windows_image_name(unsigned build, char text[16]);

/* The newest base image whose processes a host runs, or NULL. */
const char *wc_windows_image_for(unsigned host);

/* Appends docs/windows.md. */
void wc_windows_markdown(struct wc_buf *out);

#endif
