/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Leaves about products and their units, and the rules of the account. */
#include "audit/replay_part.h"

#include <stdio.h>
#include "grant/grant.h"

#define KEY_DIGITS_SHOWN 16

/* ---- shared ---- */

struct book_product *replay_find_product(struct replay *replay, const struct leaf *leaf,
                                         uint32_t *ret_number)
{
    struct bytes name = leaf_text(leaf, FIELD_PRODUCT);
    uint32_t number = book_find_product(&replay->book, name);
    if (number == POOL_NONE) {
        FIND(replay, leaf, "product-unknown", "It is about product %.*s, which was never made.",
             RAW(name));
        return NULL;
    }
    if (ret_number != NULL)
        *ret_number = number;
    return book_product(&replay->book, number);
}

int64_t replay_granted(const struct book_product *product)
{
    const struct export_account *account = &product->sum.account;
    return account->accepted - account->revoked + account->scrap_drawn;
}

int64_t replay_remaining(const struct book_product *product)
{
    return replay_granted(product) - product->sum.account.charged;
}

void replay_charge(struct replay *replay, const struct leaf *leaf, struct book_product *product)
{
    if (replay_remaining(product) <= 0)
        FIND(replay, leaf, "above-granted",
             "It takes a unit of product %.*s when all %lld that were granted were charged.",
             RAW(product->name), (long long)replay_granted(product));
    product->sum.account.charged++;
}

void replay_add_units(struct replay *replay, const struct leaf *leaf, int64_t *sum)
{
    int64_t units = leaf_number(leaf, FIELD_UNITS);
    bool is_sound = units >= 1 && units <= GRANT_UNITS_MAX;
    if (!is_sound || *sum > GRANT_UNITS_MAX - units)
        FIND(replay, leaf, "units-limit", "It adds %lld units: none, or more than may be in all.",
             (long long)units);
    if (is_sound)
        *sum += units;
}

void replay_check_quota(struct replay *replay, const struct leaf *leaf,
                        const struct book_product *product)
{
    int64_t said = leaf_number(leaf, FIELD_QUOTA);
    if (said != replay_granted(product))
        FIND(replay, leaf, "quota-sum",
             "It says that %lld units of product %.*s are granted after it; by the leaves before "
             "it they are %lld.",
             (long long)said, RAW(product->name), (long long)replay_granted(product));
}

void replay_name_device(const struct leaf *leaf, char out[DEVICE_TEXT_SIZE])
{
    struct bytes serial = leaf_text(leaf, FIELD_SERIAL);
    struct bytes key = leaf_text(leaf, FIELD_DEVICE);
    if (serial.length > LEAF_NAME_SHOWN)
        serial.length = LEAF_NAME_SHOWN;
    (void)snprintf(out, DEVICE_TEXT_SIZE, "the device %.*s%s(key %.*s...)", RAW(serial),
                   serial.length > 0 ? " " : "", KEY_DIGITS_SHOWN, (const char *)key.data);
}

/* ---- a product ---- */

static bool is_per_license(const struct leaf *leaf)
{
    return leaf_text_is(leaf, FIELD_POLICY, "per-license");
}

static void check_created(struct replay *replay, const struct leaf *leaf,
                          const struct book_product *product)
{
    if (product->sum.is_governed && product->sum.account.accepted != 0)
        FIND(replay, leaf, "governed-with-quota",
             "It makes the governed product %.*s with units that nobody signed.",
             RAW(product->name));
    if (product->sum.is_governed != leaf_has(leaf, FIELD_AUTHORITIES))
        FIND(replay, leaf, "leaf-field",
             "A product has authorities when it is governed, and "
             "only then.");
}

enum error replay_product_created(struct replay *replay, const struct leaf *leaf,
                                  struct fault *fault)
{
    uint32_t number = 0;
    struct book_product product = {
        .name = leaf_text(leaf, FIELD_PRODUCT),
        .created = leaf->index,
        .sum = {.account = {.accepted = leaf_number(leaf, FIELD_QUOTA)},
                .is_governed = leaf_flag(leaf, FIELD_GOVERNED),
                .is_per_license = is_per_license(leaf),
                .first_authorities = leaf_digest(leaf, FIELD_AUTHORITIES)},
        .attempts_max = leaf_number(leaf, FIELD_ATTEMPTS_MAX),
        .firmware_key = POOL_NONE,
    };
    const struct book_firmware_key first = {
        .id = leaf_text(leaf, FIELD_FIRMWARE_KEY), .generation = 1, .previous = POOL_NONE};
    if (book_find_product(&replay->book, product.name) != POOL_NONE) {
        FIND(replay, leaf, "product-twice", "The product %.*s that it makes was there.",
             RAW(product.name));
        return ERR_OK;
    }
    check_created(replay, leaf, &product);
    enum error e = ERR_OK;
    if (leaf_has(leaf, FIELD_FIRMWARE_KEY))
        e = book_add_firmware_key(&replay->book, &first, &product.firmware_key, fault);
    if (e == ERR_OK)
        e = book_add_product(&replay->book, &product, &number, fault);
    if (e == ERR_OK && product.sum.is_governed)
        replay->awaiting = number;
    return e;
}

/* ---- units ---- */

static void check_local(struct replay *replay, const struct leaf *leaf,
                        const struct book_product *product)
{
    if (product->sum.is_governed)
        FIND(replay, leaf, "governed-changed-locally",
             "It is a %s leaf of product %.*s, which is governed: only documents that its maker "
             "signed may change it.",
             leaf_type_name(leaf->type), RAW(product->name));
}

enum error replay_quota_added(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    struct book_product *product = replay_find_product(replay, leaf, NULL);
    (void)fault;
    if (product == NULL)
        return ERR_OK;
    check_local(replay, leaf, product);
    replay_add_units(replay, leaf, &product->sum.account.accepted);
    replay_check_quota(replay, leaf, product);
    return ERR_OK;
}

enum error replay_scrap_added(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    struct book_product *product = replay_find_product(replay, leaf, NULL);
    (void)fault;
    if (product == NULL)
        return ERR_OK;
    struct export_account *account = &product->sum.account;
    check_local(replay, leaf, product);
    replay_add_units(replay, leaf, &account->scrap_allowance);
    if (leaf_number(leaf, FIELD_ALLOWANCE) != account->scrap_allowance)
        FIND(replay, leaf, "allowance-sum",
             "It says that the scrap allowance of product %.*s is %lld after it; by the leaves "
             "before it that is %lld.",
             RAW(product->name), (long long)leaf_number(leaf, FIELD_ALLOWANCE),
             (long long)account->scrap_allowance);
    return ERR_OK;
}

/* ---- devices that get another key ---- */

enum error replay_rebind(struct replay *replay, const struct leaf *leaf, uint32_t product,
                         struct fault *fault)
{
    struct book *book = &replay->book;
    struct book_device device = {.key = leaf_digest(leaf, FIELD_NEW_KEY),
                                 .serial = leaf_text(leaf, FIELD_SERIAL),
                                 .product = product,
                                 .unit = POOL_NONE,
                                 .station = POOL_NONE,
                                 .other_station = POOL_NONE};
    const struct sha256 old_key = leaf_digest(leaf, FIELD_OLD_KEY);
    uint32_t old = book_find_device(book, product, &old_key);
    if (old == POOL_NONE || book_device(book, old)->is_replaced ||
        !bytes_equal(book_device(book, old)->serial, device.serial))
        FIND(replay, leaf, "rebind-unknown",
             "It gives a serial of product %.*s to another key, but no device of the old key had "
             "that serial.",
             RAW(book_product(book, product)->name));
    else
        book_device(book, old)->is_replaced = true;
    if (book_find_device(book, product, &device.key) != POOL_NONE) {
        FIND(replay, leaf, "rebind-key-taken",
             "It gives a serial of product %.*s to a key that another device has.",
             RAW(book_product(book, product)->name));
        return ERR_OK;
    }
    uint32_t number = 0;
    return book_add_device(book, &device, &number, fault);
}

/* The list's signature is not in the journal: what is checked is that there is such a product. */
enum error replay_listed(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    (void)fault;
    (void)replay_find_product(replay, leaf, NULL);
    return ERR_OK;
}

/* Without lists the digest is that of no bytes, and with lists it is not. */
enum error replay_crls_set(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    const struct sha256 none = sha256_of(bytes_of(NULL, 0));
    const struct sha256 crls = leaf_digest(leaf, FIELD_CRLS);
    (void)fault;
    (void)replay_find_product(replay, leaf, NULL);
    if ((leaf_number(leaf, FIELD_LISTS) == 0) != sha256_equal(&crls, &none))
        FIND(replay, leaf, "leaf-field",
             "It says that there are %lld revocation lists, and a digest of %s.",
             (long long)leaf_number(leaf, FIELD_LISTS),
             sha256_equal(&crls, &none) ? "no bytes" : "some bytes");
    return ERR_OK;
}

enum error replay_rebound(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    uint32_t number = 0;
    struct book_product *product = replay_find_product(replay, leaf, &number);
    if (product == NULL)
        return ERR_OK;
    check_local(replay, leaf, product);
    return replay_rebind(replay, leaf, number, fault);
}

/* ---- what the vault noted of its own rows ---- */

enum error replay_account(struct replay *replay, const struct leaf *leaf, struct fault *fault)
{
    struct book_product *product = replay_find_product(replay, leaf, NULL);
    (void)fault;
    if (product == NULL)
        return ERR_OK;
    int64_t charged = leaf_number(leaf, FIELD_CHARGED);
    int64_t documents = leaf_number(leaf, FIELD_DOCUMENTS);
    int64_t scrap = leaf_number(leaf, FIELD_SCRAP_DRAWN);
    if (charged != product->sum.account.charged || documents != product->sum.documents ||
        scrap != product->sum.account.scrap_drawn)
        FIND(replay, leaf, "account-leaf",
             "It says that product %.*s had %lld documents, %lld charged and %lld drawn scrap "
             "units; by the leaves before it those are %lld, %lld and %lld.",
             RAW(product->name), (long long)documents, (long long)charged, (long long)scrap,
             (long long)product->sum.documents, (long long)product->sum.account.charged,
             (long long)product->sum.account.scrap_drawn);
    return ERR_OK;
}
