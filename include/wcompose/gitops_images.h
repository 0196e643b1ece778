/* gitops_images.h - images of apps whose tags are followed: what is remembered, what is asked
 * (contract, plain data).
 *
 * Owner:   strings live in an arena of who made them. Threads: values.
 */
#ifndef WCOMPOSE_GITOPS_IMAGES_H
#define WCOMPOSE_GITOPS_IMAGES_H

#include <stddef.h>
#include <stdint.h>

#include "wcompose/err.h"

struct wc_arena;
struct wc_buf;
struct wc_gitops_run;
struct wc_project;

/* What the image of a service stands for, where its tag is followed. */
struct wc_gitops_image {
    const char *service;
    const char *written; /* as the file has it: "r.example/web:1.4" */
    const char *tag;     /* that was chosen: "1.4.3" */
    const char *digest;  /* that it stands for: "sha256:…"; NULL: not known, nor is the tag */
    int64_t since_ms;    /* in force with that digest since then */
};
struct wc_gitops_images {
    struct wc_gitops_image *items; /* n, by service */
    size_t n;
};

/* "r.example/web:1.4.3@sha256:…"; arena-owned. */
const char *wc_gitops_image_pinned(const struct wc_gitops_image *image, struct wc_arena *arena);

/* A question to a registry, and its answer. */
struct wc_gitops_digest {
    const char *service, *reference; /* "r.example/web:1.4.3" */
    const char *digest;              /* NULL: it isn't known, see err */
    struct wc_err err;
};

/* Puts what its images stand for now into a project that was loaded, and its text into `wire`,
 * where their tags are followed. 0, or an error of a registry. */
int wc_gitops_newest_images(const struct wc_gitops_run *run, struct wc_project *project,
                            struct wc_arena *arena, struct wc_buf *wire, struct wc_err *err);

#endif
