/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Governed products: what signed documents do, and what is found when they do not count. Officers
 * 0, 1 and 2 are the authorities, two of them must sign; officer 3 is a stranger.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "judge.h"
#include "signed_grant.h"
#include "support/run.h"

static struct judge judge;
static struct maker *maker;
static struct export_account *widget;
static char root[SHA256_HEX_SIZE];

static const struct signed_grant POLICY = {
    .kind = "policy", .product = "widget", .id = 1, .sequence = 1};

static void set_up(void)
{
    judge_init(&judge);
    maker = &judge.maker;
    widget = maker_account(maker, "widget");
    maker_digest("root", 1, root);
    maker_station(maker, "st-1");
}

static void tear_down(void)
{
    judge_clear(&judge);
}

static void govern(void)
{
    signed_grant_product(maker, &POLICY);
    maker_image(maker, "widget", 1);
    maker_image(maker, "widget", 2);
}

static void issue(unsigned device)
{
    maker_license(maker, &(struct maker_license){
                             .product = "widget", .device = device, .image = 1, .install = device});
}

static struct signed_grant install_grant(unsigned id, int64_t units, int64_t quota)
{
    return (struct signed_grant){
        .kind = "install", .product = "widget", .id = id, .units = units, .quota = quota};
}

/* ---- what counts ---- */

#define STANDBY   "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define TRANSPORT "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define EXPORTED                                                                         \
    "\"by\":\"uid:0\",\"file\":\"" STANDBY "\",\"images\":1,\"name\":\"b\",\"product\":" \
    "\"widget\",\"spki\":\"" TRANSPORT "\",\"standby\":\"" STANDBY "\","

START_TEST(documents_of_every_kind_count)
{
    struct signed_grant install = install_grant(2, 10, 10);
    install.lot = "L-7";
    install.not_before = "2026-11-27T10:00:00Z";
    install.not_after = "2026-11-28T10:00:00Z";
    install.signers = 7;
    govern();
    signed_grant_add(maker, &install);
    signed_grant_add(maker,
                     &(struct signed_grant){
                         .kind = "scrap", .product = "widget", .id = 3, .units = 2, .quota = 10});
    issue(1);
    issue(2);
    maker_outcome(maker, 1, "scrapped", 1, ",\"scrap_drawn\":true");
    signed_grant_add(maker, &(struct signed_grant){.kind = "rebind",
                                                   .product = "widget",
                                                   .id = 4,
                                                   .sequence = 2,
                                                   .old_device = 2,
                                                   .new_device = 3,
                                                   .quota = 11});
    signed_grant_add(maker, &(struct signed_grant){.kind = "standby",
                                                   .product = "widget",
                                                   .id = 6,
                                                   .sequence = 3,
                                                   .standby = STANDBY,
                                                   .transport_key = TRANSPORT,
                                                   .is_allowed = true,
                                                   .quota = 11});
    maker_leaf(maker, "standby-added",
               "\"by\":\"uid:0\",\"name\":\"b\",\"spki\":\"" TRANSPORT "\",\"standby\":\"" STANDBY
               "\",",
               "");
    maker_leaf(maker, "session-keys-exported", EXPORTED, "");
    signed_grant_add(
        maker,
        &(struct signed_grant){
            .kind = "revoke", .product = "widget", .id = 5, .units = 100, .taken = 9, .quota = 2});
    maker_leaf(maker, "account",
               "\"charged\":2,\"documents\":6,\"product\":\"widget\",\"scrap_drawn\":1,", "");
    *widget = (struct export_account){.product = "widget",
                                      .accepted = 10,
                                      .revoked = 9,
                                      .scrap_allowance = 2,
                                      .scrap_drawn = 1,
                                      .granted = 2,
                                      .charged = 2,
                                      .licensed = 2,
                                      .scrapped = 1,
                                      .unreported = 1};
    judge_seal_and_run(&judge);
    ck_assert_holds(&judge);
    ck_assert_int_eq(judge.report.products[0].documents, 6);
}
END_TEST

START_TEST(a_policy_changes_who_may_sign_and_what_is_charged)
{
    struct signed_grant second = POLICY;
    struct signed_grant install = install_grant(3, 5, 5);
    second.id = 2;
    second.sequence = 2;
    second.authorities = OFFICERS(2, 3);
    second.policy = "per-license";
    second.attempts_max = 2;
    install.signers = OFFICERS(2, 3);
    govern();
    signed_grant_add(maker, &second);
    signed_grant_add(maker, &install);
    issue(1);
    maker_license(
        maker, &(struct maker_license){.product = "widget", .device = 1, .image = 2, .install = 2});
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
    ck_assert_int_eq(judge.report.products[0].account.charged, 2);
    /* A third request is more than the policy allows. */
    maker_license(maker,
                  &(struct maker_license){
                      .product = "widget", .device = 1, .image = 1, .install = 1, .attempt = 2});
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "attempts-exceeded");
}
END_TEST

static void change_policy(unsigned id, int64_t sequence, const char *policy, int64_t quota)
{
    struct signed_grant next = POLICY;
    next.id = id;
    next.sequence = sequence;
    next.policy = policy;
    next.quota = quota;
    signed_grant_add(maker, &next);
}

static void issue_image(unsigned device, unsigned image, unsigned install, unsigned unit)
{
    maker_license(maker, &(struct maker_license){.product = "widget",
                                                 .device = device,
                                                 .image = image,
                                                 .install = install,
                                                 .unit = unit});
}

/* Device 1 has a per-device unit and later one of its own; device 2 has per-license units only. */
START_TEST(a_license_joins_the_devices_per_device_unit_else_its_newest)
{
    struct signed_grant install = install_grant(2, 9, 9);
    govern();
    maker_image(maker, "widget", 3);
    signed_grant_add(maker, &install);
    issue_image(1, 1, 1, 0);
    change_policy(3, 2, "per-license", 9);
    issue_image(1, 2, 2, 0);
    issue_image(2, 1, 3, 0);
    issue_image(2, 2, 4, 0);
    change_policy(4, 3, "per-device", 9);
    issue_image(1, 3, 5, 1);
    issue_image(2, 3, 6, 4);
    maker_outcome(maker, 5, "succeeded", 1, "");
    maker_outcome(maker, 4, "failed", 1, ""); /* no longer its unit's newest */
    *widget = (struct export_account){.product = "widget",
                                      .accepted = 9,
                                      .granted = 9,
                                      .charged = 4,
                                      .remaining = 5,
                                      .licensed = 6,
                                      .succeeded = 1,
                                      .unreported = 3};
    judge_seal_and_run(&judge);
    ck_assert_holds(&judge);
}
END_TEST

START_TEST(pinned_authorities_are_compared_with_the_first_policy)
{
    struct sha256 right = signed_grant_authorities(maker, 7, 2);
    struct sha256 wrong = signed_grant_authorities(maker, 7, 1);
    govern();
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
    ck_assert_int_eq(judge.report.authorities, AUDIT_NOT_ASKED);
    judge.request.authorities = &right;
    judge_run(&judge);
    ck_assert_holds(&judge);
    ck_assert_int_eq(judge.report.authorities, AUDIT_HOLDS);
    judge.request.authorities = &wrong;
    judge_run(&judge);
    ck_assert_found_only(&judge, "other-authorities");
}
END_TEST

START_TEST(pinned_authorities_of_no_product_are_found)
{
    struct sha256 pinned = signed_grant_authorities(maker, 7, 2);
    maker_local_product(maker, "gadget", 1, "per-device");
    maker->account_count = 0;
    judge.request.authorities = &pinned;
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "no-governed-product");
}
END_TEST

START_TEST(an_override_needs_the_maker_of_each_governed_product)
{
    struct signed_grant consent = {.kind = "override", .product = "widget", .id = 2};
    char head[SHA256_HEX_SIZE];
    struct checkpoint checkpoint;
    govern();
    maker_seal(maker);
    ck_assert_int_eq(
        checkpoint_read(bytes_of(maker->note, strlen(maker->note)), &checkpoint, &judge.fault),
        ERR_OK);
    hex_encode(bytes_of(checkpoint.root.bytes, SHA256_SIZE), head);
    consent.anchor_size = 99;
    consent.anchor_root = root;
    consent.head_size = checkpoint.size;
    consent.head_root = head;
    const char *leaf = MAKER_FORMAT("\"anchor_root\":\"%s\",\"anchor_size\":99,\"by\":\"uid:0\","
                                    "\"head_root\":\"%s\",\"head_size\":%lld,",
                                    root, head, (long long)checkpoint.size);
    signed_grant_add(maker, &consent);
    maker_leaf(maker, "override", leaf, "");
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
    ck_assert_int_eq(judge.report.overrides.total, 1);
    ck_assert_int_eq(judge.report.overrides.items[0].anchor_size, 99);
    /* The next one needs a consent of its own, which may be older than the override before. */
    consent.id = 3;
    signed_grant_add(maker, &consent);
    maker_leaf(maker, "override", leaf, "");
    judge_settle_and_run(&judge);
    ck_assert_holds(&judge);
    maker_leaf(maker, "override", leaf, "");
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "override-without-consent");
}
END_TEST

/* ---- what does not ---- */

static void too_few(void)
{
    struct signed_grant grant = install_grant(2, 5, 5);
    grant.signers = 1;
    signed_grant_add(maker, &grant);
}

static void stranger(void)
{
    struct signed_grant grant = install_grant(2, 5, 5);
    grant.signers = OFFICERS(0, 3);
    signed_grant_add(maker, &grant);
}

/* A byte of the JSON inside the CMS; the leaf names the altered document. */
static void altered(void)
{
    struct signed_grant grant = install_grant(2, 5, 5);
    char digest[SHA256_HEX_SIZE];
    signed_grant_document(maker, &grant, digest);
    struct bytes *document = &maker->documents[maker->document_count - 1];
    uint8_t *at = memmem(document->data, document->length, "\"units\": 5", 10);
    ck_assert_ptr_nonnull(at);
    at[9] = '9';
    const struct sha256 now = sha256_of(*document);
    hex_encode(bytes_of(now.bytes, SHA256_SIZE), digest);
    grant.units = grant.quota = 9;
    signed_grant_leaf(maker, &grant, digest);
}

static void replayed(void)
{
    struct signed_grant grant = install_grant(2, 5, 5);
    char digest[SHA256_HEX_SIZE];
    signed_grant_document(maker, &grant, digest);
    signed_grant_leaf(maker, &grant, digest);
    grant.quota = 10;
    signed_grant_leaf(maker, &grant, digest);
}

/* The same id in another document. */
static void replayed_id(void)
{
    struct signed_grant grant = install_grant(2, 5, 5);
    signed_grant_add(maker, &grant);
    grant.units = 6;
    grant.quota = 11;
    signed_grant_add(maker, &grant);
}

static void other_hsm(void)
{
    struct signed_grant grant = install_grant(2, 5, 5);
    grant.hsm = root;
    signed_grant_add(maker, &grant);
}

static void other_site(void)
{
    struct signed_grant grant = install_grant(2, 5, 5);
    grant.site = "factory-8";
    signed_grant_add(maker, &grant);
}

static void other_product(void)
{
    struct signed_grant grant = install_grant(2, 5, 5);
    char digest[SHA256_HEX_SIZE];
    grant.product = "gadget";
    signed_grant_document(maker, &grant, digest);
    grant.product = "widget";
    signed_grant_leaf(maker, &grant, digest);
}

static void expired(void)
{
    struct signed_grant grant = install_grant(2, 5, 5);
    grant.not_after = "2026-11-27T10:00:00Z";
    signed_grant_add(maker, &grant);
}

static void not_yet_valid(void)
{
    struct signed_grant grant = install_grant(2, 5, 5);
    grant.not_before = "2026-11-28T10:00:00Z";
    signed_grant_add(maker, &grant);
}

static void wrong_sequence(void)
{
    struct signed_grant second = POLICY;
    second.id = 2;
    second.sequence = 3;
    signed_grant_add(maker, &second);
}

static void more_units_in_the_leaf(void)
{
    struct signed_grant grant = install_grant(2, 5, 5);
    char digest[SHA256_HEX_SIZE];
    signed_grant_document(maker, &grant, digest);
    grant.units = grant.quota = 500;
    signed_grant_leaf(maker, &grant, digest);
}

static void other_lot_in_the_leaf(void)
{
    struct signed_grant grant = install_grant(2, 5, 5);
    char digest[SHA256_HEX_SIZE];
    signed_grant_document(maker, &grant, digest);
    grant.lot = "L-9";
    signed_grant_leaf(maker, &grant, digest);
}

static void other_signers_in_the_leaf(void)
{
    struct signed_grant grant = install_grant(2, 5, 5);
    char digest[SHA256_HEX_SIZE];
    signed_grant_document(maker, &grant, digest);
    grant.signers = OFFICERS(0, 2);
    signed_grant_leaf(maker, &grant, digest);
}

static void other_policy_in_the_leaf(void)
{
    struct signed_grant second = POLICY;
    char digest[SHA256_HEX_SIZE];
    second.id = 2;
    second.sequence = 2;
    signed_grant_document(maker, &second, digest);
    second.policy = "per-license";
    signed_grant_leaf(maker, &second, digest);
}

static void other_authorities_in_the_leaf(void)
{
    struct signed_grant second = POLICY;
    char digest[SHA256_HEX_SIZE];
    second.id = 2;
    second.sequence = 2;
    signed_grant_document(maker, &second, digest);
    second.authorities = OFFICERS(2, 3);
    signed_grant_leaf(maker, &second, digest);
}

static void taken_too_much(void)
{
    struct signed_grant grant = install_grant(2, 5, 5);
    signed_grant_add(maker, &grant);
    issue(1);
    signed_grant_add(
        maker,
        &(struct signed_grant){
            .kind = "revoke", .product = "widget", .id = 3, .units = 5, .taken = 3, .quota = 2});
}

static void local_quota(void)
{
    maker_leaf(maker, "quota-added", "\"by\":\"uid:0\",\"product\":\"widget\",\"quota\":7,",
               ",\"units\":7");
}

static void local_scrap(void)
{
    maker_leaf(maker, "scrap-allowance-added",
               "\"allowance\":7,\"by\":\"uid:0\",\"product\":\"widget\",", ",\"units\":7");
}

static void no_document(void)
{
    struct signed_grant grant = install_grant(2, 5, 5);
    signed_grant_leaf(maker, &grant, root);
}

static void no_leaf(void)
{
    struct signed_grant grant = install_grant(2, 5, 5);
    char digest[SHA256_HEX_SIZE];
    signed_grant_document(maker, &grant, digest);
}

static void document_twice(void)
{
    struct signed_grant grant = install_grant(2, 5, 5);
    signed_grant_add(maker, &grant);
    maker->documents =
        realloc(maker->documents, (maker->document_count + 1) * sizeof *maker->documents);
    struct bytes last = maker->documents[maker->document_count - 1];
    uint8_t *copy = malloc(last.length);
    memcpy(copy, last.data, last.length);
    maker->documents[maker->document_count++] = bytes_of(copy, last.length);
}

static void no_document_at_all(void)
{
    struct signed_grant grant = install_grant(2, 5, 5);
    char digest[SHA256_HEX_SIZE];
    uint8_t *text = (uint8_t *)strdup("this is no CMS");
    maker->documents =
        realloc(maker->documents, (maker->document_count + 1) * sizeof *maker->documents);
    maker->documents[maker->document_count++] = bytes_of(text, strlen((char *)text));
    const struct sha256 now = sha256_of(maker->documents[maker->document_count - 1]);
    hex_encode(bytes_of(now.bytes, SHA256_SIZE), digest);
    signed_grant_leaf(maker, &grant, digest);
}

static void before_override(void)
{
    struct signed_grant consent = {.kind = "override", .product = "widget", .id = 2};
    struct signed_grant grant = install_grant(3, 5, 5);
    static const char EMPTY[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    consent.anchor_size = 9;
    consent.anchor_root = root;
    consent.head_root = EMPTY;
    signed_grant_add(maker, &consent);
    maker_leaf(maker, "override",
               MAKER_FORMAT("\"anchor_root\":\"%s\",\"anchor_size\":9,\"by\":\"uid:0\","
                            "\"head_root\":\"%s\",\"head_size\":0,",
                            root, EMPTY),
               "");
    signed_grant_add(maker, &grant);
}

/* The maker's document for a product that the factory made itself. */
static void local_product(void)
{
    struct signed_grant grant = install_grant(2, 5, 6);
    maker_local_product(maker, "gadget", 1, "per-device");
    grant.product = "gadget";
    signed_grant_add(maker, &grant);
}

static void name_standby(unsigned id, int64_t sequence, bool is_allowed)
{
    signed_grant_add(maker, &(struct signed_grant){.kind = "standby",
                                                   .product = "widget",
                                                   .id = id,
                                                   .sequence = sequence,
                                                   .standby = STANDBY,
                                                   .transport_key = TRANSPORT,
                                                   .is_allowed = is_allowed});
}

static void export_keys(void)
{
    maker_leaf(maker, "standby-added",
               "\"by\":\"uid:0\",\"name\":\"b\",\"spki\":\"" TRANSPORT "\",\"standby\":\"" STANDBY
               "\",",
               "");
    maker_leaf(maker, "session-keys-exported", EXPORTED, "");
}

static void export_after_withdrawal(void)
{
    name_standby(2, 2, true);
    name_standby(3, 3, false);
    export_keys();
}

static void other_standby_in_the_leaf(void)
{
    struct signed_grant grant = {.kind = "standby",
                                 .product = "widget",
                                 .id = 2,
                                 .sequence = 2,
                                 .standby = STANDBY,
                                 .transport_key = TRANSPORT,
                                 .is_allowed = true};
    char digest[SHA256_HEX_SIZE];
    signed_grant_document(maker, &grant, digest);
    grant.standby = TRANSPORT;
    signed_grant_leaf(maker, &grant, digest);
}

static void withdrawal_as_allowance_in_the_leaf(void)
{
    struct signed_grant grant = {.kind = "standby",
                                 .product = "widget",
                                 .id = 2,
                                 .sequence = 2,
                                 .standby = STANDBY,
                                 .transport_key = TRANSPORT};
    char digest[SHA256_HEX_SIZE];
    signed_grant_document(maker, &grant, digest);
    grant.is_allowed = true;
    signed_grant_leaf(maker, &grant, digest);
}

static const struct {
    const char *word;
    void (*act)(void);
    const char *also;
} WAYS[] = {
    {"grant-signature", too_few, NULL},
    {"grant-signature", stranger, NULL},
    {"grant-signature", altered, NULL},
    {"grant-repeated", replayed, NULL},
    {"grant-repeated", replayed_id, NULL},
    {"grant-other-hsm", other_hsm, NULL},
    {"grant-other-site", other_site, NULL},
    {"grant-other-product", other_product, NULL},
    {"grant-expired", expired, NULL},
    {"grant-not-yet-valid", not_yet_valid, NULL},
    {"grant-before-override", before_override, NULL},
    {"grant-sequence", wrong_sequence, NULL},
    {"grant-leaf-differs", more_units_in_the_leaf, NULL},
    {"grant-leaf-differs", other_lot_in_the_leaf, NULL},
    {"grant-leaf-differs", other_policy_in_the_leaf, NULL},
    {"grant-leaf-differs", other_authorities_in_the_leaf, NULL},
    {"grant-signers", other_signers_in_the_leaf, NULL},
    {"revoke-taken", taken_too_much, NULL},
    {"governed-changed-locally", local_quota, NULL},
    {"governed-changed-locally", local_scrap, NULL},
    {"document-missing", no_document, NULL},
    {"document-missing", no_document_at_all, "document-without-leaf"},
    {"document-without-leaf", no_leaf, NULL},
    {"document-twice", document_twice, NULL},
    {"grant-local", local_product, "grant-unjudged"},
    {"standby-not-signed", export_keys, NULL},
    {"standby-not-signed", export_after_withdrawal, NULL},
    {"grant-leaf-differs", other_standby_in_the_leaf, NULL},
    {"grant-leaf-differs", withdrawal_as_allowance_in_the_leaf, NULL},
};

START_TEST(document_that_does_not_count_has_its_own_word)
{
    govern();
    WAYS[_i].act();
    judge_settle_and_run(&judge);
    ck_assert_found(&judge, WAYS[_i].word);
    for (size_t i = 0; i < judge.report.kind_count; i++) {
        const char *word = judge.report.kinds[i].word;
        ck_assert_msg(strcmp(word, WAYS[_i].word) == 0 ||
                          (WAYS[_i].also != NULL && strcmp(word, WAYS[_i].also) == 0),
                      "%s: %s", WAYS[_i].word, judge_text(&judge));
    }
}
END_TEST

START_TEST(governed_product_without_its_policy_is_found)
{
    signed_grant_product(maker, &POLICY);
    maker_swap(maker, maker->leaf_count - 1, maker->leaf_count - 2);
    maker_leaf(maker, "stop", "", "");
    judge_settle_and_run(&judge);
    ck_assert_found(&judge, "governed-without-policy");
}
END_TEST

START_TEST(product_that_was_made_otherwise_than_its_policy_says_is_found)
{
    size_t policy = signed_grant_product(maker, &POLICY);
    maker_replace(maker, policy - 1, "\"session_key_exposure\":false",
                  "\"session_key_exposure\":true");
    judge_settle_and_run(&judge);
    ck_assert_found_only(&judge, "created-differs");
    ck_assert_uint_eq((size_t)judge_find(&judge, "created-differs")->leaf, policy - 1);
}
END_TEST

START_TEST(product_that_was_made_for_other_authorities_is_found)
{
    char hex[SHA256_HEX_SIZE];
    size_t policy = signed_grant_product(maker, &POLICY);
    const struct sha256 digest = signed_grant_authorities(maker, 7, 2);
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), hex);
    maker_replace(maker, policy - 1, hex, root);
    judge_settle_and_run(&judge);
    ck_assert_found(&judge, "first-authorities");
    ck_assert_found(&judge, "created-differs");
}
END_TEST

START_TEST(what_follows_a_later_missing_policy_is_not_believed)
{
    struct signed_grant second = POLICY;
    struct signed_grant grant = install_grant(3, 5, 5);
    second.id = 2;
    second.sequence = 2;
    govern();
    signed_grant_leaf(maker, &second, root);
    signed_grant_add(maker, &grant);
    judge_settle_and_run(&judge);
    ck_assert_found(&judge, "document-missing");
    ck_assert_found(&judge, "grant-unjudged");
}
END_TEST

START_TEST(what_follows_a_missing_policy_is_not_believed)
{
    char hex[SHA256_HEX_SIZE];
    struct signed_grant grant = install_grant(2, 5, 5);
    size_t policy = signed_grant_product(maker, &POLICY);
    const struct sha256 digest = sha256_of(maker->documents[0]);
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), hex);
    maker_replace(maker, policy, hex, root);
    signed_grant_add(maker, &grant);
    judge_settle_and_run(&judge);
    ck_assert_found(&judge, "document-missing");
    ck_assert_found(&judge, "grant-unjudged");
    ck_assert_found(&judge, "document-without-leaf");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("documents");
    TCase *all = tcase_create("documents");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, documents_of_every_kind_count);
    tcase_add_test(all, a_policy_changes_who_may_sign_and_what_is_charged);
    tcase_add_test(all, a_license_joins_the_devices_per_device_unit_else_its_newest);
    tcase_add_test(all, pinned_authorities_are_compared_with_the_first_policy);
    tcase_add_test(all, pinned_authorities_of_no_product_are_found);
    tcase_add_test(all, an_override_needs_the_maker_of_each_governed_product);
    tcase_add_loop_test(all, document_that_does_not_count_has_its_own_word, 0,
                        (int)(sizeof WAYS / sizeof WAYS[0]));
    tcase_add_test(all, governed_product_without_its_policy_is_found);
    tcase_add_test(all, product_that_was_made_otherwise_than_its_policy_says_is_found);
    tcase_add_test(all, product_that_was_made_for_other_authorities_is_found);
    tcase_add_test(all, what_follows_a_missing_policy_is_not_believed);
    tcase_add_test(all, what_follows_a_later_missing_policy_is_not_believed);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
