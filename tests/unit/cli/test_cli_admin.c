/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The commands of administration, the real program against an admin socket that says what a test
 * wants. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "core/error.h"
#include "provctl.h"
#include "suite.h"
#include "support/pki.h"
#include "vault.h"

#define DIGEST_HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define IMAGE      "sha256:" DIGEST_HEX

static struct temp_dir dir;
static struct vault_double vault;
static struct provctl run;
static Provisiond__AdminReply reply = PROVISIOND__ADMIN_REPLY__INIT;
static uint8_t digest_bytes[32];
static const ProtobufCBinaryData digest = {.data = digest_bytes, .len = sizeof digest_bytes};

static void set_up(void)
{
    for (size_t i = 0; i < sizeof digest_bytes; i++)
        digest_bytes[i] = (uint8_t)(i % 16 * 0x11);
    (void)unsetenv("PROVCTL_URL");
    (void)unsetenv("PROVCTL_PRODUCT");
    temp_dir_make(&dir);
    vault_start(&vault, &dir);
    vault.reply = &reply;
}

static void tear_down(void)
{
    vault_stop(&vault);
    temp_dir_remove(&dir);
}

#define ADMIN(...) PROVCTL(&dir, &run, __VA_ARGS__, "--socket", vault.socket)

static void claim_done(const char *output)
{
    ck_assert_msg(run.exit == 0, "exit %d: %s", run.exit, run.err);
    ck_assert_str_eq(run.err, "");
    ck_assert_str_eq(run.out, output);
}

static void claim_failed(int exit, const char *words)
{
    ck_assert_msg(run.exit == exit, "exit %d: %s", run.exit, run.err);
    ck_assert_msg(strstr(run.err, words) != NULL, "%s", run.err);
    ck_assert_ptr_eq(strchr(run.err, '\n'), run.err + strlen(run.err) - 1);
}

/* A file with a certificate; returns its path. */
static const char *write_certificate(void)
{
    static char path[TEMP_PATH_MAX];
    struct pki *root = pki_root("Anchors");
    temp_dir_path(&dir, "anchors.pem", path);
    pki_write_certificate(root, path);
    pki_free(root);
    return path;
}

/* ---- init and status ---- */

/* The DER of a fresh P-256 public key, in static memory. */
static ProtobufCBinaryData make_spki(void)
{
    static uint8_t der[256];
    uint8_t *end = der;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    int length = i2d_PUBKEY(key, &end);
    EVP_PKEY_free(key);
    return (ProtobufCBinaryData){.data = der, .len = (size_t)length};
}

static Provisiond__AdminInitReply init_reply = PROVISIOND__ADMIN_INIT_REPLY__INIT;

static void say_init(ProtobufCBinaryData spki)
{
    init_reply.hsm_identity = digest;
    init_reply.checkpoint_spki = spki;
    init_reply.transport_spki = spki;
    reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_INIT;
    reply.init = &init_reply;
}

START_TEST(init_prints_the_identity_of_the_hsm)
{
    say_init(make_spki());
    ADMIN("hsm", "init", "--site", "plant-4");
    claim_done(DIGEST_HEX "\n");
    ck_assert_str_eq(vault.request->init->site, "plant-4");
}
END_TEST

START_TEST(init_writes_the_public_keys)
{
    char path[TEMP_PATH_MAX];
    say_init(make_spki());
    ADMIN("hsm", "init", "--site", "plant-4", "--out-dir", dir.path);
    claim_done(DIGEST_HEX "\n");
    temp_dir_path(&dir, "transport.pub.pem", path);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    EVP_PKEY *key = PEM_read_PUBKEY(file, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(key);
    EVP_PKEY_free(key);
    (void)fclose(file);
    temp_dir_path(&dir, "checkpoint.pub.pem", path);
    ck_assert_int_eq(access(path, R_OK), 0);
}
END_TEST

START_TEST(init_writes_no_file_that_is_no_key)
{
    size_t before = count_files(&dir);
    say_init(digest);
    ADMIN("hsm", "init", "--site", "plant-4", "--out-dir", dir.path);
    claim_failed(1, "holds no public key");
    ck_assert_uint_eq(count_files(&dir), before);
}
END_TEST

START_TEST(init_asks_nothing_when_the_keys_could_not_be_written)
{
    ADMIN("hsm", "init", "--site", "plant-4", "--out-dir", "/nowhere");
    claim_failed(1, "/nowhere/checkpoint.pub.pem cannot be written");
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

START_TEST(a_ceremony_has_two_people_and_a_page)
{
    ADMIN("hsm", "init", "--site", "plant-4", "--officer", "Ada");
    claim_failed(64, "--officer, --witness and --transcript belong together");
    ADMIN("hsm", "init", "--site", "plant-4", "--transcript", "page.txt");
    claim_failed(64, "belong together");
    ADMIN("hsm", "init", "--site", "plant-4", "--officer", "Ada", "--witness", "ada",
          "--transcript", "page.txt");
    claim_failed(64, "two people, not one");
    ADMIN("hsm", "init", "--site", "plant-4", "--officer", "Ada", "--witness", "Grace",
          "--transcript", "/nowhere/page.txt");
    claim_failed(1, "/nowhere/page.txt cannot be written");
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

static Provisiond__AdminStatusReply status_reply = PROVISIOND__ADMIN_STATUS_REPLY__INIT;

static void say_status(void)
{
    status_reply.initialised = 1;
    status_reply.site = (char *)"plant-4";
    status_reply.hsm_identity = digest;
    status_reply.journal_size = 1234;
    status_reply.hsm = (char *)"ok";
    status_reply.token_label = (char *)"tok\033en";
    status_reply.mode = (char *)"host";
    status_reply.workers_ready = 1;
    status_reply.workers_total = 2;
    reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_STATUS;
    reply.status = &status_reply;
}

START_TEST(status_is_a_page_for_people)
{
    say_status();
    ADMIN("status");
    claim_done("Initialised     yes\n"
               "Site            plant-4\n"
               "HSM identity    " DIGEST_HEX "\n"
               "HSM             ok\n"
               "Token           tok\\x1ben\n"
               "Wrapping mode   host\n"
               "Workers         1 of 2 ready\n"
               "Journal leaves  1234\n");
}
END_TEST

START_TEST(status_is_an_object_for_machines)
{
    say_status();
    status_reply.hsm_detail = (char *)"bad \xff byte";
    ADMIN("status", "--json");
    ck_assert_int_eq(run.exit, 0);
    json_t *status = json_loads(run.out, 0, NULL);
    json_t *token = json_object_get(status, "token");
    ck_assert_str_eq(json_string_value(json_object_get(status, "hsm_identity")), DIGEST_HEX);
    ck_assert_int_eq(json_integer_value(json_object_get(status, "workers_total")), 2);
    ck_assert_str_eq(json_string_value(json_object_get(token, "label")), "tok\033en");
    ck_assert_str_eq(json_string_value(json_object_get(status, "hsm_detail")), "bad \\xff byte");
    json_decref(status);
}
END_TEST

START_TEST(status_tells_of_each_weak_key_what_follows_and_what_to_do)
{
    Provisiond__AdminWeakKey firmware = PROVISIOND__ADMIN_WEAK_KEY__INIT;
    Provisiond__AdminWeakKey nameless = PROVISIOND__ADMIN_WEAK_KEY__INIT;
    Provisiond__AdminWeakKey *list[] = {&firmware, &nameless};
    uint8_t id[] = {0xab, 0xcd};
    firmware.label = (char *)"provisiond-fk:me\033ter";
    firmware.attribute = (char *)"CKA_EXTRACTABLE";
    firmware.detail = (char *)"It may be taken out. Destroy nothing.";
    nameless.key_id = (ProtobufCBinaryData){.len = sizeof id, .data = id};
    nameless.attribute = (char *)"CKA_LOCAL";
    say_status();
    status_reply.weak_keys = list;
    status_reply.n_weak_keys = 2;
    ADMIN("status");
    ck_assert_msg(strstr(run.out, "Weak key        provisiond-fk:me\\x1bter: CKA_EXTRACTABLE\n"
                                  "                It may be taken out. Destroy nothing.\n"
                                  "Weak key        abcd: CKA_LOCAL\n") != NULL,
                  "%s", run.out);
    ADMIN("status", "--json");
    json_t *status = json_loads(run.out, 0, NULL);
    const json_t *second = json_array_get(json_object_get(status, "weak_keys"), 1);
    ck_assert_str_eq(json_string_value(json_object_get(second, "key_id")), "abcd");
    ck_assert_str_eq(json_string_value(json_object_get(second, "attribute")), "CKA_LOCAL");
    json_decref(status);
    status_reply.n_weak_keys = 0;
}
END_TEST

START_TEST(workers_that_nobody_knows_are_not_shown_as_none)
{
    say_status();
    status_reply.workers_ready = 0;
    status_reply.workers_total = 0;
    ADMIN("status");
    ck_assert_int_eq(run.exit, 0);
    ck_assert_ptr_null(strstr(run.out, "Workers"));
}
END_TEST

/* ---- products ---- */

START_TEST(a_product_is_created_with_its_anchors)
{
    Provisiond__ProductCreateReply create = PROVISIOND__PRODUCT_CREATE_REPLY__INIT;
    char pem[8192];
    reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_PRODUCT_CREATE;
    reply.product_create = &create;
    ADMIN("product", "create", "meter", "--anchors", write_certificate(), "--quota", "500");
    claim_done("Product meter created with a quota of 500 (local: this site's administrator "
               "decides).\n");
    const Provisiond__ProductCreateRequest *request = vault.request->product_create;
    ck_assert_str_eq(request->name, "meter");
    ck_assert_str_eq(request->profile, "cms");
    ck_assert_int_eq(request->quota, 500);
    ck_assert_int_eq((int)read_file(&dir, "anchors.pem", pem, sizeof pem),
                     (int)request->anchors.len);
    ck_assert_mem_eq(pem, request->anchors.data, request->anchors.len);
    ck_assert(!request->allow_session_key_exposure);
    ck_assert_ptr_null(request->st);
}
END_TEST

/* A file with a public key; returns its path. */
static const char *write_public_key(void)
{
    static char path[TEMP_PATH_MAX];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    temp_dir_path(&dir, "st.pub.pem", path);
    FILE *file = fopen(path, "w");
    ck_assert_int_eq(PEM_write_PUBKEY(file, key), 1);
    (void)fclose(file);
    EVP_PKEY_free(key);
    return path;
}

static Provisiond__ProductCreateReply create_reply = PROVISIOND__PRODUCT_CREATE_REPLY__INIT;

#define CREATE_ST(...)                                                                  \
    ADMIN("product", "create", "chip", "--anchors", write_public_key(), "--quota", "5", \
          "--profile", "st-sfi", __VA_ARGS__)

static void say_create(void)
{
    reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_PRODUCT_CREATE;
    reply.product_create = &create_reply;
}

START_TEST(a_product_of_st_sfi_leaves_out_what_is_not_given)
{
    say_create();
    CREATE_ST("--st-product-id", "45002000");
    claim_done("Product chip created with a quota of 5 (local: this site's administrator "
               "decides).\n");
    const Provisiond__ProductCreateRequest *request = vault.request->product_create;
    ck_assert_str_eq(request->profile, "st-sfi");
    ck_assert(!request->allow_session_key_exposure);
    ck_assert_ptr_nonnull(memmem(request->anchors.data, request->anchors.len, "PUBLIC KEY", 10));
    ck_assert_str_eq(request->st->product_id, "45002000");
    ck_assert(!request->st->signs_key_only);
    ck_assert_str_eq(request->st->license_type, "");
    ck_assert_uint_eq(request->st->kdf_shared_info.len, 0);
    ck_assert_uint_eq(request->st->kdf_iv_bytes, 0);
}
END_TEST

START_TEST(a_product_of_st_sfi_is_set_as_it_was_asked_for)
{
    say_create();
    CREATE_ST("--st-product-id", "ABC12034", "--st-signed", "key", "--st-kdf-info", "00ffAb",
              "--st-kdf-layout", "16,0,16", "--st-license-type", "X Y~", "--st-boot-version",
              "4294967295", "--allow-session-key-exposure");
    claim_done("Product chip created with a quota of 5 (local: this site's administrator "
               "decides).\n");
    const Provisiond__ProductCreateRequest *request = vault.request->product_create;
    const Provisiond__StOptions *st = request->st;
    ck_assert(request->allow_session_key_exposure);
    ck_assert(st->signs_key_only);
    ck_assert_uint_eq(st->kdf_shared_info.len, 3);
    ck_assert_mem_eq(st->kdf_shared_info.data, "\x00\xff\xab", 3);
    ck_assert_uint_eq(st->kdf_key_offset, 16);
    ck_assert_uint_eq(st->kdf_iv_offset, 0);
    ck_assert_uint_eq(st->kdf_iv_bytes, 16);
    ck_assert_str_eq(st->license_type, "X Y~");
    ck_assert_uint_eq(st->minimum_boot_version, UINT32_MAX);
}
END_TEST

START_TEST(a_wrong_setting_of_st_sfi_is_a_usage_error_and_nobody_is_asked)
{
    static const char *const rows[][3] = {
        {"--st-product-id", "4500200", "--st-product-id wants 8 upper-case hex digits"},
        {"--st-product-id", "450020000", "--st-product-id wants"},
        {"--st-product-id", "4500a000", "--st-product-id wants"},
        {"--st-product-id", "45002 00", "--st-product-id wants"},
        {"--st-product-id", "45002A00", "--st-product-id wants"},
        {"--st-signed", "id", "--st-signed is id-and-key or key"},
        {"--st-kdf-info", "", "--st-kdf-info wants 1 to 64 bytes"},
        {"--st-kdf-info", "0", "--st-kdf-info wants"},
        {"--st-kdf-info", "0g", "--st-kdf-info wants"},
        {"--st-kdf-layout", "0,16", "--st-kdf-layout wants three numbers"},
        {"--st-kdf-layout", "0,16,12,0", "--st-kdf-layout wants three numbers"},
        {"--st-kdf-layout", "0,16,12,", "--st-kdf-layout wants three numbers"},
        {"--st-kdf-layout", "0,,12", "--st-kdf-layout wants three numbers"},
        {"--st-kdf-layout", "-1,16,12", "--st-kdf-layout wants three numbers"},
        {"--st-kdf-layout", "0,16,11", "the IV has 12 to 16 bytes"},
        {"--st-kdf-layout", "0,16,17", "the IV has 12 to 16 bytes"},
        {"--st-kdf-layout", "17,0,12", "must end within the first 32 bytes"},
        {"--st-kdf-layout", "0,21,12", "must end within the first 32 bytes"},
        {"--st-kdf-layout", "0,15,12", "must not share bytes"},
        {"--st-kdf-layout", "12,0,13", "must not share bytes"},
        {"--st-license-type", "SFI", "--st-license-type wants 4 ASCII characters"},
        {"--st-license-type", "SFI\t", "--st-license-type wants"},
        {"--st-license-type", "SF\xc3\xbc", "--st-license-type wants"},
        {"--st-boot-version", "4294967296", "--st-boot-version wants a whole number from 0"},
        {"--st-boot-version", "-1", "--st-boot-version wants a whole number from 0"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i][0], "--st-product-id") == 0)
            CREATE_ST(rows[i][0], rows[i][1]);
        else
            CREATE_ST("--st-product-id", "45002000", rows[i][0], rows[i][1]);
        ck_assert_msg(run.exit == 64, "%s %s: %d", rows[i][0], rows[i][1], run.exit);
        claim_failed(64, rows[i][2]);
    }
    CREATE_ST("--st-signed", "key");
    claim_failed(64, "--profile st-sfi wants --st-product-id ID as well");
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

START_TEST(the_longest_kdf_info_is_64_bytes)
{
    char hex[131];
    memset(hex, 'a', sizeof hex);
    hex[130] = '\0';
    say_create();
    CREATE_ST("--st-product-id", "45002000", "--st-kdf-info", hex);
    claim_failed(64, "--st-kdf-info wants 1 to 64 bytes");
    CREATE_ST("--st-product-id", "45002000", "--st-kdf-info", hex + 2);
    ck_assert_int_eq(run.exit, 0);
    ck_assert_uint_eq(vault.request->product_create->st->kdf_shared_info.len, 64);
}
END_TEST

START_TEST(the_settings_of_st_sfi_are_refused_for_another_profile)
{
    ADMIN("product", "create", "meter", "--anchors", write_certificate(), "--quota", "5",
          "--st-signed", "key");
    claim_failed(64, "--st-signed belongs to --profile st-sfi");
    ADMIN("product", "create", "meter", "--anchors", write_certificate(), "--quota", "5",
          "--profile", "cms", "--allow-session-key-exposure");
    claim_failed(64, "--allow-session-key-exposure does not belong to --profile cms");
    ADMIN("product", "create", "meter", "--anchors", write_certificate(), "--quota", "5",
          "--device-keys", "p256,p512");
    claim_failed(64, "only keys that --profile cms serves");
    ADMIN("product", "create", "meter", "--anchors", write_certificate(), "--quota", "5",
          "--device-validity", "sometimes");
    claim_failed(64, "--device-validity is strict or chain-valid-at-issue");
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

START_TEST(each_profile_has_its_kind_of_anchors)
{
    ADMIN("product", "create", "chip", "--anchors", write_certificate(), "--quota", "5",
          "--profile", "st-sfi", "--st-product-id", "45002000");
    claim_failed(1, "holds a certificate where public keys are wanted");
    ADMIN("product", "create", "meter", "--anchors", write_public_key(), "--quota", "5");
    claim_failed(1, "holds no PEM certificate");
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

static Provisiond__ProductEntry shown = PROVISIOND__PRODUCT_ENTRY__INIT;
static Provisiond__ProductEntry *shown_entries[] = {&shown};
static Provisiond__ProductListReply show_reply = PROVISIOND__PRODUCT_LIST_REPLY__INIT;

static Provisiond__AdminReply account_reply = PROVISIOND__ADMIN_REPLY__INIT;
static Provisiond__UsageReply account = PROVISIOND__USAGE_REPLY__INIT;

/* What product show asks for as well. */
static void say_account(void)
{
    account.accepted = 100;
    account.granted = 100;
    account.charged = 7;
    account.remaining = 93;
    account.succeeded = 7;
    account.policy = (char *)"per-device";
    account.anchor = (char *)"ok";
    account_reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_USAGE;
    account_reply.usage = &account;
    vault.replies[PROVISIOND__ADMIN_REQUEST__OP_USAGE] = &account_reply;
}

#define REFERENCE_INFO "70726f766973696f6e642d73742d7366692d7265666572656e63652d31"

static void say_product(const char *options)
{
    shown.name = (char *)"chip";
    shown.profile = (char *)"st-sfi";
    shown.policy = (char *)"per-device";
    shown.state = (char *)"ok";
    shown.enabled = 1;
    shown.quota = 100;
    shown.used = 7;
    shown.options = (char *)options;
    show_reply.n_products = 1;
    show_reply.products = shown_entries;
    reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_PRODUCT_LIST;
    reply.product_list = &show_reply;
    say_account();
}

START_TEST(a_product_is_shown_in_words)
{
    say_product("{\"product_id\":\"45002000\",\"signed\":\"id-and-key\",\"license_type\":"
                "\"SFI.\",\"minimum_boot_version\":0,\"kdf_shared_info\":\"" REFERENCE_INFO
                "\",\"kdf_key_offset\":0,\"kdf_iv_offset\":16,\"kdf_iv_bytes\":12}");
    shown.allow_session_key_exposure = 1;
    ADMIN("product", "show", "chip");
    claim_done("Product               chip\n"
               "Profile               st-sfi\n"
               "Policy                per-device: one unit pays for one device\n"
               "Attempts per device   no limit\n"
               "Rule                  local: this site's administrator decides\n"
               "State                 enabled\n"
               "Check                 ok\n"
               "Accepted              100\n"
               "Revoked               0\n"
               "Scrap drawn           0 of an allowance of 0\n"
               "Granted               100\n"
               "Charged               7\n"
               "Remaining             93\n"
               "Session key exposure  allowed: the session key is in the HSM worker's memory while "
               "a license is made\n"
               "Chips                 chip ID 450, security counter 02 (from 45002000)\n"
               "Signed by ST's key    product ID and public key\n"
               "License type          SFI.\n"
               "Minimum boot version  0\n"
               "KDF shared info       " REFERENCE_INFO " (reference value)\n"
               "KDF output, key       bytes 0 to 15\n"
               "KDF output, IV        bytes 16 to 27\n"
               "ST chips              not claimed to accept what is made for this product\n");
    ck_assert_str_eq(vault.request->usage->product, "chip");
}
END_TEST

START_TEST(a_product_of_cms_is_shown_without_words_of_st)
{
    say_product("");
    shown.profile = (char *)"cms";
    shown.enabled = 0;
    shown.governed = 1;
    ADMIN("product", "show", "chip");
    ck_assert_int_eq(run.exit, 0);
    ck_assert_ptr_nonnull(strstr(run.out, "Session key exposure  not allowed\n"));
    ck_assert_ptr_nonnull(strstr(run.out, "State                 disabled\n"));
    ck_assert_ptr_nonnull(strstr(run.out, "Rule                  governed: "));
    ck_assert_ptr_null(strstr(run.out, "ST"));
}
END_TEST

START_TEST(a_product_that_asks_for_lists_says_until_when_it_has_them)
{
    say_product("{\"crl_hours_max\":24}");
    shown.profile = (char *)"cms";
    shown.crls_wanted = 1;
    ADMIN("product", "show", "chip");
    ck_assert_ptr_nonnull(strstr(run.out, "Revocation lists       at most 24 hours old\n"));
    ck_assert_ptr_nonnull(strstr(run.out, "Revocation lists kept  0\n"));
    shown.crls = 2;
    shown.crls_until_unix_ms = 1764288000000;
    ADMIN("product", "show", "chip");
    ck_assert_ptr_nonnull(
        strstr(run.out, "Revocation lists kept  2, good until 2025-11-28T00:00:00.000Z\n"));
}
END_TEST

START_TEST(a_product_id_that_is_not_proven_is_said_to_be_so)
{
    say_product("{\"signed\":\"key\"}");
    ADMIN("product", "show", "chip");
    ck_assert_ptr_nonnull(strstr(run.out, "public key only: a chip's product ID is not proven\n"));
}
END_TEST

START_TEST(settings_that_are_not_known_are_shown_as_they_are)
{
    say_product("{\"new\\u001b\":[1,\"x\"],\"signed\":7,\"kdf_key_offset\":-1,"
                "\"kdf_iv_offset\":9223372036854775807,\"product_id\":\"4\"}");
    ADMIN("product", "show", "chip");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_ptr_nonnull(strstr(run.out, "new\\x1b               [1,\"x\"]\n"));
    ck_assert_ptr_nonnull(strstr(run.out, "Signed by ST's key    7\n"));
    ck_assert_ptr_nonnull(strstr(run.out, "KDF output, key       -1\n"));
    ck_assert_ptr_nonnull(strstr(run.out, "KDF output, IV        9223372036854775807\n"));
    ck_assert_ptr_nonnull(strstr(run.out, "Chips                 4\n"));
}
END_TEST

START_TEST(the_settings_of_a_product_are_an_object_for_machines)
{
    say_product("{\"signed\":\"key\"}");
    ADMIN("product", "show", "chip", "--json");
    ck_assert_int_eq(run.exit, 0);
    json_t *product = json_loads(run.out, 0, NULL);
    json_t *settings = json_object_get(product, "settings");
    ck_assert_uint_eq(json_object_size(settings), 1);
    ck_assert_str_eq(json_string_value(json_object_get(settings, "signed")), "key");
    json_decref(product);
}
END_TEST

START_TEST(a_product_that_is_not_there_or_cannot_be_read_is_not_shown)
{
    say_product("[1]");
    ADMIN("product", "show", "chip");
    claim_failed(1, "settings that are no JSON object");
    ck_assert_str_eq(run.out, "");
    ADMIN("product", "show", "other");
    claim_failed(1, "There is no product other. See provctl product list.");
    ADMIN("product", "show", "a b");
    claim_failed(64, "NAME is not a name");
}
END_TEST

START_TEST(an_empty_list_is_an_empty_list)
{
    Provisiond__ProductListReply list = PROVISIOND__PRODUCT_LIST_REPLY__INIT;
    reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_PRODUCT_LIST;
    reply.product_list = &list;
    ADMIN("product", "list", "--json");
    claim_done("{\"products\": []}\n");
    ADMIN("product", "list");
    ck_assert_int_eq(run.exit, 0);
    ck_assert_str_eq(run.err, "There are no products yet.\n");
}
END_TEST

START_TEST(quota_is_added)
{
    Provisiond__QuotaAddReply add = PROVISIOND__QUOTA_ADD_REPLY__INIT;
    add.quota = 700;
    reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_QUOTA_ADD;
    reply.quota_add = &add;
    ADMIN("quota", "add", "meter", "--units", "200");
    claim_done("The quota of meter is now 700.\n");
    ck_assert_int_eq(vault.request->quota_add->units, 200);
    ADMIN("quota", "add", "meter", "--units", "0");
    claim_failed(64, "--units wants a whole number from 1");
    ck_assert_uint_eq(vault.request_count, 1);
}
END_TEST

START_TEST(an_unsure_quota_never_invites_a_script_to_repeat)
{
    vault.is_hanging_up = true;
    ADMIN("quota", "add", "meter", "--units", "200");
    claim_failed(1, "it is not known whether the units were added");
    ck_assert_uint_eq(vault.request_count, 1);
}
END_TEST

/* ---- images ---- */

static Provisiond__ImageEncryptReply encrypt_reply = PROVISIOND__IMAGE_ENCRYPT_REPLY__INIT;

static const char *say_encrypt(void)
{
    static char path[TEMP_PATH_MAX];
    encrypt_reply.image = digest;
    encrypt_reply.size = 99;
    reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_IMAGE_ENCRYPT;
    reply.image_encrypt = &encrypt_reply;
    temp_dir_path(&dir, "firmware.bin", path);
    write_file(&dir, "firmware.bin", "firmware in clear", 17);
    return path;
}

START_TEST(an_image_goes_to_the_vault_as_a_descriptor)
{
    ADMIN("image", "encrypt", "--product", "meter", "--label", "1.4.2", say_encrypt());
    claim_done(IMAGE "\n");
    ck_assert_uint_eq(vault.file_length, 17);
    ck_assert_mem_eq(vault.file, "firmware in clear", 17);
    ck_assert_str_eq(vault.request->image_encrypt->product, "meter");
    ck_assert_str_eq(vault.request->image_encrypt->label, "1.4.2");
    ck_assert_str_eq(vault.request->image_encrypt->format, "cms");
}
END_TEST

START_TEST(an_image_that_is_no_plain_file_is_refused)
{
    ADMIN("image", "encrypt", "--product", "meter", "/dev/zero");
    claim_failed(1, "/dev/zero is empty or not a plain file");
    ADMIN("image", "encrypt", "--product", "meter", "/nowhere");
    claim_failed(1, "/nowhere cannot be read");
    ADMIN("image", "encrypt", "--product", "meter", say_encrypt(), "--format", "elf");
    claim_failed(64, "--format is cms, suit, mcuboot, jwe, esp-rsa or st-sfi");
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

/* Reads the terminal until a bar is drawn, or for ever: the test's time is limited. */
static void wait_for_bar(int terminal)
{
    char seen[4096] = "";
    size_t length = 0;
    while (strstr(seen, "100 %") == NULL && length < sizeof seen - 1) {
        ssize_t n = read(terminal, seen + length, sizeof seen - 1 - length);
        ck_assert_int_gt((int)n, 0);
        length += (size_t)n;
        seen[length] = '\0';
    }
    ck_assert_ptr_nonnull(strstr(seen, "[########"));
}

START_TEST(a_long_encryption_shows_its_progress_on_a_terminal)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert_int_eq(grantpt(terminal), 0);
    ck_assert_int_eq(unlockpt(terminal), 0);
    int line = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    const char *const argv[] = {"image",    "encrypt",    "--product",   "meter",
                                "--socket", vault.socket, say_encrypt(), NULL};
    vault.is_waiting = true;
    pid_t pid = provctl_start(&dir, line, argv);
    wait_for_bar(terminal);
    (void)sem_post(&vault.may_answer);
    ck_assert_int_eq(provctl_wait(pid), 0);
    (void)close(line);
    (void)close(terminal);
}
END_TEST

static Provisiond__ImageListReply image_list = PROVISIOND__IMAGE_LIST_REPLY__INIT;
static Provisiond__ImageEntry image_entry = PROVISIOND__IMAGE_ENTRY__INIT;
static Provisiond__ImageEntry *image_entries[] = {&image_entry};

static void say_image(ProtobufCBinaryData image)
{
    image_entry.image = image;
    image_entry.label = (char *)"1.4.2";
    image_entry.alias = (char *)"current";
    image_entry.size = 1048576;
    image_entry.enabled = 1;
    image_entry.latest = 1;
    image_entry.created_unix_ms = 1795471536123;
    image_list.n_images = 1;
    image_list.images = image_entries;
    reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_IMAGE_LIST;
    reply.image_list = &image_list;
}

START_TEST(images_are_listed_with_whole_digests)
{
    say_image(digest);
    ADMIN("image", "list", "--product", "meter");
    claim_done("IMAGE                                                                    "
               "LABEL  ALIAS    STATE   CREATED                     BYTES\n" IMAGE
               "  1.4.2  current  latest  2026-11-23T22:05:36.123Z  1048576\n");
    ADMIN("image", "list", "--product", "meter", "--json");
    ck_assert_ptr_nonnull(strstr(run.out, "\"alias\": \"current\""));
}
END_TEST

START_TEST(an_image_with_a_short_digest_is_refused)
{
    say_image((ProtobufCBinaryData){.data = digest_bytes, .len = 31});
    ADMIN("image", "list", "--product", "meter");
    claim_failed(1, "a digest of a wrong length");
    ck_assert_str_eq(run.out, "");
}
END_TEST

START_TEST(images_are_enabled_and_disabled)
{
    Provisiond__ImageEnableReply enable = PROVISIOND__IMAGE_ENABLE_REPLY__INIT;
    reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_IMAGE_ENABLE;
    reply.image_enable = &enable;
    ADMIN("image", "disable", "--product", "meter", IMAGE);
    claim_done("The image is disabled.\n");
    ck_assert(!vault.request->image_enable->enabled);
    ADMIN("image", "enable", "--product", "meter", DIGEST_HEX, "--json");
    claim_done("{\"image\": \"" IMAGE "\", \"enabled\": true}\n");
    ck_assert(vault.request->image_enable->enabled);
    ck_assert_mem_eq(vault.request->image_enable->image.data, digest_bytes, 32);
    ADMIN("image", "enable", "--product", "meter", "latest");
    claim_failed(64, "latest is no digest");
}
END_TEST

START_TEST(an_image_gets_a_name_and_loses_it)
{
    Provisiond__ImageAliasReply alias = PROVISIOND__IMAGE_ALIAS_REPLY__INIT;
    reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_IMAGE_ALIAS;
    reply.image_alias = &alias;
    alias.enabled = 1;
    ADMIN("image", "alias", IMAGE, "current", "--product", "meter");
    claim_done("The image is called current now.\n");
    ck_assert_str_eq(vault.request->image_alias->product, "meter");
    ck_assert_str_eq(vault.request->image_alias->alias, "current");
    ck_assert_mem_eq(vault.request->image_alias->image.data, digest_bytes, 32);
    ADMIN("image", "unalias", DIGEST_HEX, "--product", "meter");
    claim_done("The image has no name now.\n");
    ck_assert_str_eq(vault.request->image_alias->alias, "");
    ADMIN("image", "unalias", DIGEST_HEX, "--product", "meter", "--json");
    claim_done("{\"image\": \"" IMAGE "\", \"alias\": \"\", \"was_called\": \"\", "
               "\"moved_from\": \"\", \"enabled\": true}\n");
}
END_TEST

START_TEST(what_a_name_did_before_is_said)
{
    Provisiond__ImageAliasReply alias = PROVISIOND__IMAGE_ALIAS_REPLY__INIT;
    reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_IMAGE_ALIAS;
    reply.image_alias = &alias;
    alias.enabled = 1;
    alias.was_called = (char *)"next";
    alias.moved_from = digest;
    ADMIN("image", "alias", IMAGE, "current", "--product", "meter");
    claim_done("The image is called current now; it was called next.\n"
               "The name was moved from " IMAGE ".\n");
    ck_assert_str_eq(run.err, "");
    alias.enabled = 0;
    ADMIN("image", "alias", IMAGE, "current", "--product", "meter", "--json");
    claim_done("{\"image\": \"" IMAGE "\", \"alias\": \"current\", \"was_called\": \"next\", "
               "\"moved_from\": \"" IMAGE "\", \"enabled\": false}\n");
    alias.moved_from.len = 31;
    ADMIN("image", "alias", IMAGE, "current", "--product", "meter");
    claim_failed(1, "a digest of a wrong length");
}
END_TEST

START_TEST(a_name_of_a_disabled_image_is_noted)
{
    Provisiond__ImageAliasReply alias = PROVISIOND__IMAGE_ALIAS_REPLY__INIT;
    reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_IMAGE_ALIAS;
    reply.image_alias = &alias;
    ADMIN("image", "alias", IMAGE, "current", "--product", "meter");
    ck_assert_int_eq(run.exit, 0);
    ck_assert_str_eq(run.err, "Note: the image is disabled, stations get nothing by this name.\n");
    alias.was_called = (char *)"current";
    ADMIN("image", "unalias", IMAGE, "--product", "meter");
    claim_done("The image has no name now; it was called current.\n");
    ck_assert_str_eq(run.err, "");
}
END_TEST

START_TEST(a_name_of_an_image_is_checked_before_the_vault_is_asked)
{
    ADMIN("image", "alias", IMAGE, "", "--product", "meter");
    claim_failed(64, "NAME is not a name: \"\"");
    ADMIN("image", "alias", IMAGE, "a/b", "--product", "meter");
    claim_failed(64, "NAME is not a name: \"a/b\"");
    ADMIN("image", "alias", "current", IMAGE, "--product", "meter");
    claim_failed(64, "NAME is not a name");
    ADMIN("image", "alias", "current", "next", "--product", "meter");
    claim_failed(64, "current is no digest");
    ADMIN("image", "alias", IMAGE, "--product", "meter");
    claim_failed(64, "Missing argument: provctl image alias DIGEST NAME");
    ck_assert_uint_eq(vault.request_count, 0);
}
END_TEST

START_TEST(usage_asks_the_vault_when_its_socket_is_given)
{
    say_account();
    ck_assert_int_eq(setenv("PROVCTL_URL", "https://127.0.0.1:1", 1), 0);
    ADMIN("usage", "meter");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_str_eq(vault.request->usage->product, "meter");
}
END_TEST

/* ---- what can go wrong ---- */

START_TEST(the_vaults_refusal_decides_words_and_exit_code)
{
    Provisiond__FaultMessage fault = PROVISIOND__FAULT_MESSAGE__INIT;
    fault.code = ERR_CONFLICT;
    fault.reason = (char *)"product-exists";
    fault.detail = (char *)"The product \033exists; choose another name.";
    reply.fault = &fault;
    ADMIN("quota", "add", "meter", "--units", "1");
    claim_failed(1, "provctl: The product \\x1bexists; choose another name.\n");
    fault.code = ERR_HSM_UNAVAILABLE;
    fault.detail = (char *)"";
    ADMIN("status");
    claim_failed(20, "The HSM cannot be used now. Try again in a moment.");
}
END_TEST

START_TEST(an_answer_to_another_question_is_refused)
{
    say_status();
    ADMIN("product", "list");
    claim_failed(1, "The vault's answer cannot be understood");
    reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT__NOT_SET;
    reply.fault = &(Provisiond__FaultMessage)PROVISIOND__FAULT_MESSAGE__INIT;
    reply.fault->reason = (char *)"nothing";
    ADMIN("status");
    claim_failed(1, "The vault's answer cannot be understood");
}
END_TEST

START_TEST(garbage_is_refused)
{
    vault.reply = NULL;
    ADMIN("status");
    claim_failed(1, "The vault's answer cannot be understood");
}
END_TEST

START_TEST(a_vault_that_hangs_up_is_named)
{
    vault.is_hanging_up = true;
    ADMIN("status");
    claim_failed(20, "Is provision-vault running");
    ck_assert_ptr_nonnull(strstr(run.err, vault.socket));
}
END_TEST

START_TEST(a_socket_that_is_not_there_is_named)
{
    PROVCTL(&dir, &run, "status", "--socket", "/nowhere/admin.sock");
    claim_failed(20, "The admin socket /nowhere/admin.sock is not there");
}
END_TEST

START_TEST(a_path_that_is_no_admin_socket_is_no_reason_to_try_again)
{
    PROVCTL(&dir, &run, "status", "--socket", write_certificate());
    claim_failed(1, "anchors.pem is not a socket.\n");
    PROVCTL(&dir, &run, "quota", "add", "meter", "--units", "1", "--socket", write_certificate());
    claim_failed(1, "anchors.pem is not a socket.\n");
    PROVCTL(&dir, &run, "status", "--socket", "");
    claim_failed(64, "--socket wants the path of the admin socket");
}
END_TEST

START_TEST(another_socket_of_the_vault_is_told_from_the_admin_socket)
{
    static const char *const reasons[] = {"op", "caller_spki"};
    Provisiond__FaultMessage fault = PROVISIOND__FAULT_MESSAGE__INIT;
    fault.code = ERR_BAD_REQUEST;
    fault.detail = (char *)"A field of the request is missing, too long or malformed.";
    reply.fault = &fault;
    for (size_t i = 0; i < 2; i++) {
        fault.reason = (char *)reasons[i];
        ADMIN("status");
        claim_failed(1, "admin.sock is not the admin socket");
    }
    vault.reply = NULL;
    ADMIN("status");
    claim_failed(1, "admin.sock the admin socket, and are the versions equal?");
}
END_TEST

START_TEST(without_address_and_configuration_usage_names_both)
{
    if (access("/etc/provisiond/provisiond.conf", F_OK) == 0)
        return; /* a machine that has provisiond installed */
    PROVCTL(&dir, &run, "usage", "meter");
    claim_failed(1, "provisiond.conf cannot be read: No such file or directory. Give --socket or "
                    "--config, or give --url");
    PROVCTL(&dir, &run, "usage", "meter", "--url", "https://127.0.0.1:1", "--ca", "/dev/null");
    claim_failed(64, "The option --cert FILE is missing (or set PROVCTL_CERT)");
}
END_TEST

START_TEST(the_configuration_names_the_socket)
{
    char path[TEMP_PATH_MAX];
    char text[256];
    int length = snprintf(text, sizeof text, "[vault]\nadmin_socket = %s\n", vault.socket);
    write_file(&dir, "provisiond.conf", text, (size_t)length);
    temp_dir_path(&dir, "provisiond.conf", path);
    say_status();
    PROVCTL(&dir, &run, "status", "--config", path);
    ck_assert_msg(run.exit == 0, "%s", run.err);
    PROVCTL(&dir, &run, "status", "--config", "/nowhere.conf");
    claim_failed(
        1, "The configuration /nowhere.conf, which names the admin socket, cannot be read: No "
           "such file or directory. This command runs on the server only");
    PROVCTL(&dir, &run, "product", "list", "--config", "/nowhere.conf");
    claim_failed(1, "Run it on the server, or give --url to ask provisiond");
    PROVCTL(&dir, &run, "hsm", "init", "--site", "x", "--socket", "/nowhere.sock");
    claim_failed(20, "Is provision-vault running? This command runs on the server only");
}
END_TEST

START_TEST(options_may_come_before_the_command)
{
    say_status();
    PROVCTL(&dir, &run, "--json", "--socket", vault.socket, "status");
    ck_assert_msg(run.exit == 0, "%s", run.err);
    ck_assert_int_eq(run.out[0], '{');
}
END_TEST

START_TEST(a_result_that_cannot_be_printed_is_no_success)
{
    say_status();
    char command[512];
    (void)snprintf(command, sizeof command,
                   "\"$PROVISIOND_BIN/provctl\" status --socket %s >/dev/full 2>/dev/null",
                   vault.socket);
    ck_assert_int_ne(system(command), 0);
}
END_TEST

/* ---- help ---- */

START_TEST(the_overview_fits_one_screen)
{
    PROVCTL(&dir, &run, "help");
    ck_assert_int_eq(run.exit, 0);
    size_t lines = 0;
    for (char *line = run.out, *end = NULL; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        ck_assert_int_le((int)(end - line), 80);
        lines++;
    }
    ck_assert_uint_le(lines, 24);
    ck_assert_ptr_nonnull(strstr(run.out, "image fetch|show"));
    PROVCTL(&dir, &run, "--version");
    ck_assert_int_eq(strncmp(run.out, "provctl ", 8), 0);
}
END_TEST

START_TEST(every_command_explains_its_options)
{
    static const char *const names[][2] = {
        {"hsm", "init"},       {"status", NULL},        {"usage", NULL},
        {"license", NULL},     {"outcome", NULL},       {"receipt", NULL},
        {"product", "create"}, {"product", "list"},     {"product", "show"},
        {"quota", "add"},      {"budget", "set"},       {"budget", "remove"},
        {"budget", "list"},    {"device", "rebind"},    {"image", "encrypt"},
        {"image", "list"},     {"image", "enable"},     {"image", "disable"},
        {"image", "alias"},    {"image", "unalias"},    {"image", "fetch"},
        {"journal", "export"}, {"journal", "override"}, {"journal", "rotate-key"},
        {"hsm", "retire"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i][1] == NULL)
            PROVCTL(&dir, &run, names[i][0], "--help");
        else
            PROVCTL(&dir, &run, "help", names[i][0], names[i][1]);
        ck_assert_int_eq(run.exit, 0);
        ck_assert_int_eq(strncmp(run.out, "Usage: provctl ", 15), 0);
        ck_assert_ptr_nonnull(strstr(run.out, "--json"));
    }
}
END_TEST

/* What stands right of the options begins in one column. */
START_TEST(options_are_explained_in_one_column)
{
    PROVCTL(&dir, &run, "help", "product", "create");
    size_t column = 0;
    for (char *line = strstr(run.out, "\n  --"); line != NULL; line = strstr(line + 1, "\n  --")) {
        char *words = strstr(line + 4, "  ");
        words += strspn(words, " ");
        column = column == 0 ? (size_t)(words - line) : column;
        ck_assert_uint_eq(column, (size_t)(words - line));
        ck_assert_int_le((int)strcspn(line + 1, "\n"), 80);
    }
    ck_assert_uint_gt(column, strlen("\n  --allow-session-key-exposure"));
}
END_TEST

START_TEST(help_says_what_is_not_claimed_and_what_exposure_means)
{
    PROVCTL(&dir, &run, "help", "product", "create");
    ck_assert_ptr_nonnull(strstr(run.out, "not public"));
    ck_assert_ptr_nonnull(strstr(run.out, "reference values"));
    ck_assert_ptr_nonnull(strstr(run.out, "it is not claimed that an ST chip accepts"));
    ck_assert_ptr_nonnull(strstr(run.out, "whoever reads that memory then can decrypt the image"));
    ck_assert_ptr_nonnull(strstr(run.out, "refuses such a product"));
}
END_TEST

START_TEST(help_is_to_be_had_by_every_name)
{
    PROVCTL(&dir, &run, "image", "--help");
    ck_assert_int_eq(run.exit, 0);
    ck_assert_ptr_nonnull(strstr(run.out, "  provctl image fetch DIGEST "));
    ck_assert_int_eq(strncmp(run.out, "Usage: provctl image COMMAND", 28), 0);
    ck_assert_ptr_null(strstr(run.out, "provctl station"));
    PROVCTL(&dir, &run, "help", "station");
    ck_assert_ptr_nonnull(strstr(run.out, "  provctl station enable NAME "));
    PROVCTL(&dir, &run, "-h");
    claim_done(run.out);
    ck_assert_int_eq(strncmp(run.out, "Usage: provctl COMMAND", 22), 0);
    PROVCTL(&dir, &run, "license", "-h");
    claim_done(run.out);
    ck_assert_int_eq(strncmp(run.out, "Usage: provctl license", 22), 0);
    PROVCTL(&dir, &run, "station", "key", "--help");
    claim_done(run.out);
    ck_assert_ptr_nonnull(strstr(run.out, "  provctl station key remove NAME KEY "));
    PROVCTL(&dir, &run, "help", "station", "key");
    claim_done(run.out);
    PROVCTL(&dir, &run, "metrics", "--help");
    claim_done(run.out);
    ck_assert_ptr_nonnull(strstr(run.out, "  provctl metrics key add NAME "));
    PROVCTL(&dir, &run, "nothing", "--help");
    claim_failed(64, "Unknown command nothing");
}
END_TEST

/* Who reads the overview must know where a command can be run. */
START_TEST(help_says_where_a_command_runs)
{
    PROVCTL(&dir, &run, "help");
    const char *server = strstr(run.out, "On the server only");
    const char *both = strstr(run.out, "From anywhere with --url (REST), or on the server");
    const char *rest = strstr(run.out, "From anywhere over REST");
    ck_assert(server != NULL && both != NULL && rest != NULL);
    ck_assert(server < strstr(run.out, "  product, quota, budget"));
    ck_assert(both < strstr(run.out, "  usage PRODUCT") &&
              strstr(run.out, "  usage PRODUCT") < rest);
    ck_assert(both < strstr(run.out, "  grant apply") && strstr(run.out, "  grant apply") < rest);
    PROVCTL(&dir, &run, "image", "encrypt", "--help");
    ck_assert_ptr_nonnull(strstr(run.out, "Runs on the server only"));
    PROVCTL(&dir, &run, "image", "list", "--help");
    ck_assert_ptr_nonnull(strstr(run.out, "Asks provisiond when there is an address"));
    PROVCTL(&dir, &run, "usage", "--help");
    ck_assert_ptr_nonnull(strstr(run.out, "For operators, auditors and administrators"));
}
END_TEST

START_TEST(a_wrong_command_is_a_usage_error_with_a_suggestion)
{
    provctl_run(&dir, NULL, (const char *const[]){NULL}, &run);
    ck_assert_int_eq(run.exit, 64);
    PROVCTL(&dir, &run, "licence");
    claim_failed(64, "did you mean provctl license?");
    PROVCTL(&dir, &run, "image", "encrpyt", "x");
    claim_failed(64, "did you mean provctl image encrypt?");
    PROVCTL(&dir, &run, "station");
    claim_failed(64, "After station comes one of: add, enroll, enable, disable, narrow, key add, "
                     "key remove, list, show.");
    PROVCTL(&dir, &run, "--json");
    claim_failed(64, "--json is no command");
    PROVCTL(&dir, &run, "\033[2J");
    claim_failed(64, "Unknown command \\x1b[2J");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {init_prints_the_identity_of_the_hsm,
                                  init_writes_the_public_keys,
                                  init_writes_no_file_that_is_no_key,
                                  init_asks_nothing_when_the_keys_could_not_be_written,
                                  a_ceremony_has_two_people_and_a_page,
                                  status_is_a_page_for_people,
                                  status_is_an_object_for_machines,
                                  status_tells_of_each_weak_key_what_follows_and_what_to_do,
                                  workers_that_nobody_knows_are_not_shown_as_none,
                                  a_product_is_created_with_its_anchors,
                                  a_product_of_st_sfi_leaves_out_what_is_not_given,
                                  a_product_of_st_sfi_is_set_as_it_was_asked_for,
                                  a_wrong_setting_of_st_sfi_is_a_usage_error_and_nobody_is_asked,
                                  the_longest_kdf_info_is_64_bytes,
                                  the_settings_of_st_sfi_are_refused_for_another_profile,
                                  each_profile_has_its_kind_of_anchors,
                                  a_product_is_shown_in_words,
                                  a_product_of_cms_is_shown_without_words_of_st,
                                  a_product_that_asks_for_lists_says_until_when_it_has_them,
                                  a_product_id_that_is_not_proven_is_said_to_be_so,
                                  settings_that_are_not_known_are_shown_as_they_are,
                                  the_settings_of_a_product_are_an_object_for_machines,
                                  a_product_that_is_not_there_or_cannot_be_read_is_not_shown,
                                  an_empty_list_is_an_empty_list,
                                  quota_is_added,
                                  an_unsure_quota_never_invites_a_script_to_repeat,
                                  an_image_goes_to_the_vault_as_a_descriptor,
                                  an_image_that_is_no_plain_file_is_refused,
                                  a_long_encryption_shows_its_progress_on_a_terminal,
                                  images_are_listed_with_whole_digests,
                                  an_image_with_a_short_digest_is_refused,
                                  images_are_enabled_and_disabled,
                                  an_image_gets_a_name_and_loses_it,
                                  what_a_name_did_before_is_said,
                                  a_name_of_a_disabled_image_is_noted,
                                  a_name_of_an_image_is_checked_before_the_vault_is_asked,
                                  usage_asks_the_vault_when_its_socket_is_given,
                                  the_vaults_refusal_decides_words_and_exit_code,
                                  an_answer_to_another_question_is_refused,
                                  garbage_is_refused,
                                  a_vault_that_hangs_up_is_named,
                                  a_socket_that_is_not_there_is_named,
                                  a_path_that_is_no_admin_socket_is_no_reason_to_try_again,
                                  another_socket_of_the_vault_is_told_from_the_admin_socket,
                                  without_address_and_configuration_usage_names_both,
                                  the_configuration_names_the_socket,
                                  options_may_come_before_the_command,
                                  a_result_that_cannot_be_printed_is_no_success,
                                  the_overview_fits_one_screen,
                                  every_command_explains_its_options,
                                  options_are_explained_in_one_column,
                                  help_says_what_is_not_claimed_and_what_exposure_means,
                                  help_is_to_be_had_by_every_name,
                                  help_says_where_a_command_runs,
                                  a_wrong_command_is_a_usage_error_with_a_suggestion,
                                  NULL};
    return suite_run("cli admin", set_up, tear_down, tests);
}
