/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* provctl grant new: options become a document, and the lines that it prints sign it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../grant/ceremony.h"
#include "core/clock.h"
#include "provctl.h"
#include "suite.h"
#include "vault/device_settings.h"
#include "vault/product_options.h"

#define HSM    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER  "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define FOR_US "--product", "widget", "--site", "factory-7", "--hsm", HSM

static struct ceremony ceremony;
static struct provctl run;
static struct grant grant;
static struct fault fault;
static char out[TEMP_PATH_MAX];
static char anchors[TEMP_PATH_MAX];
static char keys[TEMP_PATH_MAX];
static char authorities[TEMP_PATH_MAX];

/* one, two and three may sign: all.pem; st.pub is a public key. */
static void set_up(void)
{
    (void)unsetenv("PROVCTL_PRODUCT");
    ceremony_begin(&ceremony);
    ceremony_officer_p256(&ceremony, "one");
    ceremony_officer_p256(&ceremony, "two");
    ceremony_officer_p256(&ceremony, "three");
    ceremony_run(&ceremony, "cat one.pem two.pem three.pem >all.pem &&"
                            "openssl pkey -in one.key -pubout -out st.pub");
    temp_dir_path(&ceremony.dir, "g.json", out);
    temp_dir_path(&ceremony.dir, "one.pem", anchors);
    temp_dir_path(&ceremony.dir, "st.pub", keys);
    temp_dir_path(&ceremony.dir, "all.pem", authorities);
}

static void tear_down(void)
{
    grant_clear(&grant);
    ceremony_end(&ceremony);
}

#define NEW(...) PROVCTL(&ceremony.dir, &run, "grant", "new", "--out", out, FOR_US, __VA_ARGS__)
#define POLICY(...)                                                                              \
    NEW("--kind", "policy", "--sequence", "1", "--authorities", authorities, "--threshold", "2", \
        __VA_ARGS__)

/* It ended well, and the document is there to be read. */
static void claim_document(void)
{
    ck_assert_msg(run.exit == 0, "exit %d: %s", run.exit, run.err);
    ck_assert_str_eq(run.err, "");
    grant_clear(&grant);
    ck_assert_msg(grant_read(ceremony_read(&ceremony, "g.json"), &grant, &fault) == ERR_OK, "%s",
                  fault.detail);
}

/* A usage failure of one line with these words, and no document. */
static void claim_usage(const char *words)
{
    char text[8];
    ck_assert_msg(run.exit == 64, "exit %d, not: %s", run.exit, words);
    ck_assert_msg(strstr(run.err, words) != NULL, "%s", run.err);
    ck_assert_ptr_eq(strchr(run.err, '\n'), run.err + strlen(run.err) - 1);
    ck_assert_int_eq((int)read_file(&ceremony.dir, "g.json", text, sizeof text), -1);
}

static void claim_failed(const char *words)
{
    ck_assert_msg(run.exit == 1, "exit %d, not: %s", run.exit, words);
    ck_assert_msg(strstr(run.err, words) != NULL, "%s", run.err);
}

/* ---- kinds ---- */

START_TEST(units_are_written_for_one_product_site_and_hsm)
{
    static const char *const kinds[] = {"install", "scrap", "revoke"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char hsm[SHA256_HEX_SIZE];
        NEW("--kind", kinds[i], "--units", "5000", "--lot", "L 7");
        claim_document();
        hex_encode(bytes_of(grant.hsm.bytes, SHA256_SIZE), hsm);
        ck_assert_str_eq(grant_kind_name(grant.kind), kinds[i]);
        ck_assert_str_eq(grant.product, "widget");
        ck_assert_str_eq(grant.site, "factory-7");
        ck_assert_str_eq(hsm, HSM);
        ck_assert_int_eq(grant.units, 5000);
        ck_assert_str_eq(grant.lot, "L 7");
        ck_assert_int_eq(grant.not_before_unix_ms, 0);
        ck_assert_int_eq(grant.not_after_unix_ms, 0);
    }
}
END_TEST

START_TEST(every_document_is_issued_now_under_its_own_id)
{
    int64_t before = clock_unix_ms();
    NEW("--kind", "install", "--units", "1");
    claim_document();
    struct uuid first = grant.id;
    ck_assert_int_ge(grant.issued_unix_ms, before);
    ck_assert_int_le(grant.issued_unix_ms, clock_unix_ms());
    NEW("--kind", "install", "--units", "1");
    claim_document();
    ck_assert_mem_ne(first.bytes, grant.id.bytes, UUID_SIZE);
}
END_TEST

START_TEST(times_of_acceptance_are_written)
{
    NEW("--kind", "install", "--units", "1", "--not-before", "2026-11-27T10:00:00Z", "--not-after",
        "2026-12-01T00:00:00.500Z");
    claim_document();
    ck_assert_int_eq(grant.not_before_unix_ms, 1795773600000);
    ck_assert_int_eq(grant.not_after_unix_ms, 1796083200500);
}
END_TEST

START_TEST(override_and_rebind_are_written)
{
    NEW("--kind", "override", "--anchor", "40:" HSM, "--head", "12:" OTHER);
    claim_document();
    ck_assert_int_eq(grant.kind, GRANT_OVERRIDE);
    ck_assert_int_eq(grant.anchor.size, 40);
    ck_assert_int_eq(grant.anchor.root.bytes[0], 0);
    ck_assert_int_eq(grant.head.size, 12);
    ck_assert_int_eq(grant.head.root.bytes[0], 0xff);
    NEW("--kind", "rebind", "--sequence", "3", "--serial", "SN 1", "--old-key", HSM, "--new-key",
        OTHER);
    claim_document();
    ck_assert_int_eq(grant.kind, GRANT_REBIND);
    ck_assert_int_eq(grant.sequence, 3);
    ck_assert_str_eq(grant.serial, "SN 1");
    ck_assert_int_eq(grant.old_key.bytes[0], 0);
    ck_assert_int_eq(grant.new_key.bytes[0], 0xff);
}
END_TEST

START_TEST(standby_is_written_and_taken_back)
{
    NEW("--kind", "standby", "--sequence", "2", "--standby", OTHER, "--transport-key", HSM);
    claim_document();
    ck_assert_int_eq(grant.kind, GRANT_STANDBY);
    ck_assert_int_eq(grant.sequence, 2);
    ck_assert_int_eq(grant.standby.bytes[0], 0xff);
    ck_assert_int_eq(grant.transport_key.bytes[0], 0);
    ck_assert(grant.is_allowed);
    NEW("--kind", "standby", "--sequence", "3", "--standby", OTHER, "--transport-key", HSM,
        "--withdraw");
    claim_document();
    ck_assert(!grant.is_allowed);
}
END_TEST

START_TEST(hsm_is_no_standby_of_its_own)
{
    NEW("--kind", "standby", "--sequence", "3", "--standby", HSM, "--transport-key", HSM);
    claim_usage("standby and hsm must be different");
    NEW("--kind", "standby", "--sequence", "3", "--standby", OTHER);
    claim_usage("--transport-key");
}
END_TEST

START_TEST(policy_has_defaults_and_the_certificates_of_one_file)
{
    POLICY("--anchors", anchors);
    claim_document();
    const struct grant_settings *settings = &grant.settings;
    ck_assert_int_eq(grant.sequence, 1);
    ck_assert_str_eq(settings->profile, "cms");
    ck_assert_int_eq(settings->policy, GRANT_PER_DEVICE);
    ck_assert(!settings->allows_key_exposure);
    ck_assert_str_eq(settings->options, "");
    ck_assert_int_eq(settings->attempts_max, 0);
    ck_assert_uint_eq(authority_set_threshold(settings->authorities), 2);
    struct authority_set *expected = CEREMONY_SET(&ceremony, 2, "one", "two", "three");
    struct sha256 digests[] = {authority_set_digest(settings->authorities),
                               authority_set_digest(expected)};
    ck_assert(sha256_equal(&digests[0], &digests[1]));
    authority_set_free(expected);
    struct bytes file = ceremony_read(&ceremony, "one.pem");
    ck_assert_str_eq(settings->anchors, (const char *)file.data);
}
END_TEST

START_TEST(policy_takes_its_options)
{
    POLICY("--anchors", anchors, "--profile", "cms", "--policy", "per-license", "--attempts-max",
           "20");
    claim_document();
    ck_assert_int_eq(grant.settings.policy, GRANT_PER_LICENSE);
    ck_assert_int_eq(grant.settings.attempts_max, 20);
}
END_TEST

/* ---- products with X.509 devices ---- */

START_TEST(settings_of_devices_are_those_that_the_vault_understands)
{
    struct device_settings settings;
    POLICY("--anchors", anchors, "--profile", "suit", "--suit-key-wrap", "a256kw",
           "--device-validity", "chain-valid-at-issue", "--accept-sign-only", "--crl-hours-max",
           "24");
    claim_document();
    ck_assert_int_eq(device_settings_parse(license_profile_find("suit"), grant.settings.options,
                                           &settings, &fault),
                     ERR_OK);
    ck_assert(settings.uses_kw256);
    ck_assert(settings.policy.accepts_sign_only);
    ck_assert_uint_eq(settings.policy.crl_hours_max, 24);
    ck_assert_int_eq(settings.policy.validity, DEVICE_CHAIN_VALID_AT_ISSUE);
    ck_assert_uint_eq(settings.policy.keys, DEVICE_KEY_BIT(DEVICE_KEY_P256));
}
END_TEST

START_TEST(policy_without_settings_of_devices_has_no_options)
{
    POLICY("--anchors", anchors, "--profile", "jwe");
    claim_document();
    ck_assert_str_eq(grant.settings.options, "");
}
END_TEST

/* ---- st-sfi ---- */

#define ST_POLICY(...) \
    POLICY("--anchors", keys, "--profile", "st-sfi", "--allow-session-key-exposure", __VA_ARGS__)

/* What the vault makes of a local product's options, as text. */
static void claim_options(const Provisiond__StOptions *message)
{
    struct product_options options;
    char text[LEDGER_OPTIONS_MAX + 1];
    ck_assert_int_eq(product_options_from_message(message, &options, &fault), ERR_OK);
    ck_assert_int_eq(product_options_encode(&options, text, &fault), ERR_OK);
    ck_assert_str_eq(grant.settings.options, text);
    ck_assert_int_eq(product_options_parse(grant.settings.options, &options, &fault), ERR_OK);
}

START_TEST(options_of_st_sfi_are_those_that_the_vault_would_store)
{
    Provisiond__StOptions message = PROVISIOND__ST_OPTIONS__INIT;
    message.product_id = (char *)"45002001";
    ST_POLICY("--st-product-id", "45002001");
    claim_document();
    ck_assert(grant.settings.allows_key_exposure);
    claim_options(&message);
}
END_TEST

START_TEST(every_option_of_st_sfi_is_written)
{
    uint8_t info[] = {0xab, 0xcd};
    Provisiond__StOptions message = PROVISIOND__ST_OPTIONS__INIT;
    message.product_id = (char *)"45002001";
    message.signs_key_only = 1;
    message.kdf_shared_info = (ProtobufCBinaryData){.data = info, .len = sizeof info};
    message.kdf_key_offset = 16;
    message.kdf_iv_offset = 0;
    message.kdf_iv_bytes = 16;
    message.license_type = (char *)"ABCD";
    message.minimum_boot_version = 7;
    ST_POLICY("--st-product-id", "45002001", "--st-signed", "key", "--st-kdf-info", "ABcd",
              "--st-kdf-layout", "16,0,16", "--st-license-type", "ABCD", "--st-boot-version", "7");
    claim_document();
    claim_options(&message);
}
END_TEST

START_TEST(policy_that_no_server_would_take_is_not_written)
{
    POLICY("--anchors", keys, "--profile", "st-sfi", "--st-product-id", "45002001");
    claim_usage("wants --allow-session-key-exposure as well");
    ST_POLICY("--st-boot-version", "1");
    claim_usage("wants --st-product-id ID as well");
    POLICY("--anchors", anchors, "--st-boot-version", "1");
    claim_usage("--st-boot-version belongs to --profile st-sfi");
    POLICY("--anchors", anchors, "--allow-session-key-exposure");
    claim_usage("--allow-session-key-exposure does not belong to --profile cms");
    POLICY("--anchors", anchors, "--profile", "st-sfi-and-more-of-it");
    claim_usage("--profile is cms, suit, mcuboot, jwe, esp-rsa or st-sfi");
    POLICY("--anchors", anchors, "--device-keys", "p256,x25519");
    claim_usage("only keys that --profile cms serves");
    POLICY("--anchors", anchors, "--suit-key-wrap", "a128kw");
    claim_usage("--suit-key-wrap does not belong to --profile cms");
    POLICY("--anchors", anchors, "--profile", "mcuboot");
    claim_usage("wants --allow-session-key-exposure as well");
    ST_POLICY("--st-product-id", "45002001", "--anchors", anchors);
    claim_usage("--anchors is given twice");
}
END_TEST

/* ---- what is refused ---- */

START_TEST(option_of_another_kind_is_refused_by_name)
{
    static const char *const units[] = {"--sequence", "--serial", "--anchor", "--threshold",
                                        "--policy"};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        char words[64];
        (void)snprintf(words, sizeof words, "A document of the kind revoke has no %s", units[i]);
        NEW("--kind", "revoke", "--units", "1", units[i], "x");
        claim_usage(words);
    }
    POLICY("--anchors", anchors, "--units", "5");
    claim_usage("A document of the kind policy has no --units");
    NEW("--kind", "override", "--anchor", "40:" HSM, "--head", "12:" OTHER, "--lot", "x");
    claim_usage("A document of the kind override has no --lot");
    NEW("--kind", "rebind", "--st-signed", "key");
    claim_usage("A document of the kind rebind has no --st-signed");
}
END_TEST

START_TEST(option_that_a_kind_demands_is_missed_by_name)
{
    NEW("--kind", "install");
    claim_usage("--units N is missing");
    NEW("--kind", "policy", "--sequence", "1");
    claim_usage("--anchors FILE is missing");
    NEW("--kind", "override", "--anchor", "40:" HSM);
    claim_usage("--head SIZE:ROOT is missing");
    NEW("--kind", "rebind", "--sequence", "1", "--serial", "x", "--old-key", HSM);
    claim_usage("--new-key HEX is missing");
    PROVCTL(&ceremony.dir, &run, "grant", "new", "--kind", "install", "--units", "5", "--out", out,
            "--product", "widget", "--site", "f");
    claim_usage("--hsm HEX is missing");
}
END_TEST

START_TEST(value_outside_its_limits_is_refused_by_name)
{
    static const char *const rows[][3] = {
        {"--lot", "a\nb", "--lot holds a control character"},
        {"--lot", "\xff", "must be UTF-8"},
        {"--not-before", "tomorrow", "--not-before wants a time in UTC like"},
        {"--not-after", "1970-01-01T00:00:00Z", "--not-after wants a time in UTC like"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        NEW("--kind", "install", "--units", "1", rows[i][0], rows[i][1]);
        claim_usage(rows[i][2]);
    }
    NEW("--kind", "install", "--units", "0");
    claim_usage("--units wants a whole number from 1 to 1000000000000");
    NEW("--kind", "scrap", "--units", "5e3");
    claim_usage("--units wants a whole number");
    NEW("--kind", "gift", "--units", "1");
    claim_usage("--kind is install, scrap, revoke, policy, rebind, standby or override");
    NEW("--kind", "install", "--units", "1", "--not-before", "2026-12-02T00:00:00Z", "--not-after",
        "2026-12-01T00:00:00Z");
    claim_usage("not_after must not be before not_before");
}
END_TEST

START_TEST(digests_and_heads_are_read_strictly)
{
    static const char *const heads[] = {
        "40", ":" HSM, "40:", "40:00", "-1:" HSM, "x:" HSM, "1099511627777:" HSM};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        NEW("--kind", "override", "--anchor", heads[i], "--head", "12:" OTHER);
        claim_usage("--anchor wants SIZE:ROOT");
    }
    NEW("--kind", "rebind", "--sequence", "1", "--serial", "x", "--old-key", "00", "--new-key",
        OTHER);
    claim_usage("--old-key wants 64 lower-case hex digits");
    NEW("--kind", "rebind", "--sequence", "1", "--serial", "x", "--old-key", HSM, "--new-key", HSM);
    claim_usage("old_key and new_key must be different");
    NEW("--kind", "rebind", "--sequence", "0", "--serial", "x", "--old-key", HSM, "--new-key",
        OTHER);
    claim_usage("--sequence wants a whole number from 1");
}
END_TEST

/* ---- who may sign ---- */

static void claim_authorities(const char *threshold, const char *words)
{
    NEW("--kind", "policy", "--sequence", "1", "--anchors", anchors, "--authorities", authorities,
        "--threshold", threshold);
    if (words == NULL)
        claim_document();
    else
        ck_assert_msg(run.exit != 0 && strstr(run.err, words) != NULL, "%s, not: %s", run.err,
                      words);
}

START_TEST(certificates_may_have_text_between_them)
{
    ceremony_run(&ceremony, "for c in one two; do openssl x509 -in $c.pem -text; done >all.pem &&"
                            "sed -i 's/$/\\r/' all.pem");
    claim_authorities("2", NULL);
    ck_assert_uint_eq(authority_set_count(grant.settings.authorities), 2);
}
END_TEST

START_TEST(files_that_are_no_set_are_refused)
{
    claim_authorities("4", "--threshold: ");
    claim_authorities("0", "--threshold wants a whole number from 1 to 16");
    ceremony_run(&ceremony, "cat one.pem one.pem >all.pem");
    claim_authorities("1", "Two of the authorities have the same key.");
    ceremony_run(&ceremony, "{ cat one.pem; head -c 200 two.pem; } >all.pem");
    claim_authorities("1", "a certificate is cut off");
    ceremony_run(&ceremony, "cat one.pem one.key >all.pem");
    claim_authorities("1", "holds a private key");
    ceremony_run(&ceremony, "for i in $(seq 17); do cat one.pem; done >all.pem");
    claim_authorities("1", "There are 1 to 16 authorities.");
    ceremony_officer(&ceremony, "weak", "-algorithm RSA -pkeyopt rsa_keygen_bits:1024", "");
    ceremony_run(&ceremony, "cp weak.pem all.pem");
    claim_authorities("1", "An authority's key is EC");
    ceremony_run(&ceremony, "rm all.pem");
    claim_authorities("1", "cannot be read");
}
END_TEST

/* ---- the file ---- */

START_TEST(printed_lines_sign_the_document)
{
    NEW("--kind", "install", "--units", "5");
    claim_document();
    ck_assert_ptr_nonnull(strstr(run.out, "\nopenssl cms -sign "));
    ceremony_write(&ceremony, "lines", run.out, strlen(run.out));
    ceremony_run(&ceremony,
                 "grep ^openssl lines >s.sh && test $(wc -l <s.sh) = 2 &&"
                 "sed -i '1s/CERT/one/;1s/KEY.pem/one.key/;2s/CERT/two/;2s/KEY.pem/two.key/' s.sh "
                 "&& sh -e s.sh");
    struct signed_document *document = NULL;
    struct signers signers;
    struct authority_set *set = CEREMONY_SET(&ceremony, 2, "one", "two");
    ck_assert_int_eq(signed_document_open(ceremony_read(&ceremony, "g-2.p7s"), &document, &fault),
                     ERR_OK);
    ck_assert_int_eq(signed_document_check(document, set, &signers, &fault), ERR_OK);
    signed_document_free(document);
    authority_set_free(set);
}
END_TEST

START_TEST(machines_are_told_the_id)
{
    char id[40];
    NEW("--kind", "install", "--units", "5", "--json");
    claim_document();
    json_t *said = json_loads(run.out, 0, NULL);
    uuid_format(&grant.id, "", id, sizeof id);
    ck_assert_str_eq(json_string_value(json_object_get(said, "grant_id")), id);
    ck_assert_str_eq(json_string_value(json_object_get(said, "kind")), "install");
    ck_assert_str_eq(json_string_value(json_object_get(said, "file")), out);
    json_decref(said);
}
END_TEST

START_TEST(document_on_standard_output_is_all_that_is_printed)
{
    PROVCTL(&ceremony.dir, &run, "grant", "new", "--out", "-", FOR_US, "--kind", "install",
            "--units", "5");
    ck_assert_int_eq(run.exit, 0);
    ck_assert_int_eq(grant_read(bytes_of(run.out, strlen(run.out)), &grant, &fault), ERR_OK);
}
END_TEST

START_TEST(input_is_never_replaced_by_the_document)
{
    char before[PROVCTL_OUTPUT_MAX];
    char after[PROVCTL_OUTPUT_MAX];
    ck_assert_int_gt((int)read_file(&ceremony.dir, "all.pem", before, sizeof before), 0);
    PROVCTL(&ceremony.dir, &run, "grant", "new", "--out", authorities, FOR_US, "--kind", "policy",
            "--sequence", "1", "--anchors", anchors, "--authorities", authorities, "--threshold",
            "1");
    claim_usage("would replace a file that this command reads");
    ck_assert_int_gt((int)read_file(&ceremony.dir, "all.pem", after, sizeof after), 0);
    ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(folder_that_cannot_be_written_is_said)
{
    PROVCTL(&ceremony.dir, &run, "grant", "new", "--out", "/nowhere/g.json", FOR_US, "--kind",
            "install", "--units", "5");
    claim_failed("/nowhere/g.json cannot be written");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        units_are_written_for_one_product_site_and_hsm,
        every_document_is_issued_now_under_its_own_id,
        times_of_acceptance_are_written,
        override_and_rebind_are_written,
        standby_is_written_and_taken_back,
        hsm_is_no_standby_of_its_own,
        policy_has_defaults_and_the_certificates_of_one_file,
        policy_takes_its_options,
        settings_of_devices_are_those_that_the_vault_understands,
        policy_without_settings_of_devices_has_no_options,
        options_of_st_sfi_are_those_that_the_vault_would_store,
        every_option_of_st_sfi_is_written,
        policy_that_no_server_would_take_is_not_written,
        option_of_another_kind_is_refused_by_name,
        option_that_a_kind_demands_is_missed_by_name,
        value_outside_its_limits_is_refused_by_name,
        digests_and_heads_are_read_strictly,
        certificates_may_have_text_between_them,
        files_that_are_no_set_are_refused,
        printed_lines_sign_the_document,
        machines_are_told_the_id,
        document_on_standard_output_is_all_that_is_printed,
        input_is_never_replaced_by_the_document,
        folder_that_cannot_be_written_is_said,
        NULL,
    };
    return suite_run("cli: grant new", set_up, tear_down, tests);
}
