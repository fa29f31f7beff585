/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signed lists of devices that have no certificate: serial number and public key of each
 * (docs/device-lists.md). Two forms, told apart by their first byte:
 *
 * plain     text; the signature over all of it comes beside it, as openssl dgst -sha256 -sign makes
 * it provisiond-devices 1 PRODUCT SERIAL BASE64-OF-SPKI-DER manifest  a JSON array of JWS objects
 * (RFC 7515 §7.2.2, flattened) with ES256, each over one device: "uniqueId" and "publicKeySet" (a
 * JWK set), as Microchip's manifests have them
 *
 * A list is read once, from its beginning to its end, in a fixed amount of memory: what is checked
 * is what is taken, whatever happens to the file. One bad entry refuses the list. Threads: a call
 * uses its own memory; the signers may be shared.
 */
#ifndef DEVICE_ALLOW_LIST_H
#define DEVICE_ALLOW_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"
#include "device/device.h"
#include "device/list_signers.h"

#define ALLOW_LIST_DEVICES_MAX         100000
#define ALLOW_LIST_MAX_BYTES           ((int64_t)1024 * 1024 * 1024)
#define ALLOW_LIST_ENTRY_MAX_BYTES     ((size_t)32 * 1024) /* one JWS object, or one line */
#define ALLOW_LIST_SIGNATURE_MAX_BYTES ((size_t)1024)
#define ALLOW_LIST_KEY_ID_MAX          64
#define ALLOW_LIST_KEY_ID_DEFAULT      "0"

struct listed_device {
    struct sha256 spki;
    char serial[DEVICE_SERIAL_MAX_BYTES + 1];
};

struct allow_list_question {
    const struct list_signers *signers;
    const struct device_policy *policy; /* which keys are served */
    const char *product;                /* that a plain list must name */
    const char *key_id;                 /* manifest: "kid" of the key that a license is for */
    struct bytes signature;             /* plain */
    /* Takes one device; anything but ERR_OK refuses the list. */
    enum error (*take)(void *context, const struct listed_device *device, struct fault *fault);
    void *context;
};

struct allow_list {
    struct sha256 digest; /* of the file's bytes */
    struct sha256 signer; /* SHA-256 of the SubjectPublicKeyInfo */
    int64_t count;        /* devices */
};

/*
 * Reads a list from where the descriptor stands to its end. What question->take was given counts
 * only when this returns ERR_OK: a plain list's signature is checked at its end.
 *
 * ERR_TOO_LARGE    "list-too-large", "list-too-many"
 * ERR_BAD_REQUEST  "list-unreadable" (native: errno), "list-form", "list-empty", "list-product",
 *                  "list-unsigned" (a plain list without its signature), "list-signer" (the
 *                  signature is no pinned signer's), "list-entry", "list-serial", "list-key"
 *                  (no key of that name), "list-key-type" (one that the product does not take)
 * Where one entry is at fault, native is its place: 1 is the first device.
 */
enum error allow_list_read(const struct allow_list_question *question, int file,
                           struct allow_list *ret_list, struct fault *fault) MUST_USE;

#endif
