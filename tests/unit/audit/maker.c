/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Leaves as text; the file with the writer of journal/export.h. */
#include "maker.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "core/clock.h"
#include "journal/tree.h"

#define STEP_MS 1000

void maker_init(struct maker *maker, const struct temp_dir *dir)
{
    *maker = (struct maker){.dir = dir, .time_ms = MAKER_BEGIN_MS};
    signer_make(&maker->signer, "P-256");
    maker->hsm = sha256_of(signer_spki(&maker->signer));
    hex_encode(bytes_of(maker->hsm.bytes, SHA256_SIZE), maker->hsm_hex);
    maker_leaf(maker, "start", "\"clean\":true,", "");
    maker_leaf(maker, "initialised",
               MAKER_FORMAT("\"hsm\":\"%s\",\"site\":\"%s\",", maker->hsm_hex, MAKER_SITE), "");
}

void maker_clear(struct maker *maker)
{
    for (size_t i = 0; i < maker->leaf_count; i++)
        free(maker->leaves[i]);
    for (size_t i = 0; i < maker->document_count; i++)
        free((void *)(uintptr_t)maker->documents[i].data);
    for (size_t i = 0; i < MAKER_OFFICERS; i++)
        pki_free(maker->officers[i]);
    free(maker->leaves);
    free(maker->documents);
    signer_clear(&maker->signer);
}

const char *maker_format(char out[MAKER_TEXT], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(out, MAKER_TEXT, format, arguments);
    va_end(arguments);
    ck_assert_int_lt(length, MAKER_TEXT);
    return out;
}

/* ---- leaves ---- */

static void make_room(struct maker *maker)
{
    maker->leaves = realloc(maker->leaves, (maker->leaf_count + 1) * sizeof *maker->leaves);
    ck_assert_ptr_nonnull(maker->leaves);
}

size_t maker_raw(struct maker *maker, const char *text)
{
    make_room(maker);
    maker->leaves[maker->leaf_count] = strdup(text);
    return maker->leaf_count++;
}

size_t maker_leaf(struct maker *maker, const char *type, const char *before, const char *behind)
{
    char time[TIMESTAMP_SIZE];
    timestamp_format(maker->time_ms, time);
    maker->time_ms += STEP_MS;
    return maker_raw(maker, MAKER_FORMAT("{%s\"time\":\"%s\",\"type\":\"%s\"%s,\"v\":1}", before,
                                         time, type, behind));
}

const char *maker_uuid(unsigned number, char out[37])
{
    (void)snprintf(out, 37, "00000000-0000-7000-8000-%012u", number);
    return out;
}

const char *maker_digest(const char *what, unsigned number, char out[SHA256_HEX_SIZE])
{
    const char *text = MAKER_FORMAT("%s %u", what, number);
    const struct sha256 digest = sha256_of(bytes_of(text, strlen(text)));
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), out);
    return out;
}

void maker_local_product(struct maker *maker, const char *product, int64_t quota,
                         const char *policy)
{
    char anchors[SHA256_HEX_SIZE];
    maker_leaf(maker, "product-created",
               MAKER_FORMAT("\"anchors\":\"%s\",\"attempts_max\":0,\"by\":\"uid:0\","
                            "\"firmware_key\":\"000102030405060708090a0b0c0d0e0f\","
                            "\"governed\":false,\"policy\":\"%s\",\"product\":\"%s\","
                            "\"profile\":\"cms\",\"quota\":%lld,\"session_key_exposure\":false,",
                            maker_digest("anchors", 1, anchors), policy, product, (long long)quota),
               "");
}

void maker_station(struct maker *maker, const char *name)
{
    char spki[SHA256_HEX_SIZE];
    maker_leaf(maker, "principal-added",
               MAKER_FORMAT("\"by\":\"uid:0\",\"principal\":\"%s\",\"role\":\"station\","
                            "\"spki\":\"%s\",",
                            name, maker_digest(name, 0, spki)),
               "");
}

void maker_image(struct maker *maker, const char *product, unsigned image)
{
    char digest[SHA256_HEX_SIZE];
    maker_leaf(maker, "image-added",
               MAKER_FORMAT("\"by\":\"uid:0\",\"enabled\":true,\"image\":\"sha256:%s\","
                            "\"product\":\"%s\",\"size\":1024,",
                            maker_digest("image", image, digest), product),
               "");
}

/* ---- licenses ---- */

static const char *optional(char out[MAKER_TEXT], const char *name, const char *value)
{
    return value != NULL ? maker_format(out, "\"%s\":\"%s\",", name, value) : "";
}
#define OPTIONAL(name, value) optional((char[MAKER_TEXT]){0}, (name), (value))

size_t maker_license(struct maker *maker, const struct maker_license *license)
{
    char device[SHA256_HEX_SIZE], image[SHA256_HEX_SIZE], bytes[SHA256_HEX_SIZE];
    char install[37], unit[37];
    const char *charged = license->attempt > 1 ? ""
                          : license->unit == 0 ? "\"charged\":true,"
                                               : "\"charged\":false,";
    const char *attempt =
        license->attempt > 1 ? MAKER_FORMAT("\"attempt\":%u,", license->attempt) : "";
    const char *behind =
        license->unit != 0 ? MAKER_FORMAT(",\"unit\":\"%s\"", maker_uuid(license->unit, unit)) : "";
    return maker_leaf(
        maker, license->attempt > 1 ? "license-reissued" : "license-issued",
        MAKER_FORMAT(
            "%s%s\"device\":\"%s\",\"image\":\"sha256:%s\",\"install\":\"%s\","
            "\"license\":\"%s\",%s%s\"product\":\"%s\",\"serial\":\"SN-%u\","
            "\"station\":\"%s\",",
            attempt, charged, maker_digest("device", license->device, device),
            maker_digest("image", license->image, image), maker_uuid(license->install, install),
            maker_digest("license", license->install, bytes), OPTIONAL("line", license->line),
            OPTIONAL("lot", license->lot), license->product, license->device,
            license->station != NULL ? license->station : "st-1"),
        behind);
}

size_t maker_outcome(struct maker *maker, unsigned install, const char *result, unsigned attempt,
                     const char *extra)
{
    char id[37];
    return maker_leaf(maker, "install-outcome",
                      MAKER_FORMAT("\"attempt\":%u,\"install\":\"%s\",\"result\":\"%s\"%s,"
                                   "\"station\":\"st-1\",",
                                   attempt, maker_uuid(install, id), result, extra),
                      "");
}

/* ---- the file ---- */

struct export_account *maker_account(struct maker *maker, const char *product)
{
    for (size_t i = 0; i < maker->account_count; i++) {
        if (strcmp(maker->accounts[i].product, product) == 0)
            return &maker->accounts[i];
    }
    ck_assert_uint_lt(maker->account_count, MAKER_ACCOUNTS);
    struct export_account *account = &maker->accounts[maker->account_count++];
    (void)snprintf(account->product, sizeof account->product, "%s", product);
    return account;
}

static struct bytes entry_of(const char *leaf)
{
    return bytes_of(leaf, strlen(leaf));
}

void maker_seal(struct maker *maker)
{
    struct tree_range range = {.size = 0};
    struct checkpoint checkpoint = {.size = (int64_t)maker->leaf_count};
    for (size_t i = 0; i < maker->leaf_count; i++) {
        const struct sha256 hash = tree_leaf_hash(entry_of(maker->leaves[i]));
        tree_range_add(&range, &hash);
    }
    checkpoint.root = tree_range_root(&range);
    checkpoint_origin(MAKER_SITE, &maker->hsm, checkpoint.origin);
    (void)signer_note(&maker->signer, &checkpoint, maker->note);
}

void maker_write(struct maker *maker, const char *path)
{
    struct fault fault;
    struct export_header header = {.documents = (int64_t)maker->document_count,
                                   .leaves = (int64_t)maker->leaf_count,
                                   .made_unix_ms = maker->time_ms,
                                   .accounts = maker->accounts,
                                   .account_count = maker->account_count};
    (void)strcpy(header.checkpoint, maker->note);
    (void)strcpy(header.key, maker->signer.pem);
    FILE *out = fopen(path, "we");
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(export_write_header(out, &header, &fault), ERR_OK);
    for (size_t i = 0; i < maker->document_count; i++)
        ck_assert_int_eq(export_write_document(out, maker->documents[i], &fault), ERR_OK);
    for (size_t i = 0; i < maker->leaf_count; i++)
        ck_assert_int_eq(export_write_leaf(out, entry_of(maker->leaves[i]), &fault), ERR_OK);
    ck_assert_int_eq(fclose(out), 0);
}

/* ---- tampering ---- */

void maker_remove(struct maker *maker, size_t leaf)
{
    free(maker->leaves[leaf]);
    maker->leaf_count--;
    memmove(&maker->leaves[leaf], &maker->leaves[leaf + 1],
            (maker->leaf_count - leaf) * sizeof *maker->leaves);
}

void maker_insert(struct maker *maker, size_t leaf, const char *text)
{
    make_room(maker);
    memmove(&maker->leaves[leaf + 1], &maker->leaves[leaf],
            (maker->leaf_count - leaf) * sizeof *maker->leaves);
    maker->leaves[leaf] = strdup(text);
    maker->leaf_count++;
}

void maker_swap(struct maker *maker, size_t a, size_t b)
{
    char *held = maker->leaves[a];
    maker->leaves[a] = maker->leaves[b];
    maker->leaves[b] = held;
}

void maker_replace(struct maker *maker, size_t leaf, const char *from, const char *to)
{
    char *old = maker->leaves[leaf];
    const char *at = strstr(old, from);
    ck_assert_msg(at != NULL, "leaf %zu has no %s: %s", leaf, from, old);
    const char *text = MAKER_FORMAT("%.*s%s%s", (int)(at - old), old, to, at + strlen(from));
    maker->leaves[leaf] = strdup(text);
    free(old);
}
