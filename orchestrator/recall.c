/* recall.c - a ring of texts. */
#include "orchestrator/recall.h"

#include <string.h>

#include "base/alloc.h"

static void forget_first(struct wc_recall *recall)
{
    struct wc_recalled *at = &recall->ring[recall->first];
    recall->bytes -= at->len;
    wc_free(at->json);
    *at = (struct wc_recalled){ 0 };
    recall->first = (recall->first + 1) % recall->cap;
    recall->n--;
    recall->n_forgotten++;
}

void wc_recall_deinit(struct wc_recall *recall)
{
    while (recall->n > 0)
        forget_first(recall);
    wc_free(recall->ring);
    *recall = (struct wc_recall){ 0 };
}

/* A supervisor of a quiet project keeps a page of them, not a ring of a thousand places. */
static void grow(struct wc_recall *recall)
{
    size_t cap = recall->cap == 0 ? 32 : recall->cap * 2;
    cap = cap > WC_RECALL_EVENTS ? WC_RECALL_EVENTS : cap;
    struct wc_recalled *ring = wc_calloc(cap, sizeof *ring);
    for (size_t i = 0; i < recall->n; i++)
        ring[i] = *wc_recall_get(recall, i);
    wc_free(recall->ring);
    recall->ring = ring;
    recall->cap = cap;
    recall->first = 0;
}

void wc_recall_add(struct wc_recall *recall, uint64_t seq, int64_t wall_ms, const char *json,
                   size_t len)
{
    while (recall->n > 0 &&
           (recall->n == WC_RECALL_EVENTS || recall->bytes + len > WC_RECALL_BYTES))
        forget_first(recall);
    if (recall->n == recall->cap)
        grow(recall);
    char *copy = wc_alloc(len + 1);
    memcpy(copy, json, len);
    copy[len] = '\0';
    recall->ring[(recall->first + recall->n) % recall->cap] =
        (struct wc_recalled){ .seq = seq, .wall_ms = wall_ms, .json = copy, .len = len };
    recall->n++;
    recall->bytes += len;
}

const struct wc_recalled *wc_recall_get(const struct wc_recall *recall, size_t i)
{
    return &recall->ring[(recall->first + i) % recall->cap];
}
