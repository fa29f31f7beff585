/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Loading with checks, and copies for each handshake. */
#include "api/server_certificate.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/x509.h>

#include "api/pem_file.h"
#include "api/tls.h"
#include "core/bytes.h"
#include "core/clock.h"
#include "core/log.h"

#define PEM_FILE_MAX_BYTES 1048576
#define CERTIFICATES_MAX   16 /* in the chain */
#define MS_PER_S           1000

/* Immutable once it is in force. */
struct material {
    gnutls_x509_crt_t *chain;
    unsigned count;
    gnutls_x509_privkey_t key;
};

struct server_certificate {
    const struct config_api *config;
    struct pem_mark certificate_mark; /* both the looking thread's */
    struct pem_mark key_mark;
    pthread_rwlock_t lock;
    struct material material; /* guarded by lock */
    atomic_bool is_stale;
    bool is_told; /* the looking thread's: that it is out of its validity */
};

static void material_clear(struct material *material)
{
    for (unsigned i = 0; i < material->count; i++)
        gnutls_x509_crt_deinit(material->chain[i]);
    gnutls_free(material->chain);
    if (material->key != NULL)
        gnutls_x509_privkey_deinit(material->key);
    *material = (struct material){0};
}

static void secret_text_release(char **text)
{
    if (*text != NULL)
        explicit_bzero(*text, strlen(*text));
    free(*text);
}
#define SECRET_TEXT_AUTO __attribute__((cleanup(secret_text_release))) char *

static gnutls_datum_t datum_of(char *text)
{
    return (gnutls_datum_t){.data = (unsigned char *)text, .size = (unsigned)strlen(text)};
}

/* ---- loading ---- */

static enum error load_chain(const char *path, struct material *material, struct fault *fault)
{
    SECRET_TEXT_AUTO text = pem_file_read(path, PEM_FILE_MAX_BYTES);
    if (text == NULL)
        return fault_set(fault, ERR_CONFIG, "certificate-file",
                         "The server certificate ([api] certificate) cannot be read: the user of "
                         "provisiond must be able to read the file and its folders.",
                         errno);
    gnutls_datum_t datum = datum_of(text);
    if (gnutls_x509_crt_list_import2(&material->chain, &material->count, &datum,
                                     GNUTLS_X509_FMT_PEM, 0) < 0 ||
        material->count == 0 || material->count > CERTIFICATES_MAX)
        return fault_set(
            fault, ERR_CONFIG, "certificate-invalid",
            "The server certificate ([api] certificate) is no PEM chain: put up to 16 certificates "
            "there, the server's own first (`provctl ca server` makes one).",
            0);
    return ERR_OK;
}

static enum error load_key(const char *path, struct material *material, struct fault *fault)
{
    SECRET_TEXT_AUTO text = pem_file_read(path, PEM_FILE_MAX_BYTES);
    if (text == NULL)
        return fault_set(
            fault, ERR_CONFIG, "key-file",
            "The server key ([api] key) cannot be read: the user of provisiond must be "
            "able to read the file and its folders.",
            errno);
    gnutls_datum_t datum = datum_of(text);
    if (gnutls_x509_privkey_init(&material->key) != 0 ||
        gnutls_x509_privkey_import2(material->key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0) != 0)
        return fault_set(
            fault, ERR_CONFIG, "key-invalid",
            "The server key ([api] key) is no PEM key without a passphrase: put the key there that "
            "the certificate was made with; `openssl pkey` takes a passphrase off.",
            0);
    return ERR_OK;
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

static enum error check(const struct material *material, struct fault *fault)
{
    int64_t now_s = clock_unix_ms() / MS_PER_S;
    if (!is_key_of(material->key, material->chain[0]))
        return fault_set(
            fault, ERR_CONFIG, "key-mismatch",
            "The server key ([api] key) does not belong to the first certificate of [api] "
            "certificate: put the two there that were made together.",
            0);
    if (gnutls_x509_crt_get_expiration_time(material->chain[0]) < now_s)
        return fault_set(
            fault, ERR_CONFIG, "certificate-expired",
            "The server certificate ([api] certificate) has expired: put a renewed one "
            "there, and its key at [api] key, and start again.",
            0);
    if (gnutls_x509_crt_get_activation_time(material->chain[0]) > now_s)
        return fault_set(fault, ERR_CONFIG, "certificate-not-yet-valid",
                         "The server certificate ([api] certificate) is not valid yet by this "
                         "server's clock: set the clock right (`timedatectl`), or put another one "
                         "there.",
                         0);
    return ERR_OK;
}

static enum error load(struct server_certificate *certificate, struct fault *fault)
{
    struct material fresh = {0};
    enum error e = load_chain(certificate->config->certificate, &fresh, fault);
    if (e == ERR_OK)
        e = load_key(certificate->config->key, &fresh, fault);
    if (e == ERR_OK)
        e = check(&fresh, fault);
    atomic_store(&certificate->is_stale, e != ERR_OK);
    if (e == ERR_OK) {
        (void)pthread_rwlock_wrlock(&certificate->lock);
        struct material old = certificate->material;
        certificate->material = fresh;
        (void)pthread_rwlock_unlock(&certificate->lock);
        fresh = old;
    }
    material_clear(&fresh);
    return e;
}

static bool is_changed(struct server_certificate *certificate)
{
    const struct config_api *config = certificate->config;
    bool is_new = pem_file_is_changed(config->certificate, &certificate->certificate_mark);
    return pem_file_is_changed(config->key, &certificate->key_mark) || is_new;
}

static void look_at_files(struct server_certificate *certificate)
{
    struct fault fault = {0};
    if (!is_changed(certificate))
        return;
    if (load(certificate, &fault) != ERR_OK)
        log_fault(LOG_LEVEL_WARNING, "server-certificate-kept", &fault);
    else
        log_event(LOG_LEVEL_INFO, "server-certificate",
                  LOG_NUMBER("expires", server_certificate_expires_unix_s(certificate)));
}

static void look_at_clock(struct server_certificate *certificate)
{
    struct fault fault = {0};
    bool is_valid = server_certificate_validity(certificate, &fault) == ERR_OK;
    if (!is_valid && !certificate->is_told)
        log_fault(LOG_LEVEL_ERROR, "server-certificate-invalid", &fault);
    certificate->is_told = !is_valid;
}

void server_certificate_look(struct server_certificate *certificate)
{
    look_at_files(certificate);
    look_at_clock(certificate);
}

enum error server_certificate_new(const struct config_api *config,
                                  struct server_certificate **ret_certificate, struct fault *fault)
{
    struct server_certificate *certificate = calloc(1, sizeof *certificate);
    if (certificate == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    certificate->config = config;
    (void)pthread_rwlock_init(&certificate->lock, NULL);
    (void)is_changed(certificate);
    enum error e = load(certificate, fault);
    if (e != ERR_OK) {
        server_certificate_free(certificate);
        return e;
    }
    *ret_certificate = certificate;
    return ERR_OK;
}

void server_certificate_free(struct server_certificate *certificate)
{
    if (certificate == NULL)
        return;
    material_clear(&certificate->material);
    (void)pthread_rwlock_destroy(&certificate->lock);
    free(certificate);
}

void server_certificate_adopt(struct server_certificate *certificate,
                              struct server_certificate *fresh)
{
    (void)pthread_rwlock_wrlock(&certificate->lock);
    struct material old = certificate->material;
    certificate->material = fresh->material;
    (void)pthread_rwlock_unlock(&certificate->lock);
    certificate->config = fresh->config;
    certificate->certificate_mark = fresh->certificate_mark;
    certificate->key_mark = fresh->key_mark;
    atomic_store(&certificate->is_stale, false);
    fresh->material = old;
    server_certificate_free(fresh);
}

static int64_t activation_unix_s(struct server_certificate *certificate)
{
    int64_t latest = 0;
    (void)pthread_rwlock_rdlock(&certificate->lock);
    for (unsigned i = 0; i < certificate->material.count; i++) {
        int64_t begins = gnutls_x509_crt_get_activation_time(certificate->material.chain[i]);
        if (begins > latest)
            latest = begins;
    }
    (void)pthread_rwlock_unlock(&certificate->lock);
    return latest;
}

enum error server_certificate_validity(struct server_certificate *certificate, struct fault *fault)
{
    int64_t now_s = clock_unix_ms() / MS_PER_S;
    if (server_certificate_expires_unix_s(certificate) < now_s)
        return fault_set(fault, ERR_CONFIG, "expired",
                         "The server's certificate has expired, and stations refuse it: put a "
                         "renewed one at [api] certificate (`provctl ca server` makes one). No "
                         "restart is needed.",
                         0);
    if (activation_unix_s(certificate) > now_s)
        return fault_set(fault, ERR_CONFIG, "not-yet-valid",
                         "The server's certificate is not valid yet by this server's clock: set "
                         "the clock right (`timedatectl`), or put another one at [api] "
                         "certificate.",
                         0);
    return ERR_OK;
}

int64_t server_certificate_expires_unix_s(struct server_certificate *certificate)
{
    int64_t earliest = INT64_MAX;
    (void)pthread_rwlock_rdlock(&certificate->lock);
    for (unsigned i = 0; i < certificate->material.count; i++) {
        int64_t expires = gnutls_x509_crt_get_expiration_time(certificate->material.chain[i]);
        if (expires < earliest)
            earliest = expires;
    }
    (void)pthread_rwlock_unlock(&certificate->lock);
    return earliest;
}

bool server_certificate_is_stale(struct server_certificate *certificate)
{
    return atomic_load(&certificate->is_stale);
}

/* ---- handshakes ---- */

struct copy {
    gnutls_pcert_st *chain;
    unsigned count;
    gnutls_privkey_t key;
};

static void copy_discard(struct copy *copy)
{
    for (unsigned i = 0; i < copy->count; i++)
        gnutls_pcert_deinit(&copy->chain[i]);
    gnutls_free(copy->chain);
    if (copy->key != NULL)
        gnutls_privkey_deinit(copy->key);
}

static bool copy_material(const struct material *material, struct copy *copy)
{
    copy->chain = gnutls_calloc(material->count, sizeof *copy->chain);
    if (copy->chain == NULL)
        return false;
    while (copy->count < material->count) {
        if (gnutls_pcert_import_x509(&copy->chain[copy->count], material->chain[copy->count], 0) !=
            0)
            return false;
        copy->count++;
    }
    return gnutls_privkey_init(&copy->key) == 0 &&
           gnutls_privkey_import_x509(copy->key, material->key, GNUTLS_PRIVKEY_IMPORT_COPY) == 0;
}

int server_certificate_retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                                gnutls_pcert_st **ret_chain, unsigned *ret_count,
                                gnutls_ocsp_data_st **ret_ocsp, unsigned *ret_ocsp_count,
                                gnutls_privkey_t *ret_key, unsigned *ret_flags)
{
    const struct tls_watched *watched = gnutls_session_get_ptr(session);
    struct copy copy = {0};
    (void)info;
    if (watched == NULL)
        return -1;
    struct server_certificate *certificate = watched->certificate;
    (void)pthread_rwlock_rdlock(&certificate->lock);
    bool is_copied = copy_material(&certificate->material, &copy);
    (void)pthread_rwlock_unlock(&certificate->lock);
    if (!is_copied) {
        copy_discard(&copy);
        return -1;
    }
    *ret_chain = copy.chain;
    *ret_count = copy.count;
    *ret_key = copy.key;
    *ret_ocsp = NULL;
    *ret_ocsp_count = 0;
    *ret_flags = GNUTLS_CERT_RETR_DEINIT_ALL;
    return 0;
}
