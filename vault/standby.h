/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Session keys for a standby HSM: each is wrapped, inside this HSM, for the other one's transport
 * key (docs/standby.md). Threads: safe from any thread; an export asks the HSM once for each image.
 */
#ifndef VAULT_STANDBY_H
#define VAULT_STANDBY_H

#include "hsm/hsm_client.h"
#include "vault/state.h"

#define STANDBY_POINT_BYTES 65

/* What others need to know of this HSM. */
struct standby_own {
    struct sha256 identity;
    struct hsm_spki transport;
};

/* The point of a transport key. ERR_BAD_REQUEST ("transport-key") unless the DER is that of a key
 * on P-256. */
enum error standby_point(struct bytes spki, uint8_t ret_point[STANDBY_POINT_BYTES],
                         struct fault *fault) MUST_USE;

struct standby_export {
    const char *product;
    const char *standby; /* "": the only one */
    const char *by;      /* for the journal */
    int file;            /* an empty regular file, borrowed */
};

struct standby_exported {
    int64_t images;
    int64_t added; /* since the last export for this standby */
    struct sha256 file;
    char standby[LEDGER_NAME_MAX + 1];
};

/* Writes the file; the leaf is durable before. What it refuses is in vault.proto. */
enum error standby_export(struct vault *vault, const struct standby_export *asked,
                          struct standby_exported *ret_exported, struct fault *fault) MUST_USE;

#endif
