/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TLS: the strict priorities, the client CA, and who a client is.
 *
 * libmicrohttpd only asks for a client certificate: tls_identify_peer verifies it. GnuTLS is kept
 * away from p11-kit, so that no PKCS#11 module is loaded into this process. Threads:
 * tls_keep_off_pkcs11 once before any session; the rest is safe from any thread.
 */
#ifndef API_TLS_H
#define API_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gnutls/gnutls.h>

#include "core/bytes.h"
#include "core/error.h"

/* TLS 1.3 and 1.2 with forward secrecy and AEAD only; no renegotiation, no weak signatures. */
extern const char TLS_PRIORITIES[];

#define TLS_CHAIN_MAX 16 /* certificates of a client; [api] chain_max_certificates may say less */

struct tls_client_ca {
    char *text;             /* PEM */
    int64_t expires_unix_s; /* the earliest notAfter of its certificates */
};

struct tls_peer {
    struct sha256 spki;     /* of the certificate's SubjectPublicKeyInfo */
    int64_t expires_unix_s; /* the certificate's notAfter */
    bool is_signer;         /* its key usage allows signatures, or is absent */
    struct sha256
        names[TLS_CHAIN_MAX]; /* of the certificates that it sent, as api/crl.h has them */
    size_t name_count;
};

enum error tls_keep_off_pkcs11(struct fault *fault) MUST_USE;

/* Reads and checks the file of the client CA. ERR_CONFIG with a sentence. */
enum error tls_client_ca_load(const char *path, struct tls_client_ca *ret_ca,
                              struct fault *fault) MUST_USE;
/* An empty one is allowed. */
void tls_client_ca_clear(struct tls_client_ca *ca);

/*
 * Verifies the certificate of the session's client for the client purpose under the client CA; it
 * may send chain_max certificates, at most TLS_CHAIN_MAX. ERR_UNAUTHENTICATED with a reason:
 * no-certificate, long-chain, untrusted-certificate, expired-certificate, wrong-purpose,
 * weak-certificate, invalid-certificate.
 */
enum error tls_identify_peer(gnutls_session_t session, unsigned chain_max,
                             struct tls_peer *ret_peer, struct fault *fault) MUST_USE;

struct lobby;
struct server_certificate;

/* What the callbacks of a session need; belongs to its connection. */
struct tls_watched {
    struct server_certificate *certificate; /* that it is asked for */
    struct lobby *lobby;                    /* is told when the handshake is over */
    int socket;
    bool is_over; /* the handshake */
};

/*
 * watched is the session's from now on, and must outlive it; with NULL the handshake will fail. A
 * client whose certificate may not sign cannot end the handshake: GnuTLS would drop it without a
 * word. Such a client gets the alert unsupported_certificate, and the log a line. While a handshake
 * waits for the client, its event loop rests: libmicrohttpd 0.9.75 would ask again and again
 * without a pause.
 */
void tls_watch_client(gnutls_session_t session, struct tls_watched *watched);

#endif
