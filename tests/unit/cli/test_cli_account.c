/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Products, their accounts, budgets and re-bindings on the admin socket: what people see. */
#include <stdlib.h>
#include <string.h>

#include "admin_case.h"
#include "core/clock.h"
#include "core/error.h"
#include "suite.h"

#define OTHER_HEX "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static Provisiond__AdminReply usage_answer = PROVISIOND__ADMIN_REPLY__INIT;
static Provisiond__AdminReply list_answer = PROVISIOND__ADMIN_REPLY__INIT;
static Provisiond__AdminReply answer = PROVISIOND__ADMIN_REPLY__INIT;

/* ---- the account ---- */

static Provisiond__UsageReply usage = PROVISIOND__USAGE_REPLY__INIT;

static void say_usage(void)
{
    usage.accepted = 5000;
    usage.revoked = 100;
    usage.scrap_allowance = 50;
    usage.scrap_drawn = 3;
    usage.granted = 4903;
    usage.remaining = 3669;
    usage.charged = 1234;
    usage.succeeded = 1200;
    usage.proven = 900;
    usage.failed = 10;
    usage.scrapped = 4;
    usage.unreported = 20;
    usage.unreported_hour = 12;
    usage.unreported_day = 5;
    usage.unreported_week = 2;
    usage.unreported_older = 1;
    usage.licensed = 1300;
    usage.policy = (char *)"per-device";
    usage.anchor = (char *)"ok";
    SAY(&usage_answer, USAGE, usage, &usage);
}

#define SUMS                                                                      \
    "  Accepted     5000\n"                                                       \
    "- Revoked       100\n"                                                       \
    "+ Scrap drawn     3  of an allowance of 50\n"                                \
    "= Granted      4903\n"                                                       \
    "\n"                                                                          \
    "  Remaining    3669\n"                                                       \
    "+ Charged      1234\n"                                                       \
    "= Granted      4903\n"                                                       \
    "\n"                                                                          \
    "  Succeeded    1200  of them proven by the device: 900\n"                    \
    "+ Failed         10\n"                                                       \
    "+ Scrapped        4\n"                                                       \
    "+ Unreported     20  for under 1 hour: 12, 1 day: 5, 7 days: 2, longer: 1\n" \
    "= Charged      1234\n"                                                       \
    "\n"                                                                          \
    "  Licenses     1300  one device may have several, one for each image\n"

START_TEST(an_account_can_be_added_up_by_a_newcomer)
{
    say_usage();
    ADMIN("usage", "meter");
    claim_done("Product  meter\n"
               "Policy   per-device: one unit pays for one device\n"
               "Rule     local: this site's administrator decides\n"
               "Anchor   ok: the HSM remembers the journal\n"
               "\n" SUMS);
    ck_assert_str_eq(vault.request->usage->product, "meter");
}
END_TEST

START_TEST(an_account_says_who_decides_and_that_there_is_no_anchor)
{
    say_usage();
    usage.governed = 1;
    usage.policy = (char *)"per-license";
    usage.anchor = (char *)"none";
    ADMIN("usage", "meter");
    claim_done("Product  meter\n"
               "Policy   per-license: one unit pays for one new license\n"
               "Rule     governed: documents signed by its authorities decide\n"
               "Anchor   none: this HSM cannot remember the journal; an older ledger would not be "
               "noticed\n"
               "\n" SUMS);
    usage.anchor = (char *)"hsm-timeout";
    ADMIN("usage", "meter");
    ck_assert_ptr_nonnull(strstr(run.out, "Anchor   hsm-timeout\n"));
}
END_TEST

static json_t *usage_as_json(void)
{
    return json_pack("{si si si si si si si si si si si si si s{si si si si} sb ss ss}", "granted",
                     4903, "charged", 1234, "remaining", 3669, "licensed", 1300, "succeeded", 1200,
                     "failed", 10, "scrapped", 4, "unreported", 20, "accepted", 5000, "revoked",
                     100, "scrap_allowance", 50, "scrap_drawn", 3, "proven", 900, "unreported_age",
                     "under_1h", 12, "under_1d", 5, "under_7d", 2, "older", 1, "governed", 0,
                     "policy", "per-device", "anchor", "ok");
}

START_TEST(an_account_is_an_object_for_machines)
{
    say_usage();
    ADMIN("usage", "meter", "--json");
    claim_json(usage_as_json());
}
END_TEST

START_TEST(an_account_that_does_not_add_up_is_shown_and_is_a_failure)
{
    static const struct {
        int64_t *member;
        const char *words;
    } rows[] = {{&usage.accepted, "it must be that granted = accepted - revoked + scrap drawn"},
                {&usage.revoked, "it must be that granted = accepted - revoked + scrap drawn"},
                {&usage.scrap_drawn, "it must be that granted = accepted - revoked + scrap drawn"},
                {&usage.remaining, "it must be that granted = remaining + charged"},
                {&usage.failed, "it must be that charged = succeeded + failed + scrapped"},
                {&usage.unreported_older, "it must be that unreported = the sum of its ages"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        say_usage();
        *rows[i].member += 1;
        ADMIN("usage", "meter");
        claim_failed(1, rows[i].words);
        ck_assert_ptr_nonnull(strstr(run.out, "= Granted      4903\n"));
        ADMIN("usage", "meter", "--json");
        claim_failed(1, rows[i].words);
        ck_assert_int_eq(strncmp(run.out, "{\"error\": ", 10), 0);
        *rows[i].member = INT64_MAX; /* no sum overflows into a good one */
        ADMIN("usage", "meter");
        claim_failed(1, "This account does not add up");
    }
}
END_TEST

START_TEST(an_account_that_is_none_is_refused)
{
    say_usage();
    usage.licensed = -1;
    ADMIN("usage", "meter");
    claim_failed(1, "This account does not add up: it must be that no number is below zero");
    say_usage();
    usage.policy = (char *)"per\033device";
    ADMIN("usage", "meter");
    claim_failed(1, "The vault's answer cannot be understood (policy)");
    say_usage();
    usage.anchor = (char *)"";
    ADMIN("usage", "meter");
    claim_failed(1, "The vault's answer cannot be understood (anchor)");
    ck_assert_str_eq(run.out, "");
}
END_TEST

/* ---- one product ---- */

static Provisiond__ProductEntry product = PROVISIOND__PRODUCT_ENTRY__INIT;
static Provisiond__ProductEntry *products[] = {&product};
static Provisiond__ProductListReply list = PROVISIOND__PRODUCT_LIST_REPLY__INIT;
static Provisiond__AuthorityEntry officer = PROVISIOND__AUTHORITY_ENTRY__INIT;
static Provisiond__AuthorityEntry guest = PROVISIOND__AUTHORITY_ENTRY__INIT;
static Provisiond__AuthorityEntry *members[] = {&officer, &guest};

static void say_product(void)
{
    product.name = (char *)"meter";
    product.profile = (char *)"cms";
    product.policy = (char *)"per-device";
    product.state = (char *)"ok";
    product.enabled = 1;
    product.quota = 4903;
    product.used = 1234;
    list.n_products = 1;
    list.products = products;
    SAY(&list_answer, PRODUCT_LIST, product_list, &list);
}

/* Governed by two officers, both of whom sign. */
static void say_governed(void)
{
    say_product();
    officer.key = digest;
    officer.name = (char *)"CN=officer 1";
    guest.key = digest;
    guest.name = (char *)"CN=\033[31mguest";
    product.governed = 1;
    product.attempts_max = 20;
    product.sequence = 4;
    product.threshold = 2;
    product.authorities = digest;
    product.first_authorities = digest;
    product.n_members = 2;
    product.members = members;
    usage.governed = 1;
}

#define ACCOUNT_ROWS                                  \
    "Accepted              5000\n"                    \
    "Revoked               100\n"                     \
    "Scrap drawn           3 of an allowance of 50\n" \
    "Granted               4903\n"                    \
    "Charged               1234\n"                    \
    "Remaining             3669\n"                    \
    "Session key exposure  not allowed\n"

START_TEST(a_local_product_says_that_the_administrator_decides)
{
    say_usage();
    say_product();
    ADMIN("product", "show", "meter");
    claim_done("Product               meter\n"
               "Profile               cms\n"
               "Policy                per-device: one unit pays for one device\n"
               "Attempts per device   no limit\n"
               "Rule                  local: this site's administrator decides\n"
               "State                 enabled\n"
               "Check                 ok\n" ACCOUNT_ROWS);
}
END_TEST

START_TEST(a_governed_product_says_who_decides)
{
    say_usage();
    say_governed();
    ADMIN("product", "show", "meter");
    claim_done("Product               meter\n"
               "Profile               cms\n"
               "Policy                per-device: one unit pays for one device\n"
               "Attempts per device   20\n"
               "Rule                  governed: documents signed by 2 of 2 authorities decide\n"
               "Sequence              4\n"
               "First authorities     " DIGEST_HEX "\n"
               "Present authorities   " DIGEST_HEX "\n"
               "May sign              " DIGEST_HEX "  CN=officer 1\n"
               "May sign              " DIGEST_HEX "  CN=\\x1b[31mguest\n"
               "State                 enabled\n"
               "Check                 ok\n" ACCOUNT_ROWS);
}
END_TEST

START_TEST(a_product_that_was_changed_by_hand_says_so)
{
    say_usage();
    say_governed();
    product.state = (char *)"tampered";
    product.state_detail = (char *)"Its quota is not what its documents say.";
    ADMIN("product", "show", "meter");
    ck_assert_ptr_nonnull(strstr(
        run.out, "Check                 tampered: Its quota is not what its documents say.\n"));
    ADMIN("product", "list");
    ck_assert_ptr_nonnull(strstr(run.out, "enabled  tampered     4903"));
}
END_TEST

START_TEST(a_product_that_was_not_checked_yet_is_shown_without_what_is_not_known)
{
    say_usage();
    say_governed();
    product.state = (char *)"unchecked";
    product.state_detail = (char *)"The HSM was not asked yet.";
    product.first_authorities.len = 0;
    product.threshold = 0;
    product.n_members = 0;
    ADMIN("product", "show", "meter");
    ck_assert_ptr_nonnull(
        strstr(run.out, "Rule                  governed: documents signed by its authorities "
                        "decide\n"));
    ck_assert_ptr_nonnull(strstr(run.out, "First authorities     not known\n"));
    ck_assert_ptr_nonnull(
        strstr(run.out, "Check                 unchecked: The HSM was not asked yet.\n"));
    product.state = (char *)"";
    ADMIN("product", "show", "meter");
    ck_assert_ptr_nonnull(strstr(run.out, "Check                 unknown: The HSM"));
}
END_TEST

START_TEST(a_governed_product_is_an_object_for_machines)
{
    say_usage();
    say_governed();
    ADMIN("product", "show", "meter", "--json");
    json_t *expected = usage_as_json();
    json_t *more = json_pack(
        "{ss ss sb sb sb si si si ss ss ss ss s[{ss ss} {ss ss}] s{}}", "name", "meter", "profile",
        "cms", "governed", 1, "enabled", 1, "session_key_exposure", 0, "attempts_max", 20,
        "threshold", 2, "sequence", 4, "first_authorities", DIGEST_HEX, "authorities", DIGEST_HEX,
        "state", "ok", "state_detail", "", "members", "key", DIGEST_HEX, "name", "CN=officer 1",
        "key", DIGEST_HEX, "name", "CN=\033[31mguest", "settings");
    ck_assert_int_eq(json_object_update(expected, more), 0);
    json_decref(more);
    claim_json(expected);
}
END_TEST

START_TEST(a_product_with_a_digest_of_a_wrong_length_is_not_shown)
{
    ProtobufCBinaryData *const fields[] = {&product.authorities, &product.first_authorities,
                                           &officer.key};
    say_usage();
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        say_governed();
        fields[i]->len = 31;
        ADMIN("product", "show", "meter");
        claim_failed(1, "The vault's answer holds a digest of a wrong length");
        ck_assert_str_eq(run.out, "");
    }
    say_governed();
    product.sequence = -1;
    ADMIN("product", "list");
    claim_failed(1, "The vault's answer holds a number below zero");
}
END_TEST

START_TEST(a_product_whose_account_does_not_add_up_is_a_failure)
{
    say_usage();
    say_product();
    usage.charged++;
    ADMIN("product", "show", "meter");
    claim_failed(1, "This account does not add up");
    ADMIN("product", "show", "meter", "--json");
    claim_failed(1, "This account does not add up");
    ck_assert_int_eq(strncmp(run.out, "{\"error\": ", 10), 0);
}
END_TEST

START_TEST(a_product_whose_account_cannot_be_had_is_not_half_shown)
{
    say_product();
    say_fault(ERR_LEDGER_UNAVAILABLE, "sqlite", "The ledger cannot be read.");
    ADMIN("product", "show", "meter");
    claim_failed(20, "The ledger cannot be read. Try again in a moment.");
    ck_assert_str_eq(run.out, "");
}
END_TEST

START_TEST(a_list_says_of_every_product_who_decides)
{
    Provisiond__ProductEntry local = PROVISIOND__PRODUCT_ENTRY__INIT;
    Provisiond__ProductEntry *both[] = {&local, &product};
    say_governed();
    product.n_members = 0; /* the vault tells them of a single product only */
    local.name = (char *)"gateway-pro";
    local.profile = (char *)"st-sfi";
    local.policy = (char *)"per-license";
    local.state = (char *)"ok";
    list.n_products = 2;
    list.products = both;
    ADMIN("product", "list");
    claim_done("PRODUCT      PROFILE  POLICY       STATE     CHECK  GRANTED  CHARGED  REMAINING  "
               "RULE\n"
               "gateway-pro  st-sfi   per-license  disabled  ok           0        0          0  "
               "local: this site's administrator decides\n"
               "meter        cms      per-device   enabled   ok        4903     1234       3669  "
               "governed: documents signed by 2 of its authorities decide\n");
}
END_TEST

/* ---- making one ---- */

static const char *write_anchors(void)
{
    static char path[TEMP_PATH_MAX];
    static const char pem[] = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";
    temp_dir_path(&dir, "anchors.pem", path);
    write_file(&dir, "anchors.pem", pem, sizeof pem - 1);
    return path;
}

#define CREATE(...) \
    ADMIN("product", "create", "meter", "--anchors", write_anchors(), "--quota", "5", ##__VA_ARGS__)

static void say_create(void)
{
    static Provisiond__ProductCreateReply create = PROVISIOND__PRODUCT_CREATE_REPLY__INIT;
    SAY(&answer, PRODUCT_CREATE, product_create, &create);
}

START_TEST(a_new_product_is_local_and_its_policy_the_vaults_default)
{
    say_create();
    CREATE();
    claim_done("Product meter created with a quota of 5 (local: this site's administrator "
               "decides).\n");
    ck_assert_str_eq(vault.request->product_create->policy, "");
    ck_assert_int_eq(vault.request->product_create->attempts_max, 0);
}
END_TEST

START_TEST(a_new_product_has_the_policy_and_the_attempts_that_were_asked_for)
{
    say_create();
    CREATE("--policy", "per-license", "--attempts-max", "1000000");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_str_eq(vault.request->product_create->policy, "per-license");
    ck_assert_int_eq(vault.request->product_create->attempts_max, 1000000);
}
END_TEST

START_TEST(a_policy_that_does_not_exist_is_a_usage_error)
{
    static const char *const wrong[] = {"", "per-Device", "device", "per-devicex"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CREATE("--policy", wrong[i]);
        claim_failed(64, "--policy is per-device or per-license");
    }
    CREATE("--attempts-max", "0");
    claim_failed(64, "--attempts-max wants a whole number from 1 to 1000000");
    CREATE("--attempts-max", "1000001");
    claim_failed(64, "--attempts-max wants");
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

/* ---- units ---- */

START_TEST(units_go_to_the_scrap_allowance_when_that_is_said)
{
    Provisiond__QuotaAddReply add = PROVISIOND__QUOTA_ADD_REPLY__INIT;
    add.quota = 700;
    add.scrap_allowance = 50;
    SAY(&answer, QUOTA_ADD, quota_add, &add);
    ADMIN("quota", "add", "meter", "--units", "20", "--scrap");
    claim_done("The scrap allowance of meter is now 50.\n");
    ck_assert(vault.request->quota_add->scrap);
    ADMIN("quota", "add", "meter", "--units", "20");
    claim_done("The quota of meter is now 700.\n");
    ck_assert(!vault.request->quota_add->scrap);
    ADMIN("quota", "add", "meter", "--units", "20", "--scrap", "--json");
    claim_done("{\"product\": \"meter\", \"quota\": 700, \"scrap_allowance\": 50}\n");
}
END_TEST

START_TEST(units_of_a_governed_product_come_by_a_document)
{
    say_fault(ERR_FORBIDDEN, "product-governed", "It is governed.");
    ADMIN("quota", "add", "meter", "--units", "20");
    claim_failed(11, "provctl: The product is governed: documents signed by its authorities "
                     "decide, not this site's administrator. Ask them for a document of the kind "
                     "install and apply it: provctl grant apply FILE.\n");
    ADMIN("quota", "add", "meter", "--units", "20", "--scrap");
    claim_failed(11, "of the kind scrap and apply it: provctl grant apply FILE.\n");
}
END_TEST

/* ---- budgets ---- */

static void say_budget_set(void)
{
    static Provisiond__BudgetSetReply set = PROVISIOND__BUDGET_SET_REPLY__INIT;
    SAY(&answer, BUDGET_SET, budget_set, &set);
}

#define BUDGET(...) ADMIN("budget", "set", "meter", __VA_ARGS__)

START_TEST(a_budget_is_set_for_a_station_or_for_all)
{
    say_budget_set();
    BUDGET("--units", "400", "--period", "8h", "--offset", "6h", "--station", "line-3");
    claim_done("meter: at most 400 units every 8h for line-3, counted from 6h after midnight "
               "UTC.\n");
    const Provisiond__BudgetSetRequest *set = vault.request->budget_set;
    ck_assert_str_eq(set->product, "meter");
    ck_assert_str_eq(set->station, "line-3");
    ck_assert_int_eq(set->units, 400);
    ck_assert_uint_eq(set->period_minutes, 480);
    ck_assert_uint_eq(set->offset_minutes, 360);
    BUDGET("--units", "0", "--period", "7d");
    claim_done("meter: at most 0 units every 7d for all stations together, counted from 0h after "
               "midnight UTC.\n");
    ck_assert_str_eq(vault.request->budget_set->station, "");
    ck_assert_uint_eq(vault.request->budget_set->period_minutes, 10080);
    BUDGET("--units", "1", "--period", "90m", "--json");
    claim_done("{\"product\": \"meter\", \"station\": \"\", \"units\": 1, \"period_minutes\": 90, "
               "\"offset_minutes\": 0}\n");
}
END_TEST

START_TEST(a_budget_that_cannot_be_is_a_usage_error)
{
    static const char *const periods[] = {"",
                                          "8",
                                          "h",
                                          "0h",
                                          "8d",
                                          "10081m",
                                          "8 h",
                                          "8hh",
                                          "1.5h",
                                          "-8h",
                                          "8h30m",
                                          "8H",
                                          "99999999999999999999h"};
    for (size_t i = 0; i < sizeof periods / sizeof periods[0]; i++) {
        BUDGET("--units", "1", "--period", periods[i]);
        claim_failed(64, "--period wants a time from 1m to 7d, such as 8h");
    }
    BUDGET("--units", "1", "--period", "8h", "--offset", "8h");
    claim_failed(64, "--offset wants a time shorter than the period");
    BUDGET("--units", "1", "--period", "8h", "--offset", "x");
    claim_failed(64, "--offset wants a time shorter than the period");
    BUDGET("--units", "-1", "--period", "8h");
    claim_failed(64, "--units wants a whole number from 0 to 1000000000000");
    BUDGET("--units", "1", "--period", "8h", "--station", "a b");
    claim_failed(64, "--station is not a name: \"a b\"");
    BUDGET("--units", "1");
    claim_failed(64, "The option --period TIME is missing");
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

START_TEST(a_budget_is_taken_away)
{
    say_budget_set();
    ADMIN("budget", "remove", "meter", "--station", "line-3");
    claim_done("meter: no budget for line-3 any more.\n");
    ck_assert_int_eq(vault.request->budget_set->units, -1);
    ck_assert_str_eq(vault.request->budget_set->station, "line-3");
    ADMIN("budget", "remove", "meter", "--json");
    claim_done("{\"product\": \"meter\", \"station\": \"\"}\n");
}
END_TEST

START_TEST(a_budget_for_a_station_that_is_unknown_is_not_the_callers_fault)
{
    say_fault(ERR_FORBIDDEN, "station-unknown", "This station is not enrolled.");
    BUDGET("--units", "1", "--period", "8h", "--station", "nope");
    claim_failed(1, "There is no station of this name. See provctl station list.\n");
}
END_TEST

static Provisiond__BudgetEntry budget = PROVISIOND__BUDGET_ENTRY__INIT;

static void say_budgets(void)
{
    static Provisiond__BudgetListReply budgets = PROVISIOND__BUDGET_LIST_REPLY__INIT;
    static Provisiond__BudgetEntry all = PROVISIOND__BUDGET_ENTRY__INIT;
    static Provisiond__BudgetEntry *entries[] = {&all, &budget};
    all.units = 400;
    all.period_minutes = 480;
    all.offset_minutes = 360;
    all.used = 17;
    budget = all;
    budget.station = (char *)"line-3";
    budget.units = 9;
    budget.period_minutes = 10080;
    budget.offset_minutes = 0;
    budgets.n_budgets = 2;
    budgets.budgets = entries;
    SAY(&answer, BUDGET_LIST, budget_list, &budgets);
}

/* The first period that begins after now, counted one by one from the beginning of Unix time. */
static void format_next(int64_t period_minutes, int64_t offset_minutes, char out[TIMESTAMP_SIZE])
{
    const int64_t minute = 60000;
    int64_t begin = offset_minutes * minute;
    while (begin <= clock_unix_ms())
        begin += period_minutes * minute;
    timestamp_format(begin, out);
}

START_TEST(budgets_are_listed_in_columns)
{
    say_budgets();
    char expected[512];
    char eight[TIMESTAMP_SIZE];
    char week[TIMESTAMP_SIZE];
    format_next(480, 360, eight);
    format_next(10080, 0, week);
    ADMIN("budget", "list", "meter");
    (void)snprintf(expected, sizeof expected,
                   "STATION         PERIOD  OFFSET  UNITS  USED  REMAINING  NEXT\n"
                   "(all together)      8h      6h    400    17        383  %s\n"
                   "line-3              7d      0h      9    17          0  %s\n",
                   eight, week);
    claim_done(expected);
    ck_assert_str_eq(vault.request->budget_list->product, "meter");
    ADMIN("budget", "list", "meter", "--json");
    claim_json(json_pack("{s[{ss si si si si si ss} {ss si si si si si ss}]}", "budgets", "station",
                         "", "units", 400, "period_minutes", 480, "offset_minutes", 360, "used", 17,
                         "remaining", 383, "next_period_at", eight, "station", "line-3", "units", 9,
                         "period_minutes", 10080, "offset_minutes", 0, "used", 17, "remaining", 0,
                         "next_period_at", week));
}
END_TEST

START_TEST(a_budget_that_is_none_is_not_listed)
{
    say_budgets();
    budget.period_minutes = 0;
    ADMIN("budget", "list", "meter");
    claim_failed(1, "The vault's answer holds a budget that is none");
    say_budgets();
    budget.offset_minutes = budget.period_minutes;
    ADMIN("budget", "list", "meter");
    claim_failed(1, "The vault's answer holds a budget that is none");
    say_budgets();
    budget.used = INT64_MIN;
    ADMIN("budget", "list", "meter");
    claim_failed(1, "The vault's answer holds a budget that is none");
    ck_assert_str_eq(run.out, "");
}
END_TEST

START_TEST(a_product_without_budgets_says_so)
{
    Provisiond__BudgetListReply none = PROVISIOND__BUDGET_LIST_REPLY__INIT;
    SAY(&answer, BUDGET_LIST, budget_list, &none);
    ADMIN("budget", "list", "meter");
    ck_assert_int_eq(run.exit, 0);
    ck_assert_str_eq(run.err, "There are no budgets yet.\n");
    ADMIN("budget", "list", "meter", "--json");
    claim_done("{\"budgets\": []}\n");
}
END_TEST

/* ---- a board that got a new chip ---- */

static void say_rebind(void)
{
    static Provisiond__DeviceRebindReply rebind = PROVISIOND__DEVICE_REBIND_REPLY__INIT;
    SAY(&answer, DEVICE_REBIND, device_rebind, &rebind);
}

#define REBIND(serial, old_key, new_key, ...)                                                 \
    ADMIN("device", "rebind", "meter", "--serial", serial, "--old-key", old_key, "--new-key", \
          new_key, ##__VA_ARGS__)

START_TEST(a_serial_gets_another_key)
{
    say_rebind();
    REBIND("SN \xc3\xbc", OTHER_HEX, DIGEST_HEX);
    claim_done("meter: serial SN \xc3\xbc belongs to key " DIGEST_HEX " now.\n"
               "The new key is charged like any new device; the old one gets no license any "
               "more.\n");
    const Provisiond__DeviceRebindRequest *rebind = vault.request->device_rebind;
    ck_assert_str_eq(rebind->product, "meter");
    ck_assert_str_eq(rebind->serial, "SN \xc3\xbc");
    ck_assert_mem_eq(rebind->new_key.data, digest.data, 32);
    ck_assert_uint_eq(rebind->old_key.len, 32);
    ck_assert_uint_eq(rebind->old_key.data[0], 0xff);
    REBIND("SN-1", DIGEST_HEX, OTHER_HEX, "--json");
    claim_done("{\"product\": \"meter\", \"serial\": \"SN-1\", \"old_key\": \"" DIGEST_HEX
               "\", \"new_key\": \"" OTHER_HEX "\"}\n");
}
END_TEST

START_TEST(a_rebinding_that_cannot_be_is_a_usage_error)
{
    static const char long_serial[] = "0123456789012345678901234567890123456789"
                                      "0123456789012345678901234";
    REBIND("SN-1", &DIGEST_HEX[2], OTHER_HEX);
    claim_failed(64, "--old-key wants 64 hex digits");
    REBIND("SN-1", DIGEST_HEX, OTHER_HEX "00");
    claim_failed(64, "--new-key wants 64 hex digits");
    REBIND("SN-1", DIGEST_HEX, DIGEST_HEX);
    claim_failed(64, "--old-key and --new-key are the same key");
    REBIND("", DIGEST_HEX, OTHER_HEX);
    claim_failed(64, "--serial wants the device's serial number");
    REBIND(long_serial, DIGEST_HEX, OTHER_HEX);
    claim_failed(64, "--serial is at most 64 bytes");
    REBIND("a\nb", DIGEST_HEX, OTHER_HEX);
    claim_failed(64, "--serial holds a control character");
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

START_TEST(a_refused_rebinding_says_what_to_do)
{
    say_fault(ERR_FORBIDDEN, "product-governed", "It is governed.");
    REBIND("SN-1", DIGEST_HEX, OTHER_HEX);
    claim_failed(11, "a document of the kind rebind and apply it: provctl grant apply FILE.\n");
    say_fault(ERR_CONFLICT, "key-taken", "The new key is known already.");
    REBIND("SN-1", DIGEST_HEX, OTHER_HEX);
    claim_failed(1, "provctl: The new key is known already.\n");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_account_can_be_added_up_by_a_newcomer,
        an_account_says_who_decides_and_that_there_is_no_anchor,
        an_account_is_an_object_for_machines,
        an_account_that_does_not_add_up_is_shown_and_is_a_failure,
        an_account_that_is_none_is_refused,
        a_local_product_says_that_the_administrator_decides,
        a_governed_product_says_who_decides,
        a_product_that_was_changed_by_hand_says_so,
        a_product_that_was_not_checked_yet_is_shown_without_what_is_not_known,
        a_governed_product_is_an_object_for_machines,
        a_product_with_a_digest_of_a_wrong_length_is_not_shown,
        a_product_whose_account_does_not_add_up_is_a_failure,
        a_product_whose_account_cannot_be_had_is_not_half_shown,
        a_list_says_of_every_product_who_decides,
        a_new_product_is_local_and_its_policy_the_vaults_default,
        a_new_product_has_the_policy_and_the_attempts_that_were_asked_for,
        a_policy_that_does_not_exist_is_a_usage_error,
        units_go_to_the_scrap_allowance_when_that_is_said,
        units_of_a_governed_product_come_by_a_document,
        a_budget_is_set_for_a_station_or_for_all,
        a_budget_that_cannot_be_is_a_usage_error,
        a_budget_is_taken_away,
        a_budget_for_a_station_that_is_unknown_is_not_the_callers_fault,
        budgets_are_listed_in_columns,
        a_budget_that_is_none_is_not_listed,
        a_product_without_budgets_says_so,
        a_serial_gets_another_key,
        a_rebinding_that_cannot_be_is_a_usage_error,
        a_refused_rebinding_says_what_to_do,
        NULL};
    return suite_run("cli account", admin_case_set_up, admin_case_tear_down, tests);
}
