/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Signed documents on the station socket: who brings them for what, and how they are read again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <jansson.h>

#include "../grant/ceremony.h"
#include "../grant/documents.h"
#include "core/clock.h"
#include "support/run.h"
#include "vault_rig.h"

#define OP(name)     PROVISIOND__STATION_REQUEST__OP_##name
#define CRATE        "crate" /* a governed product */
#define BARREL       "barrel"
#define STANDBYS_MAX 16
#define DOCUMENTS    4 /* that set_up has accepted for the crate: its policy, and installs */

static struct vault_rig rig;
static struct ceremony ceremony;
static struct sha256 bringer;
static struct sha256 auditor;
static struct sha256 narrow; /* an operator of the widget */
static char hsm_identity[SHA256_HEX_SIZE + 2];
static char officer[8192];
static struct uuid last_id; /* of the newest document */

/* ---- making documents ---- */

static void set_text(json_t *document, const char *path, const char *value)
{
    char quoted[300];
    (void)snprintf(quoted, sizeof quoted, "\"%s\"", value);
    document_set(document, path, quoted);
}

/* Its id ends with this number; the caller frees it. */
static json_t *new_document(enum grant_kind kind, const char *product, unsigned number)
{
    const char *const certificates[] = {officer};
    char text[sizeof DOCUMENT_ID];
    char issued[TIMESTAMP_SIZE];
    json_t *document = document_new(kind, certificates, 1);
    (void)snprintf(text, sizeof text, "0197c0de-0000-7000-8000-%012u", number);
    ck_assert(uuid_parse(text, "", &last_id));
    timestamp_format(clock_unix_ms() / 1000 * 1000, issued);
    set_text(document, "id", text);
    set_text(document, "issued", issued);
    set_text(document, "product", product);
    set_text(document, "site", "site-1");
    set_text(document, "hsm", hsm_identity);
    return document;
}

static struct bytes sign(json_t *document)
{
    char *text = document_text(document);
    ceremony_write(&ceremony, "g.json", text, strlen(text));
    free(text);
    json_decref(document);
    ceremony_run(&ceremony,
                 "openssl cms -sign -nodetach -binary -outform DER -in g.json -signer one.pem"
                 " -inkey one.key -md sha256 -out g.p7s");
    return ceremony_read(&ceremony, "g.p7s");
}

static struct bytes policy(const char *product, unsigned number)
{
    json_t *document = new_document(GRANT_POLICY, product, number);
    json_t *settings = json_object_get(document, "settings");
    ck_assert_int_eq(
        json_object_set_new(settings, "anchors", json_string(pki_certificate(rig.maker))), 0);
    return sign(document);
}

static struct bytes units(const char *product, unsigned number)
{
    return sign(new_document(GRANT_INSTALL, product, number));
}

/* ---- asking ---- */

static ProtobufCBinaryData data_of(struct bytes bytes)
{
    return (ProtobufCBinaryData){.len = bytes.length, .data = (uint8_t *)(uintptr_t)bytes.data};
}

static void administer(struct bytes document)
{
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__GrantApplyRequest asked = PROVISIOND__GRANT_APPLY_REQUEST__INIT;
    asked.document = data_of(document);
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_GRANT_APPLY;
    request.grant_apply = &asked;
    vault_admin_reply_free(vault_rig_administer(&rig, &request, -1, ERR_OK));
}

static Provisiond__StationReply *bring(const struct sha256 *caller, struct bytes document)
{
    Provisiond__GrantApplyRequest asked = PROVISIOND__GRANT_APPLY_REQUEST__INIT;
    asked.document = data_of(document);
    return vault_rig_question(&rig, caller, OP(GRANT_APPLY), &asked);
}

static Provisiond__StationReply *read_grants(const struct sha256 *caller, const char *product,
                                             int64_t before, uint32_t limit)
{
    Provisiond__GrantReadRequest asked = PROVISIOND__GRANT_READ_REQUEST__INIT;
    asked.product = (char *)(uintptr_t)product;
    asked.before = before;
    asked.limit = limit;
    return vault_rig_question(&rig, caller, OP(GRANT_READ), &asked);
}

static Provisiond__StationReply *read_grant(const struct sha256 *caller, struct uuid *id)
{
    Provisiond__GrantReadRequest asked = PROVISIOND__GRANT_READ_REQUEST__INIT;
    asked.grant_id = (ProtobufCBinaryData){.len = UUID_SIZE, .data = id->bytes};
    return vault_rig_question(&rig, caller, OP(GRANT_READ), &asked);
}

static void expect(Provisiond__StationReply *reply, enum error code, const char *reason)
{
    vault_rig_expect(reply, code, reason);
    vault_rig_free(reply);
}

/* ---- what there is ---- */

static void read_identity(void)
{
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    Provisiond__AdminStatusRequest asked = PROVISIOND__ADMIN_STATUS_REQUEST__INIT;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_STATUS;
    request.status = &asked;
    Provisiond__AdminReply *reply = vault_rig_administer(&rig, &request, -1, ERR_OK);
    ck_assert_uint_eq(reply->status->hsm_identity.len, SHA256_SIZE);
    hex_encode(bytes_of(reply->status->hsm_identity.data, SHA256_SIZE), hsm_identity);
    vault_admin_reply_free(reply);
}

static void set_up(void)
{
    vault_rig_make(&rig);
    vault_rig_start(&rig);
    read_identity();
    ceremony_begin(&ceremony);
    ceremony_officer_p256(&ceremony, "one");
    (void)snprintf(officer, sizeof officer, "%s",
                   (const char *)ceremony_read(&ceremony, "one.pem").data);
    bringer = vault_rig_enrol(&rig, "operator", PROVISIOND__ROLE__ROLE_OPERATOR, NULL, NULL);
    auditor = vault_rig_enrol(&rig, "auditor", PROVISIOND__ROLE__ROLE_AUDITOR, NULL, NULL);
    narrow = vault_rig_enrol(&rig, "narrow", PROVISIOND__ROLE__ROLE_OPERATOR, "widget", NULL);
    administer(policy(CRATE, 1));
    for (unsigned i = 2; i <= DOCUMENTS; i++)
        administer(units(CRATE, i));
}

static void tear_down(void)
{
    ceremony_end(&ceremony);
    vault_rig_remove(&rig);
}

/* ---- claims ---- */

START_TEST(operator_brings_units_and_the_journal_says_who)
{
    expect(bring(&bringer, units(CRATE, 10)), ERR_OK, "");
    ck_assert_int_eq(vault_rig_query(&rig, "SELECT quota FROM product WHERE name = 'crate'"),
                     INT64_C(5000) * DOCUMENTS);
    ck_assert_int_eq(vault_rig_query(&rig, "SELECT count(*) FROM journal WHERE CAST(entry AS TEXT) "
                                           "LIKE '%\"by\":\"operator:operator\"%'"),
                     1);
}
END_TEST

START_TEST(nobody_makes_a_product_on_the_station_socket)
{
    expect(bring(&bringer, policy(BARREL, 10)), ERR_PRODUCT_UNKNOWN, "product-not-made");
    ck_assert_int_eq(vault_rig_query(&rig, "SELECT count(*) FROM product"), 3);
}
END_TEST

START_TEST(who_is_narrowed_brings_nothing_for_another_product)
{
    expect(bring(&narrow, units(CRATE, 10)), ERR_FORBIDDEN, "product-not-allowed");
    expect(bring(&narrow, units(BARREL, 11)), ERR_FORBIDDEN, "product-not-allowed");
    expect(bring(&narrow, units("widget", 12)), ERR_GRANT_REFUSED, "product-local");
    ck_assert_int_eq(vault_rig_query(&rig, "SELECT count(*) FROM document"), DOCUMENTS);
}
END_TEST

/* A standby whose identity begins with this number. */
static struct bytes standby(unsigned number, int64_t sequence, bool is_allowed)
{
    char hex[SHA256_HEX_SIZE];
    char text[32];
    json_t *document = new_document(GRANT_STANDBY, CRATE, 100 + (unsigned)sequence);
    (void)snprintf(hex, sizeof hex, "%02x%062d", number, 0);
    (void)snprintf(text, sizeof text, "%lld", (long long)sequence);
    set_text(document, "standby", hex);
    document_set(document, "sequence", text);
    document_set(document, "allowed", is_allowed ? "true" : "false");
    return sign(document);
}

START_TEST(sixteen_standbys_are_a_products_most)
{
    struct bytes last = {0};
    for (unsigned i = 1; i <= STANDBYS_MAX; i++) {
        last = standby(i, 1 + i, true);
        expect(bring(&bringer, last), ERR_OK, "");
    }
    expect(bring(&bringer, last), ERR_CONFLICT, "grant-used"); /* as ever */
    expect(bring(&bringer, standby(STANDBYS_MAX + 1, STANDBYS_MAX + 2, true)), ERR_GRANT_REFUSED,
           "standbys-full");
    /* One that is named already may be named again; and one that goes makes room. */
    expect(bring(&bringer, standby(3, STANDBYS_MAX + 2, true)), ERR_OK, "");
    expect(bring(&bringer, standby(3, STANDBYS_MAX + 3, false)), ERR_OK, "");
    expect(bring(&bringer, standby(STANDBYS_MAX + 1, STANDBYS_MAX + 4, true)), ERR_OK, "");
}
END_TEST

START_TEST(documents_are_listed_the_newest_first_in_pages)
{
    int64_t before = 0;
    unsigned seen = 0;
    do {
        Provisiond__StationReply *reply = read_grants(&auditor, seen % 2 ? CRATE : "", before, 1);
        vault_rig_expect(reply, ERR_OK, "");
        if (reply->grant_read->n_grants > 0) {
            const Provisiond__GrantEntry *grant = reply->grant_read->grants[0];
            ck_assert_str_eq(grant->product, CRATE);
            ck_assert_uint_eq(grant->grant_id.data[UUID_SIZE - 1], DOCUMENTS - seen);
            ck_assert_str_eq(grant->kind, seen + 1 == DOCUMENTS ? "policy" : "install");
            ck_assert_int_gt(grant->journal_index, 0);
            seen++;
        }
        ck_assert_uint_eq(reply->grant_read->content.len, 0);
        before = reply->grant_read->next;
        vault_rig_free(reply);
    } while (before != 0);
    ck_assert_uint_eq(seen, DOCUMENTS);
}
END_TEST

START_TEST(document_is_read_as_it_was_brought)
{
    struct bytes document = units(CRATE, 10);
    const struct sha256 digest = sha256_of(document);
    expect(bring(&bringer, document), ERR_OK, "");
    Provisiond__StationReply *reply = read_grant(&auditor, &last_id);
    vault_rig_expect(reply, ERR_OK, "");
    ck_assert_uint_eq(reply->grant_read->n_grants, 1);
    const Provisiond__GrantEntry *grant = reply->grant_read->grants[0];
    ck_assert_mem_eq(grant->document.data, digest.bytes, SHA256_SIZE);
    ck_assert_int_eq(grant->units, 5000);
    ck_assert_uint_eq(reply->grant_read->content.len, document.length);
    ck_assert_mem_eq(reply->grant_read->content.data, document.data, document.length);
    vault_rig_free(reply);
}
END_TEST

START_TEST(who_is_narrowed_reads_no_document_of_another_product)
{
    Provisiond__StationReply *reply = read_grants(&narrow, "", 0, 10);
    vault_rig_expect(reply, ERR_OK, "");
    ck_assert_uint_eq(reply->grant_read->n_grants, 0);
    vault_rig_free(reply);
    expect(read_grant(&narrow, &last_id), ERR_FORBIDDEN, "product-not-allowed");
    expect(read_grants(&narrow, CRATE, 0, 10), ERR_FORBIDDEN, "product-not-allowed");
}
END_TEST

START_TEST(document_that_is_not_there_is_unknown)
{
    struct uuid nowhere = {{0}};
    expect(read_grant(&auditor, &nowhere), ERR_GRANT_UNKNOWN, "grant-unknown");
    expect(read_grants(&auditor, BARREL, 0, 10), ERR_PRODUCT_UNKNOWN, "product-unknown");
    expect(read_grants(&auditor, "", 0, 0), ERR_BAD_REQUEST, "limit");
    expect(read_grants(&auditor, "", 0, LEDGER_PAGE_MAX + 1), ERR_BAD_REQUEST, "limit");
    expect(read_grants(&auditor, "", -1, 1), ERR_BAD_REQUEST, "before");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        operator_brings_units_and_the_journal_says_who,
        nobody_makes_a_product_on_the_station_socket,
        sixteen_standbys_are_a_products_most,
        who_is_narrowed_brings_nothing_for_another_product,
        documents_are_listed_the_newest_first_in_pages,
        document_is_read_as_it_was_brought,
        who_is_narrowed_reads_no_document_of_another_product,
        document_that_is_not_there_is_unknown,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "grants on the station socket",
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .timeout_s = 120,
                                        .tests = tests});
}
