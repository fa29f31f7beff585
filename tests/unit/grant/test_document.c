/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The JSON of a document: what is read, what is written, and everything that is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "documents.h"
#include "support/pki.h"
#include "support/run.h"
#include "support/sizes.h"

static struct pki *officers[2];
static const char *certificates[2];
static struct grant grant;
static struct fault fault;

static void set_up(void)
{
    for (size_t i = 0; i < 2; i++) {
        officers[i] = pki_root("Officer");
        certificates[i] = pki_certificate(officers[i]);
    }
}

static void tear_down(void)
{
    grant_clear(&grant);
    pki_free(officers[0]);
    pki_free(officers[1]);
}

static json_t *make(enum grant_kind kind)
{
    return document_new(kind, certificates, 2);
}

static enum error read_text(const char *text)
{
    grant_clear(&grant);
    return grant_read(bytes_of(text, strlen(text)), &grant, &fault);
}

/* Reads and drops the document. */
static enum error read_document(json_t *document)
{
    grant_clear(&grant);
    enum error e = document_read(document, &grant, &fault);
    json_decref(document);
    return e;
}

static void claim_malformed(enum error e, const char *detail)
{
    ck_assert_msg(e == ERR_BAD_REQUEST, "taken, instead of: %s", detail);
    ck_assert_str_eq(fault.reason, "grant-malformed");
    ck_assert_msg(strncmp(fault.detail, detail, strlen(detail)) == 0, "%s, instead of: %s",
                  fault.detail, detail);
}

/* ---- what is read ---- */

START_TEST(install_is_read_member_by_member)
{
    json_t *document = make(GRANT_INSTALL);
    document_set(document, "lot", "\"L-2026 \\u00fc\"");
    document_set(document, "not_before", "\"2026-11-27T10:00:00.250Z\"");
    document_set(document, "not_after", "\"2026-12-01T00:00:00Z\"");
    ck_assert_msg(read_document(document) == ERR_OK, "%s", fault.detail);
    char hsm[SHA256_HEX_SIZE];
    char id[37];
    hex_encode(bytes_of(grant.hsm.bytes, SHA256_SIZE), hsm);
    uuid_format(&grant.id, "", id, sizeof id);
    ck_assert_int_eq(grant.kind, GRANT_INSTALL);
    ck_assert_str_eq(id, DOCUMENT_ID);
    ck_assert_str_eq(hsm, DOCUMENT_HSM);
    ck_assert_str_eq(grant.product, "widget");
    ck_assert_str_eq(grant.site, "factory-7");
    ck_assert_str_eq(grant.lot, "L-2026 \xc3\xbc");
    ck_assert_int_eq(grant.units, 5000);
    ck_assert_int_eq(grant.issued_unix_ms, 1795773600000);
    ck_assert_int_eq(grant.not_before_unix_ms, 1795773600250);
    ck_assert_int_eq(grant.not_after_unix_ms, 1796083200000);
}
END_TEST

START_TEST(policy_is_read_member_by_member)
{
    json_t *document = make(GRANT_POLICY);
    document_set(document, "settings.policy", "\"per-license\"");
    document_set(document, "settings.allow_session_key_exposure", "true");
    document_set(document, "settings.attempts_max", "20");
    document_set(document, "settings.options", "{\"b\": [1, 2], \"a\": {\"d\": 1, \"c\": null}}");
    document_set(document, "settings.threshold", "1");
    ck_assert_msg(read_document(document) == ERR_OK, "%s", fault.detail);
    const struct grant_settings *settings = &grant.settings;
    ck_assert_int_eq(grant.sequence, 1);
    ck_assert_str_eq(settings->profile, "cms");
    ck_assert_int_eq(settings->policy, GRANT_PER_LICENSE);
    ck_assert(settings->allows_key_exposure);
    ck_assert_int_eq(settings->attempts_max, 20);
    ck_assert_str_eq(settings->options, "{\"a\":{\"c\":null,\"d\":1},\"b\":[1,2]}");
    ck_assert_str_eq(settings->anchors, "-----BEGIN CERTIFICATE-----\nAAAA\n");
    ck_assert_uint_eq(authority_set_count(settings->authorities), 2);
    ck_assert_uint_eq(authority_set_threshold(settings->authorities), 1);
    ck_assert_str_eq(authority_set_pem(settings->authorities, 1), certificates[1]);
}
END_TEST

START_TEST(override_and_rebind_are_read_member_by_member)
{
    ck_assert_int_eq(read_document(make(GRANT_OVERRIDE)), ERR_OK);
    ck_assert_int_eq(grant.anchor.size, 40);
    ck_assert_int_eq(grant.anchor.root.bytes[1], 0x11);
    ck_assert_int_eq(grant.head.size, 0);
    ck_assert_int_eq(grant.head.root.bytes[1], 0xee);
    ck_assert_int_eq(read_document(make(GRANT_REBIND)), ERR_OK);
    ck_assert_int_eq(grant.sequence, 7);
    ck_assert_str_eq(grant.serial, "SN 12");
    ck_assert_int_eq(grant.old_key.bytes[1], 0x11);
    ck_assert_int_eq(grant.new_key.bytes[1], 0xee);
}
END_TEST

START_TEST(standby_is_read_member_by_member)
{
    ck_assert_int_eq(read_document(make(GRANT_STANDBY)), ERR_OK);
    ck_assert_int_eq(grant.sequence, 7);
    ck_assert_int_eq(grant.standby.bytes[1], 0xee);
    ck_assert_int_eq(grant.transport_key.bytes[1], 0x11);
    ck_assert(grant.is_allowed);
    json_t *document = make(GRANT_STANDBY);
    document_set(document, "allowed", "false");
    ck_assert_int_eq(read_document(document), ERR_OK);
    ck_assert(!grant.is_allowed);
}
END_TEST

START_TEST(limits_themselves_are_taken)
{
    static const struct {
        enum grant_kind kind;
        const char *path;
        const char *value;
    } rows[] = {
        {GRANT_INSTALL, "units", "1"},
        {GRANT_REVOKE, "units", "1000000000000"},
        {GRANT_SCRAP, "lot",
         "\"0123456789012345678901234567890123456789012345678901234567890123\""},
        {GRANT_REBIND, "sequence", "2147483647"},
        {GRANT_POLICY, "settings.attempts_max", "1000000"},
        {GRANT_POLICY, "settings.attempts_max", "0"},
        {GRANT_POLICY, "settings.profile", "\"fifteen-letters\""},
        {GRANT_OVERRIDE, "head.size", "1099511627776"},
        {GRANT_INSTALL, "issued", "\"1970-01-01T00:00:00.001Z\""},
        {GRANT_INSTALL, "issued", "\"9999-12-31T23:59:59Z\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *document = make(rows[i].kind);
        document_set(document, rows[i].path, rows[i].value);
        ck_assert_msg(read_document(document) == ERR_OK, "%s: %s", rows[i].path, fault.detail);
    }
}
END_TEST

/* ---- what is written ---- */

static json_t *make_full(enum grant_kind kind)
{
    json_t *document = make(kind);
    document_set(document, "not_before", "\"2026-11-27T10:00:00.250Z\"");
    document_set(document, "not_after", "\"2026-12-01T00:00:00.000Z\"");
    document_set(document, "issued", "\"2026-11-27T10:00:00.000Z\"");
    if (kind <= GRANT_REVOKE)
        document_set(document, "lot", "\"L \\\"7\\\"\"");
    if (kind == GRANT_POLICY) {
        document_set(document, "settings.attempts_max", "20");
        document_set(document, "settings.options", "{\"a\": 1}");
    }
    return document;
}

START_TEST(what_is_written_is_what_was_read)
{
    for (int kind = GRANT_INSTALL; kind <= GRANT_STANDBY; kind++) {
        char *text = NULL;
        json_t *document = make_full((enum grant_kind)kind);
        ck_assert_msg(document_read(document, &grant, &fault) == ERR_OK, "%s", fault.detail);
        ck_assert_int_eq(grant_write(&grant, &text, &fault), ERR_OK);
        json_t *again = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        ck_assert_msg(json_equal(document, again), "%s", text);
        ck_assert_str_eq(text + strlen(text) - 3, "\n}\n");
        json_decref(again);
        json_decref(document);
        free(text);
        grant_clear(&grant);
    }
}
END_TEST

START_TEST(text_that_is_no_utf8_is_not_left_out_but_refused)
{
    char *text = NULL;
    ck_assert_int_eq(read_document(make(GRANT_INSTALL)), ERR_OK);
    strcpy(grant.lot, "L\xff");
    claim_malformed(grant_write(&grant, &text, &fault), "The texts of a document must be UTF-8.");
    ck_assert_ptr_null(text);
}
END_TEST

START_TEST(what_would_not_be_read_is_not_written)
{
    char *text = NULL;
    ck_assert_int_eq(read_document(make(GRANT_INSTALL)), ERR_OK);
    grant.units = 0;
    claim_malformed(grant_write(&grant, &text, &fault), "units ");
    grant.units = 1;
    strcpy(grant.product, "-widget");
    claim_malformed(grant_write(&grant, &text, &fault), "product ");
    ck_assert_ptr_null(text);
}
END_TEST

START_TEST(words_of_kinds_and_policies_go_both_ways)
{
    enum grant_kind kind = GRANT_INSTALL;
    enum grant_policy policy = GRANT_PER_DEVICE;
    for (int i = GRANT_INSTALL; i <= GRANT_STANDBY; i++) {
        ck_assert(grant_kind_parse(grant_kind_name((enum grant_kind)i), &kind));
        ck_assert_int_eq(kind, i);
    }
    for (int i = GRANT_PER_DEVICE; i <= GRANT_PER_LICENSE; i++) {
        ck_assert(grant_policy_parse(grant_policy_name((enum grant_policy)i), &policy));
        ck_assert_int_eq(policy, i);
    }
    ck_assert(!grant_kind_parse("Install", &kind));
    ck_assert(!grant_kind_parse("", &kind));
    ck_assert(!grant_policy_parse("per-batch", &policy));
    ck_assert_str_eq(grant_kind_name((enum grant_kind)0), "unknown");
    ck_assert_str_eq(grant_policy_name((enum grant_policy)9), "unknown");
}
END_TEST

/* ---- what is refused ---- */

struct wrong {
    enum grant_kind kind;
    const char *path;
    const char *value;
    const char *detail; /* its first words */
};

static void claim_each_is_refused(const struct wrong *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_t *document = make(rows[i].kind);
        document_set(document, rows[i].path, rows[i].value);
        claim_malformed(read_document(document), rows[i].detail);
    }
}

#define LONG_65 "\"01234567890123456789012345678901234567890123456789012345678901234\""

START_TEST(common_member_outside_its_limits_is_refused_by_name)
{
    static const struct wrong rows[] = {
        {GRANT_INSTALL, "type", "\"provisiond-grant/2\"", "type must be"},
        {GRANT_INSTALL, "type", "1", "type must be"},
        {GRANT_INSTALL, "kind", "\"grant\"", "kind must be"},
        {GRANT_INSTALL, "kind", "\"install\\u0001\"", "kind must be"},
        {GRANT_INSTALL, "id", "\"0197C0DE-0000-7000-8000-000000000001\"", "id must be"},
        {GRANT_INSTALL, "id", "\"0197c0de-0000-4000-8000-000000000001\"", "id must be"},
        {GRANT_INSTALL, "id", "\"0197c0de-0000-7000-8000-00000000000\"", "id must be"},
        {GRANT_INSTALL, "id", "\"0197c0de00007000800000000000000001\"", "id must be"},
        {GRANT_INSTALL, "product", "\"\"", "product must be"},
        {GRANT_INSTALL, "product", "\"a/b\"", "product must be"},
        {GRANT_INSTALL, "product", LONG_65, "product must be"},
        {GRANT_INSTALL, "site", "\"_x\"", "site must be"},
        {GRANT_INSTALL, "site", "null", "site must be"},
        {GRANT_INSTALL, "hsm", "\"0011\"", "hsm must be"},
        {GRANT_INSTALL, "hsm",
         "\"00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\"", "hsm must be"},
        {GRANT_INSTALL, "issued", "\"2026-11-27T10:00:00+00:00\"", "issued must be"},
        {GRANT_INSTALL, "issued", "\"2026-11-27T10:00:00.1Z\"", "issued must be"},
        {GRANT_INSTALL, "issued", "\"2026-11-27 10:00:00Z\"", "issued must be"},
        {GRANT_INSTALL, "issued", "\"2026-02-29T10:00:00Z\"", "issued must be"},
        {GRANT_INSTALL, "issued", "\"2026-11-27T24:00:00Z\"", "issued must be"},
        {GRANT_INSTALL, "issued", "\"1970-01-01T00:00:00Z\"", "issued must be"},
        {GRANT_INSTALL, "issued", "1795773600", "issued must be"},
        {GRANT_INSTALL, "not_before", "\"\"", "not_before must be"},
        {GRANT_INSTALL, "not_before", "null", "not_before must be"},
        {GRANT_INSTALL, "not_after", "\"tomorrow\"", "not_after must be"},
        {GRANT_INSTALL, "extra", "1", "The document has a member"},
    };
    claim_each_is_refused(rows, sizeof rows / sizeof rows[0]);
}
END_TEST

START_TEST(own_member_outside_its_limits_is_refused_by_name)
{
    static const struct wrong rows[] = {
        {GRANT_INSTALL, "units", "0", "units must be"},
        {GRANT_INSTALL, "units", "-1", "units must be"},
        {GRANT_SCRAP, "units", "1000000000001", "units must be"},
        {GRANT_REVOKE, "units", "5000.0", "units must be"},
        {GRANT_INSTALL, "units", "5e3", "units must be"},
        {GRANT_INSTALL, "units", "\"5000\"", "units must be"},
        {GRANT_INSTALL, "units", "true", "units must be"},
        {GRANT_INSTALL, "lot", "\"\"", "lot must be"},
        {GRANT_INSTALL, "lot", LONG_65, "lot must be"},
        {GRANT_INSTALL, "lot", "\"a\\nb\"", "lot must be"},
        {GRANT_INSTALL, "lot", "\"a\\u007f\"", "lot must be"},
        {GRANT_POLICY, "sequence", "0", "sequence must be"},
        {GRANT_REBIND, "sequence", "2147483648", "sequence must be"},
        {GRANT_REBIND, "serial", "\"\"", "serial must be"},
        {GRANT_REBIND, "serial", LONG_65, "serial must be"},
        {GRANT_REBIND, "old_key", "\"11\"", "old_key must be"},
        {GRANT_REBIND, "new_key", "null", "new_key must be"},
        {GRANT_REBIND, "new_key", "\"" DOCUMENT_HSM "\"", "old_key and new_key must be different"},
        {GRANT_STANDBY, "sequence", "0", "sequence must be"},
        {GRANT_STANDBY, "standby", "\"11\"", "standby must be"},
        {GRANT_STANDBY, "standby", NULL, "standby must be"},
        {GRANT_STANDBY, "standby", "\"" DOCUMENT_HSM "\"", "standby and hsm must be different"},
        {GRANT_STANDBY, "transport_key", "null", "transport_key must be"},
        {GRANT_STANDBY, "allowed", "1", "allowed must be"},
        {GRANT_STANDBY, "allowed", NULL, "allowed must be"},
        {GRANT_STANDBY, "units", "5", "The document has a member"},
        {GRANT_OVERRIDE, "anchor", "40", "anchor and head must"},
        {GRANT_OVERRIDE, "anchor.size", "-1", "anchor and head must"},
        {GRANT_OVERRIDE, "anchor.size", "1099511627777", "anchor and head must"},
        {GRANT_OVERRIDE, "head.root", "\"00\"", "anchor and head must"},
        {GRANT_OVERRIDE, "head.more", "1", "anchor and head must"},
    };
    claim_each_is_refused(rows, sizeof rows / sizeof rows[0]);
}
END_TEST

START_TEST(setting_outside_its_limits_is_refused_by_name)
{
    static const struct wrong rows[] = {
        {GRANT_POLICY, "settings", "[]", "settings must be an object"},
        {GRANT_POLICY, "settings.more", "1", "settings has a member"},
        {GRANT_POLICY, "settings.profile", "\"sixteen--letters\"", "settings.profile must"},
        {GRANT_POLICY, "settings.profile", "1", "settings.profile must"},
        {GRANT_POLICY, "settings.policy", "\"per-batch\"", "settings.policy must"},
        {GRANT_POLICY, "settings.anchors", "\"\"", "settings.anchors must"},
        {GRANT_POLICY, "settings.allow_session_key_exposure", "0",
         "settings.allow_session_key_exposure must"},
        {GRANT_POLICY, "settings.attempts_max", "1000001", "settings.attempts_max must"},
        {GRANT_POLICY, "settings.attempts_max", "-1", "settings.attempts_max must"},
        {GRANT_POLICY, "settings.options", "{}", "settings.options must"},
        {GRANT_POLICY, "settings.options", "\"{}\"", "settings.options must"},
        {GRANT_POLICY, "settings.authorities", "[]", "settings.authorities must"},
        {GRANT_POLICY, "settings.authorities", "{}", "settings.authorities must"},
        {GRANT_POLICY, "settings.authorities", "[1, 2]", "settings.authorities must"},
        {GRANT_POLICY, "settings.authorities", "[\"x\", \"y\"]", "settings.authorities must"},
        {GRANT_POLICY, "settings.threshold", "0", "settings.threshold must"},
        {GRANT_POLICY, "settings.threshold", "3", "settings.threshold must"},
    };
    claim_each_is_refused(rows, sizeof rows / sizeof rows[0]);
}
END_TEST

START_TEST(one_certificate_twice_is_refused)
{
    const char *const twice[] = {certificates[0], certificates[0]};
    claim_malformed(read_document(document_new(GRANT_POLICY, twice, 2)), "settings.authorities");
}
END_TEST

START_TEST(seventeen_authorities_are_refused)
{
    const char *many[AUTHORITY_KEYS_MAX + 1];
    for (size_t i = 0; i <= AUTHORITY_KEYS_MAX; i++)
        many[i] = certificates[0];
    claim_malformed(read_document(document_new(GRANT_POLICY, many, AUTHORITY_KEYS_MAX + 1)),
                    "settings.authorities must be an array");
}
END_TEST

START_TEST(options_and_anchors_have_their_sizes)
{
    static char text[64 * 1024];
    json_t *document = make(GRANT_POLICY);
    (void)snprintf(text, sizeof text, "{\"a\": \"%0*d\"}", GRANT_OPTIONS_MAX - 8, 0);
    document_set(document, "settings.options", text);
    (void)snprintf(text, sizeof text, "\"%0*d\"", (int)GRANT_ANCHORS_MAX, 0);
    document_set(document, "settings.anchors", text);
    ck_assert_msg(read_document(json_incref(document)) == ERR_OK, "%s", fault.detail);
    ck_assert_uint_eq(strlen(grant.settings.options), GRANT_OPTIONS_MAX);
    (void)snprintf(text, sizeof text, "{\"a\": \"%0*d\"}", GRANT_OPTIONS_MAX - 7, 0);
    document_set(document, "settings.options", text);
    claim_malformed(read_document(json_incref(document)), "settings.options must");
    (void)snprintf(text, sizeof text, "\"%0*d\"", (int)GRANT_ANCHORS_MAX + 1, 0);
    document_set(document, "settings.anchors", text);
    claim_malformed(read_document(document), "settings.anchors must");
}
END_TEST

START_TEST(document_that_ends_before_it_begins_is_refused)
{
    json_t *document = make(GRANT_INSTALL);
    document_set(document, "not_before", "\"2026-12-02T00:00:00Z\"");
    document_set(document, "not_after", "\"2026-12-01T00:00:00Z\"");
    claim_malformed(read_document(document), "not_after must not be before");
}
END_TEST

static const char *const OWN[] = {"units", "lot",    "sequence", "settings", "anchor",
                                  "head",  "serial", "old_key",  "new_key"};

START_TEST(member_of_another_kind_is_refused)
{
    for (int kind = GRANT_INSTALL; kind <= GRANT_STANDBY; kind++) {
        for (size_t i = 0; i < sizeof OWN / sizeof OWN[0]; i++) {
            json_t *document = make((enum grant_kind)kind);
            bool is_own = json_object_get(document, OWN[i]) != NULL ||
                          (kind <= GRANT_REVOKE && strcmp(OWN[i], "lot") == 0);
            if (is_own) {
                json_decref(document);
                continue;
            }
            document_set(document, OWN[i], "1");
            claim_malformed(read_document(document), "The document has a member");
        }
    }
}
END_TEST

static void claim_each_is_needed(enum grant_kind kind, const char *inside)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_t *whole = make(kind);
    json_t *object = inside[0] != '\0' ? json_object_get(whole, inside) : whole;
    json_object_foreach(object, name, value)
    {
        char path[64];
        json_t *document = make(kind);
        (void)snprintf(path, sizeof path, "%s%s%s", inside, inside[0] != '\0' ? "." : "", name);
        document_set(document, path, NULL);
        claim_malformed(read_document(document), "");
    }
    json_decref(whole);
}

START_TEST(every_member_that_is_not_optional_is_needed)
{
    for (int kind = GRANT_INSTALL; kind <= GRANT_STANDBY; kind++)
        claim_each_is_needed((enum grant_kind)kind, "");
    claim_each_is_needed(GRANT_POLICY, "settings");
    claim_each_is_needed(GRANT_OVERRIDE, "anchor");
    claim_each_is_needed(GRANT_OVERRIDE, "head");
}
END_TEST

/* ---- the text itself ---- */

START_TEST(text_that_is_not_one_object_is_refused)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "null",
                                        "[]",
                                        "5",
                                        "\"x\"",
                                        "{",
                                        "{}{}",
                                        "{} x",
                                        "{'a': 1}",
                                        "{\"a\": 1,}",
                                        "{\"a\": 01}",
                                        "\xef\xbb\xbf{}",
                                        "{\"a\": \"\xff\"}",
                                        "{\"a\": \"\\u0000\"}",
                                        "// {}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        claim_malformed(read_text(texts[i]), "The document must be one JSON object.");
    claim_malformed(read_text("{}"), "type must be");
    claim_malformed(grant_read(bytes_of(NULL, 0), &grant, &fault), "The document must be");
}
END_TEST

START_TEST(member_given_twice_is_refused)
{
    json_t *document = make(GRANT_INSTALL);
    char *text = document_text(document);
    char twice[4096];
    json_decref(document);
    (void)snprintf(twice, sizeof twice, "{\"units\": 1, %s", text + 1);
    claim_malformed(read_text(twice), "The document must be one JSON object.");
    free(text);
}
END_TEST

START_TEST(hundred_thousand_brackets_are_refused)
{
    static char text[GRANT_JSON_MAX + 1];
    memset(text, '[', GRANT_JSON_MAX);
    claim_malformed(read_text(text), "The document must be one JSON object.");
    for (size_t i = 0; i + 5 <= GRANT_JSON_MAX; i += 5)
        memcpy(text + i, "{\"\":", 5);
    claim_malformed(read_text(text), "The document must be one JSON object.");
}
END_TEST

START_TEST(eighty_eight_kib_are_read_and_a_byte_more_is_not)
{
    static char padded[GRANT_JSON_MAX + 2];
    json_t *document = make(GRANT_INSTALL);
    char *text = document_text(document);
    json_decref(document);
    memset(padded, ' ', sizeof padded - 1);
    memcpy(padded, text, strlen(text));
    free(text);
    ck_assert_int_eq(grant_read(bytes_of(padded, GRANT_JSON_MAX), &grant, &fault), ERR_OK);
    grant_clear(&grant);
    ck_assert_int_eq(grant_read(bytes_of(padded, GRANT_JSON_MAX + 1), &grant, &fault),
                     ERR_TOO_LARGE);
    ck_assert_str_eq(fault.reason, "grant-malformed");
}
END_TEST

/* One to four bytes of the text become others; what is taken then is taken whole. */
static void spoil(char *text, size_t length)
{
    uint8_t random[12];
    random_fill(random, sizeof random);
    for (size_t i = 0; i <= random[8] % 4u; i++)
        text[(random[2 * i] * 256u + random[2 * i + 1]) % length] = (char)random[8 + i];
}

START_TEST(random_changes_are_read_or_refused_and_nothing_else)
{
    size_t rounds = test_size("changed documents", 20000, 1000000);
    for (size_t i = 0; i < rounds; i++) {
        json_t *document = make_full((enum grant_kind)(i % GRANT_STANDBY + 1));
        char *text = document_text(document);
        size_t length = strlen(text);
        spoil(text, length);
        grant_clear(&grant);
        enum error e = grant_read(bytes_of(text, length), &grant, &fault);
        ck_assert_msg(e == ERR_OK || e == ERR_BAD_REQUEST, "%s", fault.detail);
        ck_assert(e == ERR_OK || fault.detail[0] != '\0');
        free(text);
        json_decref(document);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        install_is_read_member_by_member,
        policy_is_read_member_by_member,
        override_and_rebind_are_read_member_by_member,
        standby_is_read_member_by_member,
        limits_themselves_are_taken,
        what_is_written_is_what_was_read,
        text_that_is_no_utf8_is_not_left_out_but_refused,
        what_would_not_be_read_is_not_written,
        words_of_kinds_and_policies_go_both_ways,
        common_member_outside_its_limits_is_refused_by_name,
        own_member_outside_its_limits_is_refused_by_name,
        setting_outside_its_limits_is_refused_by_name,
        one_certificate_twice_is_refused,
        seventeen_authorities_are_refused,
        options_and_anchors_have_their_sizes,
        document_that_ends_before_it_begins_is_refused,
        member_of_another_kind_is_refused,
        every_member_that_is_not_optional_is_needed,
        text_that_is_not_one_object_is_refused,
        member_given_twice_is_refused,
        hundred_thousand_brackets_are_refused,
        eighty_eight_kib_are_read_and_a_byte_more_is_not,
        random_changes_are_read_or_refused_and_nothing_else,
        NULL,
    };
    return run_suite(&(struct run_case){"grant: document", set_up, tear_down, 600, tests});
}
