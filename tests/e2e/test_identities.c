/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which devices are taken (docs/identities.md): each case by a certificate that is made for it,
 * asked for over REST, with the answer and the reason that the page says.
 */
#include "e2e/floor.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/pki.h"

#define HOUR_S   INT64_C(3600)
#define DAY_S    (24 * HOUR_S)

#define SIGNS    "critical,digitalSignature"
#define AGREES   "critical,keyAgreement"
#define ENCRYPT  "critical,keyEncipherment"
#define TPM_EK   "2.23.133.8.1"

#define LICENSED "" /* instead of a check */

static struct rig rig;
static struct pki *root;

#define SHELL(...) ck_assert_int_eq(rig_shell(&rig, __VA_ARGS__), 0)
#define CTL        "$BIN/provctl --config $RIG_CONFIG "

/* Products beside those of the rig, each with an image. */
static void make_products(void)
{
    SHELL("cd $DIR && "
          "image() { " CTL "image encrypt --product $1 --format cms $RIG_FIRMWARE >/dev/null; } && "
          "make() { n=$1; shift; " CTL "product create $n --anchors $RIG_DEVICE_CA_CERT "
          "--quota 50 \"$@\" >/dev/null && image $n; } && "
          "make signing --accept-sign-only --device-keys p256,rsa && "
          "make at-issue --device-validity chain-valid-at-issue && "
          "make revoking --crl-hours-max 24 && make unlisted");
}

static void set_up(void)
{
    http_init();
    rig_up_profiles(&rig, 60);
    make_products();
    root = pki_load(rig.device_ca_cert, rig.device_ca_key);
}

static void tear_down(void)
{
    pki_free(root);
    rig_check_invariants(&rig);
    rig_down(&rig);
}

/* ---- asking ---- */

static void ask(const char *product, const char *pem, struct http_answer *answer)
{
    http_license_of(&rig, product, pem, NULL, answer);
}

static void expect(const char *what, const char *product, const char *pem, const char *check)
{
    struct http_answer answer;
    const bool is_licensed = check[0] == '\0';
    ask(product, pem, &answer);
    ck_assert_msg(answer.status == (is_licensed ? 201 : 422), "%s: %ld %s", what, answer.status,
                  answer.body);
    ck_assert_msg(strcmp(http_text(&answer, "check"), check) == 0, "%s: %s", what, answer.body);
    if (!is_licensed)
        ck_assert_str_eq(http_problem(&answer), "device-not-genuine");
    http_answer_clear(&answer);
}

static void expect_pair(const char *what, const char *product, const struct pki *device,
                        const struct pki *above, const char *check)
{
    char *chain = pki_chain((const struct pki *const[]){device, above}, 2);
    expect(what, product, chain, check);
    free(chain);
}

/* ---- one certificate ---- */

static const struct identity {
    const char *name; /* its serial, too, unless it has none */
    const char *product;
    const char *check;
    struct pki_options options;
} IDENTITIES[] = {
    {"p256", "rig-cms", LICENSED, {.key_usage = AGREES}},
    {"p256-compressed", "rig-cms", LICENSED, {.key_usage = AGREES, .is_compressed = true}},
    {"p384", "rig-cms", LICENSED, {.key = PKI_P384, .key_usage = AGREES}},
    {"p384-unnamed", "unlisted", "curve", {.key = PKI_P384, .key_usage = AGREES}},
    {"rsa-2048", "rig-cms", LICENSED, {.key = PKI_RSA_2048, .key_usage = ENCRYPT}},
    {"rsa-3072", "rig-cms", LICENSED, {.key = PKI_RSA_3072, .key_usage = ENCRYPT}},
    {"rsa-4096", "rig-cms", LICENSED, {.key = PKI_RSA_4096, .key_usage = ENCRYPT}},
    {"rsa-unnamed", "unlisted", "key-type", {.key = PKI_RSA_2048, .key_usage = ENCRYPT}},
    {"rsa-1024", "rig-cms", "key-size", {.key = PKI_RSA_1024, .key_usage = ENCRYPT}},
    {"rsa-4104", "rig-cms", "key-size", {.key = PKI_RSA_4104, .key_usage = ENCRYPT}},
    {"rsa-3072-boot", "rig-mcuboot", "rsa-size", {.key = PKI_RSA_3072, .key_usage = ENCRYPT}},
    {"rsa-2048-esp", "rig-esp-rsa", "rsa-size", {.key = PKI_RSA_2048, .key_usage = ENCRYPT}},
    {"rsa-3072-esp", "rig-esp-rsa", LICENSED, {.key = PKI_RSA_3072, .key_usage = ENCRYPT}},
    {"rsa-even", "rig-cms", "key-exponent", {.key = PKI_RSA_EVEN, .key_usage = ENCRYPT}},
    {"rsa-long", "rig-cms", "key-exponent", {.key = PKI_RSA_LONG, .key_usage = ENCRYPT}},
    {"rsa-one", "rig-cms", "key-exponent", {.key = PKI_RSA_ONE, .key_usage = ENCRYPT}},
    {"x25519", "rig-mcuboot", LICENSED, {.key = PKI_X25519, .key_usage = AGREES}},
    {"x25519-cms", "rig-cms", "key-type", {.key = PKI_X25519, .key_usage = AGREES}},
    {"x25519-zero", "rig-mcuboot", "curve", {.key = PKI_X25519_ZERO, .key_usage = AGREES}},
    {"ed25519", "rig-cms", "key-type", {.key = PKI_ED25519, .key_usage = SIGNS}},
    {"never-expires", "rig-cms", LICENSED, {.is_without_expiry = true}},
    {"expired", "rig-cms", "expired", {.not_before = 1000000000, .not_after = 1100000000}},
    {"early", "rig-cms", "not-yet-valid", {.not_before = 4000000000, .not_after = 4100000000}},
    {"", "rig-cms", LICENSED, {.hardware_serial = "0102030405"}},
    {"anonymous", "rig-cms", LICENSED, {.name = "no serial", .serial = ""}},
    {"sign-only", "rig-cms", "key-usage", {.key_usage = SIGNS}},
    {"sign-only-taken", "signing", LICENSED, {.key_usage = SIGNS}},
    {"sign-only-rsa", "rig-cms", "key-usage", {.key = PKI_RSA_2048, .key_usage = SIGNS}},
    {"sign-only-rsa-taken", "signing", LICENSED, {.key = PKI_RSA_2048, .key_usage = SIGNS}},
    {"tpm", "rig-cms", "tpm-ek", {.key = PKI_RSA_2048, .extended_key_usage = TPM_EK}},
    {"sha1", "rig-cms", "weak-signature", {.digest = PKI_SHA1}},
    {"forged", "rig-cms", "signature-invalid", {.is_forged = true}},
    {"ca",
     "rig-cms",
     "key-usage",
     {.is_ca = true, .key_usage = "critical,keyCertSign,keyAgreement"}},
};
#define IDENTITY_COUNT (sizeof IDENTITIES / sizeof IDENTITIES[0])

START_TEST(each_identity_has_its_answer)
{
    for (size_t i = 0; i < IDENTITY_COUNT; i++) {
        const struct identity *identity = &IDENTITIES[i];
        struct pki_options options = identity->options;
        if (options.serial == NULL && identity->name[0] != '\0')
            options.serial = identity->name;
        else if (options.serial != NULL)
            options.serial = NULL;
        struct pki *device = pki_new(root, &options);
        expect(identity->name, identity->product, pki_certificate(device), identity->check);
        pki_free(device);
    }
}
END_TEST

START_TEST(stranger_is_told_from_a_forger)
{
    struct pki *stranger = pki_root("Somebody else");
    struct pki *device = pki_device(stranger, "stranger");
    expect("stranger", "rig-cms", pki_certificate(device), "untrusted-issuer");
    pki_free(device);
    pki_free(stranger);
}
END_TEST

/* ---- validity ---- */

START_TEST(ca_that_expired_since_counts_by_the_product_s_rule)
{
    const int64_t now = time(NULL);
    struct pki *ca = pki_new(root, &(struct pki_options){.name = "Old CA",
                                                         .is_ca = true,
                                                         .not_before = now - 9 * DAY_S,
                                                         .not_after = now - DAY_S});
    struct pki *good =
        pki_new(ca, &(struct pki_options){.serial = "in-time", .not_before = now - 2 * DAY_S});
    struct pki *late =
        pki_new(ca, &(struct pki_options){.serial = "late", .not_before = now - HOUR_S});
    expect_pair("strict", "rig-cms", good, ca, "expired");
    expect_pair("at issue", "at-issue", good, ca, LICENSED);
    expect_pair("issued after", "at-issue", late, ca, "expired");
    pki_free(late);
    pki_free(good);
    pki_free(ca);
}
END_TEST

/* ---- one device, one key, one serial ---- */

static void expect_conflict(const char *pem, const char *check)
{
    struct http_answer answer;
    ask("rig-cms", pem, &answer);
    ck_assert_msg(answer.status == 409, "%s: %ld %s", check, answer.status, answer.body);
    ck_assert_str_eq(http_problem(&answer), "device-identity-conflict");
    ck_assert_str_eq(http_text(&answer, "check"), check);
    http_answer_clear(&answer);
}

START_TEST(serial_and_key_belong_together)
{
    struct pki *device = pki_device(root, "SN-1");
    struct pki *twin = pki_device(root, "SN-1");
    struct pki *renamed =
        pki_new(root, &(struct pki_options){.serial = "SN-2", .same_key = device});
    expect("first", "rig-cms", pki_certificate(device), LICENSED);
    expect_conflict(pki_certificate(twin), "serial-has-other-key");
    expect_conflict(pki_certificate(renamed), "key-has-other-serial");
    pki_free(renamed);
    pki_free(twin);
    pki_free(device);
}
END_TEST

/* ---- revocation ---- */

static void write_text(const char *name, const char *text)
{
    char path[TEMP_PATH_MAX + 64];
    (void)snprintf(path, sizeof path, "%s/%s", rig.dir, name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void write_crl(const char *name, const struct pki *issuer, const struct pki *revoked,
                      int64_t age_s)
{
    const int64_t now = time(NULL);
    char *crl = pki_crl(issuer, revoked, now - age_s, now + 30 * DAY_S);
    write_text(name, crl);
    free(crl);
}

/* provctl product crls revoking ARGUMENTS: its exit status, and the reason is in its words. */
static void load(const char *arguments, const char *reason)
{
    const bool is_taken = reason[0] == '\0';
    const int status = rig_shell(&rig,
                                 "cd $DIR && " CTL "product crls revoking %s >said 2>&1 && exit 0; "
                                 "grep -q '%s' said && exit 1; cat said; exit 2",
                                 arguments, reason);
    ck_assert_msg(status == (is_taken ? 0 : 1), "%s: %d", arguments, status);
}

static void expect_shown(const char *filter)
{
    SHELL("curl -s --cacert $RIG_CA --cert $RIG_STATION_CERT --key $RIG_STATION_KEY "
          "$RIG_URL/v1/products/revoking | jq -e '%s' >/dev/null",
          filter);
}

/* Leaves of the journal that tell of one. */
static int64_t changes(void)
{
    return rig_query(&rig, "SELECT count(*) FROM journal WHERE CAST(entry AS TEXT) LIKE "
                           "'%\"crls-set\"%'");
}

START_TEST(revoked_device_gets_nothing_and_another_does)
{
    const int64_t before = changes();
    struct pki *good = pki_device(root, "good");
    struct pki *bad = pki_device(root, "bad");
    load("--none --accept-older", LICENSED);
    expect("no list", "revoking", pki_certificate(good), "crl-missing");
    expect_shown(".crls == 0 and has(\"crls_valid_until\") == false");
    write_crl("empty.crl", root, NULL, 2 * HOUR_S);
    write_crl("full.crl", root, bad, HOUR_S);
    load("--file empty.crl", LICENSED);
    expect_shown(".crls == 1 and (.crls_valid_until | length) == 24");
    expect("good", "revoking", pki_certificate(good), LICENSED);
    expect("not yet revoked", "revoking", pki_certificate(bad), LICENSED);
    load("--file full.crl", LICENSED);
    expect("revoked, its stored license too", "revoking", pki_certificate(bad), "revoked");
    load("--file empty.crl", "newer is there already");
    expect("still revoked", "revoking", pki_certificate(bad), "revoked");
    load("--none", "accept-older");
    load("--none --accept-older", LICENSED);
    expect("taken away", "revoking", pki_certificate(bad), "crl-missing");
    ck_assert_int_eq(changes(), before + 3);
    pki_free(bad);
    pki_free(good);
}
END_TEST

START_TEST(only_fresh_lists_of_the_product_s_cas_are_taken)
{
    struct pki *ca = pki_new(root, &(struct pki_options){.name = "Line CA", .is_ca = true});
    struct pki *stranger = pki_root("Somebody else");
    struct pki *device = pki_device(ca, "below");
    write_crl("root.crl", root, NULL, HOUR_S);
    write_crl("ca.crl", ca, NULL, HOUR_S);
    write_crl("old.crl", root, NULL, 25 * HOUR_S);
    write_crl("stranger.crl", stranger, NULL, HOUR_S);
    write_text("ca.pem", pki_certificate(ca));
    load("--file stranger.crl", "signed by no trust anchor");
    load("--file old.crl", "older than the product allows");
    load("--file root.crl --file ca.crl", "signed by no trust anchor");
    load("--file root.crl --file root.crl", "of one issuer");
    load("--file ca.pem", "no revocation list");
    load("--file $RIG_FIRMWARE", "is no revocation list");
    load("--file root.crl", LICENSED);
    expect_pair("no list of its issuer", "revoking", device, ca, "crl-missing");
    SHELL("cd $DIR && openssl crl -in root.crl -outform der -out root.der");
    load("--file root.der --file ca.crl --file ca.pem", LICENSED);
    expect_pair("both lists", "revoking", device, ca, LICENSED);
    load("--file root.crl", "none came now");
    write_crl("root.crl", root, ca, 0);
    load("--file root.crl --file ca.crl --file ca.pem", LICENSED);
    expect_pair("its CA is revoked", "revoking", device, ca, "revoked");
    pki_free(device);
    pki_free(stranger);
    pki_free(ca);
}
END_TEST

/* A list that is good for three seconds more when it comes. */
START_TEST(list_that_grows_old_stops_the_product)
{
    struct pki *device = pki_device(root, "later");
    const int64_t now = time(NULL);
    char *crl = pki_crl(root, NULL, now - 24 * HOUR_S + 3, now + 30 * DAY_S);
    write_text("soon.crl", crl);
    load("--file soon.crl --accept-older", LICENSED);
    free(crl);
    SHELL("sleep 4");
    expect("grown old", "revoking", pki_certificate(device), "crl-stale");
    SHELL("curl -s --cacert $RIG_CA --cert $RIG_OPERATOR_CERT --key $RIG_OPERATOR_KEY "
          "$RIG_URL/metrics "
          "| grep -q '^provisiond_product_crls_expiry_timestamp_seconds{product=\"revoking\"} 1'");
    pki_free(device);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("identities, end to end");
    TCase *tcase = tcase_create("identities");
    tcase_add_unchecked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 180);
    tcase_add_test(tcase, each_identity_has_its_answer);
    tcase_add_test(tcase, stranger_is_told_from_a_forger);
    tcase_add_test(tcase, ca_that_expired_since_counts_by_the_product_s_rule);
    tcase_add_test(tcase, serial_and_key_belong_together);
    tcase_add_test(tcase, revoked_device_gets_nothing_and_another_does);
    tcase_add_test(tcase, only_fresh_lists_of_the_product_s_cas_are_taken);
    tcase_add_test(tcase, list_that_grows_old_stops_the_product);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
