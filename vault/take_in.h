/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An image that was encrypted elsewhere: by another HSM (docs/standby.md), or by its maker at home
 * (docs/packing.md). Its session key comes in inside the HSM, which opens it only when everything
 * that was said of the image is as it was; then its encrypted content, by its digest; then its row.
 * Threads: a task belongs to one thread.
 */
#ifndef VAULT_TAKE_IN_H
#define VAULT_TAKE_IN_H

#include "vault/admin_task.h"

struct take_in {
    const char *name;         /* of the product */
    const char *profile;      /* the product's, where the image comes from */
    struct hsm_import key;    /* the session key as it came; the firmware key is set here */
    const struct sha256 *hsm; /* in whose ledger it was; NULL: its maker packed it */
    /* Digests of sets of authorities, of which one is the first that governs the product, one
     * behind the other; none: any product. */
    struct bytes authorities;
    /* Session key and generation are set here; content "" is the profile's default. */
    struct ledger_image image;
    struct ledger_product product; /* set here */
};

/* Members of a request, within their limits. */
bool take_in_text(const char *text, char *out, size_t size) MUST_USE;
bool take_in_bytes(const ProtobufCBinaryData *field, uint8_t *out, size_t max,
                   size_t *ret_length) MUST_USE;
bool take_in_exact(const ProtobufCBinaryData *field, uint8_t *out, size_t size) MUST_USE;

/* ERR_BAD_REQUEST ("other-transport-key") unless that is the SHA-256 of this HSM's. */
enum error take_in_check_key(struct admin_task *task, const struct sha256 *transport_key) MUST_USE;

/* The task's file is the image, from its present offset on; it may be left out (-1) when the image
 * store has it. What is refused is in vault.proto. */
enum error take_in_image(struct admin_task *task, struct take_in *in, bool *ret_is_new) MUST_USE;

#endif
