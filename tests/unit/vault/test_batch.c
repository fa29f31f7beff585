/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Batches of licenses: each request has its own answer, as if they had come one after the other. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "support/run.h"
#include "support/sizes.h"
#include "vault_rig.h"

#define DEVICES_MAX 256
#define CALLERS     4

static struct vault_rig rig;
static struct pki *devices[DEVICES_MAX];

static void set_up(void)
{
    vault_rig_make(&rig);
}

static void tear_down(void)
{
    for (size_t i = 0; i < DEVICES_MAX; i++)
        pki_free(devices[i]);
    vault_rig_remove(&rig);
}

static const char *device(size_t number)
{
    char serial[32];
    (void)snprintf(serial, sizeof serial, "SN-%zu", number);
    if (devices[number] == NULL)
        devices[number] = pki_device(rig.maker, serial);
    return pki_certificate(devices[number]);
}

/* ---- a batch under construction ---- */

struct batch {
    Provisiond__LicenseRequest licenses[LEDGER_BATCH_MAX + 1];
    Provisiond__LicenseRequest *links[LEDGER_BATCH_MAX + 1];
    size_t count;
};

static Provisiond__LicenseRequest *add(struct batch *batch, const char *product, const char *pem)
{
    Provisiond__LicenseRequest *license = &batch->licenses[batch->count];
    vault_rig_license(license, product, pem);
    batch->links[batch->count++] = license;
    return license;
}

static Provisiond__StationReply *send_as(const struct sha256 *caller, struct batch *batch)
{
    Provisiond__StationRequest request = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__LicenseBatchRequest asked = PROVISIOND__LICENSE_BATCH_REQUEST__INIT;
    asked.n_licenses = batch->count;
    asked.licenses = batch->links;
    request.op_case = PROVISIOND__STATION_REQUEST__OP_LICENSE_BATCH;
    request.license_batch = &asked;
    return vault_rig_ask(&rig, caller, &request);
}

static Provisiond__StationReply *send(struct batch *batch)
{
    Provisiond__StationReply *reply = send_as(&rig.station, batch);
    vault_rig_expect(reply, ERR_OK, "");
    ck_assert_uint_eq(reply->license_batch->n_results, batch->count);
    return reply;
}

static const Provisiond__LicenseReply *licensed(const Provisiond__StationReply *reply, size_t index)
{
    const Provisiond__LicenseResult *result = reply->license_batch->results[index];
    ck_assert_msg(result->fault->code == ERR_OK, "%zu: %s %s", index,
                  error_name((enum error)result->fault->code), result->fault->reason);
    ck_assert_ptr_nonnull(result->license);
    ck_assert_uint_gt(result->license->license.len, 100);
    return result->license;
}

static void refused(const Provisiond__StationReply *reply, size_t index, enum error code)
{
    const Provisiond__LicenseResult *result = reply->license_batch->results[index];
    ck_assert_msg(result->fault->code == (unsigned)code, "%zu: %s %s", index,
                  error_name((enum error)result->fault->code), result->fault->reason);
    ck_assert_ptr_null(result->license);
    ck_assert_uint_gt(strlen(result->fault->detail), 0);
}

static bool is_same(const Provisiond__LicenseReply *a, const Provisiond__LicenseReply *b)
{
    return a->license.len == b->license.len &&
           memcmp(a->license.data, b->license.data, a->license.len) == 0 &&
           memcmp(a->install_id.data, b->install_id.data, UUID_SIZE) == 0;
}

static void expect_charged(const char *product, int64_t units)
{
    ck_assert_int_eq(vault_rig_usage(&rig, product).charged, units);
}

/* ---- claims ---- */

START_TEST(each_device_gets_its_license_in_order_and_repeats_cost_nothing)
{
    size_t count = test_size("devices in one batch", 40, LEDGER_BATCH_MAX);
    struct batch batch = {.count = 0};
    vault_rig_start(&rig);
    for (size_t i = 0; i < count; i++)
        (void)add(&batch, "widget", device(i));
    Provisiond__StationReply *first = send(&batch);
    Provisiond__StationReply *second = send(&batch);
    for (size_t i = 0; i < count; i++) {
        const Provisiond__LicenseReply *license = licensed(first, i);
        ck_assert(license->charged);
        ck_assert(!license->repeat);
        ck_assert_int_eq(license->remaining, VAULT_RIG_WIDGETS - 1 - (int64_t)i);
        ck_assert(is_same(license, licensed(second, i)));
        ck_assert(licensed(second, i)->repeat);
        ck_assert(i == 0 || !is_same(license, licensed(first, i - 1)));
    }
    expect_charged("widget", (int64_t)count);
    vault_rig_free(first);
    vault_rig_free(second);
}
END_TEST

START_TEST(one_device_twice_is_licensed_once)
{
    struct batch batch = {.count = 0};
    vault_rig_start(&rig);
    (void)add(&batch, "widget", device(0));
    (void)add(&batch, "widget", device(1));
    (void)add(&batch, "widget", device(0));
    Provisiond__StationReply *reply = send(&batch);
    ck_assert(is_same(licensed(reply, 0), licensed(reply, 2)));
    ck_assert(licensed(reply, 2)->repeat);
    ck_assert(!licensed(reply, 2)->charged);
    ck_assert_int_eq(licensed(reply, 2)->attempt, 2);
    ck_assert(!licensed(reply, 1)->repeat);
    expect_charged("widget", 2);
    vault_rig_free(reply);
}
END_TEST

START_TEST(quota_that_ends_in_the_middle_refuses_those_behind_it_only)
{
    struct batch batch = {.count = 0};
    vault_rig_start(&rig);
    for (size_t i = 0; i < VAULT_RIG_GADGETS + 2; i++)
        (void)add(&batch, "gadget", device(i));
    (void)add(&batch, "gadget", device(0));
    (void)add(&batch, "widget", device(3));
    Provisiond__StationReply *reply = send(&batch);
    for (size_t i = 0; i < VAULT_RIG_GADGETS; i++)
        ck_assert_int_eq(licensed(reply, i)->remaining, VAULT_RIG_GADGETS - 1 - (int64_t)i);
    refused(reply, VAULT_RIG_GADGETS, ERR_QUOTA_SPENT);
    refused(reply, VAULT_RIG_GADGETS + 1, ERR_QUOTA_SPENT);
    ck_assert(licensed(reply, VAULT_RIG_GADGETS + 2)->repeat);
    ck_assert(licensed(reply, VAULT_RIG_GADGETS + 3)->charged);
    expect_charged("gadget", VAULT_RIG_GADGETS);
    vault_rig_free(reply);
}
END_TEST

/* A refusal's leaf joins a later commit. */
static void await_refusals(int64_t expected)
{
    static const char sql[] =
        "SELECT count(*) FROM journal WHERE CAST(entry AS TEXT) LIKE '%identity-refused%'";
    deadline_ms deadline = deadline_in(10000);
    while (vault_rig_query(&rig, sql) < expected && deadline_left_ms(deadline) > 0)
        hsm_rig_pause(20);
    ck_assert_int_eq(vault_rig_query(&rig, sql), expected);
}

/* Everything that can be wrong with one, between two that are good. */
START_TEST(one_that_is_refused_harms_no_other)
{
    struct batch batch = {.count = 0};
    static uint8_t nowhere[SHA256_SIZE] = {1};
    vault_rig_start(&rig);
    struct pki *forged = pki_device(rig.stranger, "SN-0");
    struct pki *same_serial = pki_device(rig.maker, "SN-0");
    (void)add(&batch, "widget", device(0));
    (void)add(&batch, "widget", pki_certificate(forged));
    (void)add(&batch, "widget", pki_certificate(same_serial));
    add(&batch, "widget", device(1))->image =
        (ProtobufCBinaryData){.len = SHA256_SIZE, .data = nowhere};
    (void)add(&batch, "gizmo", device(1));
    (void)add(&batch, "widget", "no certificate");
    (void)add(&batch, "widget", device(1));
    Provisiond__StationReply *reply = send(&batch);
    ck_assert(licensed(reply, 0)->charged);
    refused(reply, 1, ERR_DEVICE_NOT_GENUINE);
    refused(reply, 2, ERR_DEVICE_IDENTITY_CONFLICT);
    refused(reply, 3, ERR_IMAGE_UNKNOWN);
    refused(reply, 4, ERR_PRODUCT_UNKNOWN);
    refused(reply, 5, ERR_BAD_REQUEST);
    ck_assert(licensed(reply, 6)->charged);
    expect_charged("widget", 2);
    await_refusals(2); /* the conflict, and one per station of those that prove nothing */
    vault_rig_free(reply);
    pki_free(forged);
    pki_free(same_serial);
}
END_TEST

START_TEST(batch_with_a_malformed_request_charges_nothing)
{
    struct batch batch = {.count = 0};
    static char long_lot[LEDGER_CONTEXT_MAX + 2];
    Provisiond__LicenseContext context = PROVISIOND__LICENSE_CONTEXT__INIT;
    vault_rig_start(&rig);
    memset(long_lot, 'x', sizeof long_lot - 1);
    context.lot = long_lot;
    (void)add(&batch, "widget", device(0));
    add(&batch, "widget", device(1))->context = &context;
    Provisiond__StationReply *reply = send_as(&rig.station, &batch);
    vault_rig_expect(reply, ERR_BAD_REQUEST, "context");
    vault_rig_free(reply);
    expect_charged("widget", 0);
}
END_TEST

/* One answer has room for one file. */
START_TEST(batch_with_a_devices_image_charges_nothing)
{
    struct batch batch = {.count = 0};
    vault_rig_start(&rig);
    (void)add(&batch, "widget", device(0));
    add(&batch, "widget", device(1))->device_image = true;
    Provisiond__StationReply *reply = send_as(&rig.station, &batch);
    vault_rig_expect(reply, ERR_BAD_REQUEST, "device_image");
    vault_rig_free(reply);
    expect_charged("widget", 0);
}
END_TEST

START_TEST(batch_of_none_or_too_many_is_refused)
{
    struct batch none = {.count = 0};
    static struct batch many;
    vault_rig_start(&rig);
    Provisiond__StationReply *reply = send_as(&rig.station, &none);
    vault_rig_expect(reply, ERR_BAD_REQUEST, "licenses");
    vault_rig_free(reply);
    for (size_t i = 0; i <= LEDGER_BATCH_MAX; i++)
        (void)add(&many, "widget", device(0));
    reply = send_as(&rig.station, &many);
    vault_rig_expect(reply, ERR_BAD_REQUEST, "licenses");
    vault_rig_free(reply);
    expect_charged("widget", 0);
}
END_TEST

/* As few leaves without an anchor as can be: nearly each license waits for the HSM. */
START_TEST(licenses_that_wait_for_the_anchor_are_given_again_in_order)
{
    struct batch batch = {.count = 0};
    rig.config.vault.unanchored_max = 3;
    vault_rig_start(&rig);
    for (size_t i = 0; i < 12; i++)
        (void)add(&batch, "widget", device(i));
    (void)add(&batch, "widget", device(3));
    Provisiond__StationReply *reply = send(&batch);
    for (size_t i = 0; i < 12; i++)
        ck_assert_int_eq(licensed(reply, i)->remaining, VAULT_RIG_WIDGETS - 1 - (int64_t)i);
    ck_assert(is_same(licensed(reply, 3), licensed(reply, 12)));
    expect_charged("widget", 12);
    vault_rig_free(reply);
}
END_TEST

/* ---- who and where ---- */

START_TEST(scope_is_checked_for_each)
{
    struct batch batch = {.count = 0};
    Provisiond__LicenseContext one = PROVISIOND__LICENSE_CONTEXT__INIT;
    Provisiond__LicenseContext other = PROVISIOND__LICENSE_CONTEXT__INIT;
    static char line_one[] = "one";
    static char line_three[] = "three";
    one.line = line_one;
    other.line = line_three;
    vault_rig_start(&rig);
    const struct sha256 narrow =
        vault_rig_enrol(&rig, "narrow", PROVISIOND__ROLE__ROLE_STATION, "widget", "one two");
    add(&batch, "widget", device(0))->context = &one;
    add(&batch, "gadget", device(1))->context = &one;
    add(&batch, "gizmo", device(1))->context = &one;
    add(&batch, "widget", device(1))->context = &other;
    (void)add(&batch, "widget", device(1));
    Provisiond__StationReply *reply = send_as(&narrow, &batch);
    (void)licensed(reply, 0);
    static const char *const reasons[] = {"product-not-allowed", "product-not-allowed",
                                          "line-not-allowed", "line-missing"};
    for (size_t i = 0; i < 4; i++) {
        refused(reply, i + 1, ERR_FORBIDDEN);
        ck_assert_str_eq(reply->license_batch->results[i + 1]->fault->reason, reasons[i]);
    }
    expect_charged("widget", 1);
    expect_charged("gadget", 0);
    vault_rig_free(reply);
}
END_TEST

static void *send_concurrently(void *argument)
{
    Provisiond__StationReply *reply = send(argument);
    for (size_t i = 0; i < reply->license_batch->n_results; i++)
        (void)licensed(reply, i);
    return reply;
}

START_TEST(same_batch_at_once_charges_once)
{
    static struct batch batch;
    pthread_t threads[CALLERS];
    void *replies[CALLERS];
    vault_rig_start(&rig);
    for (size_t i = 0; i < 20; i++)
        (void)add(&batch, "widget", device(i));
    for (size_t i = 0; i < CALLERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, send_concurrently, &batch), 0);
    for (size_t i = 0; i < CALLERS; i++)
        ck_assert_int_eq(pthread_join(threads[i], &replies[i]), 0);
    for (size_t i = 0; i < CALLERS; i++) {
        for (size_t j = 0; j < batch.count; j++)
            ck_assert(is_same(licensed(replies[0], j), licensed(replies[i], j)));
    }
    for (size_t i = 0; i < CALLERS; i++)
        vault_rig_free(replies[i]);
    expect_charged("widget", 20);
}
END_TEST

START_TEST(without_a_worker_only_repeats_are_answered)
{
    struct batch batch = {.count = 0};
    vault_rig_start(&rig);
    (void)add(&batch, "widget", device(0));
    vault_rig_free(send(&batch));
    hsm_rig_kill_master(&rig.hsm);
    (void)add(&batch, "widget", device(1));
    (void)add(&batch, "widget", device(0));
    Provisiond__StationReply *reply = send(&batch);
    ck_assert(licensed(reply, 0)->repeat);
    refused(reply, 1, ERR_HSM_UNAVAILABLE);
    ck_assert(licensed(reply, 2)->repeat);
    expect_charged("widget", 1);
    vault_rig_free(reply);
}
END_TEST

/* ---- deadlines ---- */

static Provisiond__StationReply *send_in(struct batch *batch, unsigned timeout_ms)
{
    Provisiond__StationRequest request = PROVISIOND__STATION_REQUEST__INIT;
    Provisiond__LicenseBatchRequest asked = PROVISIOND__LICENSE_BATCH_REQUEST__INIT;
    asked.n_licenses = batch->count;
    asked.licenses = batch->links;
    request.op_case = PROVISIOND__STATION_REQUEST__OP_LICENSE_BATCH;
    request.license_batch = &asked;
    request.timeout_ms = timeout_ms;
    return vault_rig_ask(&rig, &rig.station, &request);
}

#define PATIENCE_MS 1000

static void *send_impatiently(void *argument)
{
    return send_in(argument, PATIENCE_MS);
}

/* The vault may have found the HSM dead, and sees twice a second that it is not. */
static void await_hsm(struct batch *batch)
{
    deadline_ms deadline = deadline_in(20000);
    enum error e = ERR_HSM_UNAVAILABLE;
    while (e == ERR_HSM_UNAVAILABLE && deadline_left_ms(deadline) > 0) {
        Provisiond__StationReply *reply = send(batch);
        e = (enum error)reply->license_batch->results[0]->fault->code;
        vault_rig_free(reply);
    }
    ck_assert_int_eq(e, ERR_OK);
}

/* The HSM stands still until whoever asked has given up; then it wraps. */
START_TEST(after_the_callers_deadline_nothing_is_charged)
{
    struct batch batch = {.count = 0};
    pthread_t thread;
    void *reply = NULL;
    vault_rig_start(&rig);
    for (size_t i = 0; i < 3; i++)
        (void)add(&batch, "widget", device(i));
    deadline_ms deadline = deadline_in(PATIENCE_MS);
    ck_assert_int_eq(kill(rig.hsm.master, SIGSTOP), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, send_impatiently, &batch), 0);
    while (deadline_left_ms(deadline) > 0)
        hsm_rig_pause(20);
    ck_assert_int_eq(kill(rig.hsm.master, SIGCONT), 0);
    ck_assert_int_eq(pthread_join(thread, &reply), 0);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_ne(
            ((Provisiond__StationReply *)reply)->license_batch->results[i]->fault->code, ERR_OK);
    vault_rig_free(reply);
    expect_charged("widget", 0);
    await_hsm(&batch);
    expect_charged("widget", 3);
}
END_TEST

START_TEST(request_that_is_late_when_its_turn_comes_is_refused)
{
    struct batch batch = {.count = 0};
    vault_rig_start(&rig);
    (void)add(&batch, "widget", device(0));
    Provisiond__StationReply *reply = NULL;
    deadline_ms deadline = deadline_in(30000);
    do { /* one millisecond is over before a thread has it, nearly always */
        vault_rig_free(reply);
        reply = send_in(&batch, 1);
    } while (reply->fault->code == ERR_OK && deadline_left_ms(deadline) > 0);
    vault_rig_expect(reply, ERR_BUSY, "waited-too-long");
    vault_rig_free(reply);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        each_device_gets_its_license_in_order_and_repeats_cost_nothing,
        one_device_twice_is_licensed_once,
        quota_that_ends_in_the_middle_refuses_those_behind_it_only,
        one_that_is_refused_harms_no_other,
        batch_with_a_malformed_request_charges_nothing,
        batch_with_a_devices_image_charges_nothing,
        batch_of_none_or_too_many_is_refused,
        licenses_that_wait_for_the_anchor_are_given_again_in_order,
        scope_is_checked_for_each,
        same_batch_at_once_charges_once,
        without_a_worker_only_repeats_are_answered,
        after_the_callers_deadline_nothing_is_charged,
        request_that_is_late_when_its_turn_comes_is_refused,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "batch",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 120,
                                        .tests = tests});
}
