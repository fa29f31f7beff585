/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Licenses: who may get one, which unit it belongs to, and repeats of it. */
#include "audit/replay_part.h"

#include <string.h>

#include "journal/export.h"

/* What a license is about, by number. */
struct subject {
    uint32_t product;
    uint32_t image;
    uint32_t station;
    uint32_t device;
    char name[DEVICE_TEXT_SIZE]; /* of the device, for sentences */
};

/* ---- who and what ---- */

/* An image that was never added is taken into the book, so that it is found once for each leaf. */
static enum error find_image(struct replay *replay, const struct leaf *leaf,
                             struct subject *subject, struct fault *fault)
{
    struct book *book = &replay->book;
    const struct book_image unknown = {.product = subject->product,
                                       .digest = leaf_digest(leaf, FIELD_IMAGE)};
    subject->image = book_find_image(book, subject->product, &unknown.digest);
    bool is_known = subject->image != POOL_NONE;
    if (!is_known || !book_image(book, subject->image)->is_enabled)
        FIND(replay, leaf, "image-refused",
             "It is for an image that was %s then and could not be asked for.",
             is_known ? "disabled" : "not in its product");
    if (is_known)
        return ERR_OK;
    enum error e = book_add_image(book, &unknown, fault);
    if (e == ERR_OK)
        subject->image = book_find_image(book, subject->product, &unknown.digest);
    return e;
}

/* A serial belongs to one key, but for a rework. */
static void check_serial(struct replay *replay, const struct leaf *leaf,
                         const struct subject *subject)
{
    struct bytes serial = leaf_text(leaf, FIELD_SERIAL);
    uint32_t owner =
        serial.length > 0 ? book_find_serial(&replay->book, subject->product, serial) : POOL_NONE;
    if (owner != POOL_NONE && owner != subject->device)
        FIND(replay, leaf, "serial-has-other-key",
             "%s has a serial that belongs to another key of the product.", subject->name);
}

static void check_identity(struct replay *replay, const struct leaf *leaf,
                           const struct subject *subject)
{
    if (subject->device == POOL_NONE) {
        check_serial(replay, leaf, subject);
        return;
    }
    const struct book_device *device = book_device(&replay->book, subject->device);
    if (!bytes_equal(device->serial, leaf_text(leaf, FIELD_SERIAL)))
        FIND(replay, leaf, "key-has-other-serial",
             "%s has a key that was seen with another serial before.", subject->name);
    if (device->is_replaced)
        FIND(replay, leaf, "key-was-replaced",
             "%s got a license although its serial belongs to another key since a rework.",
             subject->name);
    if (device->is_scrapped)
        FIND(replay, leaf, "after-scrapped",
             "%s got a license although it was reported as scrapped.", subject->name);
}

static void count_attempt(struct replay *replay, const struct leaf *leaf,
                          const struct book_product *product, const struct subject *subject)
{
    struct book_device *device = book_device(&replay->book, subject->device);
    if (product->attempts_max > 0 && device->attempts >= product->attempts_max)
        FIND(replay, leaf, "attempts-exceeded",
             "%s got a license more often than its product allows (%lld).", subject->name,
             (long long)product->attempts_max);
    device->attempts++;
    if (device->station == POOL_NONE)
        device->station = subject->station;
    else if (device->station != subject->station && device->other_station == POOL_NONE)
        device->other_station = subject->station;
}

/* product is NULL after a finding without which nothing can be followed. */
static enum error find_subject(struct replay *replay, const struct leaf *leaf,
                               struct subject *subject, struct book_product **ret_product,
                               struct fault *fault)
{
    const struct sha256 key = leaf_digest(leaf, FIELD_DEVICE);
    *ret_product = replay_find_product(replay, leaf, &subject->product);
    if (*ret_product == NULL)
        return ERR_OK;
    replay_name_device(leaf, subject->name);
    subject->station = replay_find_station(replay, leaf, (*ret_product)->name);
    subject->device = book_find_device(&replay->book, subject->product, &key);
    check_identity(replay, leaf, subject);
    return find_image(replay, leaf, subject, fault);
}

/* ---- the unit ---- */

/* With per-device a further license joins a unit that the device has. */
static uint32_t unit_by_rule(const struct book *book, const struct book_product *product,
                             const struct subject *subject)
{
    return product->sum.is_per_license ? POOL_NONE : book_device(book, subject->device)->unit;
}

/* The unit that the leaf names by its first install; POOL_NONE when that is no unit of the device.
 */
static uint32_t unit_by_leaf(const struct book *book, const struct leaf *leaf,
                             const struct subject *subject)
{
    const struct uuid id = leaf_uuid(leaf, FIELD_UNIT);
    uint32_t number = leaf_has(leaf, FIELD_UNIT) ? book_find_install(book, &id) : POOL_NONE;
    if (number == POOL_NONE)
        return POOL_NONE;
    const struct book_install *install = book_install(book, number);
    bool is_first = book_unit(book, install->unit)->first == number;
    return is_first && install->device == subject->device ? install->unit : POOL_NONE;
}

static void check_unit(struct replay *replay, const struct leaf *leaf,
                       const struct book_product *product, const struct subject *subject)
{
    bool is_charged = leaf_flag(leaf, FIELD_CHARGED);
    uint32_t rule = unit_by_rule(&replay->book, product, subject);
    if (is_charged && rule != POOL_NONE)
        FIND(replay, leaf, "charged-twice",
             "It charges product %.*s for %s, for which a unit was charged before.",
             RAW(product->name), subject->name);
    if (!is_charged && rule == POOL_NONE)
        FIND(replay, leaf, "not-charged",
             "It gives a license of product %.*s to %s without charging a unit, and it must.",
             RAW(product->name), subject->name);
    if (is_charged ? leaf_has(leaf, FIELD_UNIT)
                   : rule != POOL_NONE && unit_by_leaf(&replay->book, leaf, subject) != rule)
        FIND(replay, leaf, "unit-reference", "It names another unit than the one that %s has.",
             subject->name);
}

static enum error add_unit(struct replay *replay, const struct book_product *product,
                           const struct subject *subject, uint32_t *ret_unit, struct fault *fault)
{
    struct book_device *device = book_device(&replay->book, subject->device);
    const struct book_unit unit = {.first = POOL_NONE, .newest = POOL_NONE};
    enum error e = book_add_unit(&replay->book, &unit, ret_unit, fault);
    if (e == ERR_OK && (!product->sum.is_per_license || !device->has_device_unit)) {
        device->unit = *ret_unit;
        device->has_device_unit = !product->sum.is_per_license;
    }
    return e;
}

/* The unit that the license goes to: as the leaf says, else by the rule, else one for nothing. */
static enum error take_unit(struct replay *replay, const struct leaf *leaf,
                            struct book_product *product, const struct subject *subject,
                            uint32_t *ret_unit, struct fault *fault)
{
    uint32_t unit = POOL_NONE;
    check_unit(replay, leaf, product, subject);
    if (leaf_flag(leaf, FIELD_CHARGED)) {
        replay_charge(replay, leaf, product);
    } else {
        unit = unit_by_leaf(&replay->book, leaf, subject);
        unit = unit != POOL_NONE ? unit : unit_by_rule(&replay->book, product, subject);
    }
    if (unit == POOL_NONE)
        return add_unit(replay, product, subject, ret_unit, fault);
    *ret_unit = unit;
    return ERR_OK;
}

void replay_move_result(struct book_product *product, const struct book_unit *unit, int64_t units)
{
    struct export_account *account = &product->sum.account;
    if (unit->result == BOOK_SUCCEEDED)
        account->succeeded += units;
    if (unit->result == BOOK_FAILED)
        account->failed += units;
    if (unit->result == BOOK_SCRAPPED)
        account->scrapped += units;
    if (unit->is_proven)
        account->proven += units;
}

/* A new install makes its unit unreported. */
static void join_unit(struct replay *replay, struct book_product *product, uint32_t unit_number,
                      uint32_t install)
{
    struct book_unit *unit = book_unit(&replay->book, unit_number);
    replay_move_result(product, unit, -1);
    if (unit->first == POOL_NONE)
        unit->first = install;
    unit->newest = install;
    unit->result = BOOK_UNREPORTED;
    unit->is_proven = false;
}

/* ---- a first license ---- */

static enum error need_device(struct replay *replay, const struct leaf *leaf,
                              struct subject *subject, struct fault *fault)
{
    const struct book_device device = {.key = leaf_digest(leaf, FIELD_DEVICE),
                                       .serial = leaf_text(leaf, FIELD_SERIAL),
                                       .product = subject->product,
                                       .unit = POOL_NONE,
                                       .station = POOL_NONE,
                                       .other_station = POOL_NONE};
    if (subject->device != POOL_NONE)
        return ERR_OK;
    return book_add_device(&replay->book, &device, &subject->device, fault);
}

static enum error add_install(struct replay *replay, const struct leaf *leaf,
                              struct book_product *product, const struct subject *subject,
                              struct fault *fault)
{
    uint32_t number = 0;
    struct book_install install = {.id = leaf_uuid(leaf, FIELD_INSTALL),
                                   .leaf = leaf->index,
                                   .device = subject->device,
                                   .image = subject->image,
                                   .attempts = 1};
    enum error e = take_unit(replay, leaf, product, subject, &install.unit, fault);
    if (e == ERR_OK)
        e = book_add_install(&replay->book, &install, &number, fault);
    if (e == ERR_OK)
        join_unit(replay, product, install.unit, number);
    return e;
}

enum error replay_issued(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    struct subject subject = {.device = POOL_NONE};
    struct book_product *product = NULL;
    const struct uuid id = leaf_uuid(leaf, FIELD_INSTALL);
    enum error e = find_subject(replay, leaf, &subject, &product, fault);
    if (e != ERR_OK || product == NULL)
        return e;
    if (book_find_install(&replay->book, &id) != POOL_NONE)
        FIND(replay, leaf, "install-twice", "Its install is that of an earlier license.");
    else if (subject.device != POOL_NONE &&
             book_find_pair(&replay->book, subject.device, subject.image) != POOL_NONE)
        FIND(replay, leaf, "licensed-twice",
             "%s has a license for this image already, which is to be given again.", subject.name);
    product->sum.account.licensed++;
    e = need_device(replay, leaf, &subject, fault);
    if (e != ERR_OK)
        return e;
    count_attempt(replay, leaf, product, &subject);
    return add_install(replay, leaf, product, &subject, fault);
}

/* ---- the same license again ---- */

/* What the first leaf of the install says otherwise; NULL when nothing. */
static const char *find_difference(const struct replay *replay, const struct leaf *leaf,
                                   const struct book_install *install)
{
    static const enum leaf_field SAME[] = {FIELD_PRODUCT, FIELD_DEVICE, FIELD_SERIAL, FIELD_IMAGE,
                                           FIELD_LICENSE};
    struct leaf first;
    leaf_read(export_leaf(replay->file, install->leaf), install->leaf, &first);
    for (size_t i = 0; i < sizeof SAME / sizeof SAME[0]; i++) {
        if (!bytes_equal(leaf_text(leaf, SAME[i]), leaf_text(&first, SAME[i])))
            return leaf_field_name(SAME[i]);
    }
    return NULL;
}

static void repeat(struct replay *replay, const struct leaf *leaf, struct book_install *install)
{
    int64_t attempt = leaf_number(leaf, FIELD_ATTEMPT);
    const char *difference = find_difference(replay, leaf, install);
    if (difference != NULL)
        FIND(replay, leaf, "reissue-differs",
             "It gives the license of leaf %lld again with another %s; a repeat is the same "
             "license.",
             (long long)install->leaf, difference);
    install->attempts++;
    if (attempt != install->attempts)
        FIND(replay, leaf, "attempt-number",
             "It says that it is attempt %lld of its install, and by the leaves before it this is "
             "attempt %lld.",
             (long long)attempt, (long long)install->attempts);
}

enum error replay_reissued(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    struct subject subject = {.device = POOL_NONE};
    struct book_product *product = NULL;
    const struct uuid id = leaf_uuid(leaf, FIELD_INSTALL);
    enum error e = find_subject(replay, leaf, &subject, &product, fault);
    if (e != ERR_OK || product == NULL)
        return e;
    uint32_t number = book_find_install(&replay->book, &id);
    product->sum.reissued++;
    if (number == POOL_NONE || subject.device == POOL_NONE) {
        FIND(replay, leaf, "reissue-unknown",
             "It gives a license again that was never given before.");
        return ERR_OK;
    }
    count_attempt(replay, leaf, product, &subject);
    repeat(replay, leaf, book_install(&replay->book, number));
    return ERR_OK;
}
