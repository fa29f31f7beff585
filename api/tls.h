/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TLS: the server's material, the strict priorities, and who a client is.
 *
 * libmicrohttpd only asks for a client certificate: tls_identify_peer verifies it. GnuTLS is kept
 * away from p11-kit, so that no PKCS#11 module is loaded into this process. Threads:
 * tls_keep_off_pkcs11 once before any session; the rest is safe from any thread.
 */
#ifndef API_TLS_H
#define API_TLS_H

#include <stdint.h>

#include <gnutls/gnutls.h>

#include "config/config.h"
#include "core/bytes.h"
#include "core/error.h"

/* TLS 1.3 and 1.2 with forward secrecy and AEAD only; no renegotiation, no weak signatures. */
extern const char TLS_PRIORITIES[];

/* PEM texts of the three files. */
struct tls_material {
    char *certificate;
    char *key; /* cleansed when cleared */
    char *client_ca;
};

struct tls_peer {
    struct sha256 spki;     /* of the certificate's SubjectPublicKeyInfo */
    int64_t expires_unix_s; /* the certificate's notAfter */
    bool is_signer;         /* its key usage allows signatures, or is absent */
};

enum error tls_keep_off_pkcs11(struct fault *fault) MUST_USE;

/*
 * Reads and checks certificate, key and client CA: readable, PEM, the certificate in its validity
 * and belonging to the key. ERR_CONFIG with a sentence otherwise.
 */
enum error tls_material_load(const struct config_api *config, struct tls_material *ret_material,
                             struct fault *fault) MUST_USE;
/* An empty material is allowed. */
void tls_material_clear(struct tls_material *material);

/*
 * Verifies the certificate of the session's client for the client purpose under the client CA.
 * ERR_UNAUTHENTICATED with a reason: no-certificate, untrusted-certificate, expired-certificate,
 * wrong-purpose, weak-certificate, invalid-certificate.
 */
enum error tls_identify_peer(gnutls_session_t session, struct tls_peer *ret_peer,
                             struct fault *fault) MUST_USE;

/*
 * A client whose certificate may not sign cannot end the handshake: GnuTLS would drop it without a
 * word. From now on such a client gets the alert unsupported_certificate, and the log a line.
 */
void tls_watch_client(gnutls_session_t session);

#endif
