/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A list of entries guarded by `lock`; products are few. Parsing happens outside the lock. */
#include "vault/product_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "device/raw_key.h"

struct product_anchors {
    int64_t product_id;
    int64_t version;
    atomic_uint references;          /* the list's one, and one per user */
    struct device_anchors *anchors;  /* of X.509 devices, else NULL */
    struct st_anchors *st_anchors;   /* of ST devices, else NULL */
    struct list_signers *signers;    /* of devices with raw keys, else NULL */
    struct product_options options;  /* with st_anchors */
    struct device_settings settings; /* without st_anchors */
    struct product_anchors *next;    /* guarded by the cache's lock */
};

struct product_cache {
    pthread_mutex_t lock;
    struct product_anchors *first;
};

enum error product_cache_new(struct product_cache **ret_cache)
{
    struct product_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL)
        return ERR_INTERNAL;
    (void)pthread_mutex_init(&cache->lock, NULL);
    *ret_cache = cache;
    return ERR_OK;
}

void product_cache_free(struct product_cache *cache)
{
    if (cache == NULL)
        return;
    while (cache->first != NULL) {
        struct product_anchors *next = cache->first->next;
        product_anchors_put(cache->first);
        cache->first = next;
    }
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* Under lock. Borrowed for the caller with one more reference. */
static struct product_anchors *find(struct product_cache *cache,
                                    const struct ledger_product *product)
{
    for (struct product_anchors *entry = cache->first; entry != NULL; entry = entry->next) {
        if (entry->product_id == product->id && entry->version == product->anchors_version) {
            atomic_fetch_add(&entry->references, 1);
            return entry;
        }
    }
    return NULL;
}

/* Under lock. Drops the product's older version. */
static void drop_other_versions(struct product_cache *cache, const struct ledger_product *product)
{
    struct product_anchors **link = &cache->first;
    while (*link != NULL) {
        struct product_anchors *entry = *link;
        if (entry->product_id == product->id) {
            *link = entry->next;
            product_anchors_put(entry);
        } else {
            link = &entry->next;
        }
    }
}

/* What is in the ledger was checked when it came there: it is at fault, not who asks. */
static enum error parse_x509(const struct license_profile *profile,
                             const struct ledger_product *product, struct bytes pem,
                             struct product_anchors *entry, struct fault *fault)
{
    struct fault why;
    if (device_settings_parse(profile, product->options, &entry->settings, &why) != ERR_OK)
        return fault_set(fault, ERR_CONFIG, "options",
                         "The product's settings in the ledger cannot be understood.", 0);
    if (entry->settings.uses_list)
        return list_signers_new(pem, &entry->signers, fault);
    return device_anchors_new(pem, &entry->settings.policy, &entry->anchors, fault);
}

/* The lists come with the product's version, as the anchors. */
static enum error add_crls(struct ledger *ledger, struct product_anchors *entry, int64_t product_id,
                           struct fault *fault)
{
    char *pem = NULL;
    size_t length = 0;
    if (entry->anchors == NULL || entry->settings.policy.crl_hours_max == 0)
        return ERR_OK;
    enum error e = ledger_product_crls(ledger, product_id, &pem, &length, fault);
    if (e == ERR_OK && pem != NULL &&
        device_anchors_add_crls(entry->anchors, bytes_of(pem, length), fault) != ERR_OK)
        e = fault_set(fault, ERR_CONFIG, "crls",
                      "The product's revocation lists in the ledger cannot be understood.", 0);
    free(pem);
    return e;
}

static enum error parse_anchors(const struct ledger_product *product, struct bytes pem,
                                struct product_anchors *entry, struct fault *fault)
{
    const struct license_profile *profile = license_profile_find(product->profile);
    if (profile == NULL)
        return fault_set(fault, ERR_UNSUPPORTED, "profile",
                         "This build does not know the product's license profile.", 0);
    if (license_device_form(profile) == LICENSE_X509_DEVICE)
        return parse_x509(profile, product, pem, entry, fault);
    enum error e = product_options_parse(product->options, &entry->options, fault);
    if (e == ERR_OK)
        e = st_anchors_new(pem, &entry->options.device, &entry->st_anchors, fault);
    return e;
}

static enum error entry_new(struct ledger *ledger, const struct ledger_product *product,
                            struct product_anchors **ret_entry, struct fault *fault)
{
    char *pem = NULL;
    size_t length = 0;
    struct product_anchors *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    enum error e = ledger_product_anchors(ledger, product->id, &pem, &length, fault);
    if (e == ERR_OK)
        e = parse_anchors(product, bytes_of(pem, length), entry, fault);
    if (e == ERR_OK)
        e = add_crls(ledger, entry, product->id, fault);
    free(pem);
    if (e != ERR_OK) {
        device_anchors_free(entry->anchors);
        st_anchors_free(entry->st_anchors);
        free(entry);
        return e;
    }
    entry->product_id = product->id;
    entry->version = product->anchors_version;
    atomic_init(&entry->references, 1);
    *ret_entry = entry;
    return ERR_OK;
}

enum error product_cache_get(struct product_cache *cache, struct ledger *ledger,
                             const struct ledger_product *product,
                             struct product_anchors **ret_anchors, struct fault *fault)
{
    struct product_anchors *made = NULL;
    (void)pthread_mutex_lock(&cache->lock);
    struct product_anchors *entry = find(cache, product);
    (void)pthread_mutex_unlock(&cache->lock);
    if (entry != NULL) {
        *ret_anchors = entry;
        return ERR_OK;
    }
    enum error e = entry_new(ledger, product, &made, fault);
    if (e != ERR_OK)
        return e;
    (void)pthread_mutex_lock(&cache->lock);
    entry = find(cache, product); /* somebody else may have been quicker */
    if (entry == NULL) {
        drop_other_versions(cache, product);
        made->next = cache->first;
        cache->first = entry = made;
        atomic_fetch_add(&entry->references, 1);
        made = NULL;
    }
    (void)pthread_mutex_unlock(&cache->lock);
    product_anchors_put(made);
    *ret_anchors = entry;
    return ERR_OK;
}

/* Another kind of proof came than the product's devices have. */
static enum error refuse_form(const struct product_anchors *anchors, struct fault *fault)
{
    if (anchors->signers != NULL)
        return fault_set(fault, ERR_BAD_REQUEST, "device-form",
                         "The devices of this product show a public_key (provctl license "
                         "--device-key) and nothing else. Check first whether the product or alias "
                         "that was asked for is the right one.",
                         0);
    if (anchors->st_anchors != NULL)
        return fault_set(fault, ERR_BAD_REQUEST, "device-form",
                         "The devices of this product show an st_certificate and nothing "
                         "else. Check first whether the product or alias that was "
                         "asked for is the right one.",
                         0);
    return fault_set(fault, ERR_BAD_REQUEST, "device-form",
                     "The devices of this product show an X.509 certificate_chain and "
                     "nothing else. Check first whether the product or alias that was asked "
                     "for is the right one.",
                     0);
}

enum error product_anchors_check(const struct product_anchors *anchors,
                                 const struct product_proof *proof, int64_t at_unix_ms,
                                 struct device *ret_device, struct fault *fault)
{
    const bool is_st = proof->st_certificate.length > 0;
    const bool is_key = proof->public_key.length > 0;
    if (is_st != (anchors->st_anchors != NULL) || is_key != (anchors->signers != NULL))
        return refuse_form(anchors, fault);
    if (is_st)
        return st_certificate_check(anchors->st_anchors, proof->st_certificate, ret_device, fault);
    if (is_key)
        return raw_key_check(&anchors->settings.policy, proof->public_key, ret_device, fault);
    return device_check(anchors->anchors, proof->certificate_chain, at_unix_ms, ret_device, fault);
}

const struct product_options *product_anchors_options(const struct product_anchors *anchors)
{
    return anchors->st_anchors != NULL ? &anchors->options : NULL;
}

const struct device_settings *product_anchors_settings(const struct product_anchors *anchors)
{
    return anchors->st_anchors == NULL ? &anchors->settings : NULL;
}

const struct list_signers *product_anchors_signers(const struct product_anchors *anchors)
{
    return anchors->signers;
}

void product_anchors_put(struct product_anchors *anchors)
{
    if (anchors == NULL || atomic_fetch_sub(&anchors->references, 1) != 1)
        return;
    device_anchors_free(anchors->anchors);
    st_anchors_free(anchors->st_anchors);
    list_signers_free(anchors->signers);
    free(anchors);
}
