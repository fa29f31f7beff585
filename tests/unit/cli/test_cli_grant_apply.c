/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl grant apply and list: the vault's socket, provisiond, and what people are told. */
#include <stdlib.h>
#include <string.h>

#include "../grant/ceremony.h"
#include "admin_case.h"
#include "server.h"
#include "suite.h"

#define ID        "0197c0de-0000-7000-8000-000000000001"
#define OTHER_HEX "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const char DOCUMENT[] = "0\x82 a signed document\0 with a NUL";

static Provisiond__AdminReply answer = PROVISIOND__ADMIN_REPLY__INIT;
static Provisiond__GrantApplyReply applied = PROVISIOND__GRANT_APPLY_REPLY__INIT;
static uint8_t id_bytes[] = {0x01, 0x97, 0xc0, 0xde, 0x00, 0x00, 0x70, 0x00,
                             0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01};
static uint8_t other_bytes[32];
static ProtobufCBinaryData signers[2];
static struct server server;
static char file[TEMP_PATH_MAX];

static void set_up(void)
{
    admin_case_set_up();
    write_file(&dir, "g.p7s", DOCUMENT, sizeof DOCUMENT);
    temp_dir_path(&dir, "g.p7s", file);
    memcpy(other_bytes, digest.data, sizeof other_bytes);
    other_bytes[0] = 0xff;
    signers[0] = digest;
    signers[1] = (ProtobufCBinaryData){.data = other_bytes, .len = sizeof other_bytes};
}

static void say_applied(const char *kind)
{
    applied.kind = (char *)kind;
    applied.grant_id = (ProtobufCBinaryData){.data = id_bytes, .len = sizeof id_bytes};
    applied.product = (char *)"widget";
    applied.units = 5000;
    applied.taken = 0;
    applied.granted = 6000;
    applied.remaining = 5123;
    applied.sequence = 2;
    applied.journal_index = 77;
    applied.n_signers = 2;
    applied.signers = signers;
    SAY(&answer, GRANT_APPLY, grant_apply, &applied);
}

/* ---- apply, on the admin socket ---- */

START_TEST(document_is_handed_over_as_it_is)
{
    say_applied("install");
    ADMIN("grant", "apply", file);
    claim_done("Accepted: 5000 units for widget, signed by 2. Remaining: 5123.\n");
    const ProtobufCBinaryData document = vault.request->grant_apply->document;
    ck_assert_uint_eq(document.len, sizeof DOCUMENT);
    ck_assert_mem_eq(document.data, DOCUMENT, sizeof DOCUMENT);
}
END_TEST

START_TEST(every_kind_is_told_in_its_own_words)
{
    static const char *const rows[][2] = {
        {"scrap", "Accepted: 5000 units for scrapped devices of widget"},
        {"policy", "Accepted: policy 2 of widget"},
        {"rebind", "Accepted: another key for a device of widget"},
        {"gift", "Accepted: gift for widget"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char expected[256];
        (void)snprintf(expected, sizeof expected, "%s, signed by 2. Remaining: 5123.\n",
                       rows[i][1]);
        say_applied(rows[i][0]);
        ADMIN("grant", "apply", file);
        claim_done(expected);
    }
}
END_TEST

START_TEST(revocation_tells_what_it_took)
{
    say_applied("revoke");
    applied.taken = 4999;
    applied.remaining = 0;
    ADMIN("grant", "apply", file);
    claim_done("Accepted: 4999 of 5000 units taken back from widget, signed by 2. "
               "Remaining: 0.\n");
}
END_TEST

START_TEST(override_tells_what_comes_next)
{
    say_applied("override");
    ADMIN("grant", "apply", file);
    claim_done("Accepted: override for widget, signed by 2. Remaining: 5123.\n"
               "When every governed product has its own, run provctl journal override.\n");
}
END_TEST

static json_t *expected_json(void)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:[s, s]}", "kind", "install",
                     "grant_id", ID, "product", "widget", "units", 5000, "taken", 0, "granted",
                     6000, "remaining", 5123, "sequence", 2, "journal_index", 77, "signers",
                     DIGEST_HEX, OTHER_HEX);
}

START_TEST(machines_get_every_member)
{
    say_applied("install");
    ADMIN("grant", "apply", file, "--json");
    claim_json(expected_json());
}
END_TEST

START_TEST(answer_that_makes_no_sense_is_not_believed)
{
    say_applied("install");
    applied.grant_id.len = 15;
    ADMIN("grant", "apply", file);
    claim_failed(1, "cannot be understood (kind, product or grant_id)");
    say_applied("install");
    applied.product = (char *)"a\033b";
    ADMIN("grant", "apply", file);
    claim_failed(1, "cannot be understood (kind, product or grant_id)");
    say_applied("install");
    signers[1].len = 31;
    ADMIN("grant", "apply", file);
    claim_failed(1, "cannot be understood (signers)");
}
END_TEST

START_TEST(seventeen_signers_are_not_believed)
{
    ProtobufCBinaryData many[17];
    for (size_t i = 0; i < 17; i++)
        many[i] = digest;
    say_applied("install");
    applied.signers = many;
    applied.n_signers = 17;
    ADMIN("grant", "apply", file);
    claim_failed(1, "cannot be understood (signers)");
}
END_TEST

START_TEST(refusal_is_told_in_the_vaults_words)
{
    say_fault(ERR_GRANT_REFUSED, "too-few-signers", "Fewer of the authorities signed than must.");
    ADMIN("grant", "apply", file);
    claim_failed(1, "Fewer of the authorities signed than must. Ask the maker for further");
    ADMIN("grant", "apply", file, "--json");
    ck_assert_ptr_nonnull(strstr(run.out, "\"check\": \"too-few-signers\""));
}
END_TEST

#define HEAD                                                                          \
    "{\"type\": \"provisiond-grant/1\", \"id\": \"" ID "\", \"product\": \"widget\"," \
    " \"site\": \"factory-7\", \"hsm\": \"" DIGEST_HEX "\", \"issued\": "             \
    "\"2026-11-27T10:00:00Z\", \"kind\": \"install\", \"units\": 5000}\n"

/* widget needs two of three: one, two and three. The document is signed by one and by a stranger.
 */
static void sign_once(struct ceremony *ceremony)
{
    static const char *const names[] = {"one", "two", "three", "stranger"};
    ceremony_begin(ceremony);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        ceremony_officer_p256(ceremony, names[i]);
    ceremony_write(ceremony, "g.json", HEAD, strlen(HEAD));
    ceremony_run(ceremony, "openssl cms -sign -nodetach -binary -outform DER -in g.json -signer "
                           "one.pem -inkey one.key -out g.1");
    ceremony_run(ceremony, "openssl cms -resign -inform DER -outform DER -in g.1 -signer "
                           "stranger.pem -inkey stranger.key -out g.p7s");
    temp_dir_path(&ceremony->dir, "g.p7s", file);
}

static void say_authorities(const struct ceremony *ceremony)
{
    static const char *const names[] = {"one", "two", "three"};
    static struct sha256 keys[3];
    static Provisiond__AuthorityEntry members[3];
    static Provisiond__AuthorityEntry *member_list[3];
    static Provisiond__ProductEntry product = PROVISIOND__PRODUCT_ENTRY__INIT;
    static Provisiond__ProductEntry *products[] = {&product};
    static Provisiond__ProductListReply list = PROVISIOND__PRODUCT_LIST_REPLY__INIT;
    static Provisiond__AdminReply reply = PROVISIOND__ADMIN_REPLY__INIT;
    for (size_t i = 0; i < 3; i++) {
        struct authority_set *set = CEREMONY_SET(ceremony, 1, names[i]);
        keys[i] = authority_set_key(set, 0);
        authority_set_free(set);
        provisiond__authority_entry__init(&members[i]);
        members[i].key = (ProtobufCBinaryData){.data = keys[i].bytes, .len = SHA256_SIZE};
        member_list[i] = &members[i];
    }
    product.name = (char *)"widget";
    product.governed = true;
    product.threshold = 2;
    product.n_members = 3;
    product.members = member_list;
    list.n_products = 1;
    list.products = products;
    SAY(&reply, PRODUCT_LIST, product_list, &list);
}

START_TEST(too_few_signers_are_counted)
{
    struct ceremony ceremony;
    sign_once(&ceremony);
    say_fault(ERR_GRANT_REFUSED, "too-few-signers", "Fewer signed than must.");
    ADMIN("grant", "apply", file);
    claim_failed(1, "Fewer signed than must.");
    say_authorities(&ceremony);
    ADMIN("grant", "apply", file);
    claim_failed(1, "Too few of the product's authorities signed it: 1 of the 2 that must. Ask the "
                    "maker for further signatures");
    ceremony_end(&ceremony);
}
END_TEST

START_TEST(document_that_counted_before_says_where_to_look)
{
    say_fault(ERR_CONFLICT, "grant-used", "This document was accepted before.");
    ADMIN("grant", "apply", file);
    claim_failed(1, "This document was accepted before. When an answer to it was lost, it counts");
}
END_TEST

START_TEST(file_is_read_before_anybody_is_asked)
{
    static char large[112 * 1024 + 1];
    ADMIN("grant", "apply", "/nowhere/g.p7s");
    claim_failed(1, "/nowhere/g.p7s cannot be read");
    write_file(&dir, "g.p7s", large, sizeof large);
    ADMIN("grant", "apply", file);
    claim_failed(1, "is larger than 112 KiB");
    write_file(&dir, "g.p7s", "", 0);
    ADMIN("grant", "apply", file);
    claim_failed(1, "is empty");
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

START_TEST(largest_document_reaches_the_vault)
{
    static char large[112 * 1024];
    memset(large, 'x', sizeof large);
    write_file(&dir, "g.p7s", large, sizeof large);
    say_applied("install");
    ADMIN("grant", "apply", file);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_uint_eq(vault.request->grant_apply->document.len, sizeof large);
}
END_TEST

/* ---- apply, over REST ---- */

#define ANSWER                                                                                 \
    "{\"kind\": \"install\", \"grant_id\": \"" ID "\", \"product\": \"widget\","               \
    " \"units\": 5000, \"taken\": 0, \"granted\": 6000, \"remaining\": 5123, \"sequence\": 2," \
    " \"journal_index\": 77, \"signers\": [\"" DIGEST_HEX "\", \"" OTHER_HEX "\"]}"
#define APPLY(...) PROVCTL(&dir, &run, "grant", "apply", file, __VA_ARGS__)

START_TEST(server_gets_the_document_as_cms)
{
    server_start(&server, &dir);
    server_say(&server, 201, ANSWER);
    APPLY(NULL);
    claim_done("Accepted: 5000 units for widget, signed by 2. Remaining: 5123.\n");
    const struct server_request *request = &server.requests[0];
    ck_assert_str_eq(request->method, "POST");
    ck_assert_str_eq(request->url, "/v1/grants");
    ck_assert_str_eq(request->media_type, "application/cms");
    ck_assert_uint_eq(request->body_length, sizeof DOCUMENT);
    ck_assert_mem_eq(request->body, DOCUMENT, sizeof DOCUMENT);
    APPLY("--json");
    claim_json(expected_json());
    server_stop(&server);
}
END_TEST

START_TEST(answer_of_a_server_that_makes_no_sense_is_not_believed)
{
    static const char *const members[] = {"kind", "grant_id", "product", "units", "signers"};
    server_start(&server, &dir);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        json_t *object = json_loads(ANSWER, 0, NULL);
        char words[64];
        (void)json_object_set_new(object, members[i], json_string("\033"));
        char *body = json_dumps(object, 0);
        server.answer_count = 0;
        server_say(&server, 201, body);
        APPLY(NULL);
        (void)snprintf(words, sizeof words, "cannot be understood (%s)", members[i]);
        claim_failed(1, words);
        server.request_count = 0;
        json_decref(object);
        free(body);
    }
    server_stop(&server);
}
END_TEST

START_TEST(lost_answer_is_asked_for_again_and_explained)
{
    server_start(&server, &dir);
    server_say_how(&server,
                   &(struct server_answer){.status = 201, .body = ANSWER, .manner = SERVER_CLOSE});
    server_say(&server, 409,
               "{\"type\": \"https://provisiond.dev/problems/conflict\", \"status\": 409,"
               " \"detail\": \"This document was accepted before.\", \"check\": \"grant-used\","
               " \"retryable\": false}");
    APPLY(NULL);
    claim_failed(1, "When an answer to it was lost, it counts all the same");
    ck_assert_uint_eq(server.request_count, 2);
    server_stop(&server);
}
END_TEST

START_TEST(socket_on_the_line_wins_over_an_address_of_the_environment)
{
    server_start(&server, &dir);
    server_say(&server, 201, ANSWER);
    say_applied("install");
    ADMIN("grant", "apply", file);
    ck_assert_int_eq(run.exit, 0);
    ck_assert_uint_eq(vault.request_count, 1);
    ck_assert_uint_eq(server.request_count, 0);
    ADMIN("grant", "apply", file, "--url", server.url);
    claim_failed(64, "Give --url, or --socket or --config, but not both");
    server_stop(&server);
}
END_TEST

/* ---- list ---- */

static Provisiond__GrantListReply list = PROVISIOND__GRANT_LIST_REPLY__INIT;
static Provisiond__GrantEntry entries[3];
static Provisiond__GrantEntry *rows[3];

static void say_list(size_t count)
{
    static const struct {
        const char *kind;
        int64_t units, taken, sequence;
        const char *lot;
    } made[] = {
        {"policy", 0, 0, 1, ""}, {"install", 5000, 0, 0, "L\0331"}, {"revoke", 100, 0, 0, ""}};
    for (size_t i = 0; i < count; i++) {
        entries[i] = (Provisiond__GrantEntry)PROVISIOND__GRANT_ENTRY__INIT;
        entries[i].grant_id = (ProtobufCBinaryData){.data = id_bytes, .len = sizeof id_bytes};
        entries[i].kind = (char *)made[i].kind;
        entries[i].units = made[i].units;
        entries[i].taken = made[i].taken;
        entries[i].sequence = made[i].sequence;
        entries[i].lot = (char *)made[i].lot;
        entries[i].accepted_unix_ms = 1795773600250;
        entries[i].document = digest;
        entries[i].journal_index = 7;
        rows[i] = &entries[i];
    }
    list.grants = rows;
    list.n_grants = count;
    SAY(&answer, GRANT_LIST, grant_list, &list);
}

START_TEST(list_shows_what_each_document_did)
{
    say_list(3);
    ADMIN("grant", "list", "widget");
    claim_done("ACCEPTED                  KIND     UNITS  TAKEN  SEQUENCE  LOT     LEAF  ID\n"
               "2026-11-27T10:00:00.250Z  policy       -      -         1  -          7  " ID "\n"
               "2026-11-27T10:00:00.250Z  install   5000      -         -  L\\x1b1     7  " ID "\n"
               "2026-11-27T10:00:00.250Z  revoke     100      0         -  -          7  " ID "\n");
    ck_assert_str_eq(vault.request->grant_list->product, "widget");
}
END_TEST

START_TEST(list_for_machines_has_the_documents_digests)
{
    say_list(2);
    ADMIN("grant", "list", "widget", "--json");
    claim_json(json_pack("{s[{ss ss ss si si si ss si ss}{ss ss ss si si ss ss si ss}]}", "grants",
                         "grant_id", ID, "product", "widget", "kind", "policy", "units", 0, "taken",
                         0, "sequence", 1, "accepted_at", "2026-11-27T10:00:00.250Z",
                         "journal_index", 7, "document_sha256", DIGEST_HEX, "grant_id", ID,
                         "product", "widget", "kind", "install", "units", 5000, "taken", 0, "lot",
                         "L\0331", "accepted_at", "2026-11-27T10:00:00.250Z", "journal_index", 7,
                         "document_sha256", DIGEST_HEX));
}
END_TEST

START_TEST(empty_list_says_so_beside_the_output)
{
    say_list(0);
    ADMIN("grant", "list", "widget", "--json");
    claim_json(json_pack("{s:[]}", "grants"));
    ADMIN("grant", "list", "widget");
    ck_assert_int_eq(run.exit, 0);
    ck_assert_str_eq(run.err, "There are no accepted documents yet.\n");
}
END_TEST

START_TEST(list_that_makes_no_sense_is_not_believed)
{
    say_list(2);
    entries[1].grant_id.len = 0;
    ADMIN("grant", "list", "widget");
    claim_failed(1, "cannot be understood (grant_id)");
    say_list(2);
    entries[0].document.len = 31;
    ADMIN("grant", "list", "widget");
    claim_failed(1, "digest of a wrong length");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        document_is_handed_over_as_it_is,
        every_kind_is_told_in_its_own_words,
        revocation_tells_what_it_took,
        override_tells_what_comes_next,
        machines_get_every_member,
        answer_that_makes_no_sense_is_not_believed,
        seventeen_signers_are_not_believed,
        refusal_is_told_in_the_vaults_words,
        too_few_signers_are_counted,
        document_that_counted_before_says_where_to_look,
        file_is_read_before_anybody_is_asked,
        largest_document_reaches_the_vault,
        server_gets_the_document_as_cms,
        answer_of_a_server_that_makes_no_sense_is_not_believed,
        lost_answer_is_asked_for_again_and_explained,
        socket_on_the_line_wins_over_an_address_of_the_environment,
        list_shows_what_each_document_did,
        list_for_machines_has_the_documents_digests,
        empty_list_says_so_beside_the_output,
        list_that_makes_no_sense_is_not_believed,
        NULL,
    };
    return suite_run("cli: grant apply", set_up, admin_case_tear_down, tests);
}
