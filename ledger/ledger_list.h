/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signed lists of devices without certificates (docs/device-lists.md). Part of ledger/ledger.h,
 * which says what holds for all of them.
 */
#ifndef LEDGER_LEDGER_LIST_H
#define LEDGER_LEDGER_LIST_H

#include "ledger/ledger_types.h"

/* A device without a certificate, and the signed list that allows it. */
struct ledger_listed {
    struct sha256 spki; /* of its key */
    char serial[LEDGER_SERIAL_MAX + 1];
    struct sha256 signer; /* SHA-256 of the SPKI that signed the list; out only */
};
struct ledger_device_list {
    struct sha256 digest; /* of the file */
    struct sha256 signer;
    int64_t devices;
    int64_t added_unix_ms; /* out only */
};
struct ledger_listing {
    const char *product;
    struct ledger_device_list list;
    struct bytes packed; /* the devices, as ledger_listed_pack writes them */
};
struct ledger_listing_result {
    int64_t added;   /* devices that were not allowed before */
    int64_t renewed; /* that an older list allowed */
};
#define LEDGER_LISTED_MAX    100000 /* devices of one list */
#define LEDGER_LISTED_PACKED (SHA256_SIZE + 1 + LEDGER_SERIAL_MAX)
/* Writes one device; so many bytes. */
size_t ledger_listed_pack(const struct ledger_listed *device, uint8_t out[LEDGER_LISTED_PACKED]);
/*
 * Allows the devices of a list whose signature was checked, all of them or none, with a leaf. What
 * changes nothing leaves none. ERR_CONFLICT: "serial-has-other-key", "key-has-other-serial"
 * (native: the place in the list, from 1). ERR_PRODUCT_UNKNOWN, ERR_BAD_REQUEST.
 */
enum error ledger_devices_allow(struct ledger *ledger, const struct ledger_listing *listing,
                                const char *by, struct ledger_listing_result *ret_result,
                                struct fault *fault) MUST_USE;
/* Takes a device off, with a leaf. ERR_CONFLICT ("device-not-listed"). ERR_PRODUCT_UNKNOWN. */
enum error ledger_device_disallow(struct ledger *ledger, const char *product,
                                  const struct sha256 *spki, const char *by,
                                  struct fault *fault) MUST_USE;
enum error ledger_listed_get(struct ledger *ledger, int64_t product_id, const struct sha256 *spki,
                             bool *ret_is_listed, struct ledger_listed *ret_device,
                             struct fault *fault) MUST_USE;
/* All devices that are allowed, with their serials and signers, as one digest; all zeros: none is.
 * The leaves devices-allowed, device-disallowed and account say it as "listed". */
enum error ledger_listed_state(struct ledger *ledger, int64_t product_id, struct sha256 *ret_state,
                               struct fault *fault) MUST_USE;
/* The oldest first. */
enum error ledger_device_lists_each(struct ledger *ledger, int64_t product_id,
                                    bool (*each)(void *context,
                                                 const struct ledger_device_list *list),
                                    void *context, struct fault *fault) MUST_USE;

#endif
