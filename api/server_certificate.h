/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The server's own certificate and key, read again when their files change.
 *
 * A handshake gets copies of what is in force at its begin. New files that do not fit together (the
 * key is replaced a moment after the certificate), have expired or cannot be read leave the old
 * ones in force. Threads: server_certificate_look from one thread; the rest from any.
 */
#ifndef API_SERVER_CERTIFICATE_H
#define API_SERVER_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "config/config.h"
#include "core/error.h"

struct server_certificate;

/*
 * Reads config->certificate and config->key: PEM, the certificate in its validity and belonging to
 * the key. ERR_CONFIG with a sentence otherwise. config is borrowed until server_certificate_free.
 */
enum error server_certificate_new(const struct config_api *config,
                                  struct server_certificate **ret_certificate,
                                  struct fault *fault) MUST_USE;
/* NULL is allowed. When no session uses it any more. */
void server_certificate_free(struct server_certificate *certificate);

/* What fresh holds is in force from now on, and its files are looked at; fresh is freed. Not beside
 * server_certificate_look. */
void server_certificate_adopt(struct server_certificate *certificate,
                              struct server_certificate *fresh);

/* Reads the files when one of them changed; logs what came of it, and once when the chain in force
 * leaves its validity or is in it again. */
void server_certificate_look(struct server_certificate *certificate);

/* Of the chain that is in force, now: ERR_OK, or ERR_CONFIG ("expired" or "not-yet-valid") with
 * what to do. */
enum error server_certificate_validity(struct server_certificate *certificate,
                                       struct fault *fault) MUST_USE;
/* The earliest notAfter of the chain that is in force. */
int64_t server_certificate_expires_unix_s(struct server_certificate *certificate);
/* Whether the files hold something else than what is in force. */
bool server_certificate_is_stale(struct server_certificate *certificate);

/* GnuTLS's question, of sessions that tls_watch_client was called for. */
int server_certificate_retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                                gnutls_pcert_st **ret_chain, unsigned *ret_count,
                                gnutls_ocsp_data_st **ret_ocsp, unsigned *ret_ocsp_count,
                                gnutls_privkey_t *ret_key, unsigned *ret_flags);

#endif
