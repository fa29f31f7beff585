/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the journal and the rows keep of a signed document, and which ones are no documents. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/valid.h"
#include "maker.h"

static struct world world;

static void setup(void)
{
    maker_make(&world, 10);
}

static void teardown(void)
{
    world_check_account(&world);
    world_end(&world);
}

/* ---- leaves ---- */

static json_t *leaf_at(int64_t index)
{
    json_t *leaf = json_loads(world_leaf(&world, index), JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(leaf);
    return leaf;
}

static const char *text_of(json_t *leaf, const char *key)
{
    return json_string_value(json_object_get(leaf, key));
}

static int64_t number_of(json_t *leaf, const char *key)
{
    ck_assert(json_is_integer(json_object_get(leaf, key)));
    return json_integer_value(json_object_get(leaf, key));
}

/* Exactly these fields, beside the ones that every grant has. */
static void assert_fields(json_t *leaf, const char *own)
{
    static const char COMMON[] = "by document grant kind product quota signers time type v ";
    char wanted[512];
    const char *key = NULL;
    json_t *value = NULL;
    size_t count = 0;
    (void)snprintf(wanted, sizeof wanted, "%s%s", COMMON, own);
    json_object_foreach(leaf, key, value)
    {
        char word[64];
        (void)snprintf(word, sizeof word, "%s ", key);
        ck_assert_msg(strstr(wanted, word) != NULL, "%s is not among %s", key, wanted);
        count++;
    }
    for (const char *c = wanted; *c != '\0'; c++)
        count -= *c == ' ';
    ck_assert_uint_eq(count, 0);
}

static void assert_digest(json_t *leaf, const char *key, const struct sha256 *digest)
{
    char hex[SHA256_HEX_SIZE];
    hex_encode(bytes_of(digest->bytes, SHA256_SIZE), hex);
    ck_assert_str_eq(text_of(leaf, key), hex);
}

static json_t *accepted(const struct ledger_grant *grant, const char *kind)
{
    char id[37];
    const struct sha256 document = sha256_of(grant->document);
    json_t *leaf = leaf_at(maker_must(&world, grant).journal_index);
    uuid_format(&grant->id, "", id, sizeof id);
    ck_assert_str_eq(text_of(leaf, "type"), "grant");
    ck_assert_str_eq(text_of(leaf, "kind"), kind);
    ck_assert_str_eq(text_of(leaf, "grant"), id);
    ck_assert_str_eq(text_of(leaf, "product"), grant->product);
    ck_assert_str_eq(text_of(leaf, "by"), WORLD_BY);
    assert_digest(leaf, "document", &document);
    return leaf;
}

START_TEST(the_leaf_names_the_signers_in_their_order)
{
    struct ledger_grant grant = maker_units(LEDGER_GRANT_INSTALL, 1);
    char first[SHA256_HEX_SIZE];
    char wanted[2 * SHA256_HEX_SIZE];
    json_t *leaf = accepted(&grant, "install");
    hex_encode(bytes_of(grant.signers[0].bytes, SHA256_SIZE), first);
    hex_encode(bytes_of(grant.signers[1].bytes, SHA256_SIZE), wanted + SHA256_HEX_SIZE);
    memcpy(wanted, first, SHA256_HEX_SIZE - 1);
    wanted[SHA256_HEX_SIZE - 1] = ',';
    ck_assert_str_eq(text_of(leaf, "signers"), wanted);
    json_decref(leaf);
    grant = maker_units(LEDGER_GRANT_INSTALL, 1);
    grant.signer_count = 1;
    leaf = accepted(&grant, "install");
    ck_assert_str_eq(text_of(leaf, "signers"), first);
    json_decref(leaf);
}
END_TEST

START_TEST(leaves_of_units_say_how_many_and_what_is_granted_now)
{
    struct ledger_grant grant = maker_units(LEDGER_GRANT_INSTALL, 5);
    json_t *leaf = accepted(&grant, "install");
    assert_fields(leaf, "units ");
    ck_assert_int_eq(number_of(leaf, "units"), 5);
    ck_assert_int_eq(number_of(leaf, "quota"), 15);
    json_decref(leaf);
    grant = maker_units(LEDGER_GRANT_SCRAP, 2);
    grant.lot = "L-9";
    leaf = accepted(&grant, "scrap");
    assert_fields(leaf, "units lot ");
    ck_assert_str_eq(text_of(leaf, "lot"), "L-9");
    ck_assert_int_eq(number_of(leaf, "quota"), 15);
    json_decref(leaf);
    grant = maker_units(LEDGER_GRANT_REVOKE, 100);
    leaf = accepted(&grant, "revoke");
    assert_fields(leaf, "units taken ");
    ck_assert_int_eq(number_of(leaf, "units"), 100);
    ck_assert_int_eq(number_of(leaf, "taken"), 15);
    ck_assert_int_eq(number_of(leaf, "quota"), 0);
    json_decref(leaf);
}
END_TEST

#define POLICY_FIELDS \
    "profile policy anchors session_key_exposure attempts_max sequence authorities "

START_TEST(a_policys_leaf_says_everything_that_it_sets)
{
    struct ledger_settings settings = maker_settings(LEDGER_PER_LICENSE);
    const struct ledger_grant plain = maker_policy(2, &settings);
    const struct sha256 anchors = sha256_of(settings.anchors);
    json_t *leaf = accepted(&plain, "policy");
    assert_fields(leaf, POLICY_FIELDS);
    ck_assert_int_eq(number_of(leaf, "sequence"), 2);
    ck_assert_int_eq(number_of(leaf, "attempts_max"), 0);
    ck_assert_str_eq(text_of(leaf, "policy"), "per-license");
    ck_assert_str_eq(text_of(leaf, "profile"), "sealed-v1");
    ck_assert(json_is_false(json_object_get(leaf, "session_key_exposure")));
    assert_digest(leaf, "anchors", &anchors);
    assert_digest(leaf, "authorities", &settings.authorities);
    json_decref(leaf);
    settings.options = "{\"product_id\":\"45002000\"}";
    const struct ledger_grant third = maker_policy(3, &settings);
    leaf = accepted(&third, "policy");
    assert_fields(leaf, POLICY_FIELDS "options ");
    ck_assert_str_eq(text_of(leaf, "options"), settings.options);
    json_decref(leaf);
}
END_TEST

START_TEST(a_made_products_leaf_comes_right_before_its_policys)
{
    const struct ledger_settings settings = maker_settings(LEDGER_PER_DEVICE);
    struct ledger_grant policy = maker_policy(1, &settings);
    policy.product = "gadget";
    json_t *grant = accepted(&policy, "policy");
    json_t *leaf = leaf_at(world_number(&world, "SELECT max(idx) - 1 FROM journal"));
    ck_assert_str_eq(text_of(leaf, "type"), "product-created");
    ck_assert_str_eq(text_of(leaf, "product"), "gadget");
    ck_assert_str_eq(text_of(leaf, "firmware_key"), "01020300000000000000000000000000");
    ck_assert(json_is_true(json_object_get(leaf, "governed")));
    ck_assert_int_eq(number_of(leaf, "quota"), 0);
    assert_digest(leaf, "authorities", &settings.authorities);
    static const char *const SAME[] = {"product", "profile",      "policy",     "anchors",
                                       "by",      "attempts_max", "authorities"};
    for (size_t i = 0; i < sizeof SAME / sizeof SAME[0]; i++)
        ck_assert(json_equal(json_object_get(leaf, SAME[i]), json_object_get(grant, SAME[i])));
    json_decref(leaf);
    json_decref(grant);
}
END_TEST

START_TEST(a_rebinds_leaf_names_serial_and_keys)
{
    struct ledger_issued issued;
    const struct ledger_rebinding rebinding = maker_rebinding(1, 1, 101);
    const struct ledger_grant grant = maker_rebind(2, &rebinding);
    ck_assert_int_eq(world_issue(&world, 1, &issued), ERR_OK);
    json_t *leaf = accepted(&grant, "rebind");
    assert_fields(leaf, "sequence serial old_key new_key ");
    ck_assert_str_eq(text_of(leaf, "serial"), "SN-1");
    ck_assert_int_eq(number_of(leaf, "sequence"), 2);
    assert_digest(leaf, "old_key", &rebinding.old_key);
    assert_digest(leaf, "new_key", &rebinding.new_key);
    json_decref(leaf);
}
END_TEST

START_TEST(an_overrides_leaf_names_both_heads)
{
    const struct ledger_heads heads = {.anchor = {100, world_digest('r', 1)},
                                       .found = {7, world_digest('r', 2)}};
    const struct ledger_grant grant = maker_override(&heads);
    struct ledger_breach breach;
    ck_assert_int_eq(ledger_breach_note(world.ledger, &heads, &breach, &world.fault), ERR_OK);
    json_t *leaf = accepted(&grant, "override");
    assert_fields(leaf, "anchor_size anchor_root head_size head_root ");
    ck_assert_int_eq(number_of(leaf, "anchor_size"), 100);
    ck_assert_int_eq(number_of(leaf, "head_size"), 7);
    assert_digest(leaf, "anchor_root", &heads.anchor.root);
    assert_digest(leaf, "head_root", &heads.found.root);
    json_decref(leaf);
}
END_TEST

static bool is_named(void *context, int64_t product_id)
{
    return *(int64_t *)context == product_id;
}

START_TEST(an_account_leaf_tells_what_a_checked_products_rows_say)
{
    struct ledger_issued issued;
    const struct ledger_settings settings = maker_settings(LEDGER_PER_DEVICE);
    struct ledger_grant other = maker_policy(1, &settings);
    other.product = "gadget";
    (void)maker_must(&world, &other);
    for (int64_t n = 1; n <= 3; n++)
        ck_assert_int_eq(world_issue(&world, n, &issued), ERR_OK);
    ck_assert_int_eq(ledger_account_note(world.ledger, is_named, &world.product_id, &world.fault),
                     ERR_OK);
    ck_assert_int_eq(world_leaves_with(&world, "\"type\":\"account\""), 1);
    json_t *leaf = leaf_at(world_number(&world, "SELECT max(idx) FROM journal"));
    ck_assert_str_eq(text_of(leaf, "product"), WORLD_PRODUCT);
    ck_assert_int_eq(number_of(leaf, "documents"), 2);
    ck_assert_int_eq(number_of(leaf, "charged"), 3);
    ck_assert_int_eq(number_of(leaf, "scrap_drawn"), 0);
    json_decref(leaf);
}
END_TEST

/* Settings are compact JSON, where a control character has six bytes already: what grows most in a
 * leaf are letters of two bytes. */
START_TEST(the_largest_leaf_of_a_policy_fits)
{
    struct ledger_settings settings = maker_settings(LEDGER_PER_LICENSE);
    char by[LEDGER_BY_MAX + 1] = "";
    char options[LEDGER_OPTIONS_MAX + 1] = "";
    char name[LEDGER_NAME_MAX + 1] = "";
    struct ledger_granted granted;
    memset(by, 1, LEDGER_BY_MAX);
    memset(name, 'n', LEDGER_NAME_MAX);
    for (size_t at = 0; at < LEDGER_OPTIONS_MAX; at += 2)
        memcpy(options + at, "\xc2\x80", 2);
    settings.options = options;
    settings.attempts_max = LEDGER_ATTEMPTS_MAX;
    settings.profile = "a-profile-of-15";
    struct ledger_grant policy = maker_policy(1, &settings);
    policy.product = name;
    policy.signer_count = LEDGER_SIGNERS_MAX;
    ck_assert_int_eq(ledger_grant_apply(world.ledger, &policy, by, &granted, &world.fault), ERR_OK);
    json_t *leaf = leaf_at(granted.journal_index);
    ck_assert_str_eq(text_of(leaf, "options"), options);
    ck_assert_uint_eq(strlen(text_of(leaf, "signers")), LEDGER_SIGNERS_MAX * SHA256_HEX_SIZE - 1);
    json_decref(leaf);
}
END_TEST

/* ---- rows ---- */

struct listing {
    int count;
    int stop_after;
    struct ledger_document last;
    char text[64];
    int64_t newest_index;
};

static bool see(void *context, const struct ledger_document *document)
{
    struct listing *listing = context;
    ck_assert_int_gt(document->journal_index, listing->newest_index);
    listing->newest_index = document->journal_index;
    listing->last = *document;
    listing->count++;
    ck_assert_uint_lt(document->document.length, sizeof listing->text);
    memcpy(listing->text, document->document.data, document->document.length);
    listing->text[document->document.length] = '\0';
    return listing->count != listing->stop_after;
}

static struct listing list(const char *product, int stop_after)
{
    struct listing listing = {.stop_after = stop_after, .newest_index = -1};
    ck_assert_int_eq(ledger_documents_each(world.ledger, product, see, &listing, &world.fault),
                     ERR_OK);
    return listing;
}

START_TEST(a_document_is_kept_as_it_came)
{
    struct ledger_grant grant = maker_units(LEDGER_GRANT_REVOKE, 12);
    grant.lot = "L-9";
    int64_t index = maker_must(&world, &grant).journal_index;
    struct listing listing = list(WORLD_PRODUCT, -1);
    ck_assert_int_eq(listing.count, 3);
    ck_assert_mem_eq(&listing.last.id, &grant.id, sizeof grant.id);
    ck_assert_str_eq(listing.last.product, WORLD_PRODUCT);
    ck_assert_int_eq(listing.last.kind, LEDGER_GRANT_REVOKE);
    ck_assert_int_eq(listing.last.units, 12);
    ck_assert_int_eq(listing.last.taken, 10);
    ck_assert_str_eq(listing.last.lot, "L-9");
    ck_assert_int_eq(listing.last.sequence, 0);
    ck_assert_int_eq(listing.last.journal_index, index);
    ck_assert_int_ge(listing.last.accepted_unix_ms, grant.issued_unix_ms);
    ck_assert_uint_eq(strlen(listing.text), grant.document.length);
    ck_assert_mem_eq(listing.text, grant.document.data, grant.document.length);
}
END_TEST

START_TEST(documents_are_listed_in_order_by_product_or_all)
{
    const struct ledger_settings settings = maker_settings(LEDGER_PER_DEVICE);
    struct ledger_grant policy = maker_policy(1, &settings);
    policy.product = "gadget";
    (void)maker_must(&world, &policy);
    const struct ledger_grant second = maker_policy(2, &settings);
    (void)maker_must(&world, &second);
    ck_assert_int_eq(list(NULL, -1).count, 4);
    ck_assert_int_eq(list(WORLD_PRODUCT, -1).count, 3);
    ck_assert_int_eq(list(WORLD_PRODUCT, -1).last.sequence, 2);
    ck_assert_int_eq(list("gadget", -1).count, 1);
    ck_assert_int_eq(list("none", -1).count, 0);
    struct listing first = list(NULL, 1);
    ck_assert_int_eq(first.count, 1);
    ck_assert_int_eq(first.last.kind, LEDGER_GRANT_POLICY);
    ck_assert_int_eq(first.last.sequence, 1);
}
END_TEST

/* ---- what is no document ---- */

START_TEST(the_largest_document_fits_and_one_byte_more_does_not)
{
    static uint8_t bytes[LEDGER_DOCUMENT_MAX + 1];
    struct ledger_settings settings = maker_settings(LEDGER_PER_DEVICE);
    static uint8_t anchors[LEDGER_ANCHORS_MAX + 1];
    memset(bytes, 'd', sizeof bytes);
    memset(anchors, 'x', sizeof anchors);
    settings.anchors = bytes_of(anchors, sizeof anchors);
    struct ledger_grant policy = maker_policy(2, &settings);
    policy.document = bytes_of(bytes, LEDGER_DOCUMENT_MAX);
    maker_must_not(&world, &policy, ERR_BAD_REQUEST, "anchors");
    settings.anchors.length--;
    policy.document.length++;
    maker_must_not(&world, &policy, ERR_BAD_REQUEST, "document");
    policy.document.length--;
    (void)maker_must(&world, &policy);
    policy.document.length = 0;
    maker_must_not(&world, &policy, ERR_BAD_REQUEST, "document");
}
END_TEST

static void assert_no_document(struct ledger_grant grant, const char *reason)
{
    maker_must_not(&world, &grant, ERR_BAD_REQUEST, reason);
}

START_TEST(what_breaks_a_limit_is_refused_before_it_is_queued)
{
    struct ledger_settings settings = maker_settings(LEDGER_PER_DEVICE);
    struct ledger_grant grant = maker_units(LEDGER_GRANT_INSTALL, 0);
    assert_no_document(grant, "units");
    grant.units = LEDGER_QUOTA_MAX + 1;
    assert_no_document(grant, "units");
    grant.units = 1;
    grant.sequence = 1;
    assert_no_document(grant, "sequence");
    grant.sequence = 0;
    grant.lot = "\xff";
    assert_no_document(grant, "lot");
    grant.lot = "";
    grant.signer_count = 0;
    assert_no_document(grant, "signers");
    grant.signer_count = LEDGER_SIGNERS_MAX + 1;
    assert_no_document(grant, "signers");
    grant.signer_count = 1;
    grant.product = "no spaces";
    assert_no_document(grant, "name");
    grant = maker_policy(2, NULL);
    assert_no_document(grant, "kind");
    grant = maker_policy(0, &settings);
    assert_no_document(grant, "sequence");
    settings.policy = 3;
    assert_no_document(maker_policy(2, &settings), "policy");
    assert_no_document(maker_document(8), "kind");
    assert_no_document(maker_document(0), "kind");
    const struct ledger_rebinding nameless = {.new_key = world_digest('d', 2)};
    assert_no_document(maker_rebind(2, &nameless), "serial");
    ck_assert_int_eq(list(NULL, -1).count, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("documents");
    TCase *tcase = tcase_create("documents");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_leaf_names_the_signers_in_their_order);
    tcase_add_test(tcase, leaves_of_units_say_how_many_and_what_is_granted_now);
    tcase_add_test(tcase, a_policys_leaf_says_everything_that_it_sets);
    tcase_add_test(tcase, a_made_products_leaf_comes_right_before_its_policys);
    tcase_add_test(tcase, a_rebinds_leaf_names_serial_and_keys);
    tcase_add_test(tcase, an_overrides_leaf_names_both_heads);
    tcase_add_test(tcase, an_account_leaf_tells_what_a_checked_products_rows_say);
    tcase_add_test(tcase, the_largest_leaf_of_a_policy_fits);
    tcase_add_test(tcase, a_document_is_kept_as_it_came);
    tcase_add_test(tcase, documents_are_listed_in_order_by_product_or_all);
    tcase_add_test(tcase, the_largest_document_fits_and_one_byte_more_does_not);
    tcase_add_test(tcase, what_breaks_a_limit_is_refused_before_it_is_queued);
    suite_add_tcase(suite, tcase);
    return world_run(suite);
}
