/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Installs and documents found by what they are. Installs are compared with what the test remembers
 * of each, filter by filter and page by page.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "ledger/sqlite_sql.h"
#include "maker.h"
#include "set_clock.h"

#define START    INT64_C(1764234867123)
#define STEP_MS  INT64_C(1000)
#define INSTALLS 60
#define DEVICES  40 /* the later installs are of the first devices again, for another image */

static struct world world;

/* What the test knows of the n-th install. */
struct known {
    struct uuid id;
    int64_t device;
    int image; /* 1 or 2 of widget, 3 of gadget */
    int station;
    int lot;
    int result;
};

static struct known known[INSTALLS];
static int64_t images[4];
static int64_t stations[3];
static int64_t products[4];

static void add_gadget(void)
{
    const struct ledger_product_new gadget = {.name = "gadget",
                                              .profile = "st-sfi",
                                              .policy = LEDGER_PER_LICENSE,
                                              .quota = 100,
                                              .anchors = bytes_of("PEM", 3)};
    const struct ledger_image image = world_image(3);
    struct ledger_product product;
    struct ledger_image found;
    ck_assert_int_eq(ledger_product_create(world.ledger, &gadget, WORLD_BY, &world.fault), 0);
    ck_assert_int_eq(ledger_product_get(world.ledger, "gadget", &product, &world.fault), 0);
    ck_assert_int_eq(ledger_image_add(world.ledger, "gadget", &image, WORLD_BY, &world.fault), 0);
    ck_assert_int_eq(
        ledger_image_get(world.ledger, product.id, &image.digest, &found, &world.fault), 0);
    images[3] = found.id;
    products[3] = product.id;
}

static void issue(int n)
{
    struct known *it = &known[n];
    struct ledger_issued issued;
    it->device = n % DEVICES;
    it->image = n >= DEVICES ? 2 : n % 4 == 3 ? 3 : 1;
    it->station = 1 + n % 2;
    it->lot = n / 7;
    if (n >= DEVICES && known[n - DEVICES].image == 3)
        it->image = 1;
    struct ledger_issue asked = {.product_id = products[it->image],
                                 .image_id = images[it->image],
                                 .principal_id = stations[it->station],
                                 .device = world_device(it->device),
                                 .license = bytes_of("a license", 9),
                                 .context = {.line = "2", .socket = "s1"}};
    (void)snprintf(asked.context.lot, sizeof asked.context.lot, "L-%d", it->lot);
    set_clock_stop(START + n * STEP_MS);
    ck_assert_int_eq(ledger_issue(world.ledger, &asked, &issued, &world.fault), ERR_OK);
    it->id = issued.install;
}

static void report(int n, int result)
{
    known[n].result = result;
    ck_assert_int_eq(world_report(&world, &known[n].id, (enum ledger_result)result), ERR_OK);
}

static void setup(void)
{
    struct ledger_principal principal;
    const struct sha256 key = world_digest('s', 2);
    set_clock_stop(START - 10 * STEP_MS);
    world_make(&world, 100);
    ck_assert_int_eq(ledger_principal_get(world.ledger, &key, &principal, &world.fault), ERR_OK);
    stations[1] = world.station_id;
    stations[2] = principal.id;
    images[1] = world.image_id;
    images[2] = world_add_image(&world, 2);
    products[1] = products[2] = world.product_id;
    add_gadget();
    memset(known, 0, sizeof known);
    for (int n = 0; n < INSTALLS; n++)
        issue(n);
    report(50, LEDGER_SUCCEEDED);
    report(51, LEDGER_FAILED);
    report(3, LEDGER_SCRAPPED);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

/* ---- pages ---- */

struct page {
    struct ledger_install rows[INSTALLS];
    size_t count;
    size_t stop_at; /* 0: never */
};

static bool note(void *context, const struct ledger_install *install)
{
    struct page *page = context;
    page->rows[page->count++] = *install;
    return page->count != page->stop_at;
}

static struct page page;

/* All pages of that filter. */
static void read_all(struct ledger_install_filter filter)
{
    int64_t next = 0;
    page.count = 0;
    do {
        filter.before = next;
        ck_assert_int_eq(
            ledger_installs_each(world.ledger, &filter, note, &page, &next, &world.fault), ERR_OK);
    } while (next != 0);
}

static bool is_of(const struct known *it, int n, const struct ledger_install_filter *filter)
{
    const struct sha256 device = world_digest('d', it->device);
    const char *product = it->image == 3 ? "gadget" : WORLD_PRODUCT;
    char lot[16];
    char station[16];
    int64_t time = START + n * STEP_MS;
    (void)snprintf(lot, sizeof lot, "L-%d", it->lot);
    (void)snprintf(station, sizeof station, "st-%d", it->station);
    return (filter->product == NULL || strcmp(filter->product, product) == 0) &&
           (filter->products == NULL || ledger_scope_has(filter->products, product)) &&
           (filter->lot == NULL || strcmp(filter->lot, lot) == 0) &&
           (filter->station == NULL || strcmp(filter->station, station) == 0) &&
           (filter->device == NULL || sha256_equal(filter->device, &device)) &&
           (!filter->has_result || filter->result == it->result) &&
           (filter->since_unix_ms == 0 || time >= filter->since_unix_ms) &&
           (filter->until_unix_ms == 0 || time < filter->until_unix_ms);
}

/* How many installs the test knows of that filter; they are the page, the newest first. */
static size_t compare(const struct ledger_install_filter *filter)
{
    size_t found = 0;
    for (int n = INSTALLS - 1; n >= 0; n--) {
        if (!is_of(&known[n], n, filter))
            continue;
        ck_assert_uint_lt(found, page.count);
        ck_assert_mem_eq(&page.rows[found].id, &known[n].id, sizeof(struct uuid));
        found++;
    }
    return found;
}

/* What the filter finds is what the test knows, whatever the size of a page. */
static size_t check(struct ledger_install_filter filter)
{
    static const unsigned LIMITS[] = {LEDGER_PAGE_MAX, 7, 1};
    for (size_t i = 0; i < sizeof LIMITS / sizeof LIMITS[0]; i++) {
        filter.limit = LIMITS[i];
        read_all(filter);
        ck_assert_uint_eq(compare(&filter), page.count);
    }
    return page.count;
}

START_TEST(without_a_filter_every_install_is_found_once)
{
    const struct ledger_install_filter filter = {0};
    ck_assert_uint_eq(check(filter), INSTALLS);
}
END_TEST

START_TEST(each_member_of_a_filter_narrows)
{
    const struct sha256 device = world_digest('d', 5);
    const struct sha256 gadget_device = world_digest('d', 7);
    const struct ledger_install_filter filters[] = {
        {.product = WORLD_PRODUCT},
        {.product = "gadget"},
        {.products = "gadget\n"},
        {.products = "gadget\nwidget\nnone\n"},
        {.products = "widget\nnone\n", .product = WORLD_PRODUCT},
        {.lot = "L-3"},
        {.lot = "L-3", .product = "gadget"},
        {.station = "st-2"},
        {.station = "st-1", .lot = "L-2", .products = "widget\n"},
        {.device = &device},
        {.device = &gadget_device}, /* of two products */
        {.device = &gadget_device, .product = "gadget"},
        {.has_result = true, .result = 0, .product = WORLD_PRODUCT},
        {.has_result = true, .result = LEDGER_SUCCEEDED},
        {.has_result = true, .result = LEDGER_FAILED, .station = "st-2"},
        {.has_result = true, .result = LEDGER_SCRAPPED, .products = "gadget\n"},
    };
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        ck_assert_msg(check(filters[i]) > 0, "filter %zu finds nothing", i);
}
END_TEST

START_TEST(a_span_of_time_is_cut_at_its_millisecond)
{
    const struct ledger_install_filter filters[] = {
        {.since_unix_ms = START + 10 * STEP_MS},
        {.since_unix_ms = START + 10 * STEP_MS + 1},
        {.until_unix_ms = START + 10 * STEP_MS},
        {.until_unix_ms = START + 10 * STEP_MS + 1},
        {.since_unix_ms = START, .until_unix_ms = START + 1},
        {.since_unix_ms = START + 20 * STEP_MS,
         .until_unix_ms = START + 40 * STEP_MS,
         .product = WORLD_PRODUCT},
        {.since_unix_ms = START + 20 * STEP_MS,
         .until_unix_ms = START + 24 * STEP_MS,
         .lot = "L-3"},
        {.since_unix_ms = 1, .until_unix_ms = INT64_MAX},
    };
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        ck_assert_msg(check(filters[i]) > 0, "filter %zu finds nothing", i);
    const struct ledger_install_filter after = {.since_unix_ms = START + INSTALLS * STEP_MS};
    const struct ledger_install_filter before = {.until_unix_ms = START};
    const struct ledger_install_filter empty = {.since_unix_ms = START + 9 * STEP_MS,
                                                .until_unix_ms = START + 9 * STEP_MS};
    ck_assert_uint_eq(check(after), 0);
    ck_assert_uint_eq(check(before), 0);
    ck_assert_uint_eq(check(empty), 0);
}
END_TEST

START_TEST(a_name_that_is_nobodys_finds_nothing_and_a_product_is_said_to_be_unknown)
{
    int64_t next = 1;
    const struct ledger_install_filter nobody[] = {{.station = "st-9", .limit = 1},
                                                   {.lot = "L-99", .limit = 1},
                                                   {.products = "none\n", .limit = 1}};
    const struct ledger_install_filter unknown = {.product = "none", .limit = 1};
    for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
        page.count = 0;
        ck_assert_int_eq(
            ledger_installs_each(world.ledger, &nobody[i], note, &page, &next, &world.fault),
            ERR_OK);
        ck_assert_uint_eq(page.count, 0);
        ck_assert_int_eq(next, 0);
    }
    ck_assert_int_eq(ledger_installs_each(world.ledger, &unknown, note, &page, &next, &world.fault),
                     ERR_PRODUCT_UNKNOWN);
}
END_TEST

START_TEST(a_page_has_1_to_256_rows)
{
    static const unsigned WRONG[] = {0, LEDGER_PAGE_MAX + 1};
    int64_t next = 0;
    for (size_t i = 0; i < 2; i++) {
        const struct ledger_install_filter filter = {.limit = WRONG[i]};
        ck_assert_int_eq(
            ledger_installs_each(world.ledger, &filter, note, &page, &next, &world.fault),
            ERR_BAD_REQUEST);
        ck_assert_str_eq(world.fault.reason, "limit");
    }
}
END_TEST

START_TEST(a_listing_that_is_told_to_stop_goes_on_behind_that_row)
{
    struct ledger_install_filter filter = {.limit = 50};
    page.count = 0;
    page.stop_at = 3;
    int64_t next = 0;
    ck_assert_int_eq(ledger_installs_each(world.ledger, &filter, note, &page, &next, &world.fault),
                     ERR_OK);
    ck_assert_uint_eq(page.count, 3);
    ck_assert_int_eq(next, page.rows[2].row);
    page.stop_at = 0;
    filter.before = next;
    page.count = 0;
    ck_assert_int_eq(ledger_installs_each(world.ledger, &filter, note, &page, &next, &world.fault),
                     ERR_OK);
    ck_assert_mem_eq(&page.rows[0].id, &known[INSTALLS - 4].id, sizeof(struct uuid));
}
END_TEST

START_TEST(an_install_is_read_whole)
{
    struct ledger_install install;
    const struct sha256 license = sha256_of(bytes_of("a license", 9));
    const struct sha256 image = world_digest('i', 2);
    const struct sha256 device = world_digest('d', 10);
    const struct ledger_outcome outcome = {.install = known[50].id,
                                           .principal_id = stations[2],
                                           .result = LEDGER_FAILED,
                                           .code = "E-7",
                                           .detail = "no contact"};
    set_clock_stop(START + 100 * STEP_MS);
    ck_assert_int_eq(ledger_outcome_record(world.ledger, &outcome, NULL, &world.fault), ERR_OK);
    ck_assert_int_eq(ledger_install_get(world.ledger, &known[50].id, &install, &world.fault), 0);
    ck_assert_str_eq(install.product, WORLD_PRODUCT);
    ck_assert_str_eq(install.profile, "sealed-v1");
    ck_assert(sha256_equal(&install.image, &image));
    ck_assert(sha256_equal(&install.device, &device));
    ck_assert_str_eq(install.serial, "SN-10");
    ck_assert_str_eq(install.station, "st-1");
    ck_assert(!install.is_charged); /* the second image of a device */
    ck_assert(sha256_equal(&install.license_digest, &license));
    ck_assert_int_eq(install.licensed_unix_ms, START + 50 * STEP_MS);
    ck_assert_int_eq(install.attempts, 1);
    ck_assert_str_eq(install.context.lot, "L-7");
    ck_assert_str_eq(install.context.line, "2");
    ck_assert_str_eq(install.context.socket, "s1");
    ck_assert_int_eq(install.result, LEDGER_FAILED);
    ck_assert_str_eq(install.code, "E-7");
    ck_assert_str_eq(install.detail, "no contact");
    ck_assert_str_eq(install.reporter, "st-2");
    ck_assert_int_eq(install.reported_unix_ms, START + 100 * STEP_MS);
    ck_assert(!install.is_proven);
    int64_t index = 0;
    ck_assert_int_eq(ledger_install_leaf(world.ledger, &install.id, &index, &world.fault), 0);
    ck_assert_int_eq(install.journal_index, index);
}
END_TEST

START_TEST(what_was_not_reported_says_so_and_an_unknown_install_is_unknown)
{
    struct ledger_install install;
    const struct uuid none = uuid_new(START);
    ck_assert_int_eq(ledger_install_get(world.ledger, &known[0].id, &install, &world.fault), 0);
    ck_assert_int_eq(install.result, 0);
    ck_assert_str_eq(install.reporter, "");
    ck_assert_int_eq(install.reported_unix_ms, 0);
    ck_assert(install.is_charged);
    ck_assert_int_eq(ledger_install_get(world.ledger, &none, &install, &world.fault),
                     ERR_INSTALL_UNKNOWN);
}
END_TEST

START_TEST(an_install_is_proven_while_its_receipt_stands)
{
    struct ledger_install install;
    struct ledger_outcome outcome = {.install = known[9].id,
                                     .principal_id = stations[1],
                                     .result = LEDGER_SUCCEEDED,
                                     .receipt = {1, 2, 3},
                                     .receipt_length = 3,
                                     .key = {4, 5},
                                     .key_length = 2};
    ck_assert_int_eq(ledger_outcome_record(world.ledger, &outcome, NULL, &world.fault), ERR_OK);
    ck_assert_int_eq(ledger_install_get(world.ledger, &known[9].id, &install, &world.fault), 0);
    ck_assert(install.is_proven);
    outcome.result = LEDGER_FAILED;
    outcome.receipt_length = outcome.key_length = 0;
    ck_assert_int_eq(ledger_outcome_record(world.ledger, &outcome, NULL, &world.fault), ERR_OK);
    ck_assert_int_eq(ledger_install_get(world.ledger, &known[9].id, &install, &world.fault), 0);
    ck_assert(!install.is_proven);
}
END_TEST

/* ---- bounds ---- */

/* More installs of gadget than one page reads, past the ledger's code: what is looked for lies
 * before them. */
static void add_many(size_t count)
{
    char text[1024];
    (void)sqlite3_snprintf(
        sizeof text, text,
        "PRAGMA foreign_keys = OFF;"
        "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < %d) "
        "INSERT INTO install (uuid, device_id, image_id, principal_id, license, licensed_unix_ms, "
        "attempted_unix_ms, lot, line, work_order, operator, socket, charge_id, product_id, "
        "is_charged, leaf) SELECT CAST(printf('%%016d', x) AS BLOB), 1000 + x, 3, 1, x'00', %lld, "
        "0, 'L-many', '', "
        "'', '', '', 1, 2, 0, 0 FROM n",
        (int)count, (long long)(START + INSTALLS * STEP_MS));
    ck_assert_int_eq(world_execute(&world, "DROP TRIGGER install_matches; DROP TRIGGER "
                                           "install_has_unit"),
                     SQLITE_OK);
    ck_assert_int_eq(world_execute(&world, text), SQLITE_OK);
}

START_TEST(a_page_reads_a_bounded_number_of_rows)
{
    struct ledger_install_filter filter = {.station = "st-2", .limit = 10};
    int64_t next = 0;
    add_many(LEDGER_SCAN_MAX + 5);
    page.count = 0;
    ck_assert_int_eq(ledger_installs_each(world.ledger, &filter, note, &page, &next, &world.fault),
                     ERR_OK);
    ck_assert_uint_eq(page.count, 0);
    ck_assert_int_eq(next, INSTALLS + 6);
    filter.before = next;
    ck_assert_int_eq(ledger_installs_each(world.ledger, &filter, note, &page, &next, &world.fault),
                     ERR_OK);
    ck_assert_uint_eq(page.count, 10);
    /* A lot and a product are found at once. */
    const struct ledger_install_filter lot = {.lot = "L-3", .limit = 1};
    const struct ledger_install_filter widget = {.products = "widget\n", .limit = 1};
    page.count = 0;
    ck_assert_int_eq(ledger_installs_each(world.ledger, &lot, note, &page, &next, &world.fault), 0);
    ck_assert_int_eq(ledger_installs_each(world.ledger, &widget, note, &page, &next, &world.fault),
                     0);
    ck_assert_uint_eq(page.count, 2);
}
END_TEST

/* Without reading more than it shows, but for the search that nothing narrows. */
START_TEST(a_search_goes_along_an_index)
{
    static const enum sql SEARCHES[] = {
        SQL_INSTALLS_OF_PRODUCT, SQL_INSTALLS_OF_LOT, SQL_INSTALLS_OF_DEVICE,
        SQL_USAGE_COUNT,         SQL_USAGE_BY_LOT,    SQL_USAGE_BY_DAY,
        SQL_USAGE_BY_STATION,    SQL_DOCUMENTS_PAGE,  SQL_PRINCIPAL_GET};
    sqlite3 *db = world_raw(&world);
    for (size_t i = 0; i < sizeof SEARCHES / sizeof SEARCHES[0]; i++) {
        char text[4096];
        sqlite3_stmt *row = NULL;
        (void)sqlite3_snprintf(sizeof text, text, "EXPLAIN QUERY PLAN %s", sql_text(SEARCHES[i]));
        ck_assert_int_eq(sqlite3_prepare_v2(db, text, -1, &row, NULL), SQLITE_OK);
        while (sqlite3_step(row) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(row, 3);
            ck_assert_msg(strncmp(step, "SCAN", 4) != 0 || strcmp(step, "SCAN n") == 0, "%s: %s",
                          text, step);
            if (strstr(text, "install_usage") != NULL && strncmp(step, "SEARCH i", 8) == 0)
                ck_assert_ptr_nonnull(strstr(step, "COVERING INDEX"));
        }
        (void)sqlite3_finalize(row);
    }
    (void)sqlite3_close(db);
}
END_TEST

/* ---- documents ---- */

struct documents {
    int64_t leaves[16];
    char products[16][LEDGER_NAME_MAX + 1];
    size_t count;
};

static bool note_document(void *context, const struct ledger_document *document)
{
    struct documents *documents = context;
    documents->leaves[documents->count] = document->journal_index;
    (void)snprintf(documents->products[documents->count], LEDGER_NAME_MAX + 1, "%s",
                   document->product);
    documents->count++;
    return true;
}

static struct documents documents;

/* How many of them in pages of that size. */
static size_t read_documents(const char *scope, const char *product, unsigned limit)
{
    int64_t next = 0;
    documents.count = 0;
    do {
        ck_assert_int_eq(ledger_documents_page(world.ledger, scope, product, next, limit,
                                               note_document, &documents, &next, &world.fault),
                         ERR_OK);
    } while (next != 0);
    for (size_t i = 1; i < documents.count; i++)
        ck_assert_int_lt(documents.leaves[i], documents.leaves[i - 1]);
    return documents.count;
}

static void govern(const char *product, int installs)
{
    const struct ledger_settings settings = maker_settings(LEDGER_PER_DEVICE);
    struct ledger_grant policy = maker_policy(1, &settings);
    policy.product = product;
    (void)maker_must(&world, &policy);
    for (int i = 0; i < installs; i++) {
        struct ledger_grant grant = maker_units(LEDGER_GRANT_INSTALL, 5);
        grant.product = product;
        (void)maker_must(&world, &grant);
    }
}

START_TEST(documents_come_in_pages_the_newest_first)
{
    govern("alpha", 4);
    govern("beta", 2);
    for (unsigned limit = 1; limit <= LEDGER_PAGE_MAX; limit += 3) {
        ck_assert_uint_eq(read_documents("", "", limit), 8);
        ck_assert_uint_eq(read_documents("", "alpha", limit), 5);
        ck_assert_uint_eq(read_documents("beta\n", "", limit), 3);
        ck_assert_str_eq(documents.products[0], "beta");
        ck_assert_uint_eq(read_documents("beta\n", "alpha", limit), 0);
        ck_assert_uint_eq(read_documents("beta\nalpha\n", "", limit), 8);
    }
    int64_t next = 0;
    ck_assert_int_eq(ledger_documents_page(world.ledger, "", "", 0, 0, note_document, &documents,
                                           &next, &world.fault),
                     ERR_BAD_REQUEST);
}
END_TEST

START_TEST(a_document_is_found_by_its_id)
{
    const struct ledger_settings settings = maker_settings(LEDGER_PER_DEVICE);
    struct ledger_grant policy = maker_policy(1, &settings);
    const struct uuid none = uuid_new(START);
    policy.product = "alpha";
    const struct ledger_granted granted = maker_must(&world, &policy);
    documents.count = 0;
    ck_assert_int_eq(
        ledger_document_get(world.ledger, &policy.id, note_document, &documents, &world.fault), 0);
    ck_assert_uint_eq(documents.count, 1);
    ck_assert_int_eq(documents.leaves[0], granted.journal_index);
    ck_assert_int_eq(
        ledger_document_get(world.ledger, &none, note_document, &documents, &world.fault),
        ERR_GRANT_UNKNOWN);
}
END_TEST

static void add_installs(TCase *tcase)
{
    tcase_add_test(tcase, without_a_filter_every_install_is_found_once);
    tcase_add_test(tcase, each_member_of_a_filter_narrows);
    tcase_add_test(tcase, a_span_of_time_is_cut_at_its_millisecond);
    tcase_add_test(tcase, a_name_that_is_nobodys_finds_nothing_and_a_product_is_said_to_be_unknown);
    tcase_add_test(tcase, a_page_has_1_to_256_rows);
    tcase_add_test(tcase, a_listing_that_is_told_to_stop_goes_on_behind_that_row);
    tcase_add_test(tcase, an_install_is_read_whole);
    tcase_add_test(tcase, what_was_not_reported_says_so_and_an_unknown_install_is_unknown);
    tcase_add_test(tcase, an_install_is_proven_while_its_receipt_stands);
}

static void end(void)
{
    world_end(&world);
}

int main(void)
{
    Suite *suite = suite_create("searches");
    TCase *tcase = tcase_create("searches");
    tcase_add_checked_fixture(tcase, setup, teardown);
    add_installs(tcase);
    tcase_add_test(tcase, a_search_goes_along_an_index);
    tcase_add_test(tcase, documents_come_in_pages_the_newest_first);
    tcase_add_test(tcase, a_document_is_found_by_its_id);
    suite_add_tcase(suite, tcase);
    TCase *bounds = tcase_create("bounds");
    tcase_add_checked_fixture(bounds, setup, end); /* its rows are nobody's account */
    tcase_add_test(bounds, a_page_reads_a_bounded_number_of_rows);
    suite_add_tcase(suite, bounds);
    return world_run(suite);
}
