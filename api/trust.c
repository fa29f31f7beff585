/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A list under one lock, as long as there are connections from before. */
#include "api/trust.h"

#include <stdlib.h>
#include <string.h>

#include "api/server_certificate.h"
#include "core/bytes.h"

struct trust {
    gnutls_certificate_credentials_t credentials;
    int64_t expires_unix_s;
    struct sha256 digest; /* of the file's text */
    unsigned holders;     /* guarded by the list's lock, as next */
    struct trust *next;
};

/* ---- one ---- */

static bool fill(struct trust *trust, const struct tls_client_ca *ca)
{
    const size_t length = strlen(ca->text);
    const gnutls_datum_t text = {.data = (unsigned char *)ca->text, .size = (unsigned)length};
    trust->expires_unix_s = ca->expires_unix_s;
    trust->digest = sha256_of(bytes_of(ca->text, length));
    if (gnutls_certificate_allocate_credentials(&trust->credentials) != 0)
        return false;
    gnutls_certificate_set_retrieve_function3(trust->credentials, server_certificate_retrieve);
    return gnutls_certificate_set_x509_trust_mem(trust->credentials, &text, GNUTLS_X509_FMT_PEM) >
           0;
}

enum error trust_new(const struct tls_client_ca *ca, struct trust **ret_trust, struct fault *fault)
{
    struct trust *trust = calloc(1, sizeof *trust);
    if (trust == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    if (!fill(trust, ca)) {
        trust_free(trust);
        return fault_set(fault, ERR_CONFIG, "client-ca-invalid",
                         "The client CA ([api] client_ca) cannot be used by GnuTLS: have the CA "
                         "issue its certificate anew.",
                         0);
    }
    *ret_trust = trust;
    return ERR_OK;
}

void trust_free(struct trust *trust)
{
    if (trust == NULL)
        return;
    if (trust->credentials != NULL)
        gnutls_certificate_free_credentials(trust->credentials);
    free(trust);
}

bool trust_apply(const struct trust *trust, gnutls_session_t session)
{
    return gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, trust->credentials) == 0;
}

/* ---- all ---- */

void trusts_init(struct trusts *trusts)
{
    *trusts = (struct trusts){0};
    (void)pthread_mutex_init(&trusts->lock, NULL);
}

void trusts_clear(struct trusts *trusts)
{
    struct trust *next = NULL;
    for (struct trust *trust = trusts->first; trust != NULL; trust = next) {
        next = trust->next;
        trust_free(trust);
    }
    (void)pthread_mutex_destroy(&trusts->lock);
}

static void free_unheld(struct trust **link)
{
    while (*link != NULL) {
        struct trust *trust = *link;
        if (trust->holders > 0) {
            link = &trust->next;
            continue;
        }
        *link = trust->next;
        trust_free(trust);
    }
}

void trusts_put(struct trusts *trusts, struct trust *trust)
{
    (void)pthread_mutex_lock(&trusts->lock);
    free_unheld(&trusts->first);
    trust->next = trusts->first;
    trusts->first = trust;
    (void)pthread_mutex_unlock(&trusts->lock);
}

struct trust *trusts_hold(struct trusts *trusts)
{
    (void)pthread_mutex_lock(&trusts->lock);
    struct trust *trust = trusts->first;
    trust->holders++;
    (void)pthread_mutex_unlock(&trusts->lock);
    return trust;
}

/* It is not freed here: its session may not be quite over yet. */
void trusts_let_go(struct trusts *trusts, struct trust *trust)
{
    if (trust == NULL)
        return;
    (void)pthread_mutex_lock(&trusts->lock);
    trust->holders--;
    (void)pthread_mutex_unlock(&trusts->lock);
}

bool trusts_is_newest(struct trusts *trusts, const struct trust *trust)
{
    (void)pthread_mutex_lock(&trusts->lock);
    bool is_newest = trusts->first == trust;
    (void)pthread_mutex_unlock(&trusts->lock);
    return is_newest;
}

bool trusts_has_text_of(struct trusts *trusts, const struct trust *trust)
{
    (void)pthread_mutex_lock(&trusts->lock);
    bool is_same = sha256_equal(&trusts->first->digest, &trust->digest);
    (void)pthread_mutex_unlock(&trusts->lock);
    return is_same;
}

int64_t trusts_expires_unix_s(struct trusts *trusts)
{
    (void)pthread_mutex_lock(&trusts->lock);
    int64_t expires_unix_s = trusts->first->expires_unix_s;
    (void)pthread_mutex_unlock(&trusts->lock);
    return expires_unix_s;
}
