/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The page of a key ceremony: what two people saw when an HSM's keys were made, to be printed,
 * compared and signed by both. Plain text of at most 78 columns, and the public keys in PEM.
 *
 * It proves nothing by itself: what is proven hangs on the two fingerprints, which both people
 * compare with what the program printed, and on their hands. Threads: any one thread.
 */
#ifndef CLI_TRANSCRIPT_H
#define CLI_TRANSCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include "cli/failure.h"
#include "core/bytes.h"
#include "vault/vault_client.h"

struct transcript {
    int64_t time_ms;     /* Unix time */
    const char *version; /* of this program */
    const char *officer;
    const char *witness;
    struct bytes checkpoint; /* both keys as PEM text */
    struct bytes transport;
    const Provisiond__AdminInitReply *init;
    const Provisiond__AdminStatusReply *status; /* of the moment after */
};

/* Makes the page; *ret_text is the caller's to free, *ret_length its bytes without the NUL. */
enum error transcript_write(const struct transcript *transcript, char **ret_text,
                            size_t *ret_length, struct failure *failure) MUST_USE;

#endif
