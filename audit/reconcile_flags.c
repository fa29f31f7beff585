/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* From the books to rows and flags. */
#include "audit/reconcile_part.h"

#include <stdlib.h>

#include "audit/leaf.h"

static enum error out_of_memory(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "memory", "There is not enough memory for the audit.", 0);
}

/* The list doubles when the number of its flags is a power of two. */
enum error reconcile_add_flag(struct reconciliation *reconciliation, const struct flag *flag,
                              struct fault *fault)
{
    struct flag_list *list = &reconciliation->lists[flag->kind];
    if ((list->count & (list->count - 1)) == 0) {
        size_t room = list->count == 0 ? 1 : 2 * list->count;
        struct flag *flags = realloc(list->flags, room * sizeof *flags);
        if (flags == NULL)
            return out_of_memory(fault);
        list->flags = flags;
    }
    list->flags[list->count++] = *flag;
    return ERR_OK;
}

static enum error flag_install(struct reconciliation *reconciliation, enum reconcile_kind kind,
                               uint32_t install, struct fault *fault)
{
    const struct flag flag = {.kind = kind,
                              .row = reconciliation->install_rows[install],
                              .device = book_install(&reconciliation->replay.book, install)->device,
                              .install = install,
                              .shipped = POOL_NONE};
    return reconcile_add_flag(reconciliation, &flag, fault);
}

/* ---- installs and units ---- */

static bool is_outside_shift(const struct reconcile_request *request, int64_t unix_ms)
{
    int64_t minute = unix_ms % DAY_MS / MINUTE_MS;
    if (!request->has_shift)
        return false;
    if (request->shift_begin < request->shift_end)
        return minute < request->shift_begin || minute >= request->shift_end;
    return minute < request->shift_begin && minute >= request->shift_end; /* over midnight */
}

static void count_unit(struct row *row, const struct book_unit *unit)
{
    row->sums.charged++;
    if (unit->result == BOOK_SUCCEEDED)
        row->sums.succeeded++;
    else if (unit->result == BOOK_FAILED)
        row->sums.failed++;
    else if (unit->result == BOOK_SCRAPPED)
        row->sums.scrapped++;
    else
        row->sums.unreported++;
}

static enum error count_install(struct reconciliation *reconciliation, uint32_t number,
                                struct fault *fault)
{
    struct leaf leaf;
    const struct book *book = &reconciliation->replay.book;
    const struct book_install *install = book_install(book, number);
    const struct book_unit *unit = book_unit(book, install->unit);
    uint32_t row_number = 0;
    reconcile_read_leaf(reconciliation, number, &leaf);
    enum error e = reconcile_find_row(reconciliation, leaf_text(&leaf, FIELD_PRODUCT),
                                      leaf_text(&leaf, FIELD_LOT), leaf.time_unix_ms / DAY_MS,
                                      &row_number, fault);
    if (e != ERR_OK)
        return e;
    struct row *row = reconcile_row_at(reconciliation, row_number);
    reconciliation->install_rows[number] = row_number;
    row->sums.licensed++;
    row->sums.reissued += install->attempts - 1;
    if (unit->first == number)
        count_unit(row, unit);
    if (is_outside_shift(&reconciliation->request, leaf.time_unix_ms))
        e = flag_install(reconciliation, RECONCILE_OUTSIDE_SHIFT, number, fault);
    return e;
}

/* A unit's age is that of its newest install. */
static enum error flag_unreported(struct reconciliation *reconciliation, uint32_t unit_number,
                                  struct fault *fault)
{
    struct leaf leaf;
    const struct book_unit *unit = book_unit(&reconciliation->replay.book, unit_number);
    if (unit->result != BOOK_UNREPORTED)
        return ERR_OK;
    reconcile_read_leaf(reconciliation, unit->newest, &leaf);
    int64_t age = reconciliation->made_unix_ms - leaf.time_unix_ms;
    return age > reconciliation->request.unreported_hours * HOUR_MS
               ? flag_install(reconciliation, RECONCILE_UNREPORTED, unit->newest, fault)
               : ERR_OK;
}

enum error reconcile_installs(struct reconciliation *reconciliation, struct fault *fault)
{
    const struct book *book = &reconciliation->replay.book;
    enum error e = ERR_OK;
    reconciliation->install_rows =
        malloc(((size_t)book->installs.count + 1) * sizeof *reconciliation->install_rows);
    if (reconciliation->install_rows == NULL)
        return out_of_memory(fault);
    for (uint32_t i = 0; i < book->installs.count && e == ERR_OK; i++)
        e = count_install(reconciliation, i, fault);
    for (uint32_t i = 0; i < book->units.count && e == ERR_OK; i++)
        e = flag_unreported(reconciliation, i, fault);
    return e;
}

/* ---- devices ---- */

static bool is_ready(const struct book *book, const struct book_device *device)
{
    return device->unit != POOL_NONE && !device->is_replaced &&
           book_unit(book, device->unit)->result == BOOK_SUCCEEDED;
}

static enum error flag_device(struct reconciliation *reconciliation, enum reconcile_kind kind,
                              uint32_t device, uint32_t shipped, struct fault *fault)
{
    const struct book *book = &reconciliation->replay.book;
    uint32_t unit = book_device(book, device)->unit;
    const struct flag flag = {.kind = kind,
                              .row = reconcile_row_of_device(reconciliation, device),
                              .device = device,
                              .install =
                                  unit != POOL_NONE ? book_unit(book, unit)->newest : POOL_NONE,
                              .shipped = shipped};
    return reconcile_add_flag(reconciliation, &flag, fault);
}

enum error reconcile_devices(struct reconciliation *reconciliation, struct fault *fault)
{
    const struct book *book = &reconciliation->replay.book;
    enum error e = ERR_OK;
    for (uint32_t i = 0; i < book->devices.count && e == ERR_OK; i++) {
        const struct book_device *device = book_device(book, i);
        uint32_t row = reconcile_row_of_device(reconciliation, i);
        if (row != POOL_NONE && is_ready(book, device))
            reconcile_row_at(reconciliation, row)->ready++;
        if (device->other_station != POOL_NONE)
            e = flag_device(reconciliation, RECONCILE_TWO_STATIONS, i, POOL_NONE, fault);
    }
    return e;
}

/* ---- what was shipped ---- */

/* The licensed device that a line of the list means; POOL_NONE. */
static uint32_t find_device(const struct reconciliation *reconciliation,
                            const struct shipped_device *shipped)
{
    const struct book *book = &reconciliation->replay.book;
    uint32_t product = book_find_product(book, shipped->product);
    if (product == POOL_NONE)
        return POOL_NONE;
    uint32_t device = shipped->has_key ? book_find_device(book, product, &shipped->key)
                                       : book_find_serial(book, product, shipped->serial);
    bool is_licensed = device != POOL_NONE && book_device(book, device)->unit != POOL_NONE;
    return is_licensed ? device : POOL_NONE;
}

static enum error count_stranger(struct reconciliation *reconciliation, uint32_t number,
                                 struct fault *fault)
{
    const struct shipped_device *shipped = &reconciliation->shipped.devices[number];
    struct flag flag = {.kind = RECONCILE_NEVER_LICENSED,
                        .device = POOL_NONE,
                        .install = POOL_NONE,
                        .shipped = number};
    enum error e = reconcile_find_row(reconciliation, shipped->product, shipped->lot, shipped->day,
                                      &flag.row, fault);
    if (e != ERR_OK)
        return e;
    reconcile_row_at(reconciliation, flag.row)->sums.shipped++;
    return reconcile_add_flag(reconciliation, &flag, fault);
}

static enum error count_shipped(struct reconciliation *reconciliation, uint32_t number,
                                struct fault *fault)
{
    const struct book *book = &reconciliation->replay.book;
    uint32_t device = find_device(reconciliation, &reconciliation->shipped.devices[number]);
    if (device == POOL_NONE)
        return count_stranger(reconciliation, number, fault);
    if (reconciliation->counts[device]++ > 0)
        return flag_device(reconciliation, RECONCILE_SHIPPED_TWICE, device, number, fault);
    uint32_t row = reconcile_row_of_device(reconciliation, device);
    reconcile_row_at(reconciliation, row)->sums.shipped++;
    return is_ready(book, book_device(book, device))
               ? ERR_OK
               : flag_device(reconciliation, RECONCILE_NOT_SUCCEEDED, device, number, fault);
}

enum error reconcile_shipped(struct reconciliation *reconciliation, struct fault *fault)
{
    const struct book *book = &reconciliation->replay.book;
    enum error e = ERR_OK;
    reconciliation->counts =
        calloc((size_t)book->devices.count + 1, sizeof *reconciliation->counts);
    if (reconciliation->counts == NULL)
        return out_of_memory(fault);
    for (size_t i = 0; i < reconciliation->shipped.count && e == ERR_OK; i++)
        e = count_shipped(reconciliation, (uint32_t)i, fault);
    for (uint32_t i = 0; i < book->devices.count && e == ERR_OK; i++) {
        if (reconciliation->counts[i] == 0 && is_ready(book, book_device(book, i)))
            e = flag_device(reconciliation, RECONCILE_NOT_SHIPPED, i, POOL_NONE, fault);
    }
    return e;
}

/* ---- rates ---- */

enum error reconcile_rates(struct reconciliation *reconciliation, struct fault *fault)
{
    int64_t percent = reconciliation->request.reissue_percent;
    enum error e = ERR_OK;
    for (uint32_t i = 0; i < reconciliation->rows.count && e == ERR_OK; i++) {
        uint32_t number = reconciliation->order[i];
        const struct reconcile_row *sums = &reconcile_row_at(reconciliation, number)->sums;
        const struct flag flag = {.kind = RECONCILE_REISSUE_RATE,
                                  .row = number,
                                  .device = POOL_NONE,
                                  .install = POOL_NONE,
                                  .shipped = POOL_NONE};
        if (sums->reissued * 100 > percent * sums->licensed)
            e = reconcile_add_flag(reconciliation, &flag, fault);
    }
    return e;
}
