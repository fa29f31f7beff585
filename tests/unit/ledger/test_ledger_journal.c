/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Leaves: their one encoding, what they say, refusals, and texts that must not break them. */
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/valid.h"
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

static const char *leaf_text(json_t *leaf, const char *key)
{
    return json_string_value(json_object_get(leaf, key));
}

static json_t *leaf_at(int64_t index)
{
    json_t *leaf = json_loads(world_leaf(&world, index), JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(leaf);
    return leaf;
}

/* Waits for what was posted: one more change goes behind it in the same queue. */
static void drain(void)
{
    ck_assert_int_eq(world_switch(&world, "st-2", true), ERR_OK);
}

/* ---- encoding ---- */

START_TEST(every_leaf_is_in_the_one_form)
{
    struct ledger_issued issued;
    struct ledger_info info;
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert_int_eq(world_report(&world, &issued.install, LEDGER_FAILED), ERR_OK);
    ck_assert_int_eq(ledger_info(world.ledger, &info, &world.fault), ERR_OK);
    ck_assert_int_eq(info.journal_size, 7);
    for (int64_t i = 0; i < info.journal_size; i++) {
        json_t *leaf = leaf_at(i);
        char *again = json_dumps(leaf, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
        ck_assert_str_eq(world_leaf(&world, i), again);
        ck_assert_int_eq(json_integer_value(json_object_get(leaf, "v")), 1);
        ck_assert_ptr_nonnull(leaf_text(leaf, "type"));
        ck_assert_uint_eq(strlen(leaf_text(leaf, "time")), 24);
        free(again);
        json_decref(leaf);
    }
}
END_TEST

/* The newest leaf, read. */
static json_t *last_leaf(void)
{
    struct ledger_info info;
    ck_assert_int_eq(ledger_info(world.ledger, &info, &world.fault), ERR_OK);
    return leaf_at(info.journal_size - 1);
}

static json_t *create_leaf(const char *name, bool allows_key_exposure, const char *options)
{
    const struct ledger_product_new product = {.name = name,
                                               .profile = "st-sfi",
                                               .policy = LEDGER_PER_DEVICE,
                                               .anchors = bytes_of("PEM", 3),
                                               .allows_key_exposure = allows_key_exposure,
                                               .options = options};
    ck_assert_int_eq(ledger_product_create(world.ledger, &product, WORLD_BY, &world.fault), ERR_OK);
    return last_leaf();
}

START_TEST(a_product_leaf_says_whether_keys_are_exposed_and_how_it_is_set)
{
    static const char OPTIONS[] = "{\"product_id\":\"45002000\"}";
    json_t *leaf = create_leaf("chip", true, OPTIONS);
    ck_assert(json_is_true(json_object_get(leaf, "session_key_exposure")));
    ck_assert_str_eq(leaf_text(leaf, "options"), OPTIONS);
    json_decref(leaf);
    leaf = create_leaf("gadget", false, NULL);
    ck_assert(json_is_false(json_object_get(leaf, "session_key_exposure")));
    ck_assert_ptr_null(json_object_get(leaf, "options"));
    json_decref(leaf);
}
END_TEST

static json_t *alias_leaf(int64_t n, const char *alias)
{
    const struct sha256 digest = world_digest('i', n);
    const struct ledger_naming naming = {
        .product = WORLD_PRODUCT, .digest = digest, .alias = alias};
    ck_assert_int_eq(ledger_image_alias(world.ledger, &naming, WORLD_BY, NULL, &world.fault),
                     ERR_OK);
    json_t *leaf = last_leaf();
    ck_assert_str_eq(leaf_text(leaf, "type"), "image-alias");
    ck_assert_str_eq(leaf_text(leaf, "product"), WORLD_PRODUCT);
    ck_assert_str_eq(leaf_text(leaf, "by"), WORLD_BY);
    ck_assert_str_eq(leaf_text(leaf, "alias"), alias);
    char image[IMAGE_REFERENCE_SIZE];
    image_reference_format(&digest, image);
    ck_assert_str_eq(leaf_text(leaf, "image"), image);
    return leaf;
}

START_TEST(an_alias_leaf_says_who_has_the_name_and_who_had_it)
{
    char first[IMAGE_REFERENCE_SIZE];
    const struct sha256 digest = world_digest('i', 1);
    image_reference_format(&digest, first);
    (void)world_add_image(&world, 2);
    json_t *leaf = alias_leaf(1, "current");
    ck_assert_ptr_null(json_object_get(leaf, "moved_from"));
    ck_assert_ptr_null(json_object_get(leaf, "was_called"));
    json_decref(leaf);
    json_decref(alias_leaf(2, "next"));
    leaf = alias_leaf(2, "current");
    ck_assert_str_eq(leaf_text(leaf, "moved_from"), first);
    ck_assert_str_eq(leaf_text(leaf, "was_called"), "next");
    json_decref(leaf);
    leaf = alias_leaf(2, "");
    ck_assert_ptr_null(json_object_get(leaf, "moved_from"));
    ck_assert_str_eq(leaf_text(leaf, "was_called"), "current");
    json_decref(leaf);
}
END_TEST

START_TEST(a_license_leaf_names_what_was_released)
{
    struct ledger_issued issued;
    char hex[SHA256_HEX_SIZE];
    char image[IMAGE_REFERENCE_SIZE];
    const struct sha256 digest = world_digest('i', 1);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    json_t *leaf = leaf_at(issued.journal_index);
    struct sha256 license = sha256_of(bytes_of(issued.license, issued.license_length));
    hex_encode(bytes_of(license.bytes, SHA256_SIZE), hex);
    ck_assert_str_eq(leaf_text(leaf, "license"), hex);
    image_reference_format(&digest, image);
    ck_assert_str_eq(leaf_text(leaf, "image"), image);
    ck_assert_str_eq(leaf_text(leaf, "product"), WORLD_PRODUCT);
    ck_assert_str_eq(leaf_text(leaf, "serial"), "SN-1");
    ck_assert_str_eq(leaf_text(leaf, "station"), "st-1");
    ck_assert_str_eq(leaf_text(leaf, "lot"), "L-7");
    ck_assert_ptr_null(leaf_text(leaf, "operator"));
    ck_assert(json_is_true(json_object_get(leaf, "charged")));
    json_decref(leaf);
}
END_TEST

START_TEST(a_repeat_is_a_leaf_of_its_own_with_its_own_context)
{
    struct ledger_issued issued;
    const struct ledger_issue again = {.product_id = world.product_id,
                                       .image_id = world.image_id,
                                       .principal_id = world.station_id,
                                       .device = world_device(1),
                                       .context = {.lot = "L-8"}};
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    ck_assert_int_eq(ledger_issue(world.ledger, &again, &issued, &world.fault), ERR_OK);
    json_t *leaf = leaf_at(issued.journal_index);
    ck_assert_str_eq(leaf_text(leaf, "type"), "license-reissued");
    ck_assert_str_eq(leaf_text(leaf, "lot"), "L-8");
    ck_assert_int_eq(json_integer_value(json_object_get(leaf, "attempt")), 2);
    json_decref(leaf);
}
END_TEST

START_TEST(hostile_texts_stay_inside_their_field)
{
    struct ledger_issued issued;
    struct ledger_issue issue = {.product_id = world.product_id,
                                 .image_id = world.image_id,
                                 .principal_id = world.station_id,
                                 .device = world_device(1),
                                 .license = bytes_of("x", 1),
                                 .context = {.lot = "\",\"type\":\"stop\"}\\n\xc2\x85",
                                             .line = "\xe2\x82\xac\xf0\x9f\x94\x91"}};
    ck_assert_int_eq(ledger_issue(world.ledger, &issue, &issued, &world.fault), ERR_OK);
    for (const char *c = world_leaf(&world, issued.journal_index); *c != '\0'; c++)
        ck_assert_msg(*c >= 0x20, "byte %d", *c);
    json_t *leaf = leaf_at(issued.journal_index);
    ck_assert_str_eq(leaf_text(leaf, "type"), "license-issued");
    ck_assert_str_eq(leaf_text(leaf, "lot"), issue.context.lot);
    ck_assert_str_eq(leaf_text(leaf, "line"), issue.context.line);
    json_decref(leaf);
}
END_TEST

/* Of what may be in a text these take the longest escapes: six bytes for two. */
static void fill(char *text, size_t length)
{
    for (size_t i = 0; i < length; i += 2)
        memcpy(text + i, "\xc2\x80", 2);
}

START_TEST(the_largest_leaf_fits)
{
    struct ledger_issued issued;
    struct ledger_issue issue = {.product_id = world.product_id,
                                 .image_id = world.image_id,
                                 .principal_id = world.station_id,
                                 .device = world_device(1),
                                 .license = bytes_of("x", 1)};
    fill(issue.device.serial, LEDGER_SERIAL_MAX);
    fill(issue.context.lot, LEDGER_CONTEXT_MAX);
    fill(issue.context.line, LEDGER_CONTEXT_MAX);
    fill(issue.context.work_order, LEDGER_CONTEXT_MAX);
    fill(issue.context.operator_name, LEDGER_CONTEXT_MAX);
    fill(issue.context.socket, LEDGER_CONTEXT_MAX);
    ck_assert_int_eq(ledger_issue(world.ledger, &issue, &issued, &world.fault), ERR_OK);
    struct ledger_outcome outcome = {
        .install = issued.install, .principal_id = world.station_id, .result = LEDGER_SUCCEEDED};
    fill(outcome.code, LEDGER_OUTCOME_CODE_MAX);
    fill(outcome.detail, LEDGER_OUTCOME_DETAIL_MAX);
    ck_assert_int_eq(ledger_outcome_record(world.ledger, &outcome, NULL, &world.fault), ERR_OK);
}
END_TEST

/* Escapes are longest for control characters: six bytes for one. */
START_TEST(a_product_leaf_with_the_longest_settings_fits)
{
    static const char *const WORST[] = {"\x01",     "\x7f",         "\"",
                                        "\xc2\x80", "\xe2\x82\xac", "\xf0\x9f\x94\x91"};
    char name[LEDGER_NAME_MAX + 1] = "";
    char by[LEDGER_BY_MAX + 1] = "";
    memset(by, 1, LEDGER_BY_MAX);
    memset(name, 'n', LEDGER_NAME_MAX);
    for (size_t i = 0; i < sizeof WORST / sizeof WORST[0]; i++) {
        char options[LEDGER_OPTIONS_MAX + 1] = "";
        size_t length = strlen(WORST[i]);
        for (size_t at = 0; at + length <= LEDGER_OPTIONS_MAX; at += length)
            memcpy(options + at, WORST[i], length);
        name[0] = (char)('a' + i);
        const struct ledger_product_new product = {.name = name,
                                                   .profile = "a-profile-of-15",
                                                   .policy = LEDGER_PER_DEVICE,
                                                   .quota = LEDGER_QUOTA_MAX,
                                                   .anchors = bytes_of("PEM", 3),
                                                   .options = options};
        ck_assert_int_eq(ledger_product_create(world.ledger, &product, by, &world.fault), ERR_OK);
        json_t *leaf = last_leaf();
        ck_assert_str_eq(leaf_text(leaf, "options"), options);
        json_decref(leaf);
    }
}
END_TEST

/* ---- texts ---- */

START_TEST(text_with_control_characters_is_refused)
{
    static const char *const TEXTS[] = {"two\nlines", "\x1b[2J", "\x7f"};
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        struct ledger_issued issued;
        struct ledger_issue issue = {.product_id = world.product_id,
                                     .image_id = world.image_id,
                                     .principal_id = world.station_id,
                                     .device = world_device(1),
                                     .license = bytes_of("x", 1)};
        strcpy(issue.context.lot, TEXTS[i]);
        ck_assert_int_eq(ledger_issue(world.ledger, &issue, &issued, &world.fault),
                         ERR_BAD_REQUEST);
        ck_assert_str_eq(world.fault.reason, "context");
        struct ledger_outcome outcome = {.principal_id = world.station_id, .result = LEDGER_FAILED};
        strcpy(outcome.detail, TEXTS[i]);
        ck_assert_int_eq(ledger_outcome_record(world.ledger, &outcome, NULL, &world.fault),
                         ERR_BAD_REQUEST);
        ck_assert_str_eq(world.fault.reason, "detail");
    }
}
END_TEST

START_TEST(text_that_is_not_utf8_is_refused_before_it_is_queued)
{
    struct ledger_issued issued;
    struct ledger_issue issue = {.product_id = world.product_id,
                                 .image_id = world.image_id,
                                 .principal_id = world.station_id,
                                 .device = world_device(1),
                                 .license = bytes_of("x", 1),
                                 .context = {.socket = "\xc0\xaf"}};
    ck_assert_int_eq(ledger_issue(world.ledger, &issue, &issued, &world.fault), ERR_BAD_REQUEST);
    issue.context.socket[0] = '\0';
    memset(issue.context.line, 'x', sizeof issue.context.line); /* no terminating NUL */
    ck_assert_int_eq(ledger_issue(world.ledger, &issue, &issued, &world.fault), ERR_BAD_REQUEST);
    issue.context.line[0] = '\0';
    strcpy(issue.device.serial, "\xed\xa0\x80");
    ck_assert_int_eq(ledger_issue(world.ledger, &issue, &issued, &world.fault), ERR_BAD_REQUEST);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    struct ledger_outcome outcome = {.install = issued.install,
                                     .principal_id = world.station_id,
                                     .result = LEDGER_FAILED,
                                     .detail = "\xff"};
    ck_assert_int_eq(ledger_outcome_record(world.ledger, &outcome, NULL, &world.fault),
                     ERR_BAD_REQUEST);
    ck_assert_int_eq(world_usage(&world).unreported, 1);
}
END_TEST

/* Every text of one to four bytes from the edges of RFC 3629 is judged as the JSON library does. */
START_TEST(texts_are_judged_as_the_encoder_judges_them)
{
    static const unsigned char EDGES[] = {0x01, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                          0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
                                          0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    size_t n = sizeof EDGES;
    int accepted = 0;
    for (size_t i = 0; i < n * n * n * n; i++) {
        char text[5] = {(char)EDGES[i % n], (char)EDGES[i / n % n], (char)EDGES[i / n / n % n],
                        (char)EDGES[i / n / n / n], '\0'};
        for (size_t cut = 0; cut < 4; cut++) {
            json_t *string = json_string(text + cut);
            ck_assert_msg((string != NULL) == valid_text(text + cut, 4), "%02x%02x%02x%02x",
                          (unsigned char)text[0], (unsigned char)text[1], (unsigned char)text[2],
                          (unsigned char)text[3]);
            accepted += string != NULL;
            json_decref(string);
        }
    }
    ck_assert_int_gt(accepted, 1000);
}
END_TEST

/* ---- refusals ---- */

static struct ledger_refusal refusal(enum error code, const struct ledger_device *device)
{
    return (struct ledger_refusal){.product = WORLD_PRODUCT,
                                   .principal_id = world.station_id,
                                   .code = code,
                                   .reason = "some-reason",
                                   .device = device};
}

/* An hour may turn while a test runs: then there is one leaf more per identity, never two. */
static void assert_refusals(int64_t identities)
{
    drain();
    int64_t hours = world_number(&world, "SELECT count(DISTINCT substr(json_extract(CAST(entry AS "
                                         "TEXT), '$.time'), 1, 13)) FROM journal");
    int64_t leaves = world_leaves_with(&world, "\"type\":\"identity-refused\"");
    ck_assert_int_ge(leaves, identities);
    ck_assert_int_le(leaves, identities * hours);
}

START_TEST(a_flood_of_one_refusal_is_one_leaf)
{
    const struct ledger_device device = world_device(1);
    const struct ledger_refusal proven = refusal(ERR_DEVICE_IDENTITY_CONFLICT, &device);
    for (int i = 0; i < 10000; i++)
        ledger_refusal_note(world.ledger, &proven);
    assert_refusals(1);
    world_reopen(&world);
    ledger_refusal_note(world.ledger, &proven);
    assert_refusals(1);
}
END_TEST

START_TEST(each_identity_and_code_has_its_leaf)
{
    const struct ledger_device one = world_device(1);
    const struct ledger_device two = world_device(2);
    struct ledger_refusal noted[] = {
        refusal(ERR_DEVICE_IDENTITY_CONFLICT, &one), refusal(ERR_DEVICE_SCRAPPED, &one),
        refusal(ERR_DEVICE_SCRAPPED, &two), refusal(ERR_DEVICE_NOT_GENUINE, NULL)};
    for (int i = 0; i < 20; i++)
        ledger_refusal_note(world.ledger, &noted[i % 4]);
    assert_refusals(4);
    ck_assert_int_eq(world_leaves_with(&world, "\"code\":\"device-not-genuine\""), 1);
}
END_TEST

START_TEST(devices_without_proof_count_as_their_station)
{
    struct ledger_refusal unproven = refusal(ERR_DEVICE_NOT_GENUINE, NULL);
    ledger_refusal_note(world.ledger, &unproven);
    unproven.reason = "another-reason";
    unproven.product = "gadget";
    ledger_refusal_note(world.ledger, &unproven);
    assert_refusals(1);
    unproven.principal_id++;
    ledger_refusal_note(world.ledger, &unproven);
    assert_refusals(2);
}
END_TEST

static void note(int64_t device_number, int times)
{
    const struct ledger_device device = world_device(device_number);
    const struct ledger_refusal proven = refusal(ERR_DEVICE_SCRAPPED, &device);
    for (int i = 0; i < times; i++)
        ledger_refusal_note(world.ledger, &proven);
}

static void *flood(void *argument)
{
    note((int64_t)(intptr_t)argument, 2000);
    return NULL;
}

START_TEST(charges_go_on_during_a_flood)
{
    pthread_t threads[4];
    struct ledger_issued issued;
    for (intptr_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, flood, (void *)(i + 1)), 0);
    for (int64_t n = 1; n <= 10; n++)
        ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
    for (int i = 0; i < 4; i++)
        (void)pthread_join(threads[i], NULL);
    drain();
    /* What the flood crowded out is noted when it comes again, and what was noted is not. */
    for (int64_t i = 1; i <= 4; i++)
        note(i, 1);
    assert_refusals(4);
}
END_TEST

START_TEST(earlier_hours_are_forgotten)
{
    const struct ledger_device device = world_device(1);
    const struct ledger_refusal proven = refusal(ERR_DEVICE_SCRAPPED, &device);
    ck_assert_int_eq(
        world_execute(&world, "INSERT INTO refusal (hour, identity, code) VALUES (1, zeroblob(32), "
                              "22), (2, zeroblob(32), 22)"),
        0);
    world_reopen(&world);
    ledger_refusal_note(world.ledger, &proven);
    drain();
    ck_assert_int_eq(world_number(&world, "SELECT count(*) FROM refusal"), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal");
    TCase *tcase = tcase_create("journal");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, every_leaf_is_in_the_one_form);
    tcase_add_test(tcase, a_product_leaf_says_whether_keys_are_exposed_and_how_it_is_set);
    tcase_add_test(tcase, an_alias_leaf_says_who_has_the_name_and_who_had_it);
    tcase_add_test(tcase, a_license_leaf_names_what_was_released);
    tcase_add_test(tcase, a_repeat_is_a_leaf_of_its_own_with_its_own_context);
    tcase_add_test(tcase, hostile_texts_stay_inside_their_field);
    tcase_add_test(tcase, the_largest_leaf_fits);
    tcase_add_test(tcase, a_product_leaf_with_the_longest_settings_fits);
    tcase_add_test(tcase, text_with_control_characters_is_refused);
    tcase_add_test(tcase, text_that_is_not_utf8_is_refused_before_it_is_queued);
    tcase_add_test(tcase, texts_are_judged_as_the_encoder_judges_them);
    tcase_add_test(tcase, a_flood_of_one_refusal_is_one_leaf);
    tcase_add_test(tcase, each_identity_and_code_has_its_leaf);
    tcase_add_test(tcase, devices_without_proof_count_as_their_station);
    tcase_add_test(tcase, charges_go_on_during_a_flood);
    tcase_add_test(tcase, earlier_hours_are_forgotten);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
