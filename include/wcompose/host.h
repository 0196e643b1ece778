/* host.h - what a host is and can give, as far as isolation depends on it: this one, or one that
 * isn't here (contract, plain data, pure).
 *
 * Idea:    facts are values, so a plan can be made for a host that nobody has touched yet; what
 *          isn't known is said to be unknown, never guessed.
 * Owner:   strings are literals or the caller's. Threads: values.
 * Source:  Microsoft, "Windows container version compatibility", "System requirements for Windows
 *          containers"; docs/windows.md.
 */
#ifndef WCOMPOSE_HOST_H
#define WCOMPOSE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wcompose/isolation.h"

/* What images are made for, and hosts run. */
enum wc_os { WC_OS_UNKNOWN, WC_OS_LINUX, WC_OS_WINDOWS, WC_OS_OTHER };

/* Editions of Windows that differ in what they allow. */
enum wc_edition {
    WC_EDITION_SERVER, /* which one is not known */
    WC_EDITION_STANDARD,
    WC_EDITION_DATACENTER,
    WC_EDITION_CLIENT, /* Pro, Enterprise, Education */
    WC_EDITION_HOME,
    WC_EDITIONS
};

/* One host. */
struct wc_host_facts {
    const char *name;         /* "ws2022" */
    const char *title;        /* "Windows Server 2022" */
    enum wc_os os;            /* LINUX or WINDOWS */
    enum wc_edition edition;  /* WINDOWS */
    unsigned build, revision; /* WINDOWS: 20348.2700; 0: not known */
    const char *architecture; /* "amd64", or NULL: not known */
    enum wc_tri hyperv;       /* it can give a kernel of its own; UNSET: not known */
    const char *hyperv_why;   /* FALSE: what is missing, or NULL */
    bool is_emulated;         /* such a kernel runs without the help of the processor */
    enum wc_isolation level;  /* WINDOWS: that its engine is set to; DEFAULT: by its edition */
    unsigned n_hyperv;        /* instances with a kernel of their own that it has already */
};

/* What is known of an image; zero: nothing. */
struct wc_image_facts {
    enum wc_os os;
    const char *os_name;      /* as the image says it: "windows"; NULL: not known */
    unsigned build, revision; /* of os.version, "10.0.BUILD.REVISION"; 0: not known */
    const char *architecture;
    enum wc_tri has_uvm; /* WINDOWS: it brings what a machine starts from */
    const char *from;    /* who says so: "image store", "x-wcompose.image"; NULL: nobody */
};

/* The host that goes by a name: "ws2022", "w11-24h2", "linux-kvm". NULL when there is none. */
const struct wc_host_facts *wc_host_preset(const char *name);

/* All of them, in order; NULL past the last. */
const struct wc_host_facts *wc_host_preset_at(size_t i);

/* "standard" to an edition; false when there is none. wc_edition_name is the way back. */
bool wc_edition_parse(const char *word, enum wc_edition *out);
const char *wc_edition_name(enum wc_edition edition);

/* Reads "linux", "windows" (else OTHER; NULL: UNKNOWN), and "10.0.17763.5329" (false, and nothing
 * set, when it isn't a version of Windows). */
enum wc_os wc_os_parse(const char *word);
bool wc_windows_version_parse(const char *text, unsigned *build, unsigned *revision);

/* One error of Windows' container services (docs/windows.md). */
struct wc_windows_error {
    uint32_t code; /* as HRESULT; the spelling 0xc… is the same error */
    const char *name, *meaning, *advice;
};

/* The error that a code means, in either spelling (0x80370101, 0xc0370101), or NULL. */
const struct wc_windows_error *wc_windows_error(uint32_t code);

/* All of them, by code; *n. */
const struct wc_windows_error *wc_windows_errors(size_t *n);

#endif
