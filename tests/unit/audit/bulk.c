/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Leaves are made twice, for the root and for the file, so that none is kept. */
#include "bulk.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "core/clock.h"
#include "journal/export.h"
#include "journal/tree.h"

#define LEAF_MAX   1024
#define HEAD       4 /* leaves before the first license */
#define CYCLE      10
#define LICENSES   6
#define OUTCOMES   3
#define BEGIN_MS   INT64_C(1795788000000)
#define ANY_DIGEST "00000000000000000000000000000000000000000000000000000000"

static const char SITE[] = "factory-7";

static size_t head_leaf(const char *hsm, int64_t index, const char *time, char out[LEAF_MAX])
{
    static const char *const FORMS[HEAD] = {
        "{\"clean\":true,%.0s\"time\":\"%s\",\"type\":\"start\",\"v\":1}",
        "{\"hsm\":\"%s\",\"site\":\"factory-7\",\"time\":\"%s\",\"type\":\"initialised\",\"v\":1}",
        "{\"anchors\":\"00000001" ANY_DIGEST "\",\"attempts_max\":0,\"by\":\"uid:0\","
        "\"firmware_key\":\"000102030405060708090a0b0c0d0e0f\",\"governed\":false,%.0s"
        "\"policy\":\"per-device\",\"product\":\"widget\",\"profile\":\"cms\","
        "\"quota\":1000000000000,\"session_key_exposure\":false,\"time\":\"%s\","
        "\"type\":\"product-created\",\"v\":1}",
        "{\"by\":\"uid:0\",\"enabled\":true,\"image\":\"sha256:00000001" ANY_DIGEST "\",%.0s"
        "\"product\":\"widget\",\"size\":1,\"time\":\"%s\",\"type\":\"image-added\",\"v\":1}",
    };
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    return (size_t)snprintf(out, LEAF_MAX, FORMS[index], hsm, time);
#pragma GCC diagnostic pop
}

static size_t license_leaf(int64_t device, bool is_repeat, const char *time, char out[LEAF_MAX])
{
    return (size_t)snprintf(
        out, LEAF_MAX,
        "{%s\"device\":\"%08" PRIx64 ANY_DIGEST "\",\"image\":\"sha256:00000001" ANY_DIGEST "\","
        "\"install\":\"00000000-0000-7000-8000-%012" PRIx64 "\",\"license\":\"%08" PRIx64 ANY_DIGEST
        "\",\"line\":\"2\",\"lot\":\"L-%" PRId64 "\",\"product\":\"widget\","
        "\"serial\":\"SN-%" PRId64 "\",\"station\":\"st-1\",\"time\":\"%s\",\"type\":\"%s\","
        "\"v\":1}",
        is_repeat ? "\"attempt\":2," : "\"charged\":true,", (uint64_t)device, (uint64_t)device,
        (uint64_t)device, device / 1000, device, time,
        is_repeat ? "license-reissued" : "license-issued");
}

static size_t outcome_leaf(int64_t device, int attempt, const char *time, char out[LEAF_MAX])
{
    return (size_t)snprintf(out, LEAF_MAX,
                            "{\"attempt\":%d,\"install\":\"00000000-0000-7000-8000-%012" PRIx64
                            "\",\"result\":\"succeeded\",\"station\":\"st-1\",\"time\":\"%s\","
                            "\"type\":\"install-outcome\",\"v\":1}",
                            attempt, (uint64_t)device, time);
}

/* Of ten leaves: six licenses, a repeat of the first, and how the first three ended. */
static size_t leaf_of(const char *hsm, int64_t index, char out[LEAF_MAX])
{
    char time[TIMESTAMP_SIZE];
    timestamp_format(BEGIN_MS + index * 100, time);
    if (index < HEAD)
        return head_leaf(hsm, index, time, out);
    if (index == HEAD)
        return (size_t)snprintf(out, LEAF_MAX,
                                "{\"by\":\"uid:0\",\"principal\":\"st-1\",\"role\":\"station\","
                                "\"spki\":\"00000001" ANY_DIGEST "\",\"time\":\"%s\","
                                "\"type\":\"principal-added\",\"v\":1}",
                                time);
    int64_t number = index - HEAD - 1;
    int64_t first = number / CYCLE * LICENSES; /* device of this cycle */
    int64_t place = number % CYCLE;
    if (place < LICENSES)
        return license_leaf(first + place, false, time, out);
    if (place == LICENSES)
        return license_leaf(first, true, time, out);
    int64_t device = first + place - LICENSES - 1;
    return outcome_leaf(device, device == first ? 2 : 1, time, out);
}

static struct export_account account_of(int64_t count)
{
    struct export_account account = {.product = "widget", .accepted = INT64_C(1000000000000)};
    int64_t rest = (count - HEAD - 1) % CYCLE;
    int64_t cycles = (count - HEAD - 1) / CYCLE;
    account.granted = account.accepted;
    account.charged = cycles * LICENSES + (rest < LICENSES ? rest : LICENSES);
    account.licensed = account.charged;
    account.succeeded = cycles * OUTCOMES + (rest > LICENSES + 1 ? rest - LICENSES - 1 : 0);
    account.remaining = account.granted - account.charged;
    account.unreported = account.charged - account.succeeded;
    return account;
}

static struct checkpoint head_of(const struct sha256 *hsm, const char *hsm_hex, int64_t count)
{
    struct tree_range range = {.size = 0};
    struct checkpoint checkpoint = {.size = count};
    char text[LEAF_MAX];
    for (int64_t i = 0; i < count; i++) {
        size_t length = leaf_of(hsm_hex, i, text);
        const struct sha256 hash = tree_leaf_hash(bytes_of(text, length));
        tree_range_add(&range, &hash);
    }
    checkpoint.root = tree_range_root(&range);
    checkpoint_origin(SITE, hsm, checkpoint.origin);
    return checkpoint;
}

void bulk_write(const struct signer *signer, const char *path, int64_t count)
{
    const struct sha256 hsm = sha256_of(signer_spki(signer));
    struct export_account account = account_of(count);
    struct export_header header = {
        .leaves = count, .made_unix_ms = BEGIN_MS, .accounts = &account, .account_count = 1};
    struct fault fault;
    char hsm_hex[SHA256_HEX_SIZE], text[LEAF_MAX];
    hex_encode(bytes_of(hsm.bytes, SHA256_SIZE), hsm_hex);
    const struct checkpoint checkpoint = head_of(&hsm, hsm_hex, count);
    (void)signer_note(signer, &checkpoint, header.checkpoint);
    (void)strcpy(header.key, signer->pem);
    FILE *out = fopen(path, "we");
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(export_write_header(out, &header, &fault), ERR_OK);
    for (int64_t i = 0; i < count; i++) {
        size_t length = leaf_of(hsm_hex, i, text);
        ck_assert_int_eq(export_write_leaf(out, bytes_of(text, length), &fault), ERR_OK);
    }
    ck_assert_int_eq(fclose(out), 0);
}
