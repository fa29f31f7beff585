/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Requests become messages of a bounded size, and each allocation may be the one that fails. */
#include "vault/message.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "support/run.h"
#include "vault.pb-c.h"
#include "vault/vault_client.h"

#define FIELD_LICENSE_BATCH 14
#define FIELD_LICENSES      1
#define LICENSES            256

static Provisiond__StationRequest *unpack(struct bytes packed, size_t max, size_t *ret_bytes)
{
    return (Provisiond__StationRequest *)message_unpack(&provisiond__station_request__descriptor,
                                                        packed, max, ret_bytes);
}

/* The largest batch that a station sends: 256 devices with all fields of their context. */
static struct bytes pack_batch(void)
{
    static char value[65];
    static uint8_t chain[3500];
    static Provisiond__LicenseContext context;
    static Provisiond__LicenseRequest licenses[LICENSES];
    static Provisiond__LicenseRequest *links[LICENSES];
    Provisiond__StationRequest request = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__LicenseBatchRequest batch = PROVISIOND__LICENSE_BATCH_REQUEST__INIT;
    memset(value, 'v', sizeof value - 1);
    provisiond__license_context__init(&context);
    context.lot = context.line = context.work_order = context.operator_name = context.socket =
        value;
    for (size_t i = 0; i < LICENSES; i++) {
        provisiond__license_request__init(&licenses[i]);
        licenses[i].product = value;
        licenses[i].context = &context;
        licenses[i].certificate_chain = (ProtobufCBinaryData){.len = sizeof chain, .data = chain};
        links[i] = &licenses[i];
    }
    batch.n_licenses = LICENSES;
    batch.licenses = links;
    request.op_case = PROVISIOND__STATION_REQUEST__OP_LICENSE_BATCH;
    request.license_batch = &batch;
    size_t length = provisiond__station_request__get_packed_size(&request);
    uint8_t *packed = malloc(length);
    ck_assert_ptr_nonnull(packed);
    ck_assert_uint_le(length, VAULT_REQUEST_MAX_BYTES);
    (void)provisiond__station_request__pack(&request, packed);
    return bytes_of(packed, length);
}

START_TEST(largest_batch_of_a_station_is_read)
{
    size_t used = 0;
    struct bytes packed = pack_batch();
    Provisiond__StationRequest *message = unpack(packed, MESSAGE_MAX_BYTES, &used);
    ck_assert_ptr_nonnull(message);
    ck_assert_uint_eq(message->license_batch->n_licenses, LICENSES);
    ck_assert_uint_gt(used, packed.length);
    provisiond__station_request__free_unpacked(message, NULL);
    free((void *)(uintptr_t)packed.data);
}
END_TEST

/* Every limit below what it takes: one of the allocations fails, and nothing is lost or touched. */
START_TEST(message_that_takes_one_byte_more_than_its_limit_is_none)
{
    static const uint8_t small[] = {
        0x0a, 2,    'k',  'y',                          /* caller_spki */
        0x12, 2,    'i',  'd',                          /* request_id */
        0x72, 20,                                       /* license_batch: */
        0x0a, 7,    0x0a, 1,   'p', 0x22, 2,   0x0a, 0, /* product, context */
        0x0a, 5,    0x1a, 3,   'p', 'e',  'm',          /* certificate_chain */
        0x0a, 0,    0x0a, 0,                            /* two empty ones */
        0x82, 0x06, 1,    'u',                          /* an unknown field */
    };
    size_t needed = 0;
    struct bytes packed = bytes_of(small, sizeof small);
    Provisiond__StationRequest *message = unpack(packed, MESSAGE_MAX_BYTES, &needed);
    ck_assert_ptr_nonnull(message);
    ck_assert_uint_eq(message->license_batch->n_licenses, 4);
    provisiond__station_request__free_unpacked(message, NULL);
    for (size_t max = 0; max < needed; max++) {
        size_t used = 12345;
        ck_assert_ptr_null(unpack(packed, max, &used));
        ck_assert_uint_eq(used, 12345);
    }
    message = unpack(packed, needed, &needed);
    ck_assert_ptr_nonnull(message);
    provisiond__station_request__free_unpacked(message, NULL);
}
END_TEST

/* Two bytes each: half a million empty licenses would become a hundred MiB. */
START_TEST(request_that_unfolds_without_end_is_none)
{
    const size_t length = VAULT_REQUEST_MAX_BYTES;
    size_t used = 0;
    uint8_t *packed = malloc(length);
    ck_assert_ptr_nonnull(packed);
    size_t body = length - 4;
    packed[0] = FIELD_LICENSE_BATCH << 3 | 2;
    packed[1] = (uint8_t)(body | 0x80);
    packed[2] = (uint8_t)(body >> 7 | 0x80);
    packed[3] = (uint8_t)(body >> 14);
    for (size_t i = 4; i < length; i += 2) {
        packed[i] = FIELD_LICENSES << 3 | 2;
        packed[i + 1] = 0;
    }
    ck_assert_ptr_null(unpack(bytes_of(packed, length), MESSAGE_MAX_BYTES, &used));
    free(packed);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        largest_batch_of_a_station_is_read,
        message_that_takes_one_byte_more_than_its_limit_is_none,
        request_that_unfolds_without_end_is_none,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "message", .timeout_s = 60, .tests = tests});
}
