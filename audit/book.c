/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Pools and their indexes. A key is what its index compares, and is never stored twice. */
#include "audit/book.h"

#include <stdlib.h>
#include <string.h>

/* ---- keys ---- */

struct image_key {
    uint32_t product;
    const struct sha256 *digest;
};

struct serial_key {
    uint32_t product;
    struct bytes serial;
};

struct pair_key {
    uint32_t device;
    uint32_t image;
};

static bool product_has_name(const void *owner, uint32_t number, const void *key)
{
    return bytes_equal(book_product(owner, number)->name, *(const struct bytes *)key);
}

static bool principal_has_name(const void *owner, uint32_t number, const void *key)
{
    return bytes_equal(book_principal(owner, number)->name, *(const struct bytes *)key);
}

static bool key_has_digest(const void *owner, uint32_t number, const void *key)
{
    return sha256_equal(&book_key(owner, number)->digest, key);
}

static bool image_has_key(const void *owner, uint32_t number, const void *key)
{
    const struct book_image *image = book_image(owner, number);
    const struct image_key *wanted = key;
    return image->product == wanted->product && sha256_equal(&image->digest, wanted->digest);
}

static bool standby_is(const void *owner, uint32_t number, const void *key)
{
    const struct book_standby *standby = book_standby(owner, number);
    const struct book_standby *wanted = key;
    return standby->product == wanted->product && sha256_equal(&standby->hsm, &wanted->hsm) &&
           sha256_equal(&standby->transport_key, &wanted->transport_key);
}

static bool device_has_key(const void *owner, uint32_t number, const void *key)
{
    const struct book_device *device = book_device(owner, number);
    const struct image_key *wanted = key;
    return device->product == wanted->product && sha256_equal(&device->key, wanted->digest);
}

static bool device_has_serial(const void *owner, uint32_t number, const void *key)
{
    const struct book_device *device = book_device(owner, number);
    const struct serial_key *wanted = key;
    return device->product == wanted->product && bytes_equal(device->serial, wanted->serial);
}

static bool install_has_id(const void *owner, uint32_t number, const void *key)
{
    return memcmp(book_install(owner, number)->id.bytes, key, UUID_SIZE) == 0;
}

static bool install_has_pair(const void *owner, uint32_t number, const void *key)
{
    const struct book_install *install = book_install(owner, number);
    const struct pair_key *wanted = key;
    return install->device == wanted->device && install->image == wanted->image;
}

static uint64_t hash_number(const struct index *index, uint32_t number)
{
    return index_hash(index, 0, bytes_of(&number, sizeof number));
}

static uint64_t hash_digest(const struct index *index, uint32_t product,
                            const struct sha256 *digest)
{
    return index_hash(index, hash_number(index, product), bytes_of(digest->bytes, SHA256_SIZE));
}

static uint64_t hash_standby(const struct index *index, const struct book_standby *standby)
{
    return index_hash(index, hash_digest(index, standby->product, &standby->hsm),
                      bytes_of(standby->transport_key.bytes, SHA256_SIZE));
}

static uint64_t hash_pair(const struct index *index, const struct pair_key *pair)
{
    return index_hash(index, 0, bytes_of(pair, sizeof *pair));
}

/* ---- life ---- */

void book_init(struct book *book)
{
    *book = (struct book){.products = {.record_size = sizeof(struct book_product)},
                          .firmware_keys = {.record_size = sizeof(struct book_firmware_key)},
                          .images = {.record_size = sizeof(struct book_image)},
                          .principals = {.record_size = sizeof(struct book_principal)},
                          .keys = {.record_size = sizeof(struct book_key)},
                          .standbys = {.record_size = sizeof(struct book_standby)},
                          .devices = {.record_size = sizeof(struct book_device)},
                          .installs = {.record_size = sizeof(struct book_install)},
                          .units = {.record_size = sizeof(struct book_unit)}};
    index_init(&book->product_names, product_has_name);
    index_init(&book->image_digests, image_has_key);
    index_init(&book->principal_names, principal_has_name);
    index_init(&book->principal_keys, key_has_digest);
    index_init(&book->standby_keys, standby_is);
    index_init(&book->device_keys, device_has_key);
    index_init(&book->serials, device_has_serial);
    index_init(&book->install_ids, install_has_id);
    index_init(&book->install_pairs, install_has_pair);
}

void book_clear(struct book *book)
{
    for (uint32_t i = 0; i < book->products.count; i++)
        signed_document_free(book_product(book, i)->policy);
    pool_clear(&book->products);
    pool_clear(&book->firmware_keys);
    pool_clear(&book->images);
    pool_clear(&book->principals);
    pool_clear(&book->keys);
    pool_clear(&book->standbys);
    pool_clear(&book->devices);
    pool_clear(&book->installs);
    pool_clear(&book->units);
    index_clear(&book->product_names);
    index_clear(&book->image_digests);
    index_clear(&book->principal_names);
    index_clear(&book->principal_keys);
    index_clear(&book->standby_keys);
    index_clear(&book->device_keys);
    index_clear(&book->serials);
    index_clear(&book->install_ids);
    index_clear(&book->install_pairs);
}

/* ---- by number ---- */

struct book_product *book_product(const struct book *book, uint32_t number)
{
    return pool_at(&book->products, number);
}

struct book_firmware_key *book_firmware_key(const struct book *book, uint32_t number)
{
    return pool_at(&book->firmware_keys, number);
}

struct book_image *book_image(const struct book *book, uint32_t number)
{
    return pool_at(&book->images, number);
}

struct book_principal *book_principal(const struct book *book, uint32_t number)
{
    return pool_at(&book->principals, number);
}

struct book_key *book_key(const struct book *book, uint32_t number)
{
    return pool_at(&book->keys, number);
}

struct book_standby *book_standby(const struct book *book, uint32_t number)
{
    return pool_at(&book->standbys, number);
}

struct book_device *book_device(const struct book *book, uint32_t number)
{
    return pool_at(&book->devices, number);
}

struct book_install *book_install(const struct book *book, uint32_t number)
{
    return pool_at(&book->installs, number);
}

struct book_unit *book_unit(const struct book *book, uint32_t number)
{
    return pool_at(&book->units, number);
}

/* ---- by key ---- */

uint32_t book_find_product(const struct book *book, struct bytes name)
{
    const struct index *index = &book->product_names;
    return index_find(index, book, index_hash(index, 0, name), &name);
}

uint32_t book_find_principal(const struct book *book, struct bytes name)
{
    const struct index *index = &book->principal_names;
    return index_find(index, book, index_hash(index, 0, name), &name);
}

uint32_t book_find_key(const struct book *book, const struct sha256 *digest)
{
    const struct index *index = &book->principal_keys;
    return index_find(index, book, hash_digest(index, 0, digest), digest);
}

uint32_t book_find_image(const struct book *book, uint32_t product, const struct sha256 *digest)
{
    const struct image_key key = {product, digest};
    const struct index *index = &book->image_digests;
    return index_find(index, book, hash_digest(index, product, digest), &key);
}

uint32_t book_find_standby(const struct book *book, const struct book_standby *wanted)
{
    const struct index *index = &book->standby_keys;
    return index_find(index, book, hash_standby(index, wanted), wanted);
}

uint32_t book_find_device(const struct book *book, uint32_t product, const struct sha256 *key)
{
    const struct image_key wanted = {product, key};
    const struct index *index = &book->device_keys;
    return index_find(index, book, hash_digest(index, product, key), &wanted);
}

uint32_t book_find_serial(const struct book *book, uint32_t product, struct bytes serial)
{
    const struct serial_key key = {product, serial};
    const struct index *index = &book->serials;
    return index_find(index, book, index_hash(index, hash_number(index, product), serial), &key);
}

uint32_t book_find_install(const struct book *book, const struct uuid *id)
{
    const struct index *index = &book->install_ids;
    return index_find(index, book, index_hash(index, 0, bytes_of(id->bytes, UUID_SIZE)), id->bytes);
}

uint32_t book_find_pair(const struct book *book, uint32_t device, uint32_t image)
{
    const struct pair_key key = {device, image};
    const struct index *index = &book->install_pairs;
    return index_find(index, book, hash_pair(index, &key), &key);
}

/* ---- adding ---- */

enum error book_add_product(struct book *book, const struct book_product *product,
                            uint32_t *ret_number, struct fault *fault)
{
    struct index *index = &book->product_names;
    enum error e = pool_add(&book->products, ret_number, fault);
    if (e != ERR_OK)
        return e;
    *book_product(book, *ret_number) = *product;
    return index_put(index, book, index_hash(index, 0, product->name), &product->name, *ret_number,
                     fault);
}

enum error book_add_firmware_key(struct book *book, const struct book_firmware_key *key,
                                 uint32_t *ret_number, struct fault *fault)
{
    uint32_t number = 0;
    enum error e = pool_add(&book->firmware_keys, &number, fault);
    if (e != ERR_OK)
        return e;
    *book_firmware_key(book, number) = *key;
    *ret_number = number;
    return ERR_OK;
}

enum error book_add_principal(struct book *book, const struct book_principal *principal,
                              uint32_t *ret_number, struct fault *fault)
{
    struct index *index = &book->principal_names;
    enum error e = pool_add(&book->principals, ret_number, fault);
    if (e != ERR_OK)
        return e;
    *book_principal(book, *ret_number) = *principal;
    return index_put(index, book, index_hash(index, 0, principal->name), &principal->name,
                     *ret_number, fault);
}

enum error book_add_key(struct book *book, const struct book_key *key, struct fault *fault)
{
    uint32_t number = 0;
    struct index *index = &book->principal_keys;
    enum error e = pool_add(&book->keys, &number, fault);
    if (e != ERR_OK)
        return e;
    *book_key(book, number) = *key;
    return index_put(index, book, hash_digest(index, 0, &key->digest), &key->digest, number, fault);
}

enum error book_add_image(struct book *book, const struct book_image *image, struct fault *fault)
{
    uint32_t number = 0;
    struct index *index = &book->image_digests;
    const struct image_key key = {image->product, &image->digest};
    enum error e = pool_add(&book->images, &number, fault);
    if (e != ERR_OK)
        return e;
    *book_image(book, number) = *image;
    return index_put(index, book, hash_digest(index, image->product, &image->digest), &key, number,
                     fault);
}

enum error book_add_standby(struct book *book, const struct book_standby *standby,
                            struct fault *fault)
{
    uint32_t number = 0;
    struct index *index = &book->standby_keys;
    enum error e = pool_add(&book->standbys, &number, fault);
    if (e != ERR_OK)
        return e;
    *book_standby(book, number) = *standby;
    return index_put(index, book, hash_standby(index, standby), standby, number, fault);
}

static enum error add_serial(struct book *book, const struct book_device *device, uint32_t number,
                             struct fault *fault)
{
    struct index *index = &book->serials;
    const struct serial_key key = {device->product, device->serial};
    if (device->serial.length == 0)
        return ERR_OK;
    return index_put(index, book,
                     index_hash(index, hash_number(index, device->product), device->serial), &key,
                     number, fault);
}

enum error book_add_device(struct book *book, const struct book_device *device,
                           uint32_t *ret_number, struct fault *fault)
{
    struct index *index = &book->device_keys;
    const struct image_key key = {device->product, &device->key};
    enum error e = pool_add(&book->devices, ret_number, fault);
    if (e != ERR_OK)
        return e;
    *book_device(book, *ret_number) = *device;
    e = index_put(index, book, hash_digest(index, device->product, &device->key), &key, *ret_number,
                  fault);
    return e == ERR_OK ? add_serial(book, device, *ret_number, fault) : e;
}

enum error book_add_install(struct book *book, const struct book_install *install,
                            uint32_t *ret_number, struct fault *fault)
{
    struct index *ids = &book->install_ids;
    struct index *pairs = &book->install_pairs;
    const struct pair_key pair = {install->device, install->image};
    enum error e = pool_add(&book->installs, ret_number, fault);
    if (e != ERR_OK)
        return e;
    *book_install(book, *ret_number) = *install;
    e = index_put(ids, book, index_hash(ids, 0, bytes_of(install->id.bytes, UUID_SIZE)),
                  install->id.bytes, *ret_number, fault);
    if (e == ERR_OK)
        e = index_put(pairs, book, hash_pair(pairs, &pair), &pair, *ret_number, fault);
    return e;
}

enum error book_add_unit(struct book *book, const struct book_unit *unit, uint32_t *ret_number,
                         struct fault *fault)
{
    enum error e = pool_add(&book->units, ret_number, fault);
    if (e == ERR_OK)
        *book_unit(book, *ret_number) = *unit;
    return e;
}
