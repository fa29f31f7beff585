/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whose certificates clients may show: what GnuTLS makes of a client CA file.
 *
 * A session has the one that was the newest at its begin, and may be given a newer one; the older
 * ones are freed when no connection holds them any more. Threads: safe from any thread but for
 * trusts_init and trusts_clear.
 */
#ifndef API_TRUST_H
#define API_TRUST_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <gnutls/gnutls.h>

#include "api/tls.h"
#include "core/error.h"

struct trust;

struct trusts {
    pthread_mutex_t lock;
    struct trust *first; /* guarded by lock; the newest first */
};

/* Of a file that tls_client_ca_load has read; borrowed for the call. */
enum error trust_new(const struct tls_client_ca *ca, struct trust **ret_trust,
                     struct fault *fault) MUST_USE;
/* One that was not put yet. NULL is allowed. */
void trust_free(struct trust *trust);

void trusts_init(struct trusts *trusts);
/* When no connection is left. */
void trusts_clear(struct trusts *trusts);

/* The trust is the newest from now on, and freed with the others. */
void trusts_put(struct trusts *trusts, struct trust *trust);
/* The newest, which stays until it is let go. */
struct trust *trusts_hold(struct trusts *trusts);
/* NULL is allowed. */
void trusts_let_go(struct trusts *trusts, struct trust *trust);
bool trusts_is_newest(struct trusts *trusts, const struct trust *trust);
/* Whether the file of the newest had the same text. */
bool trusts_has_text_of(struct trusts *trusts, const struct trust *trust);
/* The earliest notAfter of the newest one's certificates. */
int64_t trusts_expires_unix_s(struct trusts *trusts);

/* The session's client is verified by this one from now on. */
bool trust_apply(const struct trust *trust, gnutls_session_t session);

#endif
