/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Those who may ask, in each role: the real program against a vault that says what a test wants. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin_case.h"
#include "suite.h"
#include "support/pki.h"

#define OTHER_HEX "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define ADDED     INT64_C(1790000000123)
#define ADDED_AT  "2026-09-21T14:13:20.123Z"

static const struct {
    const char *word;
    const char *title;
    const char *things;
    Provisiond__Role role;
} roles[] = {
    {"station", "Station", "stations", PROVISIOND__ROLE__ROLE_STATION},
    {"operator", "Operator", "operators", PROVISIOND__ROLE__ROLE_OPERATOR},
    {"auditor", "Auditor", "auditors", PROVISIOND__ROLE__ROLE_AUDITOR},
    {"administrator", "Administrator", "administrators", PROVISIOND__ROLE__ROLE_ADMINISTRATOR},
    {"metrics", "Metrics caller", "metrics", PROVISIOND__ROLE__ROLE_METRICS}};

#define ROLE_COUNT (sizeof roles / sizeof roles[0])

static Provisiond__AdminReply add_reply = PROVISIOND__ADMIN_REPLY__INIT;
static Provisiond__AdminReply list_reply = PROVISIOND__ADMIN_REPLY__INIT;
static Provisiond__AdminReply enable_reply = PROVISIOND__ADMIN_REPLY__INIT;
static Provisiond__AdminReply narrow_reply = PROVISIOND__ADMIN_REPLY__INIT;
static Provisiond__AdminReply key_reply = PROVISIOND__ADMIN_REPLY__INIT;
static char certificate[TEMP_PATH_MAX];

static void write_certificate(const struct pki_options *options)
{
    struct pki *root = pki_root("Stations");
    struct pki *station = pki_new(root, options);
    temp_dir_path(&dir, "station.pem", certificate);
    pki_write_certificate(station, certificate);
    pki_free(station);
    pki_free(root);
}

static void say_added(void)
{
    static Provisiond__PrincipalAddReply add = PROVISIOND__PRINCIPAL_ADD_REPLY__INIT;
    static Provisiond__PrincipalKeyReply key = PROVISIOND__PRINCIPAL_KEY_REPLY__INIT;
    write_certificate(&(struct pki_options){.extended_key_usage = "serverAuth,clientAuth"});
    add.spki = digest;
    key.spki = digest;
    SAY(&add_reply, PRINCIPAL_ADD, principal_add, &add);
    SAY(&key_reply, PRINCIPAL_KEY, principal_key, &key);
}

/* line-3, with two keys, narrowed to two products and a line that has a comma in its name. */
static void say_line_3(void)
{
    static uint8_t other[32];
    static Provisiond__PrincipalKey keys[] = {PROVISIOND__PRINCIPAL_KEY__INIT,
                                              PROVISIOND__PRINCIPAL_KEY__INIT};
    static Provisiond__PrincipalKey *key_list[] = {&keys[0], &keys[1]};
    static char *products[] = {(char *)"meter", (char *)"pump"};
    static char *lines[] = {(char *)"hall 2, left"};
    static Provisiond__PrincipalEntry entry = PROVISIOND__PRINCIPAL_ENTRY__INIT;
    static Provisiond__PrincipalEntry *entries[] = {&entry};
    static Provisiond__PrincipalListReply list = PROVISIOND__PRINCIPAL_LIST_REPLY__INIT;
    static Provisiond__PrincipalNarrowReply narrow = PROVISIOND__PRINCIPAL_NARROW_REPLY__INIT;
    ck_assert(hex_decode(OTHER_HEX, other, sizeof other));
    keys[0].spki = digest;
    keys[0].added_unix_ms = ADDED;
    keys[1].spki = (ProtobufCBinaryData){.data = other, .len = sizeof other};
    entry.name = (char *)"line-3";
    entry.role = PROVISIOND__ROLE__ROLE_STATION;
    entry.n_keys = 2;
    entry.keys = key_list;
    entry.n_products = 2;
    entry.products = products;
    entry.n_lines = 1;
    entry.lines = lines;
    list.n_principals = 1;
    list.principals = entries;
    SAY(&list_reply, PRINCIPAL_LIST, principal_list, &list);
    SAY(&narrow_reply, PRINCIPAL_NARROW, principal_narrow, &narrow);
}

static void claim_texts(size_t count, char *const *found, const char *const *expected)
{
    size_t wanted = 0;
    while (expected[wanted] != NULL)
        wanted++;
    ck_assert_uint_eq(count, wanted);
    for (size_t i = 0; i < count; i++)
        ck_assert_str_eq(found[i], expected[i]);
}

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_TEXTS   ((const char *const[]){NULL})

/* ---- add ---- */

START_TEST(each_role_is_enrolled_by_a_certificate)
{
    char expected[256];
    say_added();
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        ADMIN(roles[i].word, "add", "line-3", "--certificate", certificate);
        (void)snprintf(expected, sizeof expected, "%s line-3 added, known by key " DIGEST_HEX ".\n",
                       roles[i].title);
        claim_done(expected);
        ck_assert_int_eq(vault.request->principal_add->role, roles[i].role);
        ck_assert_str_eq(vault.request->principal_add->name, "line-3");
        ck_assert_uint_eq(vault.request->principal_add->n_products, 0);
        ck_assert_uint_eq(vault.request->principal_add->n_lines, 0);
    }
}
END_TEST

START_TEST(an_enrolment_is_an_object_for_machines)
{
    say_added();
    ADMIN("metrics", "add", "prometheus", "--certificate", certificate, "--json");
    claim_json(json_pack("{ss ss ss}", "name", "prometheus", "role", "metrics", "key", DIGEST_HEX));
}
END_TEST

/* A product in the environment is for licenses: it must not narrow a station unseen. */
START_TEST(products_and_lines_narrow_and_the_environment_does_not)
{
    say_added();
    ck_assert_int_eq(setenv("PROVCTL_PRODUCT", "valve", 1), 0);
    ADMIN("station", "add", "line-3", "--certificate", certificate, "--product", "meter", "--line",
          "hall 2, left", "--product", "pump");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    const Provisiond__PrincipalAddRequest *add = vault.request->principal_add;
    claim_texts(add->n_products, add->products, TEXTS("meter", "pump"));
    claim_texts(add->n_lines, add->lines, TEXTS("hall 2, left"));
    ADMIN("station", "add", "line-3", "--certificate", certificate);
    ck_assert_uint_eq(vault.request->principal_add->n_products, 0);
}
END_TEST

START_TEST(what_is_no_product_or_line_is_a_usage_error)
{
    say_added();
    ADMIN("station", "add", "x", "--certificate", certificate, "--product", "meter", "--product",
          "a,b");
    claim_failed(64, "--product is not a name: \"a,b\"");
    ADMIN("station", "add", "x", "--certificate", certificate, "--line", "");
    claim_failed(64, "--line wants a text");
    ADMIN("station", "add", "x", "--certificate", certificate, "--line", "3", "--line", "\t");
    claim_failed(64, "--line holds a control character");
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

START_TEST(a_list_of_more_than_32_products_is_refused)
{
    const char *argv[80] = {"station",    "add",           "x",        "--socket",
                            vault.socket, "--certificate", certificate};
    size_t count = 7;
    say_added();
    for (size_t i = 0; i < 32; i++) {
        argv[count++] = "--line=3";
    }
    provctl_run(&dir, NULL, argv, &run);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_uint_eq(vault.request->principal_add->n_lines, 32);
    argv[count++] = "--line=3";
    provctl_run(&dir, NULL, argv, &run);
    claim_failed(64, "--line can be given 32 times at most");
}
END_TEST

START_TEST(a_certificate_that_can_never_connect_is_warned_of)
{
    static const struct {
        struct pki_options options;
        const char *words;
    } rows[] = {{{.not_before = 1000, .not_after = 2000}, "it is expired\n"},
                {{.not_before = 4000000000, .not_after = 4000000001}, "it is not yet valid"},
                {{.extended_key_usage = "serverAuth"}, "without clientAuth\n"},
                {{.key_usage = "critical,keyAgreement"}, "without digitalSignature\n"}};
    say_added();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_certificate(&rows[i].options);
        ADMIN("station", "add", "line-3", "--certificate", certificate);
        ck_assert_msg(strstr(run.err, rows[i].words) != NULL, "%s", run.err);
        ck_assert_ptr_eq(strchr(run.err, '\n'), run.err + strlen(run.err) - 1);
        ck_assert_int_eq(run.exit, 0);
        ck_assert_ptr_nonnull(strstr(run.out, "Station line-3 added"));
    }
}
END_TEST

START_TEST(a_certificate_without_usages_is_not_warned_of)
{
    say_added();
    write_certificate(&(struct pki_options){.key_usage = ""});
    ADMIN("station", "add", "line-3", "--certificate", certificate);
    ck_assert_str_eq(run.err, "");
}
END_TEST

START_TEST(a_product_that_is_not_there_is_warned_of)
{
    static Provisiond__ProductEntry product = PROVISIOND__PRODUCT_ENTRY__INIT;
    static Provisiond__ProductEntry *products[] = {&product};
    static Provisiond__ProductListReply list = PROVISIOND__PRODUCT_LIST_REPLY__INIT;
    static Provisiond__AdminReply reply = PROVISIOND__ADMIN_REPLY__INIT;
    product.name = (char *)"meter";
    list.n_products = 1;
    list.products = products;
    SAY(&reply, PRODUCT_LIST, product_list, &list);
    say_line_3();
    ADMIN("station", "narrow", "line-3", "--product", "meter", "--product", "metre");
    ck_assert_int_eq(run.exit, 0);
    ck_assert_str_eq(run.err,
                     "provctl: warning: there is no product metre here; is it spelt right? "
                     "See provctl product list\n");
    ADMIN("station", "narrow", "line-3", "--product", "meter");
    ck_assert_str_eq(run.err, "");
}
END_TEST

/* ---- list and show ---- */

START_TEST(a_list_shows_keys_in_short_and_what_it_is_narrowed_to)
{
    say_line_3();
    ADMIN("station", "list");
    claim_done("NAME    STATE     PRODUCTS     LINES         KEY\n"
               "line-3  disabled  meter, pump  hall 2, left  001122334455... +1\n");
    ck_assert_int_eq(vault.request->principal_list->role, PROVISIOND__ROLE__ROLE_STATION);
    ck_assert_str_eq(vault.request->principal_list->name, "");
}
END_TEST

START_TEST(a_list_of_each_role_is_an_object_for_machines)
{
    Provisiond__PrincipalListReply list = PROVISIOND__PRINCIPAL_LIST_REPLY__INIT;
    SAY(&list_reply, PRINCIPAL_LIST, principal_list, &list);
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        ADMIN(roles[i].word, "list", "--json");
        claim_json(json_pack("{s[]}", roles[i].things));
        ck_assert_int_eq(vault.request->principal_list->role, roles[i].role);
    }
    ADMIN("metrics", "list");
    ck_assert_str_eq(run.err, "There are no metrics callers yet.\n");
}
END_TEST

START_TEST(one_is_shown_with_all_that_is_known)
{
    say_line_3();
    ADMIN("station", "show", "line-3");
    claim_done("Name      line-3\n"
               "Role      station\n"
               "State     disabled\n"
               "Products  meter, pump\n"
               "Lines     hall 2, left\n"
               "Key       " DIGEST_HEX "  added " ADDED_AT "\n"
               "Key       " OTHER_HEX "  added 1970-01-01T00:00:00.000Z\n");
    ck_assert_str_eq(vault.request->principal_list->name, "line-3");
    ADMIN("station", "show", "line-3", "--json");
    claim_json(json_pack("{ss ss sb s[{ss ss}{ss ss}] s[ss] s[s]}", "name", "line-3", "role",
                         "station", "enabled", 0, "keys", "key", DIGEST_HEX, "added_at", ADDED_AT,
                         "key", OTHER_HEX, "added_at", "1970-01-01T00:00:00.000Z", "products",
                         "meter", "pump", "lines", "hall 2, left"));
}
END_TEST

START_TEST(an_answer_with_a_broken_key_is_refused)
{
    say_line_3();
    list_reply.principal_list->principals[0]->keys[0]->spki.len = 31;
    ADMIN("station", "list");
    claim_failed(1, "cannot be understood (keys)");
    ck_assert_str_eq(run.out, "");
}
END_TEST

/* ---- enable, disable, keys ---- */

START_TEST(each_role_is_enabled_and_disabled)
{
    Provisiond__PrincipalEnableReply enable = PROVISIOND__PRINCIPAL_ENABLE_REPLY__INIT;
    SAY(&enable_reply, PRINCIPAL_ENABLE, principal_enable, &enable);
    ADMIN("station", "enable", "line-3");
    claim_done("Station line-3 is enabled.\n");
    ck_assert(vault.request->principal_enable->enabled);
    ck_assert_int_eq(vault.request->principal_enable->role, PROVISIOND__ROLE__ROLE_STATION);
    ADMIN("auditor", "disable", "ada", "--json");
    claim_json(json_pack("{ss ss sb}", "name", "ada", "role", "auditor", "enabled", 0));
    ck_assert(!vault.request->principal_enable->enabled);
    ck_assert_int_eq(vault.request->principal_enable->role, PROVISIOND__ROLE__ROLE_AUDITOR);
}
END_TEST

START_TEST(a_key_is_added_before_the_old_one_is_removed)
{
    say_added();
    ADMIN("operator", "key", "add", "olga", "--certificate", certificate);
    claim_done("Operator olga is known as well by key " DIGEST_HEX ".\n");
    ck_assert_uint_gt(vault.request->principal_key->certificate.len, 0);
    ck_assert_uint_eq(vault.request->principal_key->remove_spki.len, 0);
    ADMIN("operator", "key", "remove", "olga", OTHER_HEX);
    claim_done("Operator olga is no longer known by key " DIGEST_HEX ".\n");
    ck_assert_uint_eq(vault.request->principal_key->certificate.len, 0);
    ck_assert_uint_eq(vault.request->principal_key->remove_spki.data[0], 0xff);
    ck_assert_int_eq(vault.request->principal_key->role, PROVISIOND__ROLE__ROLE_OPERATOR);
    ADMIN("operator", "key", "remove", "olga", "sha256:1");
    claim_failed(64, "sha256:1 is no key; it is 64 hex digits, as provctl operator show prints");
}
END_TEST

/* ---- narrow ---- */

START_TEST(what_is_not_named_stays_as_it_is)
{
    say_line_3();
    ADMIN("station", "narrow", "line-3", "--product", "valve");
    claim_done("Station line-3: products valve; lines hall 2, left.\n");
    const Provisiond__PrincipalNarrowRequest *narrow = vault.request->principal_narrow;
    claim_texts(narrow->n_products, narrow->products, TEXTS("valve"));
    ck_assert(narrow->keep_lines && narrow->n_lines == 0 && !narrow->keep_products);
    ADMIN("station", "narrow", "line-3", "--all-lines");
    claim_done("Station line-3: products meter, pump; lines all.\n");
    narrow = vault.request->principal_narrow;
    ck_assert(narrow->keep_products && narrow->n_products == 0 && !narrow->keep_lines);
    claim_texts(narrow->n_lines, narrow->lines, NO_TEXTS);
    ADMIN("station", "narrow", "line-3", "--all-products", "--line", "1", "--line", "2", "--json");
    claim_json(json_pack("{ss ss s[] s[ss]}", "name", "line-3", "role", "station", "products",
                         "lines", "1", "2"));
}
END_TEST

START_TEST(a_narrowing_that_says_nothing_or_both_is_a_usage_error)
{
    say_line_3();
    ADMIN("station", "narrow", "line-3");
    claim_failed(64, "Say what it is narrowed to");
    ADMIN("station", "narrow", "line-3", "--line", "3", "--all-lines");
    claim_failed(64, "give one of two");
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

START_TEST(one_that_is_unknown_is_not_the_callers_own)
{
    say_fault(ERR_PRINCIPAL_UNKNOWN, "principal-unknown", "Nobody of this name is enrolled.");
    ADMIN("station", "disable", "nope");
    claim_failed(1, "provctl: There is no station of this name. See provctl station list.\n");
    ADMIN("metrics", "enable", "nope");
    claim_failed(1, "There is no metrics caller of this name. See provctl metrics list.");
    ADMIN("auditor", "narrow", "nope", "--all-lines");
    claim_failed(1, "There is no auditor of this name.");
    ADMIN("budget", "set", "meter", "--station", "nope", "--units", "1", "--period", "1h");
    claim_failed(1, "There is no station of this name. See provctl station list.");
}
END_TEST

START_TEST(each_role_has_each_command)
{
    static const char *const verbs[] = {"add",     "enroll", "list",    "show",      "enable",
                                        "disable", "narrow", "key add", "key remove"};
    char line[128];
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        PROVCTL(&dir, &run, "help", roles[i].word);
        ck_assert_int_eq(run.exit, 0);
        for (size_t j = 0; j < sizeof verbs / sizeof verbs[0]; j++) {
            (void)snprintf(line, sizeof line, "  provctl %s %s ", roles[i].word, verbs[j]);
            ck_assert_msg(strstr(run.out, line) != NULL, "%s", line);
        }
    }
    PROVCTL(&dir, &run, "station", "key", "ad");
    claim_failed(64, "did you mean provctl station key add?");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {each_role_is_enrolled_by_a_certificate,
                                  an_enrolment_is_an_object_for_machines,
                                  products_and_lines_narrow_and_the_environment_does_not,
                                  what_is_no_product_or_line_is_a_usage_error,
                                  a_list_of_more_than_32_products_is_refused,
                                  a_certificate_that_can_never_connect_is_warned_of,
                                  a_certificate_without_usages_is_not_warned_of,
                                  a_product_that_is_not_there_is_warned_of,
                                  a_list_shows_keys_in_short_and_what_it_is_narrowed_to,
                                  a_list_of_each_role_is_an_object_for_machines,
                                  one_is_shown_with_all_that_is_known,
                                  an_answer_with_a_broken_key_is_refused,
                                  each_role_is_enabled_and_disabled,
                                  a_key_is_added_before_the_old_one_is_removed,
                                  what_is_not_named_stays_as_it_is,
                                  a_narrowing_that_says_nothing_or_both_is_a_usage_error,
                                  one_that_is_unknown_is_not_the_callers_own,
                                  each_role_has_each_command,
                                  NULL};
    return suite_run("cli principal", admin_case_set_up, admin_case_tear_down, tests);
}
