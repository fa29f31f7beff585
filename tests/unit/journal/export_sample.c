/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Made with the writer of journal/export.h. */
#include "export_sample.h"

#include <inttypes.h>
#include <string.h>

#include <check.h>

#include "journal/tree.h"

#define MADE_MS INT64_C(1795788336123)

struct bytes export_sample_leaf(int64_t index, char out[512])
{
    int length = snprintf(
        out, 512,
        "{\"charged\":true,\"device\":\"%064" PRIx64 "\",\"image\":\"sha256:%064" PRIx64 "\","
        "\"install\":\"019ab3c2-7c1e-7d3a-9a55-%012" PRIx64 "\",\"license\":\"%064" PRIx64 "\","
        "\"product\":\"widget\",\"serial\":\"SN-%" PRId64 "\",\"station\":\"st-1\","
        "\"time\":\"2026-11-27T14:45:36.123Z\",\"type\":\"license-issued\",\"v\":1}",
        (uint64_t)index, (uint64_t)7, (uint64_t)index, (uint64_t)index + 1, index);
    return bytes_of(out, (size_t)length);
}

struct bytes export_sample_document(int64_t index, uint8_t out[512])
{
    size_t length = (size_t)(index % 512) + 1;
    memset(out, (int)index, length);
    return bytes_of(out, length);
}

static struct sha256 root_of(int64_t leaves)
{
    struct tree_range range = {.count = 0};
    char entry[512];
    for (int64_t i = 0; i < leaves; i++) {
        struct sha256 hash = tree_leaf_hash(export_sample_leaf(i, entry));
        tree_range_add(&range, &hash);
    }
    return tree_range_root(&range);
}

void export_sample_header(const struct signer *signer, int64_t documents, int64_t leaves,
                          struct export_account accounts[SAMPLE_ACCOUNTS],
                          struct export_header *ret_header)
{
    struct checkpoint checkpoint = {
        .origin = "rig/provisiond/5f0cb3e1a7d9c2b4", .size = leaves, .root = root_of(leaves)};
    accounts[0] = (struct export_account){.product = "widget",
                                          .accepted = 1,
                                          .revoked = 2,
                                          .scrap_allowance = 3,
                                          .scrap_drawn = 4,
                                          .granted = 5,
                                          .charged = 6,
                                          .remaining = 7,
                                          .licensed = 8,
                                          .succeeded = 9,
                                          .proven = 10,
                                          .failed = 11,
                                          .scrapped = 12,
                                          .unreported = INT64_MAX};
    accounts[1] = (struct export_account){.product = "gadget"};
    *ret_header = (struct export_header){.documents = documents,
                                         .leaves = leaves,
                                         .made_unix_ms = MADE_MS,
                                         .challenge = {1, 2, 3, 4, 5, 6, 7, 0xff},
                                         .challenge_length = EXPORT_CHALLENGE_MIN,
                                         .accounts = accounts,
                                         .account_count = SAMPLE_ACCOUNTS};
    (void)signer_note(signer, &checkpoint, ret_header->checkpoint);
    strcpy(ret_header->key, signer->pem);
}

void export_sample_write(FILE *out, const struct signer *signer, int64_t documents, int64_t leaves)
{
    struct export_account accounts[SAMPLE_ACCOUNTS];
    struct export_header header;
    struct fault fault;
    char entry[512];
    uint8_t document[512];
    export_sample_header(signer, documents, leaves, accounts, &header);
    ck_assert_int_eq(export_write_header(out, &header, &fault), ERR_OK);
    for (int64_t i = 0; i < documents; i++) {
        if (export_write_document(out, export_sample_document(i, document), &fault) != ERR_OK)
            ck_abort_msg("document %" PRId64, i);
    }
    for (int64_t i = 0; i < leaves; i++) {
        if (export_write_leaf(out, export_sample_leaf(i, entry), &fault) != ERR_OK)
            ck_abort_msg("leaf %" PRId64, i);
    }
}

void export_sample_file(const char *path, const struct signer *signer, int64_t documents,
                        int64_t leaves)
{
    FILE *out = fopen(path, "we");
    ck_assert_ptr_nonnull(out);
    export_sample_write(out, signer, documents, leaves);
    ck_assert_int_eq(ferror(out), 0);
    ck_assert_int_eq(fclose(out), 0);
}
