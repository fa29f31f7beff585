/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Two tables of places guarded by `lock`; a row is found or read anew, never waited for. */
#include "vault/catalogue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "vault/recipe.h"

#define PROBES      4  /* places that a key may have */
#define HASH_FACTOR 31 /* any odd number */

struct principal_place {
    uint64_t version;
    struct ledger_principal principal; /* its key is what it is found by */
};

struct subject_place {
    uint64_t version;
    bool is_latest;
    struct sha256 digest; /* what was asked for, unless is_latest */
    struct ledger_product product;
    struct ledger_image image;
};

struct catalogue {
    struct ledger *ledger;
    pthread_mutex_t lock; /* guards the places */
    struct principal_place *principals[CATALOGUE_PRINCIPALS];
    struct subject_place *subjects[CATALOGUE_SUBJECTS];
};

enum error catalogue_new(struct ledger *ledger, struct catalogue **ret_catalogue)
{
    struct catalogue *catalogue = calloc(1, sizeof *catalogue);
    if (catalogue == NULL)
        return ERR_INTERNAL;
    catalogue->ledger = ledger;
    (void)pthread_mutex_init(&catalogue->lock, NULL);
    *ret_catalogue = catalogue;
    return ERR_OK;
}

void catalogue_free(struct catalogue *catalogue)
{
    if (catalogue == NULL)
        return;
    for (size_t i = 0; i < CATALOGUE_PRINCIPALS; i++)
        free(catalogue->principals[i]);
    for (size_t i = 0; i < CATALOGUE_SUBJECTS; i++)
        free(catalogue->subjects[i]);
    (void)pthread_mutex_destroy(&catalogue->lock);
    free(catalogue);
}

/* ---- principals ---- */

/* The one that the key has, else one that is of no use to another, else its first. */
static struct principal_place **principal_place_of(struct catalogue *catalogue,
                                                   const struct sha256 *spki, uint64_t version)
{
    struct principal_place **unused = NULL;
    for (size_t i = 0; i < PROBES; i++) {
        struct principal_place **place =
            &catalogue->principals[(spki->bytes[0] + i) % CATALOGUE_PRINCIPALS];
        if (*place != NULL && sha256_equal(&(*place)->principal.key, spki))
            return place;
        if (unused == NULL && (*place == NULL || (*place)->version != version))
            unused = place;
    }
    return unused != NULL ? unused : &catalogue->principals[spki->bytes[0] % CATALOGUE_PRINCIPALS];
}

static bool find_principal(struct catalogue *catalogue, const struct sha256 *spki, uint64_t version,
                           struct ledger_principal *ret_principal)
{
    (void)pthread_mutex_lock(&catalogue->lock);
    const struct principal_place *place = *principal_place_of(catalogue, spki, version);
    bool is_found =
        place != NULL && place->version == version && sha256_equal(&place->principal.key, spki);
    if (is_found)
        *ret_principal = place->principal;
    (void)pthread_mutex_unlock(&catalogue->lock);
    return is_found;
}

/* Without memory for its place it is read again the next time. */
static void keep_principal(struct catalogue *catalogue, uint64_t version,
                           const struct ledger_principal *principal)
{
    (void)pthread_mutex_lock(&catalogue->lock);
    struct principal_place **place = principal_place_of(catalogue, &principal->key, version);
    if (*place == NULL)
        *place = malloc(sizeof **place);
    if (*place != NULL)
        **place = (struct principal_place){.version = version, .principal = *principal};
    (void)pthread_mutex_unlock(&catalogue->lock);
}

enum error catalogue_principal(struct catalogue *catalogue, const struct sha256 *spki,
                               struct ledger_principal *ret_principal, struct fault *fault)
{
    uint64_t version = ledger_catalogue_version(catalogue->ledger);
    if (find_principal(catalogue, spki, version, ret_principal))
        return ERR_OK;
    enum error e = ledger_principal_get(catalogue->ledger, spki, ret_principal, fault);
    if (e == ERR_OK)
        keep_principal(catalogue, version, ret_principal);
    return e;
}

/* ---- products with their images ---- */

/* What is asked for. */
struct question {
    const char *product;
    const struct sha256 *digest; /* NULL: the newest image */
    uint64_t version;
};

static struct subject_place **subject_place_of(struct catalogue *catalogue,
                                               const struct question *question)
{
    unsigned hash = question->digest != NULL ? question->digest->bytes[0] : 0;
    for (const char *at = question->product; *at != '\0'; at++)
        hash = hash * HASH_FACTOR + (unsigned char)*at;
    return &catalogue->subjects[hash % CATALOGUE_SUBJECTS];
}

static bool answers(const struct subject_place *place, const struct question *question)
{
    const struct sha256 *digest = question->digest;
    return place->version == question->version &&
           strcmp(place->product.name, question->product) == 0 &&
           place->is_latest == (digest == NULL) &&
           (digest == NULL || sha256_equal(&place->digest, digest));
}

static bool find_subject(struct catalogue *catalogue, const struct question *question,
                         struct ledger_product *ret_product, struct ledger_image *ret_image)
{
    (void)pthread_mutex_lock(&catalogue->lock);
    const struct subject_place *place = *subject_place_of(catalogue, question);
    bool is_found = place != NULL && answers(place, question);
    if (is_found) {
        *ret_product = place->product;
        *ret_image = place->image;
    }
    (void)pthread_mutex_unlock(&catalogue->lock);
    return is_found;
}

static void keep_subject(struct catalogue *catalogue, const struct question *question,
                         const struct ledger_product *product, const struct ledger_image *image)
{
    (void)pthread_mutex_lock(&catalogue->lock);
    struct subject_place **place = subject_place_of(catalogue, question);
    if (*place == NULL)
        *place = malloc(sizeof **place);
    if (*place != NULL) {
        **place = (struct subject_place){.version = question->version,
                                         .is_latest = question->digest == NULL,
                                         .product = *product,
                                         .image = *image};
        if (question->digest != NULL)
            (*place)->digest = *question->digest;
    }
    (void)pthread_mutex_unlock(&catalogue->lock);
}

enum error catalogue_subject(struct catalogue *catalogue, const char *product,
                             const struct sha256 *digest, struct ledger_product *ret_product,
                             struct ledger_image *ret_image, struct fault *fault)
{
    const struct question question = {.product = product,
                                      .digest = digest,
                                      .version = ledger_catalogue_version(catalogue->ledger)};
    if (find_subject(catalogue, &question, ret_product, ret_image))
        return ERR_OK;
    enum error e =
        recipe_find_image(catalogue->ledger, product, digest, ret_product, ret_image, fault);
    if (e == ERR_OK)
        keep_subject(catalogue, &question, ret_product, ret_image);
    return e;
}
