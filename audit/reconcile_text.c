/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Rows and flags as values of their own. Owns no state. */
#include "audit/reconcile_part.h"

#include <stdio.h>
#include <string.h>

#include "audit/canonical.h"
#include "core/clock.h"

static const char *const KIND_NAMES[RECONCILE_KINDS] = {
    [RECONCILE_UNREPORTED] = "unreported",         [RECONCILE_TWO_STATIONS] = "two-stations",
    [RECONCILE_OUTSIDE_SHIFT] = "outside-shift",   [RECONCILE_REISSUE_RATE] = "reissue-rate",
    [RECONCILE_NEVER_LICENSED] = "never-licensed", [RECONCILE_NOT_SUCCEEDED] = "not-succeeded",
    [RECONCILE_SHIPPED_TWICE] = "shipped-twice",   [RECONCILE_NOT_SHIPPED] = "not-shipped",
};

static const char *const RESULT_NAMES[] = {
    [BOOK_UNREPORTED] = "unreported",
    [BOOK_SUCCEEDED] = "succeeded",
    [BOOK_FAILED] = "failed",
    [BOOK_SCRAPPED] = "scrapped",
};

const char *reconcile_kind_name(enum reconcile_kind kind)
{
    return KIND_NAMES[kind];
}

/* A text that is too long for its place stays raw, and is cut. */
static void put_text(struct bytes raw, char out[RECONCILE_TEXT_SIZE])
{
    if (!canonical_decode(raw, out, RECONCILE_TEXT_SIZE))
        (void)snprintf(out, RECONCILE_TEXT_SIZE, "%.*s", (int)raw.length, (const char *)raw.data);
}

/* ---- rows ---- */

size_t reconciliation_row_count(const struct reconciliation *reconciliation)
{
    return reconciliation->rows.count;
}

void reconciliation_row(const struct reconciliation *reconciliation, size_t i,
                        struct reconcile_row *ret_row)
{
    const struct row *row = reconcile_row_at(reconciliation, reconciliation->order[i]);
    *ret_row = row->sums;
    put_text(row->product, ret_row->product);
    put_text(row->lot, ret_row->lot);
    ret_row->day = row->day;
    ret_row->difference = row->ready - row->sums.shipped;
}

/* ---- flags ---- */

size_t reconciliation_flag_count(const struct reconciliation *reconciliation)
{
    size_t count = 0;
    for (int kind = 0; kind < RECONCILE_KINDS; kind++)
        count += reconciliation->lists[kind].count;
    return count;
}

static const struct flag *flag_at(const struct reconciliation *reconciliation, size_t i)
{
    int kind = 0;
    while (i >= reconciliation->lists[kind].count)
        i -= reconciliation->lists[kind++].count;
    return &reconciliation->lists[kind].flags[i];
}

/* What the flag is about, looked up. */
struct scene {
    const struct reconciliation *reconciliation;
    const struct flag *flag;
    char time[TIMESTAMP_SIZE]; /* of the install's license */
    char day[TIMESTAMP_SIZE];  /* of shipping; cut to the day */
    char station[RECONCILE_TEXT_SIZE];
    struct leaf leaf; /* of the install, if there is one */
    long line;
};

static void set_scene(const struct reconciliation *reconciliation, const struct flag *flag,
                      struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    scene->reconciliation = reconciliation;
    scene->flag = flag;
    if (flag->install != POOL_NONE) {
        reconcile_read_leaf(reconciliation, flag->install, &scene->leaf);
        timestamp_format(scene->leaf.time_unix_ms, scene->time);
        put_text(leaf_text(&scene->leaf, FIELD_STATION), scene->station);
    }
    if (flag->shipped != POOL_NONE) {
        const struct shipped_device *shipped = &reconciliation->shipped.devices[flag->shipped];
        timestamp_format(shipped->day * DAY_MS, scene->day);
        scene->day[10] = '\0';
        scene->line = shipped->line;
    }
}

static const char *result_of(const struct scene *scene)
{
    const struct book *book = &scene->reconciliation->replay.book;
    const struct book_device *device = book_device(book, scene->flag->device);
    if (device->is_replaced)
        return "its chip was replaced";
    return RESULT_NAMES[book_unit(book, device->unit)->result];
}

static void put_stations(const struct scene *scene, char out[RECONCILE_DETAIL_SIZE])
{
    char first[RECONCILE_TEXT_SIZE];
    char second[RECONCILE_TEXT_SIZE];
    const struct book *book = &scene->reconciliation->replay.book;
    const struct book_device *device = book_device(book, scene->flag->device);
    put_text(book_principal(book, device->station)->name, first);
    put_text(book_principal(book, device->other_station)->name, second);
    (void)snprintf(out, RECONCILE_DETAIL_SIZE, "Licenses were asked for at %s and at %s.", first,
                   second);
}

static void put_detail(const struct scene *scene, char out[RECONCILE_DETAIL_SIZE])
{
    const struct reconciliation *reconciliation = scene->reconciliation;
    const struct reconcile_row *sums = &reconcile_row_at(reconciliation, scene->flag->row)->sums;
    long long hours =
        (long long)((reconciliation->made_unix_ms - scene->leaf.time_unix_ms) / HOUR_MS);
    long long leaf = (long long)scene->leaf.index;
    size_t size = RECONCILE_DETAIL_SIZE;
    switch (scene->flag->kind) {
    case RECONCILE_UNREPORTED:
        (void)snprintf(out, size, "Licensed %s at %s (leaf %lld), and not reported for %lld hours.",
                       scene->time, scene->station, leaf, hours);
        return;
    case RECONCILE_TWO_STATIONS:
        put_stations(scene, out);
        return;
    case RECONCILE_OUTSIDE_SHIFT:
        (void)snprintf(out, size, "Licensed %s at %s (leaf %lld), outside the shift.", scene->time,
                       scene->station, leaf);
        return;
    case RECONCILE_REISSUE_RATE:
        (void)snprintf(out, size, "%lld repeats for %lld licenses: more than %lld in a hundred.",
                       (long long)sums->reissued, (long long)sums->licensed,
                       (long long)reconciliation->request.reissue_percent);
        return;
    case RECONCILE_NEVER_LICENSED:
        (void)snprintf(out, size, "Shipped %s (line %ld of the list), and never licensed.",
                       scene->day, scene->line);
        return;
    case RECONCILE_NOT_SUCCEEDED:
        (void)snprintf(out, size,
                       "Shipped %s (line %ld of the list); by the journal (leaf %lld): %s.",
                       scene->day, scene->line, leaf, result_of(scene));
        return;
    case RECONCILE_SHIPPED_TWICE:
        (void)snprintf(out, size, "Shipped once more %s (line %ld of the list).", scene->day,
                       scene->line);
        return;
    case RECONCILE_NOT_SHIPPED:
    case RECONCILE_KINDS:
        (void)snprintf(out, size, "Licensed %s (leaf %lld), succeeded, and not shipped.",
                       scene->time, leaf);
        return;
    }
}

static void put_device(const struct scene *scene, struct reconcile_flag *flag)
{
    const struct reconciliation *reconciliation = scene->reconciliation;
    if (scene->flag->device != POOL_NONE) {
        const struct book_device *device =
            book_device(&reconciliation->replay.book, scene->flag->device);
        flag->has_device = true;
        flag->device = device->key;
        put_text(device->serial, flag->serial);
    } else if (scene->flag->shipped != POOL_NONE) {
        const struct shipped_device *shipped =
            &reconciliation->shipped.devices[scene->flag->shipped];
        flag->has_device = shipped->has_key;
        flag->device = shipped->key;
        put_text(shipped->serial, flag->serial);
    }
}

void reconciliation_flag(const struct reconciliation *reconciliation, size_t i,
                         struct reconcile_flag *ret_flag)
{
    struct scene scene;
    const struct flag *flag = flag_at(reconciliation, i);
    const struct row *row = reconcile_row_at(reconciliation, flag->row);
    memset(ret_flag, 0, sizeof *ret_flag);
    set_scene(reconciliation, flag, &scene);
    ret_flag->kind = flag->kind;
    put_text(row->product, ret_flag->product);
    put_text(row->lot, ret_flag->lot);
    ret_flag->day = row->day;
    put_device(&scene, ret_flag);
    put_detail(&scene, ret_flag->detail);
}
