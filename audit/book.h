/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who has what, while the leaves are followed from the first one: products, images, principals,
 * devices, installs and the units that they belong to.
 *
 * Records are small, are found by the number of their pool, and borrow texts from the export. A
 * book decides nothing: replay.h does. Private to audit/. Threads: one.
 */
#ifndef AUDIT_BOOK_H
#define AUDIT_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/index.h"
#include "audit/pool.h"
#include "audit/report.h"
#include "core/bytes.h"
#include "grant/signed_document.h"

enum book_result { BOOK_UNREPORTED, BOOK_SUCCEEDED, BOOK_FAILED, BOOK_SCRAPPED };

/* The heads that an override goes on from. */
struct book_heads {
    int64_t anchor_size;
    int64_t head_size;
    struct sha256 anchor_root;
    struct sha256 head_root;
};

struct book_product {
    struct bytes name;
    int64_t created;          /* its leaf */
    struct audit_product sum; /* its account; the name is filled in at the end */
    int64_t attempts_max;     /* per device; 0: any number */
    int64_t sequence;         /* of its newest numbered document */
    bool awaits_policy;       /* just made and governed: its first document is the next leaf */
    struct signed_document *policy; /* the newest, owned; NULL when it could not be read */
    bool has_consent;               /* of its maker, to the override of these heads */
    struct book_heads consent;
    int64_t consented_unix_ms; /* when its maker issued the newest override; 0: none */
    uint32_t firmware_key;     /* in use; POOL_NONE when no leaf says it */
    int64_t images;
};

struct book_firmware_key {
    struct bytes id; /* raw */
    int64_t generation;
    uint32_t previous; /* of the product; POOL_NONE: the first */
    bool is_retired;
    bool is_destroyed;
    int64_t retired_unix_ms;
};

struct book_image {
    uint32_t product;
    bool is_enabled;
    struct sha256 digest;
};

/* The lists are raw: names, each with its newline; empty: everything. */
struct book_principal {
    struct bytes name;
    struct bytes products;
    struct bytes lines;
    uint32_t key_count;
    bool is_enabled;
    bool is_station;
};

/* A key is of the principal that was given it last, or nobody's. */
struct book_key {
    struct sha256 digest;
    uint32_t principal; /* POOL_NONE: it was removed */
};

/* Another HSM's key, and whether session keys may be wrapped for it: of a governed product by its
 * documents, of all (POOL_NONE) by administration. */
struct book_standby {
    struct sha256 hsm;
    struct sha256 transport_key;
    uint32_t product;
    bool is_allowed;
};

struct book_device {
    struct sha256 key;
    struct bytes serial; /* raw; empty: none */
    uint32_t product;
    uint32_t unit;          /* that a further license joins: the per-device one, else the newest */
    uint32_t attempts;      /* of all its installs */
    uint32_t station;       /* that asked first */
    uint32_t other_station; /* that asked too */
    bool has_device_unit;   /* unit is a per-device one */
    bool is_scrapped;
    bool is_replaced;
};

struct book_install {
    struct uuid id;
    int64_t leaf; /* license-issued */
    uint32_t device;
    uint32_t image;
    uint32_t unit;
    uint32_t attempts;
    uint8_t result; /* enum book_result */
    bool has_receipt;
};

struct book_unit {
    uint32_t first; /* install */
    uint32_t newest;
    uint8_t result; /* enum book_result */
    bool is_proven;
};

struct book {
    struct pool products;
    struct pool firmware_keys;
    struct pool images;
    struct pool principals;
    struct pool keys;
    struct pool standbys;
    struct pool devices;
    struct pool installs;
    struct pool units;
    struct index product_names;
    struct index image_digests;
    struct index principal_names;
    struct index principal_keys;
    struct index standby_keys;
    struct index device_keys;
    struct index serials; /* to the device that a serial belongs to now */
    struct index install_ids;
    struct index install_pairs; /* of device and image */
};

void book_init(struct book *book);
void book_clear(struct book *book);

/* Records by number. */
struct book_product *book_product(const struct book *book, uint32_t number);
struct book_firmware_key *book_firmware_key(const struct book *book, uint32_t number);
struct book_image *book_image(const struct book *book, uint32_t number);
struct book_principal *book_principal(const struct book *book, uint32_t number);
struct book_key *book_key(const struct book *book, uint32_t number);
struct book_standby *book_standby(const struct book *book, uint32_t number);
struct book_device *book_device(const struct book *book, uint32_t number);
struct book_install *book_install(const struct book *book, uint32_t number);
struct book_unit *book_unit(const struct book *book, uint32_t number);

/* Numbers by key; POOL_NONE when there is none. */
uint32_t book_find_product(const struct book *book, struct bytes name);
uint32_t book_find_image(const struct book *book, uint32_t product, const struct sha256 *digest);
uint32_t book_find_principal(const struct book *book, struct bytes name);
uint32_t book_find_key(const struct book *book, const struct sha256 *digest);
/* By product, HSM and key of *wanted. */
uint32_t book_find_standby(const struct book *book, const struct book_standby *wanted);
uint32_t book_find_device(const struct book *book, uint32_t product, const struct sha256 *key);
/* serial is raw and not empty. */
uint32_t book_find_serial(const struct book *book, uint32_t product, struct bytes serial);
uint32_t book_find_install(const struct book *book, const struct uuid *id);
uint32_t book_find_pair(const struct book *book, uint32_t device, uint32_t image);

/* New records, found by their keys from now on. A serial belongs to the device added last. */
enum error book_add_product(struct book *book, const struct book_product *product,
                            uint32_t *ret_number, struct fault *fault) MUST_USE;
enum error book_add_firmware_key(struct book *book, const struct book_firmware_key *key,
                                 uint32_t *ret_number, struct fault *fault) MUST_USE;
enum error book_add_image(struct book *book, const struct book_image *image,
                          struct fault *fault) MUST_USE;
enum error book_add_principal(struct book *book, const struct book_principal *principal,
                              uint32_t *ret_number, struct fault *fault) MUST_USE;
enum error book_add_key(struct book *book, const struct book_key *key,
                        struct fault *fault) MUST_USE;
enum error book_add_standby(struct book *book, const struct book_standby *standby,
                            struct fault *fault) MUST_USE;
enum error book_add_device(struct book *book, const struct book_device *device,
                           uint32_t *ret_number, struct fault *fault) MUST_USE;
enum error book_add_install(struct book *book, const struct book_install *install,
                            uint32_t *ret_number, struct fault *fault) MUST_USE;
enum error book_add_unit(struct book *book, const struct book_unit *unit, uint32_t *ret_number,
                         struct fault *fault) MUST_USE;

#endif
