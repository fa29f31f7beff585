/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What is dear has so many places in all and so many of one principal: batches, sums, searches. */
#include <string.h>

#include <check.h>

#include "support/run.h"
#include "vault/state.h"
#include "vault_rig.h"

static struct vault_rig rig;
static struct sha256 auditors[3];
static struct pki *device;

static void set_up(void)
{
    static const char *const NAMES[] = {"a", "b", "c"};
    vault_rig_make(&rig);
    rig.config.vault.threads = 4; /* two batches at once */
    vault_rig_start(&rig);
    for (size_t i = 0; i < 3; i++)
        auditors[i] = vault_rig_enrol(&rig, NAMES[i], PROVISIOND__ROLE__ROLE_AUDITOR, NULL, NULL);
    device = pki_device(rig.maker, "SN-1");
}

static void tear_down(void)
{
    pki_free(device);
    vault_rig_remove(&rig);
}

static void expect(const struct sha256 *caller, Provisiond__StationRequest__OpCase op, void *body,
                   enum error code, const char *reason)
{
    Provisiond__StationReply *reply = vault_rig_question(&rig, caller, op, body);
    vault_rig_expect(reply, code, reason);
    vault_rig_free(reply);
}

/* The row of the caller in the ledger. */
static int64_t id_of(const struct sha256 *key)
{
    struct ledger_principal principal;
    struct fault fault;
    ck_assert_int_eq(ledger_principal_get(rig.vault->ledger, key, &principal, &fault), ERR_OK);
    return principal.id;
}

/* As if one of the caller's were being made. */
static void occupy(struct turns *turns, const struct sha256 *caller)
{
    ck_assert_int_eq(turns_enter(turns, id_of(caller)), TURNS_TAKEN);
}

static void vacate(struct turns *turns, const struct sha256 *caller)
{
    turns_leave(turns, id_of(caller));
}

START_TEST(principal_has_its_places_and_all_have_theirs)
{
    struct turns turns;
    turns_init(&turns, 3, 2);
    ck_assert_int_eq(turns_enter(&turns, 1), TURNS_TAKEN);
    ck_assert_int_eq(turns_enter(&turns, 1), TURNS_TAKEN);
    ck_assert_int_eq(turns_enter(&turns, 1), TURNS_FULL_EACH);
    ck_assert_int_eq(turns_enter(&turns, 2), TURNS_TAKEN);
    ck_assert_int_eq(turns_enter(&turns, 3), TURNS_FULL);
    turns_leave(&turns, 1);
    ck_assert_int_eq(turns_enter(&turns, 3), TURNS_TAKEN);
    turns_leave(&turns, 2);
    ck_assert_int_eq(turns_enter(&turns, 1), TURNS_TAKEN);
    ck_assert_int_eq(turns_enter(&turns, 1), TURNS_FULL_EACH);
    turns_clear(&turns);
}
END_TEST

static void expect_sum(const struct sha256 *caller, enum error code, const char *reason)
{
    static char product[] = "widget";
    Provisiond__UsageByRequest sum = PROVISIOND__USAGE_BY_REQUEST__INIT;
    sum.product = product;
    sum.by = PROVISIOND__USAGE_KEY__USAGE_BY_LOT;
    sum.limit = 10;
    expect(caller, PROVISIOND__STATION_REQUEST__OP_USAGE_BY, &sum, code, reason);
}

START_TEST(sums_are_made_one_by_one_for_a_principal_and_few_at_once)
{
    expect_sum(&auditors[0], ERR_OK, "");
    expect_sum(&auditors[0], ERR_OK, ""); /* the first has left its place */
    occupy(&rig.vault->sums, &auditors[0]);
    expect_sum(&auditors[0], ERR_BUSY, "callers-sum");
    expect_sum(&auditors[1], ERR_OK, "");
    occupy(&rig.vault->sums, &auditors[1]);
    expect_sum(&auditors[2], ERR_BUSY, "many-sums");
    vacate(&rig.vault->sums, &auditors[0]);
    expect_sum(&auditors[0], ERR_OK, "");
    vacate(&rig.vault->sums, &auditors[1]);
}
END_TEST

static void expect_search(const Provisiond__InstallListRequest *search, enum error code)
{
    Provisiond__InstallListRequest asked = *search;
    asked.limit = 10;
    expect(&auditors[0], PROVISIOND__STATION_REQUEST__OP_INSTALL_LIST, &asked, code, "callers-sum");
}

START_TEST(searches_that_read_what_they_do_not_show_count_as_sums)
{
    static char name[] = "widget";
    Provisiond__InstallListRequest all = PROVISIOND__INSTALL_LIST_REQUEST__INIT;
    Provisiond__InstallListRequest product = all;
    Provisiond__InstallListRequest lot = all;
    Provisiond__InstallListRequest station = all;
    Provisiond__InstallListRequest result = all;
    Provisiond__InstallListRequest both = all;
    Provisiond__InstallListRequest one = all;
    product.product = lot.lot = station.station = both.product = both.lot = one.station = name;
    result.result = PROVISIOND__INSTALL_RESULT__INSTALL_FAILED;
    one.device = (ProtobufCBinaryData){.len = SHA256_SIZE, .data = auditors[0].bytes};
    const Provisiond__InstallListRequest *const cheap[] = {&all, &product, &lot, &one};
    const Provisiond__InstallListRequest *const dear[] = {&station, &result, &both};
    for (size_t i = 0; i < 3; i++)
        expect_search(dear[i], ERR_OK);
    occupy(&rig.vault->sums, &auditors[0]);
    for (size_t i = 0; i < 4; i++)
        expect_search(cheap[i], ERR_OK);
    for (size_t i = 0; i < 3; i++)
        expect_search(dear[i], ERR_BUSY);
    vacate(&rig.vault->sums, &auditors[0]);
}
END_TEST

static void expect_batch(const struct sha256 *caller, enum error code, const char *reason)
{
    Provisiond__LicenseRequest license;
    Provisiond__LicenseRequest *licenses[] = {&license};
    Provisiond__LicenseBatchRequest batch = PROVISIOND__LICENSE_BATCH_REQUEST__INIT;
    vault_rig_license(&license, "widget", pki_certificate(device));
    batch.licenses = licenses;
    batch.n_licenses = 1;
    expect(caller, PROVISIOND__STATION_REQUEST__OP_LICENSE_BATCH, &batch, code, reason);
}

START_TEST(one_principal_does_not_take_the_places_of_all_batches)
{
    const struct sha256 second =
        vault_rig_enrol(&rig, "second", PROVISIOND__ROLE__ROLE_STATION, NULL, NULL);
    const struct sha256 second_key = vault_rig_add_key(&rig, "first");
    occupy(&rig.vault->batches, &rig.station);
    expect_batch(&rig.station, ERR_BUSY, "callers-batches");
    expect_batch(&second_key, ERR_BUSY, "callers-batches");
    expect_batch(&second, ERR_OK, "");
    expect_batch(&second, ERR_OK, "");
    occupy(&rig.vault->batches, &second);
    const struct sha256 third =
        vault_rig_enrol(&rig, "third", PROVISIOND__ROLE__ROLE_STATION, NULL, NULL);
    expect_batch(&third, ERR_BUSY, "many-batches");
    vacate(&rig.vault->batches, &second);
    vacate(&rig.vault->batches, &rig.station);
    expect_batch(&third, ERR_OK, "");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        principal_has_its_places_and_all_have_theirs,
        sums_are_made_one_by_one_for_a_principal_and_few_at_once,
        searches_that_read_what_they_do_not_show_count_as_sums,
        one_principal_does_not_take_the_places_of_all_batches,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "turns",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 60,
                                        .tests = tests});
}
