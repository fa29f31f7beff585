/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Loading the server's TLS material and verifying clients, with GnuTLS. Owns no state. */
#include "api/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/pkcs11.h>
#include <gnutls/x509.h>

#include "core/log.h"

#define PEM_FILE_MAX_BYTES 1048576
#define CERTIFICATES_MAX   16 /* in the server's chain */
#define PRINCIPAL_BYTES    8  /* of the key's hash, in the log; as in the line of a request */

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

static void key_release(gnutls_x509_privkey_t *key)
{
    if (*key != NULL)
        gnutls_x509_privkey_deinit(*key);
}
#define KEY_AUTO __attribute__((cleanup(key_release))) gnutls_x509_privkey_t

static void file_release(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}
#define FILE_AUTO __attribute__((cleanup(file_release))) int

enum error tls_keep_off_pkcs11(struct fault *fault)
{
    int rc = gnutls_pkcs11_init(GNUTLS_PKCS11_FLAG_MANUAL, NULL);
    if (rc != GNUTLS_E_SUCCESS)
        return fault_set(fault, ERR_INTERNAL, "gnutls", "GnuTLS cannot be set up.", rc);
    return ERR_OK;
}

/* ---- files ---- */

static bool read_whole(int fd, char *text, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(fd, text + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

/* NULL with errno when path cannot be read as a text file of a sensible size. */
static char *read_pem(const char *path)
{
    struct stat info;
    FILE_AUTO fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0)
        return NULL;
    if (!S_ISREG(info.st_mode) || info.st_size <= 0 || info.st_size > PEM_FILE_MAX_BYTES) {
        errno = EINVAL;
        return NULL;
    }
    char *text = calloc(1, (size_t)info.st_size + 1);
    if (text != NULL && !read_whole(fd, text, (size_t)info.st_size)) {
        free(text);
        return NULL;
    }
    return text;
}

static gnutls_datum_t datum_of(char *text)
{
    return (gnutls_datum_t){.data = (unsigned char *)text, .size = (unsigned)strlen(text)};
}

static enum error read_files(const struct config_api *config, struct tls_material *material,
                             struct fault *fault)
{
    material->certificate = read_pem(config->certificate);
    if (material->certificate == NULL)
        return fault_set(fault, ERR_CONFIG, "certificate-file",
                         "The server certificate ([api] certificate) cannot be read.", errno);
    material->key = read_pem(config->key);
    if (material->key == NULL)
        return fault_set(fault, ERR_CONFIG, "key-file",
                         "The server key ([api] key) cannot be read.", errno);
    material->client_ca = read_pem(config->client_ca);
    if (material->client_ca == NULL)
        return fault_set(fault, ERR_CONFIG, "client-ca-file",
                         "The client CA ([api] client_ca) cannot be read.", errno);
    return ERR_OK;
}

/* ---- checks at start ---- */

static bool import_chain(char *pem, unsigned flags, struct chain *chain)
{
    gnutls_datum_t text = datum_of(pem);
    return gnutls_x509_crt_list_import2(&chain->certificates, &chain->count, &text,
                                        GNUTLS_X509_FMT_PEM, flags) >= 0 &&
           chain->count > 0;
}

static bool is_key_of(gnutls_x509_privkey_t key, gnutls_x509_crt_t certificate)
{
    uint8_t ours[SHA256_SIZE];
    uint8_t its[SHA256_SIZE];
    size_t ours_size = sizeof ours;
    size_t its_size = sizeof its;
    return gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, ours, &ours_size) == 0 &&
           gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256, its, &its_size) == 0 &&
           ours_size == its_size && memcmp(ours, its, ours_size) == 0;
}

static enum error check_server(struct tls_material *material, struct fault *fault)
{
    CHAIN_AUTO chain = {0};
    KEY_AUTO key = NULL;
    gnutls_datum_t key_text = datum_of(material->key);
    if (!import_chain(material->certificate, 0, &chain) || chain.count > CERTIFICATES_MAX)
        return fault_set(fault, ERR_CONFIG, "certificate-invalid",
                         "The server certificate ([api] certificate) is no PEM chain.", 0);
    if (gnutls_x509_privkey_init(&key) != 0 ||
        gnutls_x509_privkey_import2(key, &key_text, GNUTLS_X509_FMT_PEM, NULL, 0) != 0)
        return fault_set(fault, ERR_CONFIG, "key-invalid",
                         "The server key ([api] key) is no PEM key without a passphrase.", 0);
    if (!is_key_of(key, chain.certificates[0]))
        return fault_set(fault, ERR_CONFIG, "key-mismatch",
                         "The server key ([api] key) does not belong to the first certificate.", 0);
    time_t now = time(NULL);
    if (gnutls_x509_crt_get_expiration_time(chain.certificates[0]) < now)
        return fault_set(fault, ERR_CONFIG, "certificate-expired",
                         "The server certificate ([api] certificate) has expired.", 0);
    if (gnutls_x509_crt_get_activation_time(chain.certificates[0]) > now)
        return fault_set(
            fault, ERR_CONFIG, "certificate-not-yet-valid",
            "The server certificate ([api] certificate) is not valid yet by this server's clock.",
            0);
    return ERR_OK;
}

static enum error check_client_ca(struct tls_material *material, struct fault *fault)
{
    CHAIN_AUTO chain = {0};
    if (!import_chain(material->client_ca, 0, &chain))
        return fault_set(fault, ERR_CONFIG, "client-ca-invalid",
                         "The client CA ([api] client_ca) holds no PEM certificate.", 0);
    for (unsigned i = 0; i < chain.count; i++) {
        if (gnutls_x509_crt_get_ca_status(chain.certificates[i], NULL) <= 0)
            return fault_set(fault, ERR_CONFIG, "client-ca-is-no-ca",
                             "The client CA ([api] client_ca) holds a certificate that is no CA's.",
                             0);
    }
    return ERR_OK;
}

enum error tls_material_load(const struct config_api *config, struct tls_material *ret_material,
                             struct fault *fault)
{
    struct tls_material material = {0};
    enum error e = read_files(config, &material, fault);
    if (e == ERR_OK)
        e = check_server(&material, fault);
    if (e == ERR_OK)
        e = check_client_ca(&material, fault);
    if (e != ERR_OK) {
        tls_material_clear(&material);
        return e;
    }
    *ret_material = material;
    return ERR_OK;
}

void tls_material_clear(struct tls_material *material)
{
    if (material->key != NULL)
        explicit_bzero(material->key, strlen(material->key));
    free(material->certificate);
    free(material->key);
    free(material->client_ca);
    *material = (struct tls_material){0};
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
                           "The client certificate was not issued by this site's station CA.");
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

static bool read_peer(gnutls_session_t session, struct tls_peer *peer)
{
    unsigned count = 0;
    size_t size = sizeof peer->spki.bytes;
    gnutls_x509_crt_t certificate = NULL;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
    if (chain == NULL || count == 0 || gnutls_x509_crt_init(&certificate) != 0)
        return false;
    bool is_read = gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER) == 0 &&
                   gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA256,
                                              peer->spki.bytes, &size) == 0 &&
                   size == sizeof peer->spki.bytes;
    if (is_read)
        peer->expires_unix_s = gnutls_x509_crt_get_expiration_time(certificate);
    if (is_read)
        peer->is_signer = may_sign(certificate);
    gnutls_x509_crt_deinit(certificate);
    return is_read;
}

enum error tls_identify_peer(gnutls_session_t session, struct tls_peer *ret_peer,
                             struct fault *fault)
{
    struct tls_peer peer = {0};
    enum error e = verify_peer(session, fault);
    if (e != ERR_OK)
        return e;
    if (!read_peer(session, &peer))
        return refuse_peer(fault, "invalid-certificate", "The client certificate cannot be read.");
    *ret_peer = peer;
    return ERR_OK;
}

/* Called for the client's CertificateVerify, which is where GnuTLS looks at the key usage. */
static int meet_client(gnutls_session_t session, unsigned type, unsigned when, unsigned is_incoming,
                       const gnutls_datum_t *message)
{
    struct tls_peer peer = {0};
    char principal[2 * PRINCIPAL_BYTES + 1];
    (void)type;
    (void)when;
    (void)message;
    if (!is_incoming || !read_peer(session, &peer) || peer.is_signer)
        return 0;
    hex_encode(bytes_of(peer.spki.bytes, PRINCIPAL_BYTES), principal);
    log_event(LOG_LEVEL_WARNING, "client-refused", LOG_TEXT("reason", "wrong-key-usage"),
              LOG_TEXT("principal", principal));
    (void)gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_UNSUPPORTED_CERTIFICATE);
    return GNUTLS_E_CERTIFICATE_ERROR;
}

void tls_watch_client(gnutls_session_t session)
{
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_CERTIFICATE_VERIFY,
                                       GNUTLS_HOOK_PRE, meet_client);
}
