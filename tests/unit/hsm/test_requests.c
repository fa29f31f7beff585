/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The socket as a hostile peer uses it. */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/fault_message.h"
#include "core/frame.h"
#include "core/rpc_client.h"
#include "device_key.h"
#include "hsm.pb-c.h"
#include "hsm_rig.h"
#include "raw_link.h"

static struct hsm_rig rig;
static struct device_key device;
static struct rig_keys keys;

static void set_up(void)
{
    hsm_rig_run(&rig);
    hsm_rig_make_keys(&rig, 32, &keys);
    device_key_make(&device);
}

static void tear_down(void)
{
    struct hsm_status status;
    struct fault fault;
    /* Whatever was sent: the master is there, and so are all its first workers. */
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-started"), rig.workers);
    device_key_free(&device);
    hsm_rig_remove(&rig);
}

static enum error answer_to(struct bytes payload, const int *fds, unsigned fd_count,
                            struct fault *fault)
{
    return raw_ask(&rig, payload, fds, fd_count, fault);
}

/* ---- requests that are wrong in one place ---- */

struct wrong {
    const char *reason;
    void (*spoil)(Provisiond__HsmRequest *request);
};

static uint8_t zeros[2048];

static void spoil_key_id(Provisiond__HsmRequest *request)
{
    request->wrap->firmware_key_id.len = 15;
}
static void spoil_long_key_id(Provisiond__HsmRequest *request)
{
    request->wrap->firmware_key_id = (ProtobufCBinaryData){17, zeros};
}
static void spoil_wrapped_key(Provisiond__HsmRequest *request)
{
    request->wrap->wrapped_session_key = (ProtobufCBinaryData){32, zeros};
}
static void spoil_empty_wrapped_key(Provisiond__HsmRequest *request)
{
    request->wrap->wrapped_session_key = (ProtobufCBinaryData){0, NULL};
}
static void spoil_curve(Provisiond__HsmRequest *request)
{
    request->wrap->curve = 4;
}
static void spoil_no_curve(Provisiond__HsmRequest *request)
{
    request->wrap->curve = 0;
}
static void spoil_kdf(Provisiond__HsmRequest *request)
{
    request->wrap->kdf = 9;
}
static void spoil_key_wrap(Provisiond__HsmRequest *request)
{
    request->wrap->key_wrap = 0;
}
static void spoil_kek_bytes(Provisiond__HsmRequest *request)
{
    request->wrap->kek_bytes = 24;
}
static void spoil_shared_info(Provisiond__HsmRequest *request)
{
    request->wrap->shared_info = (ProtobufCBinaryData){257, zeros};
}
static void spoil_short_point(Provisiond__HsmRequest *request)
{
    request->wrap->peer_point.len = 64;
}
static void spoil_compressed_point(Provisiond__HsmRequest *request)
{
    request->wrap->peer_point.data[0] = 0x02;
}
static void spoil_infinite_point(Provisiond__HsmRequest *request)
{
    request->wrap->peer_point = (ProtobufCBinaryData){1, zeros};
}
static void spoil_zero_point(Provisiond__HsmRequest *request)
{
    memset(request->wrap->peer_point.data + 1, 0, 64);
}
static void spoil_far_point(Provisiond__HsmRequest *request)
{
    memset(request->wrap->peer_point.data + 1, 0xff, 64); /* coordinates beyond the field */
}

static const struct wrong wrongs[] = {
    {"key-id", spoil_key_id},
    {"key-id", spoil_long_key_id},
    {"wrapped-key", spoil_wrapped_key},
    {"wrapped-key", spoil_empty_wrapped_key},
    {"curve", spoil_curve},
    {"curve", spoil_no_curve},
    {"kdf", spoil_kdf},
    {"key-wrap", spoil_key_wrap},
    {"kek-bytes", spoil_kek_bytes},
    {"shared-info", spoil_shared_info},
    {"peer-point", spoil_short_point},
    {"peer-point", spoil_compressed_point},
    {"peer-point", spoil_infinite_point},
    {"peer-point", spoil_zero_point},
    {"peer-point", spoil_far_point},
};

/* A wrap that is right but for what spoil does to it. */
static size_t pack_wrap(void (*spoil)(Provisiond__HsmRequest *), uint8_t out[RAW_REQUEST_MAX])
{
    static uint8_t point[65];
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmWrapRequest wrap = PROVISIOND__HSM_WRAP_REQUEST__INIT;
    memcpy(point, device.point, sizeof point);
    wrap.firmware_key_id = (ProtobufCBinaryData){16, keys.firmware_key.bytes};
    wrap.wrapped_session_key = (ProtobufCBinaryData){40, keys.session_key.bytes};
    wrap.curve = PROVISIOND__HSM_CURVE__HSM_CURVE_P256;
    wrap.peer_point = (ProtobufCBinaryData){sizeof point, point};
    wrap.kdf = PROVISIOND__HSM_KDF__HSM_KDF_X963_SHA256;
    wrap.shared_info = (ProtobufCBinaryData){256, zeros};
    wrap.kek_bytes = 32;
    wrap.key_wrap = PROVISIOND__HSM_KEY_WRAP__HSM_KEY_WRAP_AES;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_WRAP;
    request.wrap = &wrap;
    if (spoil != NULL)
        spoil(&request);
    return raw_pack(&request, out);
}

/* ---- the same for seals ---- */

static void spoil_seal_key_id(Provisiond__HsmRequest *request)
{
    request->seal->firmware_key_id.len = 15;
}
static void spoil_seal_wrapped_key(Provisiond__HsmRequest *request)
{
    request->seal->wrapped_session_key.len = 39;
}
static void spoil_seal_empty_wrapped_key(Provisiond__HsmRequest *request)
{
    request->seal->wrapped_session_key = (ProtobufCBinaryData){0, NULL};
}
static void spoil_seal_curve(Provisiond__HsmRequest *request)
{
    request->seal->curve = 2;
}
static void spoil_seal_kdf(Provisiond__HsmRequest *request)
{
    request->seal->kdf = 0;
}
static void spoil_seal_shared_info(Provisiond__HsmRequest *request)
{
    request->seal->shared_info.len = HSM_SHARED_INFO_MAX + 1;
}
static void spoil_seal_short_point(Provisiond__HsmRequest *request)
{
    request->seal->peer_point.len = 64;
}
static void spoil_seal_no_point(Provisiond__HsmRequest *request)
{
    request->seal->peer_point = (ProtobufCBinaryData){0, NULL};
}
static void spoil_seal_compressed_point(Provisiond__HsmRequest *request)
{
    request->seal->peer_point.data[0] = 0x03;
}
static void spoil_seal_far_point(Provisiond__HsmRequest *request)
{
    memset(request->seal->peer_point.data + 1, 0xff, 64);
}
static void spoil_seal_no_scheme(Provisiond__HsmRequest *request)
{
    request->seal->scheme = 0;
}
static void spoil_seal_scheme(Provisiond__HsmRequest *request)
{
    request->seal->scheme = 4;
}
static void spoil_seal_prefix(Provisiond__HsmRequest *request)
{
    request->seal->prefix.len = HSM_SEAL_PREFIX_MAX + 1;
}
static void spoil_seal_aad(Provisiond__HsmRequest *request)
{
    request->seal->aad.len = HSM_SEAL_AAD_MAX + 1;
}

static const struct wrong wrong_seals[] = {
    {"key-id", spoil_seal_key_id},
    {"wrapped-key", spoil_seal_wrapped_key},
    {"wrapped-key", spoil_seal_empty_wrapped_key},
    {"curve", spoil_seal_curve},
    {"kdf", spoil_seal_kdf},
    {"shared-info", spoil_seal_shared_info},
    {"peer-point", spoil_seal_short_point},
    {"peer-point", spoil_seal_no_point},
    {"peer-point", spoil_seal_compressed_point},
    {"peer-point", spoil_seal_far_point},
    {"seal-scheme", spoil_seal_no_scheme},
    {"seal-scheme", spoil_seal_scheme},
    {"prefix", spoil_seal_prefix},
    {"aad", spoil_seal_aad},
};

/* A seal at every limit that is right but for what spoil does to it, with this layout. */
static size_t pack_seal(const struct hsm_seal_layout *layout,
                        void (*spoil)(Provisiond__HsmRequest *), uint8_t out[RAW_REQUEST_MAX])
{
    static uint8_t point[65];
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmSealRequest seal = PROVISIOND__HSM_SEAL_REQUEST__INIT;
    memcpy(point, device.point, sizeof point);
    seal.firmware_key_id = (ProtobufCBinaryData){16, keys.firmware_key.bytes};
    seal.wrapped_session_key = (ProtobufCBinaryData){40, keys.session_key.bytes};
    seal.curve = PROVISIOND__HSM_CURVE__HSM_CURVE_P256;
    seal.peer_point = (ProtobufCBinaryData){sizeof point, point};
    seal.kdf = PROVISIOND__HSM_KDF__HSM_KDF_X963_SHA256;
    seal.shared_info = (ProtobufCBinaryData){HSM_SHARED_INFO_MAX, zeros};
    seal.scheme = PROVISIOND__HSM_SEAL_SCHEME__HSM_SEAL_ECIES_AES128_GCM;
    seal.kdf_key_offset = layout->key_offset;
    seal.kdf_iv_offset = layout->iv_offset;
    seal.kdf_iv_bytes = layout->iv_bytes;
    seal.prefix = (ProtobufCBinaryData){HSM_SEAL_PREFIX_MAX, zeros};
    seal.aad = (ProtobufCBinaryData){HSM_SEAL_AAD_MAX, zeros};
    request.op_case = PROVISIOND__HSM_REQUEST__OP_SEAL;
    request.seal = &seal;
    if (spoil != NULL)
        spoil(&request);
    return raw_pack(&request, out);
}

static const struct hsm_seal_layout plain_layout = {0, 16, 12};

START_TEST(a_seal_that_is_wrong_in_one_place_is_refused_for_that_reason)
{
    uint8_t payload[RAW_REQUEST_MAX];
    struct fault fault;
    size_t length = pack_seal(&plain_layout, NULL, payload);
    ck_assert_int_eq(answer_to(bytes_of(payload, length), NULL, 0, &fault), ERR_OK);
    length = pack_seal(&plain_layout, wrong_seals[_i].spoil, payload);
    ck_assert_int_eq(answer_to(bytes_of(payload, length), NULL, 0, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, wrong_seals[_i].reason);
}
END_TEST

/* NULL: a layout whose key and IV are apart within the first 32 bytes. */
static const char *reason_against(const struct hsm_seal_layout *layout)
{
    uint64_t key = layout->key_offset;
    uint64_t iv = layout->iv_offset;
    if (key + 16 > 32)
        return "kdf-key-offset";
    if (layout->iv_bytes < 12 || layout->iv_bytes > 16)
        return "kdf-iv-bytes";
    if (iv + layout->iv_bytes > 32)
        return "kdf-iv-offset";
    for (uint64_t i = iv; i < iv + layout->iv_bytes; i++) {
        if (i >= key && i < key + 16)
            return "kdf-overlap";
    }
    return NULL;
}

static void check_layout(const struct hsm_seal_layout *layout)
{
    uint8_t payload[RAW_REQUEST_MAX];
    struct fault fault;
    const char *reason = reason_against(layout);
    size_t length = pack_seal(layout, NULL, payload);
    enum error e = answer_to(bytes_of(payload, length), NULL, 0, &fault);
    ck_assert_int_eq(e, reason == NULL ? ERR_OK : ERR_BAD_REQUEST);
    if (reason != NULL)
        ck_assert_str_eq(fault.reason, reason);
}

START_TEST(of_all_layouts_only_those_with_parts_apart_are_served)
{
    static const unsigned far[] = {UINT32_MAX, UINT32_MAX - 11, 0x80000000};
    for (unsigned iv_bytes = 11; iv_bytes <= 17; iv_bytes++) {
        for (unsigned key = 0; key <= 17; key++) {
            for (unsigned iv = 0; iv <= 21; iv++)
                check_layout(&(const struct hsm_seal_layout){key, iv, iv_bytes});
        }
    }
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        check_layout(&(const struct hsm_seal_layout){far[i], 16, 12});
        check_layout(&(const struct hsm_seal_layout){0, far[i], 12});
        check_layout(&(const struct hsm_seal_layout){0, 16, far[i]});
    }
}
END_TEST

/* The raw answer, unknown fields included. */
START_TEST(the_answer_to_a_seal_holds_no_part_of_the_key)
{
    uint8_t payload[RAW_REQUEST_MAX];
    uint8_t key[HSM_SESSION_KEY_MAX];
    struct hsm_wrapped wrapped;
    struct fault fault;
    struct frame frame;
    struct hsm_wrap wrap = device_wrap(&device, &keys, bytes_of("i", 1), 32);
    ck_assert_int_eq(hsm_wrap_key(rig.client, &wrap, &wrapped, &fault), ERR_OK);
    ck_assert_uint_eq(device_key_open(&device, &wrapped, bytes_of("i", 1), 32, key), 32);
    size_t length = pack_seal(&plain_layout, NULL, payload);
    int fd = raw_connect(&rig);
    ck_assert_int_eq(
        frame_send(fd, 7, bytes_of(payload, length), NULL, 0, deadline_in(RIG_WAIT_MS)), ERR_OK);
    ck_assert_int_eq(
        frame_receive(fd, HSM_REQUEST_MAX_BYTES, false, RIG_WAIT_MS, RIG_WAIT_MS, &frame), ERR_OK);
    ck_assert_uint_ge(frame.length, 65 + HSM_SEAL_PREFIX_MAX + sizeof key + HSM_GCM_TAG_BYTES);
    for (size_t i = 0; i + 4 <= sizeof key; i += 4)
        ck_assert_ptr_null(memmem(frame.payload, frame.length, key + i, 4));
    frame_clear(&frame);
    (void)close(fd);
}
END_TEST

/* ---- others ---- */

START_TEST(a_wrap_that_is_wrong_in_one_place_is_refused_for_that_reason)
{
    uint8_t payload[RAW_REQUEST_MAX];
    struct fault fault;
    size_t length = pack_wrap(NULL, payload);
    ck_assert_int_eq(answer_to(bytes_of(payload, length), NULL, 0, &fault), ERR_OK);
    length = pack_wrap(wrongs[_i].spoil, payload);
    ck_assert_int_eq(answer_to(bytes_of(payload, length), NULL, 0, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, wrongs[_i].reason);
}
END_TEST

START_TEST(other_requests_that_are_wrong_are_refused)
{
    static char empty[] = "";
    static char bell[] = "label\a";
    static char *const labels[] = {empty, bell, (char *)zeros};
    uint8_t payload[RAW_REQUEST_MAX];
    struct fault fault;
    memset(zeros, 'x', 65);
    for (int i = 0; i < 3; i++) {
        Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
        Provisiond__HsmGenerateFirmwareKeyRequest generate =
            PROVISIOND__HSM_GENERATE_FIRMWARE_KEY_REQUEST__INIT;
        generate.key_id = (ProtobufCBinaryData){16, zeros};
        generate.label = labels[i];
        request.op_case = PROVISIOND__HSM_REQUEST__OP_GENERATE_FIRMWARE_KEY;
        request.generate_firmware_key = &generate;
        size_t length = raw_pack(&request, payload);
        ck_assert_int_eq(answer_to(bytes_of(payload, length), NULL, 0, &fault), ERR_BAD_REQUEST);
        ck_assert_str_eq(fault.reason, "label");
    }
}
END_TEST

START_TEST(a_session_key_of_an_odd_size_is_refused)
{
    static const unsigned sizes[] = {0, 8, 24, 33, UINT32_MAX};
    struct hsm_key_id id = {{0}};
    struct hsm_wrapped_key key;
    struct fault fault;
    for (size_t i = 0; i < 5; i++) {
        ck_assert_int_eq(hsm_generate_session_key(rig.client, &id, sizes[i], &key, &fault),
                         ERR_BAD_REQUEST);
        ck_assert_str_eq(fault.reason, "key-bytes");
    }
}
END_TEST

START_TEST(an_unknown_operation_and_unknown_fields_are_refused)
{
    static const uint8_t unknown_operation[] = {0xfa, 0x01, 0x00};   /* field 31 */
    static const uint8_t unknown_field[] = {0x0a, 0x02, 0x50, 0x01}; /* status with field 10 */
    static const uint8_t both[] = {0x0a, 0x00, 0xfa, 0x01, 0x00};
    struct fault fault;
    ck_assert_int_eq(
        answer_to(bytes_of(unknown_operation, sizeof unknown_operation), NULL, 0, &fault),
        ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "operation-unknown");
    ck_assert_int_eq(answer_to(bytes_of(unknown_field, sizeof unknown_field), NULL, 0, &fault),
                     ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "field-unknown");
    ck_assert_int_eq(answer_to(bytes_of(both, sizeof both), NULL, 0, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "field-unknown");
}
END_TEST

START_TEST(descriptors_where_none_belong_are_refused)
{
    uint8_t payload[RAW_REQUEST_MAX];
    struct fault fault;
    int fds[2] = {0, 1};
    size_t length = pack_wrap(NULL, payload);
    ck_assert_int_eq(answer_to(bytes_of(payload, length), fds, 2, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "descriptors");
    length = pack_seal(&plain_layout, NULL, payload);
    ck_assert_int_eq(answer_to(bytes_of(payload, length), fds, 2, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "descriptors");
}
END_TEST

START_TEST(bytes_that_are_no_message_end_the_connection)
{
    static const uint8_t garbage[] = {0xff, 0xff, 0xff, 0xff, 0xff};
    struct fault fault;
    ck_assert_int_eq(answer_to(bytes_of(garbage, sizeof garbage), NULL, 0, &fault),
                     ERR_LINK_CLOSED);
}
END_TEST

START_TEST(random_frames_leave_the_master_standing)
{
    uint8_t payload[300];
    struct fault fault;
    srandom(4711);
    for (int i = 0; i < 500; i++) {
        size_t length = 1 + (size_t)random() % sizeof payload;
        for (size_t j = 0; j < length; j++)
            payload[j] = (uint8_t)random();
        enum error e = answer_to(bytes_of(payload, length), NULL, 0, &fault);
        ck_assert(e == ERR_LINK_CLOSED || e == ERR_BAD_REQUEST);
    }
}
END_TEST

START_TEST(mutated_wraps_never_cost_a_worker)
{
    uint8_t payload[RAW_REQUEST_MAX];
    struct fault fault;
    srandom(42);
    for (int i = 0; i < 500; i++) {
        size_t length = pack_wrap(NULL, payload);
        payload[(size_t)random() % length] ^= (uint8_t)(1 + random() % 255);
        enum error e = answer_to(bytes_of(payload, length), NULL, 0, &fault);
        ck_assert_int_ne(e, ERR_HSM_UNAVAILABLE);
        ck_assert_int_ne(e, ERR_INTERNAL);
    }
}
END_TEST

START_TEST(mutated_seals_never_cost_a_worker)
{
    uint8_t payload[RAW_REQUEST_MAX];
    struct fault fault;
    srandom(43);
    for (int i = 0; i < 500; i++) {
        size_t length = pack_seal(&plain_layout, NULL, payload);
        payload[(size_t)random() % length] ^= (uint8_t)(1 + random() % 255);
        enum error e = answer_to(bytes_of(payload, length), NULL, 0, &fault);
        ck_assert_int_ne(e, ERR_HSM_UNAVAILABLE);
        ck_assert_int_ne(e, ERR_INTERNAL);
    }
}
END_TEST

START_TEST(a_seal_cut_off_anywhere_never_costs_a_worker)
{
    uint8_t payload[RAW_REQUEST_MAX];
    struct fault fault;
    size_t length = pack_seal(&plain_layout, NULL, payload);
    for (size_t cut = 1; cut < length; cut++) {
        enum error e = answer_to(bytes_of(payload, cut), NULL, 0, &fault);
        ck_assert(e == ERR_LINK_CLOSED || e == ERR_BAD_REQUEST);
    }
}
END_TEST

START_TEST(an_oversized_length_ends_the_connection)
{
    static const uint8_t head[FRAME_HEADER_BYTES] = {0x00, 0x01, 0x00, 0x01};
    uint8_t answer;
    int fd = raw_connect(&rig);
    ck_assert_int_eq(write(fd, head, sizeof head), sizeof head);
    ck_assert_int_eq(read(fd, &answer, 1), 0);
    (void)close(fd);
}
END_TEST

START_TEST(a_truncated_frame_leaves_others_served)
{
    static const uint8_t head[FRAME_HEADER_BYTES + 2] = {0x00, 0x00, 0x00, 0x64};
    struct hsm_status status;
    struct fault fault;
    int fd = raw_connect(&rig);
    ck_assert_int_eq(write(fd, head, sizeof head), sizeof head);
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    (void)close(fd);
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
}
END_TEST

/* ---- more than can be queued ---- */

struct flood {
    atomic_uint answered;
    atomic_uint busy;
};

static void count_answer(void *context, enum error code, struct frame *answer)
{
    struct flood *flood = context;
    struct fault fault;
    if (code == ERR_OK) {
        Provisiond__HsmReply *reply =
            provisiond__hsm_reply__unpack(NULL, answer->length, answer->payload);
        if (reply != NULL && fault_from_message(reply->fault, &fault) == ERR_BUSY)
            atomic_fetch_add(&flood->busy, 1);
        if (reply != NULL)
            provisiond__hsm_reply__free_unpacked(reply, NULL);
    }
    atomic_fetch_add(&flood->answered, 1);
}

START_TEST(a_full_queue_answers_busy)
{
    const struct rpc_client_options options = {
        .path = rig.socket, .reply_max = HSM_REQUEST_MAX_BYTES, .unavailable = ERR_HSM_UNAVAILABLE};
    struct flood flood = {0};
    struct rpc_client *link = NULL;
    pid_t workers[RIG_WORKERS_MAX];
    uint8_t payload[RAW_REQUEST_MAX];
    size_t length = pack_wrap(NULL, payload);
    ck_assert_int_eq(rpc_client_new(&options, &link), ERR_OK);
    size_t count = hsm_rig_workers(&rig, workers);
    for (size_t i = 0; i < count; i++)
        (void)kill(workers[i], SIGSTOP);
    for (int i = 0; i < 1000; i++)
        rpc_client_send(link, bytes_of(payload, length), NULL, 0, deadline_in(RIG_WAIT_MS),
                        count_answer, &flood);
    while (atomic_load(&flood.busy) == 0)
        hsm_rig_pause(5);
    for (size_t i = 0; i < count; i++)
        (void)kill(workers[i], SIGCONT);
    while (atomic_load(&flood.answered) < 1000)
        hsm_rig_pause(5);
    rpc_client_free(link);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("requests");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, a_wrap_that_is_wrong_in_one_place_is_refused_for_that_reason, 0,
                        (int)(sizeof wrongs / sizeof wrongs[0]));
    tcase_add_loop_test(tests, a_seal_that_is_wrong_in_one_place_is_refused_for_that_reason, 0,
                        (int)(sizeof wrong_seals / sizeof wrong_seals[0]));
    tcase_add_test(tests, of_all_layouts_only_those_with_parts_apart_are_served);
    tcase_add_test(tests, the_answer_to_a_seal_holds_no_part_of_the_key);
    tcase_add_test(tests, other_requests_that_are_wrong_are_refused);
    tcase_add_test(tests, a_session_key_of_an_odd_size_is_refused);
    tcase_add_test(tests, an_unknown_operation_and_unknown_fields_are_refused);
    tcase_add_test(tests, descriptors_where_none_belong_are_refused);
    tcase_add_test(tests, bytes_that_are_no_message_end_the_connection);
    tcase_add_test(tests, random_frames_leave_the_master_standing);
    tcase_add_test(tests, mutated_wraps_never_cost_a_worker);
    tcase_add_test(tests, mutated_seals_never_cost_a_worker);
    tcase_add_test(tests, a_seal_cut_off_anywhere_never_costs_a_worker);
    tcase_add_test(tests, an_oversized_length_ends_the_connection);
    tcase_add_test(tests, a_truncated_frame_leaves_others_served);
    tcase_add_test(tests, a_full_queue_answers_busy);
    return hsm_rig_run_tests(tests);
}
