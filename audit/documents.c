/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A digest for each document; its bytes stay in the export. */
#include "audit/documents.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_FROM 1 /* documents are numbered for people from 1 */

struct record {
    struct sha256 digest;
    struct uuid id; /* when it is used */
    bool is_read;
    bool is_used;
};

static struct record *record_at(const struct documents *documents, uint32_t number)
{
    return pool_at(&documents->records, number);
}

static bool has_digest(const void *owner, uint32_t number, const void *key)
{
    return sha256_equal(&record_at(owner, number)->digest, key);
}

static bool has_id(const void *owner, uint32_t number, const void *key)
{
    return memcmp(record_at(owner, number)->id.bytes, key, UUID_SIZE) == 0;
}

static uint64_t hash_digest(const struct documents *documents, const struct sha256 *digest)
{
    return index_hash(&documents->digests, 0, bytes_of(digest->bytes, SHA256_SIZE));
}

/* ---- reading ---- */

static enum error add_digest(struct documents *documents, uint32_t number, struct bytes data,
                             struct findings *findings, struct fault *fault)
{
    struct record *record = record_at(documents, number);
    record->digest = sha256_of(data);
    if (documents_find(documents, &record->digest) != POOL_NONE) {
        findings_add(findings, RANK_DOCUMENT, "document-twice", -1,
                     "The signed document number %u is in the export twice.", number + NUMBER_FROM);
        return ERR_OK;
    }
    record->is_read = true;
    return index_put(&documents->digests, documents, hash_digest(documents, &record->digest),
                     &record->digest, number, fault);
}

static enum error read_document(struct documents *documents, int64_t index,
                                struct findings *findings, struct fault *fault)
{
    uint32_t number = 0;
    uint8_t *data = NULL;
    size_t length = 0;
    enum error e = pool_add(&documents->records, &number, fault);
    if (e != ERR_OK)
        return e;
    e = export_document(documents->file, index, &data, &length, fault);
    if (e == ERR_OK)
        e = add_digest(documents, number, bytes_of(data, length), findings, fault);
    else if (e == ERR_BAD_REQUEST) {
        findings_add(findings, RANK_DOCUMENT, "document-unreadable", -1,
                     "The signed document number %u is no base64: the file was changed.",
                     number + NUMBER_FROM);
        e = ERR_OK;
    }
    free(data);
    return e;
}

enum error documents_read(struct documents *documents, const struct export_file *file,
                          struct findings *findings, struct fault *fault)
{
    int64_t count = export_header(file)->documents;
    enum error e = ERR_OK;
    *documents =
        (struct documents){.file = file, .records = {.record_size = sizeof(struct record)}};
    index_init(&documents->digests, has_digest);
    index_init(&documents->ids, has_id);
    for (int64_t i = 0; i < count && e == ERR_OK; i++)
        e = read_document(documents, i, findings, fault);
    return e;
}

void documents_clear(struct documents *documents)
{
    pool_clear(&documents->records);
    index_clear(&documents->digests);
    index_clear(&documents->ids);
}

/* ---- using ---- */

uint32_t documents_find(const struct documents *documents, const struct sha256 *digest)
{
    return index_find(&documents->digests, documents, hash_digest(documents, digest), digest);
}

enum error documents_open(const struct documents *documents, uint32_t number,
                          struct signed_document **ret_document, struct fault *fault)
{
    uint8_t *data = NULL;
    size_t length = 0;
    enum error e = export_document(documents->file, number, &data, &length, fault);
    if (e == ERR_OK)
        e = signed_document_open(bytes_of(data, length), ret_document, fault);
    free(data);
    return e;
}

enum error documents_use(struct documents *documents, uint32_t number, const struct uuid *id,
                         bool *ret_was_used, struct fault *fault)
{
    struct record *record = record_at(documents, number);
    struct index *ids = &documents->ids;
    uint64_t hash = index_hash(ids, 0, bytes_of(id->bytes, UUID_SIZE));
    *ret_was_used = record->is_used || index_find(ids, documents, hash, id->bytes) != POOL_NONE;
    record->is_used = true;
    if (*ret_was_used)
        return ERR_OK;
    record->id = *id;
    return index_put(ids, documents, hash, id->bytes, number, fault);
}

void documents_find_unused(const struct documents *documents, struct findings *findings)
{
    for (uint32_t i = 0; i < documents->records.count; i++) {
        const struct record *record = record_at(documents, i);
        if (record->is_read && !record->is_used)
            findings_add(findings, RANK_DOCUMENT, "document-without-leaf", -1,
                         "The signed document number %u is in the export, but no leaf names it: it "
                         "was altered, exchanged or added.",
                         i + NUMBER_FROM);
    }
}
