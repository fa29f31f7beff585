/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A ring of certificates guarded by `lock`. */
#include "device/issuers.h"

#include <pthread.h>
#include <stdlib.h>

struct issuer {
    struct sha256 digest;
    X509 *certificate; /* NULL: the place is empty */
};

struct issuers {
    pthread_mutex_t lock; /* guards the rest */
    size_t next;          /* the place that is filled next */
    struct issuer places[ISSUERS_MAX];
};

struct issuers *issuers_new(void)
{
    struct issuers *issuers = calloc(1, sizeof *issuers);
    if (issuers != NULL)
        (void)pthread_mutex_init(&issuers->lock, NULL);
    return issuers;
}

void issuers_free(struct issuers *issuers)
{
    if (issuers == NULL)
        return;
    for (size_t i = 0; i < ISSUERS_MAX; i++)
        X509_free(issuers->places[i].certificate);
    (void)pthread_mutex_destroy(&issuers->lock);
    free(issuers);
}

/* Under lock; borrowed. */
static X509 *find(const struct issuers *issuers, const struct sha256 *digest)
{
    for (size_t i = 0; i < ISSUERS_MAX; i++) {
        const struct issuer *place = &issuers->places[i];
        if (place->certificate != NULL && sha256_equal(&place->digest, digest))
            return place->certificate;
    }
    return NULL;
}

X509 *issuers_find(struct issuers *issuers, const struct sha256 *digest)
{
    (void)pthread_mutex_lock(&issuers->lock);
    X509 *certificate = find(issuers, digest);
    if (certificate != NULL && X509_up_ref(certificate) != 1)
        certificate = NULL;
    (void)pthread_mutex_unlock(&issuers->lock);
    return certificate;
}

void issuers_keep(struct issuers *issuers, const struct sha256 *digest, X509 *certificate)
{
    X509 *old = NULL;
    (void)pthread_mutex_lock(&issuers->lock);
    if (find(issuers, digest) == NULL && X509_up_ref(certificate) == 1) {
        struct issuer *place = &issuers->places[issuers->next];
        old = place->certificate;
        *place = (struct issuer){.digest = *digest, .certificate = certificate};
        issuers->next = (issuers->next + 1) % ISSUERS_MAX;
    }
    (void)pthread_mutex_unlock(&issuers->lock);
    X509_free(old);
}
