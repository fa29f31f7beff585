/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What provisiond tells: the real program against a TLS server that says what a test wants. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/bytes.h"
#include "provctl.h"
#include "server.h"
#include "suite.h"

#define HEX   "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define IMAGE "sha256:" HEX
#define LIC_1 "lic-01900000-0000-7000-8000-000000000001"
#define INS_1 "ins-01900000-0000-7000-8000-000000000001"
#define GRANT "01900000-0000-7000-8000-00000000000a"
#define AT    "2026-11-27T09:14:27.123Z"

#define RECORD(more)                                                                    \
    "{\"license_id\":\"" LIC_1 "\",\"install_id\":\"" INS_1 "\",\"product\":\"meter\"," \
    "\"profile\":\"cms\",\"image\":\"" IMAGE "\",\"device_key\":\"" HEX "\","           \
    "\"device_serial\":\"SN-1\",\"station\":\"line-3\",\"charged\":true,"               \
    "\"license_sha256\":\"" HEX "\",\"journal_index\":7,\"issued_at\":\"" AT "\","      \
    "\"attempts\":2,\"last_attempt_at\":\"" AT "\"" more "}"
#define LICENSE RECORD("")
#define INSTALL                                                                          \
    RECORD(",\"context\":{\"lot\":\"L\\u001b1\"},\"result\":\"failed\",\"code\":\"E7\"," \
           "\"reporter\":\"line-3\",\"reported_at\":\"" AT "\",\"proven\":false")
#define STATION                                                                            \
    "{\"name\":\"line-3\",\"role\":\"station\",\"enabled\":true,\"keys\":[{\"key\":\"" HEX \
    "\",\"added_at\":\"" AT "\"}],\"products\":[\"meter\"],\"lines\":[]}"
#define PRODUCT                                                                           \
    "{\"name\":\"meter\",\"profile\":\"cms\",\"policy\":\"per-device\",\"enabled\":true," \
    "\"governed\":true,\"state\":\"ok\",\"granted\":100,\"charged\":40,\"remaining\":60," \
    "\"attempts_max\":0,\"session_key_exposure\":false,\"sequence\":2}"
#define POLICY                                                                                   \
    "{\"product\":\"meter\",\"profile\":\"cms\",\"policy\":\"per-device\","                      \
    "\"session_key_exposure\":false,\"attempts_max\":0,\"governed\":true,\"sequence\":2,"        \
    "\"threshold\":2,\"authorities\":[{\"key\":\"" HEX "\",\"name\":\"CN=Ada\"},{\"key\":\"" HEX \
    "\",\"name\":\"CN=Bob\"}],\"anchors\":\"-----BEGIN\"}"
#define USAGE                                                                            \
    "{\"granted\":100,\"charged\":40,\"remaining\":60,\"licensed\":40,\"succeeded\":38," \
    "\"failed\":1,\"scrapped\":0,\"unreported\":1,\"accepted\":100,\"revoked\":0,"       \
    "\"scrap_allowance\":0,\"scrap_drawn\":0,\"proven\":38,\"governed\":true,"           \
    "\"policy\":\"per-device\",\"anchor\":\"ok\",\"unreported_age\":{\"under_1h\":1,"    \
    "\"under_1d\":0,\"under_7d\":0,\"older\":0}}"
#define GRANT_OF(more)                                                                      \
    "{\"grant_id\":\"" GRANT "\",\"product\":\"meter\",\"kind\":\"install\",\"units\":500," \
    "\"taken\":0,\"accepted_at\":\"" AT "\",\"journal_index\":9,\"document_sha256\":\"" HEX \
    "\"" more "}"

static struct temp_dir dir;
static struct server server;
static struct provctl run;

static void set_up(void)
{
    (void)unsetenv("PROVCTL_PRODUCT");
    temp_dir_make(&dir);
    server_start(&server, &dir);
}

static void tear_down(void)
{
    server_stop(&server);
    temp_dir_remove(&dir);
}

#define ASK(...) PROVCTL(&dir, &run, __VA_ARGS__)

static void claim_done(const char *output)
{
    ck_assert_msg(run.exit == 0, "exit %d: %s", run.exit, run.err);
    ck_assert_str_eq(run.out, output);
}

static void claim_failed(int exit, const char *words)
{
    ck_assert_msg(run.exit == exit, "exit %d: %s%s", run.exit, run.err, run.out);
    ck_assert_msg(strstr(run.err, words) != NULL, "%s", run.err);
}

static void claim_asked(size_t index, const char *url, const char *query)
{
    ck_assert_uint_gt(server.request_count, index);
    ck_assert_str_eq(server.requests[index].method, "GET");
    ck_assert_str_eq(server.requests[index].url, url);
    ck_assert_str_eq(server.requests[index].query, query);
    ck_assert(server.requests[index].has_certificate);
}

/* ---- lists ---- */

START_TEST(licenses_are_listed)
{
    server_say(&server, 200, "{\"licenses\":[" LICENSE "]}");
    ASK("license", "list");
    claim_done("ISSUED                    LICENSE                                   PRODUCT  "
               "SERIAL  STATION  CHARGED  ATTEMPTS\n" AT "  " LIC_1
               "  meter    SN-1    line-3   yes             2\n");
    claim_asked(0, "/v1/licenses", "limit=100");
    ck_assert_str_eq(run.err, "");
}
END_TEST

START_TEST(a_list_is_narrowed_as_it_was_asked)
{
    server_say(&server, 200, "{\"installs\":[]}");
    ASK("install", "list", "--product", "meter", "--lot", "L 1&x=\xc3\xa4", "--station", "line-3",
        "--device", HEX, "--result", "failed", "--since", "2026-11-27", "--until",
        "2026-11-27T10:00:00Z", "--limit", "7");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_str_eq(run.err, "No installs match the filter.\n");
    claim_asked(0, "/v1/installs",
                "product=meter&lot=L 1&x=\xc3\xa4&station=line-3&device=" HEX
                "&result=failed&since=2026-11-27T00:00:00.000Z&until=2026-11-27T10:00:00.000Z"
                "&limit=7");
}
END_TEST

START_TEST(what_no_list_can_be_narrowed_by_is_a_usage_error)
{
    ASK("install", "list", "--result", "broken");
    claim_failed(64, "--result is unreported, succeeded, failed or scrapped");
    ASK("license", "list", "--device", "00");
    claim_failed(64, "--device wants 64 hex digits");
    ASK("license", "list", "--since", "yesterday");
    claim_failed(64, "--since wants a time such as");
    ASK("license", "list", "--until", "2026-02-30");
    claim_failed(64, "--until wants a time such as");
    ASK("license", "list", "--since", "1h", "--until", "2h");
    claim_failed(64, "--since is not before --until");
    ASK("usage", "meter", "--by", "day", "--since", "2026-11-27", "--until", "2026-11-27");
    claim_failed(64, "--since is not before --until");
    ASK("license", "list", "--limit", "0");
    claim_failed(64, "--limit wants a whole number from 1 to 1000000000");
    ASK("license", "list", "--limit", "1", "--all");
    claim_failed(64, "--limit and --all: give one of them");
    ck_assert_uint_eq(server.request_count, 0);
}
END_TEST

START_TEST(a_list_ends_with_its_limit_and_says_that_there_is_more)
{
    server_say(&server, 200, "{\"licenses\":[" LICENSE "," LICENSE "],\"next_cursor\":\"aQE\"}");
    ASK("license", "list", "--limit", "2");
    ck_assert_int_eq(run.exit, 0);
    ck_assert_str_eq(run.err, "There are more licenses: --all, or --limit N.\n");
    ck_assert_uint_eq(server.request_count, 1);
    ASK("license", "list", "--limit", "2", "--json");
    json_t *found = json_loads(run.out, 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(found, "next_cursor")), "aQE");
    ck_assert_uint_eq(json_array_size(json_object_get(found, "licenses")), 2);
    json_decref(found);
    ASK("license", "list", "--limit", "2", "--cursor", "aQE");
    claim_asked(2, "/v1/licenses", "limit=2&cursor=aQE");
}
END_TEST

START_TEST(all_follows_the_cursors_to_the_end)
{
    server_say(&server, 200, "{\"licenses\":[" LICENSE "," LICENSE "],\"next_cursor\":\"aQE\"}");
    server_say(&server, 200, "{\"licenses\":[" LICENSE "],\"next_cursor\":\"aQI\"}");
    server_say(&server, 200, "{\"licenses\":[" LICENSE "]}");
    ASK("license", "list", "--all", "--json");
    json_t *found = json_loads(run.out, 0, NULL);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_uint_eq(json_array_size(json_object_get(found, "licenses")), 4);
    ck_assert_ptr_null(json_object_get(found, "next_cursor"));
    json_decref(found);
    claim_asked(0, "/v1/licenses", "limit=256");
    claim_asked(1, "/v1/licenses", "limit=256&cursor=aQE");
    claim_asked(2, "/v1/licenses", "limit=256&cursor=aQI");
}
END_TEST

/* A server that gives the same cursor again would be asked for ever. */
START_TEST(a_cursor_that_does_not_move_ends_it)
{
    server_say(&server, 200, "{\"licenses\":[],\"next_cursor\":\"aQE\"}");
    ASK("license", "list", "--all");
    claim_failed(1, "cannot be understood (next_cursor)");
    ck_assert_uint_eq(server.request_count, 2);
}
END_TEST

START_TEST(an_empty_list_says_why)
{
    server_say(&server, 200, "{\"licenses\":[]}");
    ASK("license", "list");
    claim_done("");
    ck_assert_str_eq(run.err, "There are no licenses yet.\n");
    ASK("license", "list", "--lot", "L1");
    ck_assert_str_eq(run.err, "No licenses match the filter.\n");
    server.answer_count = 0;
    server_say(&server, 200, "{\"grants\":[]}");
    ASK("grant", "list", "meter");
    ck_assert_str_eq(run.err, "There are no accepted documents yet.\n");
}
END_TEST

START_TEST(a_product_that_is_misspelt_is_said_to_be_so)
{
    server_say(&server, 404,
               "{\"type\":\"/problems/product-unknown\",\"detail\":\"There is no product of this "
               "name. Check the product's name in the station's recipe.\"}");
    ASK("license", "list", "--product", "metre");
    claim_failed(1, "provctl: There is no product of this name. See provctl product list.\n");
    claim_asked(0, "/v1/licenses", "product=metre&limit=100");
}
END_TEST

START_TEST(what_was_printed_stays_when_a_page_cannot_be_had)
{
    server_say(&server, 200, "{\"licenses\":[" LICENSE "],\"next_cursor\":\"aQE\"}");
    server_say(&server, 403, "{\"type\":\"/problems/forbidden\",\"title\":\"No\"}");
    ASK("license", "list", "--all", "--json");
    json_t *found = json_loads(run.out, 0, NULL);
    claim_failed(11, "provctl: No.");
    ck_assert_msg(found != NULL, "%s", run.out);
    ck_assert_uint_eq(json_array_size(json_object_get(found, "licenses")), 1);
    ck_assert_str_eq(json_string_value(json_object_get(found, "next_cursor")), "aQE");
    ck_assert_str_eq(json_string_value(json_object_get(json_object_get(found, "error"), "code")),
                     "forbidden");
    json_decref(found);
}
END_TEST

START_TEST(pages_are_one_table)
{
    server_say(&server, 200, "{\"licenses\":[" LICENSE "],\"next_cursor\":\"aQE\"}");
    server_say(&server, 200, "{\"licenses\":[" LICENSE "]}");
    ASK("license", "list", "--all");
    const char *first = strstr(run.out, "\n" AT);
    ck_assert_msg(first != NULL, "%s", run.out);
    const char *second = strstr(first + 1, "\n" AT);
    ck_assert_msg(second != NULL, "%s", run.out);
    ck_assert_int_eq(strncmp(first + 1, second + 1, (size_t)(second - first - 1)), 0);
    ck_assert_ptr_null(strstr(first, "ISSUED"));
}
END_TEST

START_TEST(an_answer_without_a_member_prints_nothing)
{
    server_say(&server, 200, "{\"licenses\":[" LICENSE ",{\"license_id\":\"x\"}]}");
    ASK("license", "list");
    claim_failed(1, "cannot be understood (issued_at)");
    ck_assert_str_eq(run.out, "");
    ASK("install", "list");
    claim_failed(1, "cannot be understood (installs)");
}
END_TEST

/* ---- one of them ---- */

START_TEST(a_license_is_shown_by_either_id)
{
    server_say(&server, 200, LICENSE);
    ASK("license", "show", INS_1);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    claim_asked(0, "/v1/licenses/" LIC_1, "");
    ck_assert_ptr_nonnull(strstr(run.out, "Journal leaf  7\n"));
    ASK("license", "show", LIC_1, "--json");
    json_t *found = json_loads(run.out, 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(found, "license_sha256")), HEX);
    json_decref(found);
    ASK("license", "show", "a/b");
    claim_failed(64, "is no id of a license or an install");
}
END_TEST

START_TEST(an_install_is_shown_and_nothing_in_it_reaches_the_terminal)
{
    server_say(&server, 200, INSTALL);
    ASK("install", "show", LIC_1);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    claim_asked(0, "/v1/installs/" INS_1, "");
    ck_assert_ptr_nonnull(strstr(run.out, "Result        failed\n"));
    ck_assert_ptr_nonnull(strstr(run.out, "Lot           L\\x1b1\n"));
    ck_assert_ptr_null(strstr(run.out, "Work order"));
}
END_TEST

/* ---- products, images, grants, stations ---- */

START_TEST(products_are_listed_over_rest)
{
    server_say(&server, 200, "{\"products\":[" PRODUCT "]}");
    ASK("product", "list");
    claim_done("PRODUCT  PROFILE  POLICY      STATE    CHECK  GRANTED  CHARGED  REMAINING  RULE\n"
               "meter    cms      per-device  enabled  ok         100       40         60  "
               "governed: documents signed by its authorities decide\n");
    claim_asked(0, "/v1/products", "");
}
END_TEST

START_TEST(a_product_is_shown_with_policy_and_account)
{
    server_say(&server, 200, PRODUCT);
    server_say(&server, 200, POLICY);
    server_say(&server, 200, USAGE);
    ASK("product", "show", "meter");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    claim_asked(0, "/v1/products/meter", "");
    claim_asked(1, "/v1/products/meter/policy", "");
    claim_asked(2, "/v1/products/meter/usage", "");
    ck_assert_ptr_nonnull(strstr(run.out, "documents signed by 2 of 2 authorities decide"));
    ck_assert_ptr_nonnull(strstr(run.out, HEX "  CN=Bob\n"));
    ck_assert_ptr_nonnull(strstr(run.out, "Remaining             60\n"));
}
END_TEST

START_TEST(images_are_listed_over_rest)
{
    server_say(&server, 200,
               "{\"images\":[{\"image\":\"" IMAGE "\",\"product\":\"meter\",\"label\":\"1.4\","
               "\"size\":9,\"enabled\":true,\"latest\":true,\"created_at\":\"" AT "\"}]}");
    ASK("image", "list", "--product", "meter");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_ptr_nonnull(strstr(run.out, IMAGE "  1.4    -      latest  " AT "      9\n"));
    claim_asked(0, "/v1/images", "product=meter");
}
END_TEST

START_TEST(grants_are_listed_with_leaf_and_id)
{
    server_say(&server, 200, "{\"grants\":[" GRANT_OF("") "]}");
    ASK("grant", "list", "meter");
    claim_done("ACCEPTED                  KIND     UNITS  TAKEN  SEQUENCE  LOT  LEAF  ID\n" AT
               "  install    500      -         -  -       9  " GRANT "\n");
    claim_asked(0, "/v1/grants", "product=meter&limit=100");
}
END_TEST

START_TEST(a_document_comes_back_as_it_was_handed_over)
{
    char found[64];
    char out[TEMP_PATH_MAX];
    temp_dir_path(&dir, "grant.p7s", out);
    server_say(&server, 200, GRANT_OF(",\"document\":\"c2lnbmVkIQ==\""));
    ASK("grant", "show", GRANT, "--out", out);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_ptr_nonnull(strstr(run.out, "Journal leaf      9\n"));
    ck_assert_int_eq((int)read_file(&dir, "grant.p7s", found, sizeof found), 7);
    ck_assert_str_eq(found, "signed!");
    ASK("grant", "show", GRANT, "--out", "-");
    claim_done("signed!");
    ASK("grant", "show", "nine");
    claim_failed(64, "nine is no document's id");
}
END_TEST

START_TEST(stations_are_listed_over_rest)
{
    server_say(&server, 200, "{\"stations\":[" STATION "]}");
    ASK("station", "list");
    claim_done("NAME    STATE    PRODUCTS  LINES  KEY\nline-3  enabled  meter     all    "
               "001122334455...\n");
    claim_asked(0, "/v1/stations", "");
}
END_TEST

START_TEST(a_station_is_shown_over_rest)
{
    server_say(&server, 200, STATION);
    ASK("station", "show", "line-3");
    ck_assert_ptr_nonnull(strstr(run.out, "Lines     all\n"));
    claim_asked(0, "/v1/stations/line-3", "");
}
END_TEST

START_TEST(usage_comes_in_rows)
{
    server_say(&server, 200,
               "{\"rows\":[{\"lot\":\"\",\"charged\":3,\"licensed\":4,\"attempts\":5,"
               "\"succeeded\":2,\"failed\":1,\"scrapped\":0,\"unreported\":1,\"proven\":2}]}");
    ASK("usage", "meter", "--by", "lot", "--since", "2026-11-01");
    claim_done(
        "LOT  LICENSES  CHARGED  ATTEMPTS  SUCCEEDED  PROVEN  FAILED  SCRAPPED  UNREPORTED\n"
        "-           4        3         5          2       2       1         0           1\n");
    claim_asked(0, "/v1/products/meter/usage/lots", "since=2026-11-01T00:00:00.000Z&limit=100");
    ASK("usage", "meter", "--by", "hour");
    claim_failed(64, "--by is lot, day or station");
    ASK("usage", "meter", "--since", "8h");
    claim_failed(64, "--since and --until want --by");
    ASK("usage", "meter", "--by", "day", "--socket", "/nonexistent");
    claim_failed(64, "--by is told by provisiond");
}
END_TEST

/* A product of the environment is for licenses and lists: it must not make a query wrong. */
START_TEST(the_environments_product_goes_only_where_one_may_be_named)
{
    ck_assert_int_eq(setenv("PROVCTL_PRODUCT", "meter", 1), 0);
    server_say(&server, 200, "{\"rows\":[]}");
    ASK("usage", "pump", "--by", "day");
    claim_asked(0, "/v1/products/pump/usage/days", "limit=100");
    ASK("install", "list");
    claim_asked(1, "/v1/installs", "product=meter&limit=100");
}
END_TEST

START_TEST(an_image_is_shown_for_each_product_that_has_it)
{
#define IMAGE_OF(product)                                                                \
    "{\"image\":\"" IMAGE "\",\"product\":\"" product "\",\"label\":\"1.4\",\"size\":9," \
    "\"enabled\":true,\"latest\":false,\"created_at\":\"" AT "\"}"
    server_say(&server, 200, "{\"images\":[" IMAGE_OF("meter") "," IMAGE_OF("pump") "]}");
    ASK("image", "show", IMAGE);
    claim_done("Image    " IMAGE "\nProduct  meter\nLabel    1.4\nState    enabled\nCreated  " AT
               "\nBytes    9\n\nImage    " IMAGE "\nProduct  pump\nLabel    1.4\n"
               "State    enabled\nCreated  " AT "\nBytes    9\n");
    claim_asked(0, "/v1/images/" IMAGE, "");
    ASK("image", "show", IMAGE, "--json");
    json_t *found = json_loads(run.out, 0, NULL);
    ck_assert_uint_eq(json_array_size(json_object_get(found, "images")), 2);
    json_decref(found);
    ASK("image", "show", "latest");
    claim_failed(64, "latest is no digest");
    server.answer_count = 0;
    server_say(&server, 200, "{\"images\":[{}]}");
    ASK("image", "show", IMAGE);
    claim_failed(1, "cannot be understood (image)");
}
END_TEST

START_TEST(a_policy_is_shown_and_its_anchors_are_written)
{
    char found[64];
    char out[TEMP_PATH_MAX];
    temp_dir_path(&dir, "anchors.pem", out);
    server_say(&server, 200, POLICY);
    ASK("product", "policy", "meter", "--anchors", out);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    claim_asked(0, "/v1/products/meter/policy", "");
    ck_assert_ptr_nonnull(strstr(run.out, "documents signed by 2 of 2 authorities decide"));
    ck_assert_ptr_nonnull(strstr(run.out, "Attempts per device   no limit\n"));
    ck_assert_int_eq((int)read_file(&dir, "anchors.pem", found, sizeof found), 10);
    ck_assert_str_eq(found, "-----BEGIN");
    ASK("product", "policy", "meter", "--anchors", "-");
    claim_done("-----BEGIN");
    ASK("product", "policy", "meter", "--json");
    ck_assert_ptr_nonnull(strstr(run.out, "\"anchors\": \"-----BEGIN\""));
    server.answer_count = 0;
    server_say(&server, 200, "{}");
    ASK("product", "policy", "meter", "--anchors", out);
    claim_failed(1, "cannot be understood (product)");
}
END_TEST

START_TEST(a_list_that_the_server_cuts_says_so)
{
    const size_t size = (size_t)2000 * sizeof STATION + 64;
    char *body = malloc(size);
    char *end = stpcpy(body, "{\"stations\":[");
    for (size_t i = 0; i < 2000; i++)
        end = stpcpy(stpcpy(end, i > 0 ? "," : ""), STATION);
    (void)stpcpy(end, "]}");
    server_say(&server, 200, body);
    PROVCTL(&dir, &run, "station", "list", "--timeout", "30");
    ck_assert_int_eq(run.exit, 0);
    ck_assert_str_eq(run.err, "Only 2000 stations are shown: there may be older ones.\n");
    ASK("station", "list", "--json");
    ck_assert_str_eq(run.err, "Only 2000 stations are shown: there may be older ones.\n");
    free(body);
}
END_TEST

/* ---- the journal ---- */

#define NOTE                                           \
    "plant-4/provisiond/0011223344556677\n7\n"         \
    "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=\n\n" \
    "\xe2\x80\x94 plant-4/provisiond/0011223344556677 AAAAAAAAAAAAAAAAAAAAAAAA\n"

START_TEST(a_checkpoint_is_kept_as_it_came)
{
    char found[1024];
    char out[TEMP_PATH_MAX];
    temp_dir_path(&dir, "checkpoint", out);
    server_say(&server, 200, NOTE);
    ASK("journal", "checkpoint", "--out", out);
    claim_done("leaves=7 root=" HEX "\n");
    claim_asked(0, "/v1/journal/checkpoint", "");
    ck_assert_int_gt((int)read_file(&dir, "checkpoint", found, sizeof found), 0);
    ck_assert_str_eq(found, NOTE);
    ASK("journal", "checkpoint", "--out", "-");
    claim_done(NOTE);
    ck_assert_str_eq(run.err, "leaves=7 root=" HEX "\n");
}
END_TEST

START_TEST(what_is_no_checkpoint_or_key_is_not_kept)
{
    char out[TEMP_PATH_MAX];
    size_t files = count_files(&dir);
    temp_dir_path(&dir, "kept", out);
    server_say(&server, 200, "<html>");
    ASK("journal", "checkpoint", "--out", out);
    claim_failed(1, "cannot be understood (no checkpoint)");
    ASK("journal", "key", "--out", out);
    claim_failed(1, "cannot be understood (no public key)");
    ck_assert_uint_eq(count_files(&dir), files);
}
END_TEST

START_TEST(the_checkpoint_key_is_told_by_its_digest)
{
    char out[TEMP_PATH_MAX];
    temp_dir_path(&dir, "key.pem", out);
    server_say(&server, 200,
               "-----BEGIN PUBLIC KEY-----\n"
               "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAElMj3kxzAWbtcqZicixVZwIpSWRcx\n"
               "BJ+0TnKb5p+Pva1rJG0wdOF6wY3a7eFxIEpw5n1vq4vqa2XLWXpaL9BGzA==\n"
               "-----END PUBLIC KEY-----\n");
    ASK("journal", "key", "--out", out);
    ck_assert_int_eq(strncmp(run.out, "key=", 4), 0);
    ck_assert_uint_eq(strlen(run.out), 4 + 64 + 1);
    claim_asked(0, "/v1/journal/key", "");
}
END_TEST

/* ---- the service ---- */

START_TEST(the_caller_is_shown_who_it_is)
{
    server_say(&server, 200, STATION);
    ASK("self");
    claim_done("Name      line-3\nRole      station\nState     enabled\nProducts  meter\n"
               "Lines     all\nKey       " HEX "  added " AT "\n");
    claim_asked(0, "/v1/self", "");
}
END_TEST

#define READY(status, hsm, anchor, more)                                           \
    "{\"status\":\"" status "\",\"checks\":{\"vault\":\"ok\",\"hsm\":\"" hsm "\"," \
    "\"ledger\":\"ok\",\"anchor\":\"" anchor                                       \
    "\",\"certificate\":\"expiring\",\"crl\":\"expired\"}" more "}"

START_TEST(a_service_that_is_ready_exits_with_0)
{
    server_say(&server, 200, READY("ready", "ok", "none", ""));
    ASK("ready");
    claim_done(
        "Status       ready\nVault        ok\nHSM          ok\nLedger       ok\nAnchor       none\n"
        "Certificate  expiring\nCRL          expired\n");
    claim_asked(0, "/readyz", "");
}
END_TEST

START_TEST(a_service_that_is_not_ready_says_what_is_wrong_and_is_asked_once)
{
    server_say(&server, 503,
               READY("not-ready", "hsm-unavailable", "ok", ",\"detail\":\"The token is away.\""));
    ASK("ready");
    claim_failed(20, "No license could be issued now: HSM is hsm-unavailable. The token is away.");
    ck_assert_ptr_nonnull(strstr(run.out, "HSM          hsm-unavailable\n"));
    ck_assert_uint_eq(server.request_count, 1);
    ASK("ready", "--json");
    ck_assert_int_eq(run.exit, 20);
    json_t *found = json_loads(run.out, 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(found, "status")), "not-ready");
    json_decref(found);
}
END_TEST

START_TEST(what_only_a_hand_can_mend_is_no_reason_to_try_again)
{
    server_say(&server, 503, READY("not-ready", "hsm-pin-refused", "ok", ""));
    ASK("ready");
    claim_failed(1, "HSM is hsm-pin-refused");
    server_say(&server, 503, READY("not-ready", "pin-refused", "ok", ""));
    ASK("ready");
    claim_failed(1, "HSM is pin-refused");
    server_say(&server, 503, READY("not-ready", "ok", "mismatch", ""));
    ASK("ready");
    claim_failed(1, "Anchor is mismatch");
}
END_TEST

START_TEST(a_refusal_to_tell_whether_it_is_ready_is_a_refusal)
{
    server_say(&server, 401, "{\"type\":\"/problems/unauthenticated\",\"title\":\"Who are you\"}");
    ASK("ready");
    claim_failed(11, "Who are you");
}
END_TEST

#define METRICS                                                 \
    "# HELP a_total What.\n# TYPE a_total counter\na_total 3\n" \
    "b{product=\"x\\\"y\",le=\"+Inf\"} 1.5\nc +Inf\nd\x1b 1\n"

START_TEST(metrics_are_printed_as_they_came)
{
    server_say(&server, 200, METRICS);
    ASK("metrics");
    claim_done("# HELP a_total What.\n# TYPE a_total counter\na_total 3\n"
               "b{product=\"x\\\"y\",le=\"+Inf\"} 1.5\nc +Inf\nd\\x1b 1\n");
    claim_asked(0, "/metrics", "");
}
END_TEST

START_TEST(metrics_are_samples_for_machines)
{
    server_say(&server, 200,
               "# TYPE a counter\na 3\nb{product=\"x\\\"y\\n\",le=\"+Inf\"} 1.5\nc{} +Inf\n");
    ASK("metrics", "--json");
    json_t *found = json_loads(run.out, 0, NULL);
    json_t *expected =
        json_pack("{s[{sss{}sf}{sss{ssss}sf}{sss{}ss}]}", "samples", "name", "a", "labels", "value",
                  3.0, "name", "b", "labels", "product", "x\"y\n", "le", "+Inf", "value", 1.5,
                  "name", "c", "labels", "value", "+Inf");
    ck_assert_ptr_nonnull(expected);
    ck_assert_msg(json_equal(found, expected), "%s", run.out);
    json_decref(found);
    json_decref(expected);
}
END_TEST

START_TEST(metrics_that_are_none_are_refused)
{
    static const char *const bodies[] = {"<html>", "a",           "a{", "a{b}",
                                         "a{b=\"", "a{b=\"c\"} ", "a x"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        server_say(&server, 200, bodies[i]);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        ASK("metrics", "--json");
        claim_failed(1, "metrics cannot be understood");
    }
}
END_TEST

/* ---- repeating ---- */

#define BUSY "{\"type\":\"/problems/too-many-requests\",\"title\":\"Slower\",\"retryable\":true}"

START_TEST(a_429_is_asked_again)
{
    server_say(&server, 429, BUSY);
    server_say(&server, 200, STATION);
    ASK("self");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_uint_eq(server.request_count, 2);
}
END_TEST

START_TEST(no_retry_asks_once)
{
    server_say(&server, 429, BUSY);
    server_say_how(&server, &(struct server_answer){.manner = SERVER_CLOSE});
    ASK("self", "--no-retry");
    claim_failed(20, "Slower");
    ASK("self", "--no-retry");
    claim_failed(20, "cannot be reached");
    ck_assert_uint_eq(server.request_count, 2);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {licenses_are_listed,
                                  a_list_is_narrowed_as_it_was_asked,
                                  what_no_list_can_be_narrowed_by_is_a_usage_error,
                                  a_list_ends_with_its_limit_and_says_that_there_is_more,
                                  all_follows_the_cursors_to_the_end,
                                  a_cursor_that_does_not_move_ends_it,
                                  an_empty_list_says_why,
                                  a_product_that_is_misspelt_is_said_to_be_so,
                                  what_was_printed_stays_when_a_page_cannot_be_had,
                                  pages_are_one_table,
                                  an_answer_without_a_member_prints_nothing,
                                  a_license_is_shown_by_either_id,
                                  an_install_is_shown_and_nothing_in_it_reaches_the_terminal,
                                  products_are_listed_over_rest,
                                  a_product_is_shown_with_policy_and_account,
                                  images_are_listed_over_rest,
                                  grants_are_listed_with_leaf_and_id,
                                  a_document_comes_back_as_it_was_handed_over,
                                  stations_are_listed_over_rest,
                                  a_station_is_shown_over_rest,
                                  usage_comes_in_rows,
                                  an_image_is_shown_for_each_product_that_has_it,
                                  a_policy_is_shown_and_its_anchors_are_written,
                                  a_list_that_the_server_cuts_says_so,
                                  the_environments_product_goes_only_where_one_may_be_named,
                                  a_checkpoint_is_kept_as_it_came,
                                  what_is_no_checkpoint_or_key_is_not_kept,
                                  the_checkpoint_key_is_told_by_its_digest,
                                  the_caller_is_shown_who_it_is,
                                  a_service_that_is_ready_exits_with_0,
                                  a_service_that_is_not_ready_says_what_is_wrong_and_is_asked_once,
                                  what_only_a_hand_can_mend_is_no_reason_to_try_again,
                                  a_refusal_to_tell_whether_it_is_ready_is_a_refusal,
                                  metrics_are_printed_as_they_came,
                                  metrics_are_samples_for_machines,
                                  metrics_that_are_none_are_refused,
                                  a_429_is_asked_again,
                                  no_retry_asks_once,
                                  NULL};
    return suite_run("cli read", set_up, tear_down, tests);
}
