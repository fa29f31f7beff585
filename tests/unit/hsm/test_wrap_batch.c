/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Many wraps in one question: each stands for itself, whatever becomes of the others. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>
#include <p11-kit/pkcs11.h>

#include "core/fault_message.h"
#include "core/frame.h"
#include "raw_link.h"
#include "support/hsm_faults.h"
#include "wraps.h"

#define COUNT     HSM_WRAPS_MAX
#define KEK_BYTES 32
#define SLOW_MS   300
#define LATE_MS   1000
#define ASKERS    6

static struct hsm_rig rig;
static struct hsm_faults *faults;
static struct hsm_wrap asked[COUNT];
static struct hsm_wrap_result results[COUNT];
static Provisiond__HsmWrapRequest *messages; /* COUNT + 1 */

static void set_up(void)
{
    char path[TEMP_PATH_MAX];
    hsm_rig_make(&rig);
    rig.call_timeout_ms = 500;
    rig.module = MODULE_FAULTS;
    temp_dir_path(&rig.dir, "faults", path);
    faults = hsm_faults_new(path);
    wraps_make(&rig);
}

static void tear_down(void)
{
    free(messages);
    hsm_faults_clear(faults);
    wraps_free();
    hsm_rig_remove(&rig);
    hsm_faults_free(faults);
}

static void add(const char *function, enum hsm_fault_action action, uint32_t value, uint32_t skip,
                uint32_t times)
{
    struct hsm_fault fault = {.skip = skip, .times = times, .action = action, .value = value};
    strcpy(fault.function, function);
    hsm_faults_add(faults, &fault);
}

static struct bytes info(void)
{
    return bytes_of("i", 1);
}

/* The same wrap COUNT times; a test changes some. */
static void prepare(void)
{
    for (size_t i = 0; i < COUNT; i++)
        asked[i] = device_wrap(wraps_device(), wraps_keys(), info(), KEK_BYTES);
}

static void ask(size_t count, int64_t wait_ms)
{
    memset(results, 0xff, sizeof results);
    hsm_wrap_keys(rig.client, asked, count, deadline_in(wait_ms), results);
}

static bool opens(const struct hsm_wrapped *wrapped)
{
    uint8_t key[HSM_SESSION_KEY_MAX];
    if (device_key_open(wraps_device(), wrapped, info(), KEK_BYTES, key) != sizeof key)
        return false;
    wraps_check_key(key);
    return true;
}

/* A result that is there opens to the session key, and no two have the same ephemeral key. */
static size_t count_good(size_t count)
{
    size_t good = 0;
    for (size_t i = 0; i < count; i++) {
        if (results[i].fault.code != ERR_OK)
            continue;
        ck_assert(opens(&results[i].wrapped));
        for (size_t k = 0; k < i; k++)
            ck_assert(results[k].fault.code != ERR_OK ||
                      memcmp(results[k].wrapped.ephemeral_point, results[i].wrapped.ephemeral_point,
                             65) != 0);
        good++;
    }
    return good;
}

static uint64_t restarts(void)
{
    struct hsm_status status;
    struct fault fault;
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    return status.worker_restarts;
}

/* Workers that know how fast they are: from now on they are given several calls at once. */
static void serve_fast(void)
{
    wraps_serve();
    prepare();
    for (int i = 0; i < 3; i++) {
        ask(COUNT, RIG_WAIT_MS);
        ck_assert_uint_eq(count_good(COUNT), COUNT);
    }
}

/* ---- what is asked ---- */

START_TEST(each_wrap_of_a_batch_opens_with_its_own_key)
{
    struct rig_keys other;
    uint8_t key[HSM_SESSION_KEY_MAX];
    serve_fast();
    hsm_rig_make_keys(&rig, 16, &other);
    for (size_t i = 1; i < COUNT; i += 2)
        asked[i] = device_wrap(wraps_device(), &other, info(), 16);
    ask(COUNT, RIG_WAIT_MS);
    for (size_t i = 0; i < COUNT; i++) {
        ck_assert_int_eq(results[i].fault.code, ERR_OK);
        ck_assert_uint_eq(device_key_open(wraps_device(), &results[i].wrapped, info(),
                                          i % 2 == 1 ? 16 : KEK_BYTES, key),
                          i % 2 == 1 ? 16 : 32);
    }
}
END_TEST

START_TEST(a_wrap_that_is_wrong_fails_alone)
{
    uint8_t off[65];
    serve_fast();
    memcpy(off, wraps_device()->point, sizeof off);
    off[64] ^= 1;
    asked[7].peer_point = bytes_of(off, sizeof off);
    asked[8].session_key.bytes[5] ^= 1;
    asked[9].firmware_key.bytes[0] ^= 1;
    asked[10].kek_bytes = 24;
    ask(COUNT, RIG_WAIT_MS);
    ck_assert_str_eq(results[7].fault.reason, "peer-point");
    ck_assert_str_eq(results[8].fault.reason, "wrapped-key-refused");
    ck_assert_int_eq(results[9].fault.code, ERR_HSM_KEY_MISSING);
    ck_assert_str_eq(results[10].fault.reason, "kek-bytes");
    ck_assert_uint_eq(count_good(COUNT), COUNT - 4);
    ck_assert_uint_eq(restarts(), 0);
}
END_TEST

START_TEST(wraps_beyond_one_question_are_all_done)
{
    static struct hsm_wrap many[2 * COUNT + 1];
    static struct hsm_wrap_result all[2 * COUNT + 1];
    serve_fast();
    for (size_t i = 0; i < 2 * COUNT + 1; i++)
        many[i] = asked[0];
    hsm_wrap_keys(rig.client, many, 2 * COUNT + 1, deadline_in(RIG_WAIT_MS), all);
    for (size_t i = 0; i < 2 * COUNT + 1; i++) {
        ck_assert_int_eq(all[i].fault.code, ERR_OK);
        ck_assert(opens(&all[i].wrapped));
    }
}
END_TEST

static void *ask_main(void *argument)
{
    hsm_wrap_keys(rig.client, asked, COUNT, deadline_in(RIG_WAIT_MS), argument);
    return NULL;
}

START_TEST(batches_of_many_threads_are_all_done)
{
    static struct hsm_wrap_result all[ASKERS][COUNT];
    pthread_t threads[ASKERS];
    serve_fast();
    for (size_t i = 0; i < ASKERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_main, all[i]), 0);
    for (size_t i = 0; i < ASKERS; i++) {
        (void)pthread_join(threads[i], NULL);
        for (size_t k = 0; k < COUNT; k++)
            ck_assert(all[i][k].fault.code == ERR_OK && opens(&all[i][k].wrapped));
    }
}
END_TEST

START_TEST(without_a_service_each_wrap_says_so)
{
    serve_fast();
    hsm_rig_kill_master(&rig);
    ask(COUNT, RIG_WAIT_MS);
    for (size_t i = 0; i < COUNT; i++) {
        ck_assert_int_eq(results[i].fault.code, ERR_HSM_UNAVAILABLE);
        ck_assert_str_eq(results[i].fault.reason, "hsm-unreachable");
    }
}
END_TEST

/* ---- bytes of a hostile peer ---- */

static Provisiond__HsmWrapRequest *links[COUNT + 1];

static size_t pack(size_t count, uint8_t out[RAW_REQUEST_MAX])
{
    Provisiond__HsmRequest request = PROVISIOND__HSM_REQUEST__INIT;
    Provisiond__HsmWrapBatchRequest batch = PROVISIOND__HSM_WRAP_BATCH_REQUEST__INIT;
    batch.n_wraps = count;
    batch.wraps = links;
    request.op_case = PROVISIOND__HSM_REQUEST__OP_WRAP_BATCH;
    request.wrap_batch = &batch;
    return raw_pack(&request, out);
}

static void fill_messages(void)
{
    const struct rig_keys *keys = wraps_keys();
    messages = calloc(COUNT + 1, sizeof *messages);
    ck_assert_ptr_nonnull(messages);
    for (size_t i = 0; i < COUNT + 1; i++) {
        Provisiond__HsmWrapRequest *message = links[i] = &messages[i];
        provisiond__hsm_wrap_request__init(message);
        message->firmware_key_id.len = sizeof keys->firmware_key.bytes;
        message->firmware_key_id.data = (uint8_t *)(uintptr_t)keys->firmware_key.bytes;
        message->wrapped_session_key.len = keys->session_key.length;
        message->wrapped_session_key.data = (uint8_t *)(uintptr_t)keys->session_key.bytes;
        message->curve = PROVISIOND__HSM_CURVE__HSM_CURVE_P256;
        message->peer_point = (ProtobufCBinaryData){65, wraps_device()->point};
        message->kdf = PROVISIOND__HSM_KDF__HSM_KDF_X963_SHA256;
        message->kek_bytes = KEK_BYTES;
        message->key_wrap = PROVISIOND__HSM_KEY_WRAP__HSM_KEY_WRAP_AES;
    }
}

static enum error ask_raw(size_t count, struct fault *fault)
{
    uint8_t payload[RAW_REQUEST_MAX];
    size_t length = pack(count, payload);
    return raw_ask(&rig, bytes_of(payload, length), NULL, 0, fault);
}

START_TEST(a_batch_of_none_and_one_of_too_many_are_refused)
{
    struct fault fault = {0};
    wraps_serve();
    fill_messages();
    ck_assert_int_eq(ask_raw(0, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "wraps");
    ck_assert_int_eq(ask_raw(COUNT + 1, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "wraps");
    ck_assert_int_eq(ask_raw(COUNT, &fault), ERR_OK);
}
END_TEST

/* Opens the answer to a batch of COUNT and compares each outcome's reason with what is expected. */
static void check_reasons(const char *const expected[COUNT])
{
    uint8_t payload[RAW_REQUEST_MAX];
    struct frame frame;
    size_t length = pack(COUNT, payload);
    int fd = raw_connect(&rig);
    ck_assert_int_eq(
        frame_send(fd, 7, bytes_of(payload, length), NULL, 0, deadline_in(RIG_WAIT_MS)), ERR_OK);
    ck_assert_int_eq(
        frame_receive(fd, HSM_REQUEST_MAX_BYTES, false, RIG_WAIT_MS, RIG_WAIT_MS, &frame), ERR_OK);
    Provisiond__HsmReply *reply = provisiond__hsm_reply__unpack(NULL, frame.length, frame.payload);
    ck_assert_ptr_nonnull(reply);
    ck_assert_int_eq(reply->result_case, PROVISIOND__HSM_REPLY__RESULT_WRAP_BATCH);
    ck_assert_uint_eq(reply->wrap_batch->n_outcomes, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        const Provisiond__HsmWrapOutcome *outcome = reply->wrap_batch->outcomes[i];
        ck_assert_str_eq(outcome->fault != NULL ? outcome->fault->reason : "",
                         expected[i] != NULL ? expected[i] : "");
        ck_assert_int_eq(outcome->wrap != NULL, expected[i] == NULL);
    }
    provisiond__hsm_reply__free_unpacked(reply, NULL);
    frame_clear(&frame);
    (void)close(fd);
}

START_TEST(each_wrap_is_checked_as_if_it_had_come_alone)
{
    static uint8_t zeros[HSM_SHARED_INFO_MAX + 1];
    static uint8_t nothing[] = {0};
    ProtobufCMessageUnknownField unknown = {.tag = 30, .wire_type = 0, .len = 1, .data = nothing};
    const char *expected[COUNT] = {
        [0] = "key-id",      [3] = "wrapped-key",   [4] = "curve",     [5] = "peer-point",
        [6] = "kdf",         [7] = "shared-info",   [8] = "kek-bytes", [9] = "key-wrap",
        [10] = "peer-point", [31] = "field-unknown"};
    uint8_t far[65];
    wraps_serve();
    fill_messages();
    memset(far, 0xff, sizeof far);
    far[0] = 0x04;
    messages[0].firmware_key_id.len = 15;
    messages[3].wrapped_session_key.len = 39;
    messages[4].curve = 4;
    messages[5].peer_point.len = 64;
    messages[6].kdf = 0;
    messages[7].shared_info = (ProtobufCBinaryData){sizeof zeros, zeros};
    messages[8].kek_bytes = UINT32_MAX;
    messages[9].key_wrap = 9;
    messages[10].peer_point.data = far;
    messages[31].base.n_unknown_fields = 1;
    messages[31].base.unknown_fields = &unknown;
    check_reasons(expected);
    ck_assert_uint_eq(restarts(), 0);
}
END_TEST

START_TEST(a_batch_whose_wraps_are_all_wrong_is_answered)
{
    const char *expected[COUNT];
    wraps_serve();
    fill_messages();
    for (size_t i = 0; i < COUNT; i++) {
        messages[i].firmware_key_id.len = 0;
        expected[i] = "key-id";
    }
    check_reasons(expected);
}
END_TEST

/* ---- a worker that is lost in the middle ---- */

static const enum hsm_fault_action losses[] = {HSM_FAULT_CRASH, HSM_FAULT_HANG};

START_TEST(a_batch_whose_worker_is_lost_in_the_middle_is_done_by_another)
{
    rig.workers = 1;
    serve_fast();
    add("C_WrapKey", losses[_i], 0, 9, 1);
    ask(COUNT, RIG_WAIT_MS);
    ck_assert_uint_eq(hsm_faults_done(faults), 1);
    ck_assert_uint_eq(count_good(COUNT), COUNT);
    ck_assert_uint_eq(restarts(), 1);
}
END_TEST

/* A key of its own for each wrap: each is unwrapped once, and no start of a worker unwraps any. */
static void prepare_keys(void)
{
    struct rig_keys keys;
    for (size_t i = 0; i < COUNT; i++) {
        hsm_rig_make_keys(&rig, 32, &keys);
        asked[i] = device_wrap(wraps_device(), &keys, info(), KEK_BYTES);
    }
}

/* Each is tried twice at most: the wrap that meets both crashes may fail, and no other. */
START_TEST(a_wrap_that_ends_two_workers_takes_no_other_with_it)
{
    uint8_t key[HSM_SESSION_KEY_MAX];
    size_t good = 0;
    rig.workers = 1;
    serve_fast();
    prepare_keys();
    add("C_UnwrapKey", HSM_FAULT_CRASH, 0, 9, 2);
    ask(COUNT, RIG_WAIT_MS);
    ck_assert_uint_eq(hsm_faults_done(faults), 2);
    for (size_t i = 0; i < COUNT; i++) {
        const struct hsm_wrap_result *result = &results[i];
        bool is_good = result->fault.code == ERR_OK;
        ck_assert(is_good || strcmp(result->fault.reason, "worker-crashed") == 0);
        ck_assert(!is_good || device_key_open(wraps_device(), &result->wrapped, info(), KEK_BYTES,
                                              key) == sizeof key);
        good += is_good;
    }
    ck_assert_uint_ge(good, COUNT - 1);
    ck_assert_uint_eq(restarts(), 2);
}
END_TEST

START_TEST(a_session_that_is_lost_in_the_middle_costs_no_wrap)
{
    rig.workers = 1;
    serve_fast();
    add("C_CreateObject", HSM_FAULT_RETURN, CKR_DEVICE_ERROR, 9, 1);
    ask(COUNT, RIG_WAIT_MS);
    ck_assert_uint_eq(count_good(COUNT), COUNT);
    ck_assert_uint_eq(restarts(), 1);
}
END_TEST

/* ---- a slow HSM ---- */

/* Ten calls take six times as long as one may: each has its own time all the same. */
START_TEST(calls_that_were_given_together_have_each_their_own_deadline)
{
    rig.workers = 1;
    serve_fast();
    add("C_WrapKey", HSM_FAULT_SLOW, SLOW_MS, 0, HSM_FAULTS_ALWAYS);
    ask(10, RIG_WAIT_MS);
    ck_assert_uint_eq(count_good(10), 10);
    ck_assert_uint_eq(restarts(), 0);
}
END_TEST

START_TEST(what_the_hsm_cannot_do_before_the_deadline_is_late_and_the_rest_is_done)
{
    size_t late = 0;
    rig.workers = 1;
    serve_fast();
    add("C_WrapKey", HSM_FAULT_SLOW, SLOW_MS, 0, HSM_FAULTS_ALWAYS);
    ask(4, RIG_WAIT_MS); /* so that the client knows how slow it is */
    ask(COUNT, LATE_MS);
    for (size_t i = 0; i < COUNT; i++)
        late += results[i].fault.code == ERR_BUSY &&
                strcmp(results[i].fault.reason, HSM_WRAPS_LATE) == 0;
    ck_assert_uint_gt(late, 0);
    ck_assert_uint_gt(count_good(COUNT), 0);
    ck_assert_uint_eq(count_good(COUNT) + late, COUNT);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("wrap_batch");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, each_wrap_of_a_batch_opens_with_its_own_key);
    tcase_add_test(tests, a_wrap_that_is_wrong_fails_alone);
    tcase_add_test(tests, wraps_beyond_one_question_are_all_done);
    tcase_add_test(tests, batches_of_many_threads_are_all_done);
    tcase_add_test(tests, without_a_service_each_wrap_says_so);
    tcase_add_test(tests, a_batch_of_none_and_one_of_too_many_are_refused);
    tcase_add_test(tests, each_wrap_is_checked_as_if_it_had_come_alone);
    tcase_add_test(tests, a_batch_whose_wraps_are_all_wrong_is_answered);
    tcase_add_loop_test(tests, a_batch_whose_worker_is_lost_in_the_middle_is_done_by_another, 0, 2);
    tcase_add_test(tests, a_wrap_that_ends_two_workers_takes_no_other_with_it);
    tcase_add_test(tests, a_session_that_is_lost_in_the_middle_costs_no_wrap);
    tcase_add_test(tests, calls_that_were_given_together_have_each_their_own_deadline);
    tcase_add_test(tests, what_the_hsm_cannot_do_before_the_deadline_is_late_and_the_rest_is_done);
    return hsm_rig_run_tests(tests);
}
