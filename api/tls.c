/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Who may be a client, with GnuTLS. Owns no state. */
#include "api/tls.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <gnutls/pkcs11.h>
#include <gnutls/x509.h>

#include "api/crl.h"
#include "api/lobby.h"
#include "api/pem_file.h"
#include "core/clock.h"
#include "core/log.h"

#define PEM_FILE_MAX_BYTES 1048576
#define REST_MS            1
#define WORK_US            100
#define PRINCIPAL_BYTES    8 /* of the key's hash, in the log; as in the line of a request */

const char TLS_PRIORITIES[] =
    "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+AEAD:+AES-256-GCM:+AES-128-GCM:+CHACHA20-POLY1305:"
    "+ECDHE-ECDSA:+ECDHE-RSA:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:"
    "+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-ECDSA-SHA256:"
    "+SIGN-ECDSA-SHA384:+SIGN-EDDSA-ED25519:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-RSAE-SHA384:"
    "+SIGN-RSA-SHA256:+SIGN-RSA-SHA384:+CTYPE-X509:+COMP-NULL:%SERVER_PRECEDENCE:"
    "%PROFILE_MEDIUM:%SAFE_RENEGOTIATION";

struct chain {
    gnutls_x509_crt_t *certificates;
    unsigned count;
};

static void chain_clear(struct chain *chain)
{
    for (unsigned i = 0; i < chain->count; i++)
        gnutls_x509_crt_deinit(chain->certificates[i]);
    gnutls_free(chain->certificates);
}
#define CHAIN_AUTO __attribute__((cleanup(chain_clear))) struct chain

enum error tls_keep_off_pkcs11(struct fault *fault)
{
    int rc = gnutls_pkcs11_init(GNUTLS_PKCS11_FLAG_MANUAL, NULL);
    if (rc != GNUTLS_E_SUCCESS)
        return fault_set(fault, ERR_INTERNAL, "gnutls",
                         "GnuTLS cannot be set up: install the package libgnutls30 again, and "
                         "raise the unit's MemoryMax=.",
                         rc);
    return ERR_OK;
}

/* ---- the client CA ---- */

static bool import_chain(const char *pem, struct chain *chain)
{
    gnutls_datum_t text = {.data = (unsigned char *)(uintptr_t)pem, .size = (unsigned)strlen(pem)};
    return gnutls_x509_crt_list_import2(&chain->certificates, &chain->count, &text,
                                        GNUTLS_X509_FMT_PEM, 0) >= 0 &&
           chain->count > 0;
}

static enum error check_authorities(const struct chain *chain, int64_t *ret_expires_unix_s,
                                    struct fault *fault)
{
    int64_t earliest = INT64_MAX;
    for (unsigned i = 0; i < chain->count; i++) {
        int64_t expires = gnutls_x509_crt_get_expiration_time(chain->certificates[i]);
        if (gnutls_x509_crt_get_ca_status(chain->certificates[i], NULL) <= 0)
            return fault_set(fault, ERR_CONFIG, "client-ca-is-no-ca",
                             "The client CA ([api] client_ca) holds a certificate that is no CA's: "
                             "leave only those there that sign the stations' certificates.",
                             0);
        if (expires < earliest)
            earliest = expires;
    }
    *ret_expires_unix_s = earliest;
    return ERR_OK;
}

enum error tls_client_ca_load(const char *path, struct tls_client_ca *ret_ca, struct fault *fault)
{
    CHAIN_AUTO chain = {0};
    struct tls_client_ca ca = {.text = pem_file_read(path, PEM_FILE_MAX_BYTES)};
    if (ca.text == NULL)
        return fault_set(
            fault, ERR_CONFIG, "client-ca-file",
            "The client CA ([api] client_ca) cannot be read: the user of provisiond must "
            "be able to read the file and its folders.",
            errno);
    enum error e = ERR_OK;
    if (!import_chain(ca.text, &chain))
        e = fault_set(fault, ERR_CONFIG, "client-ca-invalid",
                      "The client CA ([api] client_ca) holds no PEM certificate: put those of the "
                      "CAs there that sign the stations' certificates.",
                      0);
    else
        e = check_authorities(&chain, &ca.expires_unix_s, fault);
    if (e != ERR_OK) {
        tls_client_ca_clear(&ca);
        return e;
    }
    *ret_ca = ca;
    return ERR_OK;
}

void tls_client_ca_clear(struct tls_client_ca *ca)
{
    free(ca->text);
    *ca = (struct tls_client_ca){0};
}

/* ---- clients ---- */

static enum error refuse_peer(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_UNAUTHENTICATED, reason, detail, 0);
}

/* The most telling of the bits: an untrusted certificate may have expired as well. */
static enum error refuse_status(unsigned status, struct fault *fault)
{
    if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA))
        return refuse_peer(fault, "untrusted-certificate",
                           "The client certificate was not issued by this site's client CA.");
    if (status & GNUTLS_CERT_PURPOSE_MISMATCH)
        return refuse_peer(fault, "wrong-purpose",
                           "The client certificate is not for TLS clients (extended key usage).");
    if (status & GNUTLS_CERT_EXPIRED)
        return refuse_peer(fault, "expired-certificate", "The client certificate has expired.");
    if (status & GNUTLS_CERT_NOT_ACTIVATED)
        return refuse_peer(fault, "certificate-not-yet-valid",
                           "The client certificate is not valid yet by this server's clock.");
    if (status & GNUTLS_CERT_INSECURE_ALGORITHM)
        return refuse_peer(fault, "weak-certificate",
                           "The client certificate uses a weak key or signature.");
    return refuse_peer(fault, "invalid-certificate", "The client certificate is not valid.");
}

static enum error verify_peer(gnutls_session_t session, struct fault *fault)
{
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                     .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
    unsigned status = ~0U;
    int rc = gnutls_certificate_verify_peers(session, &purpose, 1, &status);
    if (rc == GNUTLS_E_NO_CERTIFICATE_FOUND)
        return refuse_peer(fault, "no-certificate", "The client sent no certificate.");
    if (rc != GNUTLS_E_SUCCESS)
        return fault_set(fault, ERR_UNAUTHENTICATED, "invalid-certificate",
                         "The client certificate cannot be verified.", rc);
    return status == 0 ? ERR_OK : refuse_status(status, fault);
}

/* A certificate without the extension may be used for everything. */
static bool may_sign(gnutls_x509_crt_t certificate)
{
    unsigned usage = 0;
    unsigned is_critical = 0;
    int rc = gnutls_x509_crt_get_key_usage(certificate, &usage, &is_critical);
    return rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE ||
           (rc >= 0 && (usage & GNUTLS_KEY_DIGITAL_SIGNATURE) != 0);
}

static bool read_leaf(gnutls_x509_crt_t certificate, struct tls_peer *peer)
{
    size_t size = sizeof peer->spki.bytes;
    if (gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, peer->spki.bytes, &size) !=
            0 ||
        size != sizeof peer->spki.bytes)
        return false;
    peer->expires_unix_s = gnutls_x509_crt_get_expiration_time(certificate);
    peer->is_signer = may_sign(certificate);
    return true;
}

static bool read_certificate(const gnutls_datum_t *der, unsigned place, struct tls_peer *peer)
{
    gnutls_x509_crt_t certificate = NULL;
    if (gnutls_x509_crt_init(&certificate) != 0)
        return false;
    bool is_read = gnutls_x509_crt_import(certificate, der, GNUTLS_X509_FMT_DER) == 0 &&
                   (place > 0 || read_leaf(certificate, peer)) &&
                   crl_name(certificate, &peer->names[place]);
    gnutls_x509_crt_deinit(certificate);
    return is_read;
}

/* count_max: how many certificates of the chain are looked at. */
static bool read_peer(gnutls_session_t session, unsigned count_max, struct tls_peer *peer)
{
    unsigned count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
    if (chain == NULL || count == 0)
        return false;
    if (count > count_max)
        count = count_max;
    for (unsigned i = 0; i < count; i++) {
        if (!read_certificate(&chain[i], i, peer))
            return false;
    }
    peer->name_count = count;
    return true;
}

enum error tls_identify_peer(gnutls_session_t session, unsigned chain_max,
                             struct tls_peer *ret_peer, struct fault *fault)
{
    struct tls_peer peer = {0};
    unsigned count = 0;
    if (gnutls_certificate_get_peers(session, &count) != NULL && count > chain_max)
        return refuse_peer(fault, "long-chain",
                           "The client sent more certificates than this server is set up to take.");
    enum error e = verify_peer(session, fault);
    if (e != ERR_OK)
        return e;
    if (!read_peer(session, TLS_CHAIN_MAX, &peer))
        return refuse_peer(fault, "invalid-certificate", "The client certificate cannot be read.");
    *ret_peer = peer;
    return ERR_OK;
}

/* At the client's CertificateVerify, which is where GnuTLS looks at the key usage. */
static int meet_client(gnutls_session_t session)
{
    struct tls_peer peer = {0};
    char principal[2 * PRINCIPAL_BYTES + 1];
    if (!read_peer(session, 1, &peer) || peer.is_signer)
        return 0;
    hex_encode(bytes_of(peer.spki.bytes, PRINCIPAL_BYTES), principal);
    log_event(LOG_LEVEL_WARNING, "client-refused", LOG_TEXT("reason", "wrong-key-usage"),
              LOG_TEXT("principal", principal));
    (void)gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_UNSUPPORTED_CERTIFICATE);
    return GNUTLS_E_CERTIFICATE_ERROR;
}

/* GnuTLS has one hook for all messages of a handshake. The client's Finished is the last thing that
 * costs us anything. */
static int follow(gnutls_session_t session, unsigned type, unsigned when, unsigned is_incoming,
                  const gnutls_datum_t *message)
{
    struct tls_watched *watched = gnutls_session_get_ptr(session);
    (void)message;
    if (!is_incoming || watched == NULL)
        return 0;
    if (type == GNUTLS_HANDSHAKE_CERTIFICATE_VERIFY && when == GNUTLS_HOOK_PRE)
        return meet_client(session);
    if (type == GNUTLS_HANDSHAKE_FINISHED && when == GNUTLS_HOOK_POST) {
        watched->is_over = true;
        lobby_settle(watched->lobby, watched->socket);
    }
    return 0;
}

/* ---- bytes ---- */

/*
 * An event loop of libmicrohttpd 0.9.75 that has an unfinished handshake does not wait for its
 * bytes: it calls again at once, as fast as the processor can. So it rests here, until the bytes
 * come and for REST_MS at most, because its other connections wait as well; and not twice within
 * WORK_US, so that many handshakes do not make many rests.
 */
static void rest(int socket)
{
    static _Thread_local int64_t rested_us;
    struct pollfd entry = {.fd = socket, .events = POLLIN};
    if (clock_monotonic_us() - rested_us < WORK_US)
        return;
    (void)poll(&entry, 1, REST_MS);
    rested_us = clock_monotonic_us();
}

static ssize_t pull(gnutls_transport_ptr_t context, void *out, size_t size)
{
    const struct tls_watched *watched = context;
    ssize_t n = recv(watched->socket, out, size, 0);
    if (n >= 0 || watched->is_over || (errno != EAGAIN && errno != EWOULDBLOCK))
        return n;
    rest(watched->socket);
    errno = EAGAIN;
    return -1;
}

static int pull_timeout(gnutls_transport_ptr_t context, unsigned timeout_ms)
{
    const struct tls_watched *watched = context;
    struct pollfd entry = {.fd = watched->socket, .events = POLLIN};
    return poll(&entry, 1, timeout_ms > INT_MAX ? -1 : (int)timeout_ms);
}

void tls_watch_client(gnutls_session_t session, struct tls_watched *watched)
{
    gnutls_session_set_ptr(session, watched);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_BOTH, follow);
    if (watched == NULL)
        return;
    /* What is sent goes to the socket as before. */
    gnutls_transport_set_ptr2(session, watched, gnutls_transport_get_ptr(session));
    gnutls_transport_set_pull_function(session, pull);
    gnutls_transport_set_pull_timeout_function(session, pull_timeout);
}
