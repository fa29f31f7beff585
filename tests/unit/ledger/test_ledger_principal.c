/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Principals: their roles, keys and scopes, what their leaves say, and what is kept from them. */
#include <stdio.h>
#include <string.h>

#include "world.h"

static struct world world;

static void setup(void)
{
    world_make(&world, 10);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

/* ---- short words for the calls ---- */

/* Of a principal's n-th key. */
static enum error get(int64_t n, struct ledger_principal *ret_principal)
{
    const struct sha256 key = world_digest('s', n);
    return ledger_principal_get(world.ledger, &key, ret_principal, &world.fault);
}

static enum error key_add(const char *name, int64_t n)
{
    const struct sha256 key = world_digest('s', n);
    return ledger_principal_key_add(world.ledger, name, LEDGER_ROLE_ANY, &key, WORLD_BY,
                                    &world.fault);
}

static enum error key_remove(const char *name, int64_t n)
{
    const struct sha256 key = world_digest('s', n);
    return ledger_principal_key_remove(world.ledger, name, LEDGER_ROLE_ANY, &key, WORLD_BY,
                                       &world.fault);
}

static enum error narrow(const char *name, const char *products, const char *lines)
{
    const struct ledger_narrowing narrowing = {products, lines};
    return ledger_principal_narrow(world.ledger, name, LEDGER_STATION, &narrowing, WORLD_BY,
                                   &world.fault);
}

static void refused(enum error e, enum error code, const char *reason)
{
    ck_assert_int_eq(e, code);
    ck_assert_str_eq(world.fault.reason, reason);
}

static int64_t journal_size(void)
{
    struct ledger_info info;
    ck_assert_int_eq(ledger_info(world.ledger, &info, &world.fault), ERR_OK);
    return info.journal_size;
}

static const char *last_leaf(void)
{
    return world_leaf(&world, journal_size() - 1);
}

/* ---- enrolling ---- */

START_TEST(a_principal_is_found_by_its_key_while_it_is_enabled)
{
    struct ledger_principal principal;
    ck_assert_int_eq(get(2, &principal), ERR_OK);
    ck_assert_str_eq(principal.name, "st-2");
    ck_assert_int_eq(principal.role, LEDGER_STATION);
    ck_assert(principal.is_enabled);
    ck_assert_uint_eq(principal.key_count, 1);
    ck_assert_str_eq(principal.scope.products, "");
    ck_assert_str_eq(principal.scope.lines, "");
    refused(get(9, &principal), ERR_FORBIDDEN, "principal-unknown");
    ck_assert_int_eq(world_switch(&world, "st-2", false), ERR_OK);
    refused(get(2, &principal), ERR_FORBIDDEN, "principal-disabled");
    ck_assert_int_eq(world_switch(&world, "st-2", true), ERR_OK);
    ck_assert_int_eq(get(2, &principal), ERR_OK);
}
END_TEST

START_TEST(a_principal_of_each_role_is_enrolled_and_no_other)
{
    static const char *const NAMES[] = {"station", "operator", "auditor", "administrator",
                                        "metrics"};
    struct ledger_principal principal;
    char name[LEDGER_NAME_MAX + 1];
    char words[64];
    for (int role = LEDGER_STATION; role <= LEDGER_METRICS; role++) {
        (void)snprintf(name, sizeof name, "p-%d", role);
        (void)snprintf(words, sizeof words, "\"role\":\"%s\"", NAMES[role - 1]);
        ck_assert_int_eq(world_enrol(&world, name, (enum ledger_role)role, 10 + role), ERR_OK);
        ck_assert_ptr_nonnull(strstr(last_leaf(), words));
        ck_assert_int_eq(get(10 + role, &principal), ERR_OK);
        ck_assert_int_eq((int)principal.role, role);
    }
    refused(world_enrol(&world, "p-9", LEDGER_ROLE_ANY, 30), ERR_BAD_REQUEST, "role");
    refused(world_enrol(&world, "p-9", (enum ledger_role)6, 30), ERR_BAD_REQUEST, "role");
}
END_TEST

START_TEST(a_name_and_a_key_are_enrolled_once_whatever_the_role)
{
    refused(world_enrol(&world, "st-1", LEDGER_STATION, 3), ERR_CONFLICT, "name-taken");
    refused(world_enrol(&world, "st-1", LEDGER_AUDITOR, 3), ERR_CONFLICT, "name-taken");
    refused(world_enrol(&world, "op-1", LEDGER_OPERATOR, 1), ERR_CONFLICT, "key-taken");
    ck_assert_int_eq(world_enrol(&world, "op-1", LEDGER_OPERATOR, 3), ERR_OK);
}
END_TEST

START_TEST(a_list_that_is_kept_stays_as_it_is)
{
    struct ledger_principal principal;
    const struct ledger_narrowing products = {"widget\n", NULL};
    const struct ledger_narrowing lines = {NULL, "2\n"};
    ck_assert_int_eq(ledger_principal_narrow(world.ledger, "st-1", LEDGER_STATION, &products,
                                             WORLD_BY, &world.fault),
                     ERR_OK);
    ck_assert_int_eq(ledger_principal_narrow(world.ledger, "st-1", LEDGER_STATION, &lines, WORLD_BY,
                                             &world.fault),
                     ERR_OK);
    ck_assert_int_eq(get(1, &principal), ERR_OK);
    ck_assert_str_eq(principal.scope.products, "widget\n");
    ck_assert_str_eq(principal.scope.lines, "2\n");
    ck_assert_ptr_nonnull(strstr(last_leaf(), "\"products\":\"widget\\n\""));
}
END_TEST

START_TEST(a_role_narrows_what_a_name_finds)
{
    const struct ledger_narrowing none = {"", ""};
    ck_assert_int_eq(world_enrol(&world, "op-1", LEDGER_OPERATOR, 3), ERR_OK);
    refused(world_switch(&world, "op-1", false), ERR_PRINCIPAL_UNKNOWN, "principal-unknown");
    refused(world_switch(&world, "st-9", false), ERR_PRINCIPAL_UNKNOWN, "principal-unknown");
    refused(narrow("op-1", "", ""), ERR_PRINCIPAL_UNKNOWN, "principal-unknown");
    refused(key_add("st-9", 5), ERR_PRINCIPAL_UNKNOWN, "principal-unknown");
    refused(key_remove("st-9", 1), ERR_PRINCIPAL_UNKNOWN, "principal-unknown");
    ck_assert_int_eq(ledger_principal_narrow(world.ledger, "op-1", LEDGER_ROLE_ANY, &none, WORLD_BY,
                                             &world.fault),
                     ERR_OK);
}
END_TEST

/* ---- keys ---- */

START_TEST(a_principal_is_found_by_each_of_its_keys)
{
    struct ledger_principal principal;
    ck_assert_int_eq(key_add("st-1", 12), ERR_OK);
    ck_assert_int_eq(key_add("st-1", 11), ERR_OK);
    static const int64_t KEYS[] = {1, 12, 11}; /* the oldest first */
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(get(KEYS[i], &principal), ERR_OK);
        ck_assert_str_eq(principal.name, "st-1");
        ck_assert_uint_eq(principal.key_count, 3);
    }
    for (size_t i = 0; i < 3; i++) {
        const struct sha256 key = world_digest('s', KEYS[i]);
        ck_assert(sha256_equal(&principal.keys[i].spki, &key));
        ck_assert_int_gt(principal.keys[i].added_unix_ms, 0);
    }
    world_reopen(&world);
    ck_assert_int_eq(get(11, &principal), ERR_OK);
    ck_assert_uint_eq(principal.key_count, 3);
}
END_TEST

START_TEST(a_removed_key_opens_nothing_and_is_free)
{
    struct ledger_principal principal;
    ck_assert_int_eq(key_add("st-1", 11), ERR_OK);
    ck_assert_int_eq(key_remove("st-1", 1), ERR_OK);
    refused(get(1, &principal), ERR_FORBIDDEN, "principal-unknown");
    ck_assert_int_eq(get(11, &principal), ERR_OK);
    ck_assert_uint_eq(principal.key_count, 1);
    ck_assert_int_eq(key_add("st-2", 1), ERR_OK);
    ck_assert_int_eq(get(1, &principal), ERR_OK);
    ck_assert_str_eq(principal.name, "st-2");
}
END_TEST

START_TEST(a_principal_has_one_to_four_keys_of_its_own)
{
    refused(key_remove("st-1", 1), ERR_CONFLICT, "last-key");
    refused(key_add("st-1", 1), ERR_CONFLICT, "key-taken");
    refused(key_add("st-1", 2), ERR_CONFLICT, "key-taken");
    for (int64_t n = 11; n <= 13; n++)
        ck_assert_int_eq(key_add("st-1", n), ERR_OK);
    refused(key_add("st-1", 14), ERR_CONFLICT, "too-many-keys");
    refused(key_remove("st-1", 14), ERR_CONFLICT, "key-unknown");
    refused(key_remove("st-1", 2), ERR_CONFLICT, "key-unknown");
    ck_assert_int_eq(key_remove("st-1", 12), ERR_OK);
    ck_assert_int_eq(key_add("st-1", 14), ERR_OK);
}
END_TEST

/* ---- leaves ---- */

START_TEST(leaves_say_who_was_given_what)
{
    struct ledger_scope scope = {.products = "widget\n", .lines = "2\nLine \"3\"\n"};
    const struct ledger_enrolment enrolment = {
        .name = "op-1", .role = LEDGER_OPERATOR, .spki = world_digest('s', 3), .scope = &scope};
    ck_assert_int_eq(ledger_principal_add(world.ledger, &enrolment, WORLD_BY, &world.fault), 0);
    ck_assert_ptr_nonnull(strstr(last_leaf(),
                                 "{\"by\":\"uid:0\",\"lines\":\"2\\nLine \\\"3\\\"\\n\","
                                 "\"principal\":\"op-1\",\"products\":\"widget\\n\","
                                 "\"role\":\"operator\",\"spki\":\""));
    ck_assert_int_eq(key_add("st-1", 11), ERR_OK);
    ck_assert_ptr_nonnull(
        strstr(last_leaf(), "{\"by\":\"uid:0\",\"principal\":\"st-1\",\"spki\":\""));
    ck_assert_ptr_nonnull(strstr(last_leaf(), "\"type\":\"principal-key-added\""));
    ck_assert_int_eq(key_remove("st-1", 11), ERR_OK);
    ck_assert_ptr_nonnull(strstr(last_leaf(), "\"type\":\"principal-key-removed\""));
    ck_assert_int_eq(narrow("st-1", "", "2\n"), ERR_OK);
    ck_assert_ptr_nonnull(strstr(last_leaf(), "{\"by\":\"uid:0\",\"lines\":\"2\\n\",\"principal\":"
                                              "\"st-1\",\"time\":\""));
    ck_assert_ptr_nonnull(strstr(last_leaf(), "\"type\":\"principal-narrowed\""));
}
END_TEST

START_TEST(what_changes_nothing_leaves_no_leaf)
{
    ck_assert_int_eq(narrow("st-1", "widget\n", "2\n"), ERR_OK);
    int64_t size = journal_size();
    ck_assert_int_eq(narrow("st-1", "widget\n", "2\n"), ERR_OK);
    ck_assert_int_eq(world_switch(&world, "st-1", true), ERR_OK);
    ck_assert_int_eq(key_add("st-1", 1), ERR_CONFLICT);
    ck_assert_int_eq(key_remove("st-1", 9), ERR_CONFLICT);
    ck_assert_int_eq(journal_size(), size);
    ck_assert_int_eq(narrow("st-1", "widget\n", ""), ERR_OK);
    ck_assert_int_eq(journal_size(), size + 1);
}
END_TEST

/* ---- scopes ---- */

START_TEST(a_list_contains_whole_names_only)
{
    ck_assert(ledger_scope_has("", "widget"));
    ck_assert(ledger_scope_has("", ""));
    ck_assert(ledger_scope_has("gadget\nwidget\n", "gadget"));
    ck_assert(ledger_scope_has("gadget\nwidget\n", "widget"));
    ck_assert(!ledger_scope_has("gadget\nwidget\n", "idget"));
    ck_assert(!ledger_scope_has("gadget\nwidget\n", "widge"));
    ck_assert(!ledger_scope_has("gadget\nwidget\n", "gadget\nwidget"));
    ck_assert(!ledger_scope_has("gadget\nwidget\n", ""));
    ck_assert(!ledger_scope_has("gadget\n", "widget"));
}
END_TEST

START_TEST(a_scope_is_read_as_it_was_given)
{
    struct ledger_principal principal;
    ck_assert_int_eq(narrow("st-1", "widget\nnot-made-yet\n", "Linie \xc3\xa4\n2\n"), ERR_OK);
    ck_assert_int_eq(get(1, &principal), ERR_OK);
    ck_assert_str_eq(principal.scope.products, "widget\nnot-made-yet\n");
    ck_assert_str_eq(principal.scope.lines, "Linie \xc3\xa4\n2\n");
    ck_assert_int_eq(narrow("st-1", "", ""), ERR_OK);
    ck_assert_int_eq(get(1, &principal), ERR_OK);
    ck_assert_str_eq(principal.scope.products, "");
}
END_TEST

START_TEST(a_scope_outside_its_form_is_refused)
{
    static const char LONG[] =
        "12345678901234567890123456789012345678901234567890123456789012345\n";
    static const char *const PRODUCTS[] = {
        "widget",           "\n",         "widget\n\n",    "two words\n", LONG,
        "widget\nwidget\n", "\xc3\xa4\n", "widget\ngadget"};
    static const char *const LINES[] = {"2",         "\n",     "2\n\n",   LONG,
                                        "2\n3\n2\n", "\xc3\n", "tab\t\n", "\x7f\n"};
    for (size_t i = 0; i < sizeof PRODUCTS / sizeof PRODUCTS[0]; i++) {
        refused(narrow("st-1", PRODUCTS[i], ""), ERR_BAD_REQUEST, "scope");
        refused(narrow("st-1", "", LINES[i]), ERR_BAD_REQUEST, "scope");
    }
    struct ledger_scope scope = {.products = "widget"};
    const struct ledger_enrolment enrolment = {
        .name = "st-3", .role = LEDGER_STATION, .spki = world_digest('s', 3), .scope = &scope};
    refused(ledger_principal_add(world.ledger, &enrolment, WORLD_BY, &world.fault), ERR_BAD_REQUEST,
            "scope");
    memset(scope.products, 'x', sizeof scope.products); /* without an end */
    refused(ledger_principal_add(world.ledger, &enrolment, WORLD_BY, &world.fault), ERR_BAD_REQUEST,
            "scope");
}
END_TEST

/* Names of 64 bytes that differ in their first two; filled up with the text. */
static void fill_list(char *list, int count, const char *text)
{
    for (int i = 0; i < count; i++) {
        char *name = list + (size_t)i * (LEDGER_NAME_MAX + 1);
        name[0] = (char)('A' + i / 26);
        name[1] = (char)('A' + i % 26);
        for (size_t at = 2; at < LEDGER_NAME_MAX; at += strlen(text))
            memcpy(name + at, text, strlen(text));
        name[LEDGER_NAME_MAX] = '\n';
        name[LEDGER_NAME_MAX + 1] = '\0';
    }
}

START_TEST(the_largest_scopes_fit_a_leaf)
{
    static char products[LEDGER_SCOPE_MAX + 2 * LEDGER_NAME_MAX];
    static char lines[LEDGER_SCOPE_MAX + 2 * LEDGER_NAME_MAX];
    fill_list(products, LEDGER_SCOPE_NAMES_MAX, "x");
    fill_list(lines, LEDGER_SCOPE_NAMES_MAX, "x");
    ck_assert_int_eq(narrow("st-1", products, lines), ERR_OK);
    fill_list(lines, 25, "\xc3\xa4"); /* three bytes of a leaf for one */
    ck_assert_int_eq(narrow("st-1", products, lines), ERR_OK);
    fill_list(lines, LEDGER_SCOPE_NAMES_MAX, "\xc3\xa4");
    refused(narrow("st-1", products, lines), ERR_BAD_REQUEST, "scope");
    ck_assert_int_eq(narrow("st-1", "", lines), ERR_OK);
    /* One name more. */
    (void)snprintf(products, sizeof products, "%s", "");
    for (int i = 0; i <= LEDGER_SCOPE_NAMES_MAX; i++)
        (void)snprintf(products + strlen(products), 8, "p%d\n", i);
    refused(narrow("st-1", products, ""), ERR_BAD_REQUEST, "scope");
}
END_TEST

/* ---- what is kept from a principal ---- */

static enum error issue(const char *line, int64_t n, struct ledger_issued *ret_issued)
{
    const struct ledger_device device = world_device(n);
    struct ledger_issue issue = {.product_id = world.product_id,
                                 .image_id = world.image_id,
                                 .principal_id = world.station_id,
                                 .device = device,
                                 .license = bytes_of("license", 7)};
    (void)snprintf(issue.context.line, sizeof issue.context.line, "%s", line);
    return ledger_issue(world.ledger, &issue, ret_issued, &world.fault);
}

START_TEST(who_was_narrowed_since_it_asked_gets_no_license)
{
    struct ledger_issued issued;
    ck_assert_int_eq(issue("2", 1, &issued), ERR_OK);
    ck_assert_int_eq(narrow("st-1", "gadget\n", ""), ERR_OK);
    refused(issue("2", 2, &issued), ERR_FORBIDDEN, "product-not-allowed");
    refused(issue("2", 1, &issued), ERR_FORBIDDEN, "product-not-allowed");
    ck_assert_int_eq(narrow("st-1", "widget\n", "1\n3\n"), ERR_OK);
    refused(issue("2", 2, &issued), ERR_FORBIDDEN, "line-not-allowed");
    refused(issue("", 2, &issued), ERR_FORBIDDEN, "line-missing");
    ck_assert_int_eq(issue("3", 2, &issued), ERR_OK);
    ck_assert_int_eq(world_usage(&world).charged, 2);
}
END_TEST

static enum error issue_with(int64_t key, int64_t n, struct ledger_issued *ret_issued)
{
    const struct ledger_issue issue = {.product_id = world.product_id,
                                       .image_id = world.image_id,
                                       .principal_id = world.station_id,
                                       .asked_with = world_digest('s', key),
                                       .device = world_device(n),
                                       .license = bytes_of("license", 7)};
    return ledger_issue(world.ledger, &issue, ret_issued, &world.fault);
}

static enum error report_with(int64_t key, const struct uuid *install)
{
    struct ledger_recorded recorded;
    const struct ledger_outcome outcome = {.install = *install,
                                           .principal_id = world.station_id,
                                           .asked_with = world_digest('s', key),
                                           .result = LEDGER_FAILED};
    return ledger_outcome_record(world.ledger, &outcome, &recorded, &world.fault);
}

START_TEST(who_asked_with_a_key_that_was_removed_since_gets_nothing)
{
    struct ledger_issued issued;
    ck_assert_int_eq(key_add("st-1", 11), ERR_OK);
    ck_assert_int_eq(issue_with(11, 1, &issued), ERR_OK);
    ck_assert_int_eq(report_with(11, &issued.install), ERR_OK);
    ck_assert_int_eq(key_remove("st-1", 11), ERR_OK);
    refused(issue_with(11, 2, &issued), ERR_FORBIDDEN, "principal-unknown");
    refused(issue_with(11, 1, &issued), ERR_FORBIDDEN, "principal-unknown");
    refused(report_with(11, &issued.install), ERR_FORBIDDEN, "principal-unknown");
    refused(issue_with(2, 2, &issued), ERR_FORBIDDEN, "principal-unknown"); /* of st-2 */
    ck_assert_int_eq(issue_with(1, 2, &issued), ERR_OK);
    ck_assert_int_eq(world_usage(&world).charged, 2);
}
END_TEST

START_TEST(an_outcome_is_of_a_product_in_scope)
{
    struct ledger_issued issued;
    ck_assert_int_eq(issue("2", 1, &issued), ERR_OK);
    ck_assert_int_eq(narrow("st-1", "gadget\n", ""), ERR_OK);
    refused(world_report(&world, &issued.install, LEDGER_FAILED), ERR_FORBIDDEN,
            "product-not-allowed");
    /* An outcome names no line. */
    ck_assert_int_eq(narrow("st-1", "widget\n", "3\n"), ERR_OK);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_FAILED), ERR_OK);
}
END_TEST

START_TEST(only_stations_get_licenses_and_report)
{
    struct ledger_principal principal;
    struct ledger_issued issued;
    ck_assert_int_eq(issue("2", 1, &issued), ERR_OK);
    ck_assert_int_eq(world_enrol(&world, "admin-1", LEDGER_ADMINISTRATOR, 3), ERR_OK);
    ck_assert_int_eq(get(3, &principal), ERR_OK);
    world.station_id = principal.id;
    refused(issue("2", 2, &issued), ERR_FORBIDDEN, "role-not-allowed");
    refused(world_report(&world, &issued.install, LEDGER_FAILED), ERR_FORBIDDEN,
            "role-not-allowed");
    ck_assert_int_eq(world_usage(&world).charged, 1);
}
END_TEST

/* ---- lists ---- */

struct listing {
    struct ledger_principal rows[8];
    size_t count;
};

static bool note(void *context, const struct ledger_principal *principal)
{
    struct listing *listing = context;
    listing->rows[listing->count++] = *principal;
    return true;
}

START_TEST(a_list_shows_each_principal_once_with_all_its_keys)
{
    static struct listing listing;
    listing.count = 0;
    ck_assert_int_eq(world_enrol(&world, "op-1", LEDGER_OPERATOR, 3), ERR_OK);
    ck_assert_int_eq(key_add("st-1", 11), ERR_OK);
    ck_assert_int_eq(key_add("op-1", 12), ERR_OK);
    ck_assert_int_eq(narrow("st-2", "widget\n", ""), ERR_OK);
    ck_assert_int_eq(ledger_principals_each(world.ledger, note, &listing, &world.fault), ERR_OK);
    ck_assert_uint_eq(listing.count, 3);
    ck_assert_str_eq(listing.rows[0].name, "st-1");
    ck_assert_uint_eq(listing.rows[0].key_count, 2);
    ck_assert_str_eq(listing.rows[0].scope.products, "");
    ck_assert_uint_eq(listing.rows[1].key_count, 1);
    ck_assert_str_eq(listing.rows[1].scope.products, "widget\n");
    ck_assert_str_eq(listing.rows[2].name, "op-1");
    ck_assert_uint_eq(listing.rows[2].key_count, 2);
}
END_TEST

static void add_keys_and_leaves(TCase *tcase)
{
    tcase_add_test(tcase, a_principal_is_found_by_its_key_while_it_is_enabled);
    tcase_add_test(tcase, a_principal_of_each_role_is_enrolled_and_no_other);
    tcase_add_test(tcase, a_name_and_a_key_are_enrolled_once_whatever_the_role);
    tcase_add_test(tcase, a_role_narrows_what_a_name_finds);
    tcase_add_test(tcase, a_principal_is_found_by_each_of_its_keys);
    tcase_add_test(tcase, a_removed_key_opens_nothing_and_is_free);
    tcase_add_test(tcase, a_principal_has_one_to_four_keys_of_its_own);
    tcase_add_test(tcase, leaves_say_who_was_given_what);
    tcase_add_test(tcase, what_changes_nothing_leaves_no_leaf);
}

int main(void)
{
    Suite *suite = suite_create("principals");
    TCase *tcase = tcase_create("principals");
    tcase_add_checked_fixture(tcase, setup, teardown);
    add_keys_and_leaves(tcase);
    tcase_add_test(tcase, a_list_contains_whole_names_only);
    tcase_add_test(tcase, a_list_that_is_kept_stays_as_it_is);
    tcase_add_test(tcase, a_scope_is_read_as_it_was_given);
    tcase_add_test(tcase, a_scope_outside_its_form_is_refused);
    tcase_add_test(tcase, the_largest_scopes_fit_a_leaf);
    tcase_add_test(tcase, who_was_narrowed_since_it_asked_gets_no_license);
    tcase_add_test(tcase, who_asked_with_a_key_that_was_removed_since_gets_nothing);
    tcase_add_test(tcase, an_outcome_is_of_a_product_in_scope);
    tcase_add_test(tcase, only_stations_get_licenses_and_report);
    tcase_add_test(tcase, a_list_shows_each_principal_once_with_all_its_keys);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
