/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Licenses of every profile and kind of key, opened by programs that are not ours: openssl, jose,
 * and tests/judge/open_license.py over python3-cryptography and python3-cbor2; and by the recipes
 * of docs/examples/device. The HSM is played by libcrypto.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "player.h"
#include "support/temp_dir.h"

#define FIRMWARE_BYTES 1000
#define CIPHER_MAX     (FIRMWARE_BYTES + 64)
#define COMMAND_MAX    2048
#define OUTPUT_MAX     16384
#define TEXT_MAX       256

#define JUDGE          "/usr/bin/python3 " PROVISIOND_SOURCE_DIR "/tests/judge/open_license.py "
#define CMS                                                                                       \
    "openssl cms -decrypt -binary -inform DER -in LIC -content IMG -inkey %s.key -recip DEV.pem " \
    "-out FW"
#define JOSE                                                                             \
    "/usr/bin/python3 " PROVISIOND_SOURCE_DIR                                            \
    "/tests/judge/open_license.py jwk %s.key >DEV.jwk && jose jwe dec -i LIC -I IMG -k " \
    "DEV.jwk -O FW"
#define FLIP          FLIP_CMS " %s.key DEV.pem LIC IMG"
#define OPEN(profile) JUDGE profile " %s.key LIC IMG FW --facts FACTS"

/* Each profile with each key and content that it has; opener has the name of the key once. */
static const struct opening {
    const char *profile;
    const char *content;
    const char *make_key; /* of openssl genpkey */
    enum license_key key;
    const char *opener;
    enum license_hash oaep_hash;
    bool uses_kw256;
    bool uses_sha512;
    size_t license_bytes; /* 0: it depends on the key */
} OPENINGS[] = {
    {"cms", "aes-256-gcm", "P-256", LICENSE_P256, CMS, 0, false, false, 0},
    {"cms", "aes-256-cbc", "P-256", LICENSE_P256, CMS, 0, false, false, 0},
    {"cms", "aes-256-gcm", "P-384", LICENSE_P384, CMS, 0, false, false, 0},
    {"cms", "aes-256-cbc", "P-384", LICENSE_P384, CMS, 0, false, false, 0},
    {"cms", "aes-256-gcm", "2048", LICENSE_RSA, CMS, LICENSE_SHA256, false, false, 0},
    {"cms", "aes-256-gcm", "3072", LICENSE_RSA, CMS, LICENSE_SHA1, false, false, 0},
    {"cms", "aes-256-cbc", "2048", LICENSE_RSA, CMS, LICENSE_SHA256, false, false, 0},
    {"suit", "aes-128-gcm", "P-256", LICENSE_P256, OPEN("suit"), 0, false, false, 133},
    {"suit", "aes-256-gcm", "P-256", LICENSE_P256, OPEN("suit"), 0, true, false, 149},
    {"suit", "aes-128-ctr", "P-256", LICENSE_P256, OPEN("suit"), 0, false, false, 0},
    {"suit", "aes-256-gcm", "P-256", LICENSE_P256, OPEN("suit"), 0, false, false, 0},
    {"jwe", "aes-256-gcm", "P-256", LICENSE_P256, JOSE, 0, false, false, 0},
    {"jwe", "aes-256-gcm", "P-384", LICENSE_P384, JOSE, 0, false, false, 0},
    {"jwe", "aes-256-gcm", "P-256", LICENSE_P256, OPEN("jwe"), 0, false, false, 0},
    {"mcuboot", "aes-128-ctr", "P-256", LICENSE_P256, OPEN("mcuboot-32"), 0, false, false, 113},
    {"mcuboot", "aes-256-ctr", "P-256", LICENSE_P256, OPEN("mcuboot-32"), 0, false, false, 129},
    {"mcuboot", "aes-128-ctr", "X25519", LICENSE_X25519, OPEN("mcuboot-33"), 0, false, false, 80},
    {"mcuboot", "aes-256-ctr", "X25519", LICENSE_X25519, OPEN("mcuboot-33"), 0, false, false, 96},
    {"mcuboot", "aes-128-ctr", "X25519", LICENSE_X25519, OPEN("mcuboot-34"), 0, false, true, 112},
    {"mcuboot", "aes-256-ctr", "X25519", LICENSE_X25519, OPEN("mcuboot-34"), 0, false, true, 128},
    {"mcuboot", "aes-128-ctr", "2048", LICENSE_RSA, OPEN("mcuboot-30"), 0, false, false, 256},
    {"mcuboot", "aes-256-ctr", "2048", LICENSE_RSA, OPEN("mcuboot-30"), 0, false, false, 256},
    {"esp-rsa", "aes-256-gcm", "3072", LICENSE_RSA, OPEN("esp-rsa"), 0, false, false, 384},
};
#define OPENING_COUNT (sizeof OPENINGS / sizeof OPENINGS[0])

static struct temp_dir folder;
static uint8_t firmware[FIRMWARE_BYTES];

/* What the image is, as its record in the ledger has it. */
struct image {
    uint8_t key[32];
    uint8_t iv[16];
    uint8_t tag[16];
    uint8_t bytes[CIPHER_MAX];
    size_t length;
};

static void set_up(void)
{
    temp_dir_make(&folder);
    random_fill(firmware, sizeof firmware);
}

static void tear_down(void)
{
    temp_dir_remove(&folder);
}

/* ---- files and commands ---- */

static void write_file(const char *name, struct bytes data)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&folder, name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, data.data, data.length), (ssize_t)data.length);
    ck_assert_int_eq(close(fd), 0);
}

/* Runs in the folder; its exit status, and what it printed. */
static int run(const char *command, char output[OUTPUT_MAX])
{
    char line[COMMAND_MAX + TEMP_PATH_MAX];
    (void)snprintf(line, sizeof line, "cd %s && { %s; } 2>&1", folder.path, command);
    FILE *pipe = popen(line, "re");
    ck_assert_ptr_nonnull(pipe);
    size_t length = fread(output, 1, OUTPUT_MAX - 1, pipe);
    output[length] = '\0';
    int status = pclose(pipe);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void must(const char *command)
{
    char output[OUTPUT_MAX];
    const int status = run(command, output);
    ck_assert_msg(status == 0, "%s: %d: %s", command, status, output);
}

/* The opener's command with that key. */
static void command_of(const char *opener, const char *key, char out[COMMAND_MAX])
{
    const char *place = strstr(opener, "%s");
    (void)snprintf(out, COMMAND_MAX, "%.*s%s%s", (int)(place - opener), opener, key, place + 2);
}

static bool opens_by(const char *command)
{
    char output[OUTPUT_MAX];
    char path[TEMP_PATH_MAX];
    uint8_t found[FIRMWARE_BYTES + 1];
    (void)run("rm -f FW", output);
    if (run(command, output) != 0)
        return false;
    temp_dir_path(&folder, "FW", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    const bool is_ours = read(fd, found, sizeof found) == FIRMWARE_BYTES &&
                         memcmp(found, firmware, FIRMWARE_BYTES) == 0;
    ck_assert_int_eq(close(fd), 0);
    return is_ours;
}

static bool opens_with(const struct opening *opening, const char *key)
{
    char command[COMMAND_MAX];
    command_of(opening->opener, key, command);
    return opens_by(command);
}

/* The recipe of that profile, as a device would do it. */
static bool recipe_opens(const struct opening *opening, const char *key)
{
    char command[COMMAND_MAX];
    const char *more = opening->uses_sha512 ? "--sha512" : "";
    if (strcmp(opening->profile, "esp-rsa") == 0)
        more = "$(jq -r .iv FACTS) $(jq -r .tag FACTS)";
    (void)snprintf(command, sizeof command,
                   "ASAN_OPTIONS=detect_leaks=0 %s/recipe-%s %s.key LIC IMG FW %s", RECIPES,
                   opening->profile, key, more);
    return opens_by(command);
}

/* ---- device, image, license ---- */

/* NAME.key, and a certificate of a CA over its public key: DEV.pem. */
static void make_device(const char *name, const char *make_key)
{
    char command[COMMAND_MAX];
    const char *form = "-algorithm EC -pkeyopt ec_paramgen_curve:";
    if (strcmp(make_key, "X25519") == 0)
        form = "-algorithm ";
    else if (make_key[0] != 'P')
        form = "-algorithm RSA -pkeyopt rsa_keygen_bits:";
    (void)snprintf(command, sizeof command, "openssl genpkey %s%s -out %s.key", form, make_key,
                   name);
    must(command);
    must("test -e CA.pem || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
         "-subj /CN=CA -keyout CA.key -out CA.pem");
    (void)snprintf(command, sizeof command,
                   "openssl pkey -in %s.key -pubout -out %s.pub && openssl req -new -key CA.key "
                   "-subj /CN=device -out DEV.csr && openssl x509 -req -in DEV.csr -CA CA.pem "
                   "-CAkey CA.key -force_pubkey %s.pub -set_serial 0x1234 -out %s.pem",
                   name, name, name, name);
    must(command);
}

static X509 *read_certificate(const char *name)
{
    char path[TEMP_PATH_MAX];
    temp_dir_path(&folder, name, path);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    (void)fclose(file);
    ck_assert_ptr_nonnull(certificate);
    return certificate;
}

static const EVP_CIPHER *cipher_of(const struct license_content *content)
{
    const bool is_128 = content->key_bytes == 16;
    if (content->cipher == LICENSE_AES_GCM)
        return is_128 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
    if (content->cipher == LICENSE_AES_CTR)
        return is_128 ? EVP_aes_128_ctr() : EVP_aes_256_ctr();
    return EVP_aes_256_cbc();
}

static void encrypt_image(const struct license_content *content, bool appends_tag,
                          struct image *ret_image)
{
    int length = 0;
    int rest = 0;
    *ret_image = (struct image){.length = 0};
    random_fill(ret_image->key, sizeof ret_image->key);
    random_fill(ret_image->iv, content->iv_bytes);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    ck_assert_int_eq(EVP_EncryptInit_ex(context, cipher_of(content), NULL, NULL, NULL), 1);
    if (content->cipher == LICENSE_AES_GCM)
        ck_assert_int_eq(
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, (int)content->iv_bytes, NULL), 1);
    ck_assert_int_eq(EVP_EncryptInit_ex(context, NULL, NULL, ret_image->key, ret_image->iv), 1);
    if (content->aad_length > 0)
        ck_assert_int_eq(
            EVP_EncryptUpdate(context, NULL, &length, content->aad, (int)content->aad_length), 1);
    ck_assert_int_eq(
        EVP_EncryptUpdate(context, ret_image->bytes, &length, firmware, FIRMWARE_BYTES), 1);
    ck_assert_int_eq(EVP_EncryptFinal_ex(context, ret_image->bytes + length, &rest), 1);
    ret_image->length = (size_t)(length + rest);
    if (content->tag_bytes > 0)
        ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, ret_image->tag),
                         1);
    EVP_CIPHER_CTX_free(context);
    if (appends_tag) {
        memcpy(ret_image->bytes + ret_image->length, ret_image->tag, content->tag_bytes);
        ret_image->length += content->tag_bytes;
    }
}

/* IMG and FACTS. */
static void write_image(const struct license_content *content, const struct image *image)
{
    char iv[2 * sizeof image->iv + 1];
    char tag[2 * sizeof image->tag + 1];
    char facts[TEXT_MAX];
    hex_encode(bytes_of(image->iv, content->iv_bytes), iv);
    hex_encode(bytes_of(image->tag, content->tag_bytes), tag);
    const int length = snprintf(facts, sizeof facts, "{\"iv\": \"%s\", \"tag\": \"%s\"}", iv, tag);
    write_file("FACTS", bytes_of(facts, (size_t)length));
    write_file("IMG", bytes_of(image->bytes, image->length));
}

static struct license make_license(const struct opening *opening,
                                   const struct license_content *content, const struct image *image,
                                   X509 *certificate)
{
    const struct license_profile *profile = license_profile_find(opening->profile);
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    struct license_agreement agreement;
    struct player_wrapped wrapped;
    struct license license = {.length = 0};
    unsigned char *issuer = NULL;
    const int issuer_length = i2d_X509_NAME(X509_get_issuer_name(certificate), &issuer);
    ck_assert_int_gt(issuer_length, 0);
    const struct license_subject subject = {
        .product = "gateway",
        .device_key = opening->key,
        .device_serial = "SN-1",
        .device_issuer = bytes_of(issuer, (size_t)issuer_length),
        .certificate_serial =
            bytes_of(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial)),
        .content = content,
        .content_iv = bytes_of(image->iv, content->iv_bytes),
        .content_tag = bytes_of(image->tag, content->tag_bytes),
        .uses_kw256 = opening->uses_kw256,
        .uses_sha512 = opening->uses_sha512,
    };
    ck_assert_int_eq(license_agreement(profile, &subject, &agreement), ERR_OK);
    player_wrap(&agreement, X509_get0_pubkey(certificate), bytes_of(image->key, content->key_bytes),
                opening->oaep_hash, &wrapped);
    ck_assert_int_eq(license_encode(profile, &subject, &wrapped.parts, &license), ERR_OK);
    OPENSSL_free(issuer);
    return license;
}

/* Leaves everything that a device has in the folder: DEV.key, DEV.pem, LIC, IMG, FACTS. */
static struct license make_all(const struct opening *opening)
{
    struct image image;
    const struct license_content *content =
        license_content_find(license_profile_find(opening->profile), opening->content);
    ck_assert_ptr_nonnull(content);
    make_device("DEV", opening->make_key);
    encrypt_image(content, strcmp(opening->profile, "suit") == 0, &image);
    write_image(content, &image);
    X509 *certificate = read_certificate("DEV.pem");
    const struct license license = make_license(opening, content, &image, certificate);
    X509_free(certificate);
    write_file("LIC", bytes_of(license.bytes, license.length));
    return license;
}

START_TEST(others_open_it_for_this_device_and_no_other)
{
    const struct opening *opening = &OPENINGS[_i];
    const struct license license = make_all(opening);
    ck_assert_msg(opens_with(opening, "DEV"), "%s %s %s", opening->profile, opening->content,
                  opening->make_key);
    ck_assert_msg(recipe_opens(opening, "DEV"), "recipe: %s %s %s", opening->profile,
                  opening->content, opening->make_key);
    if (opening->license_bytes > 0)
        ck_assert_uint_eq(license.length, opening->license_bytes);
    make_device("OTHER", opening->make_key);
    ck_assert_msg(!recipe_opens(opening, "OTHER"), "recipe: %s %s %s", opening->profile,
                  opening->content, opening->make_key);
    ck_assert_msg(!opens_with(opening, "OTHER"), "%s %s %s", opening->profile, opening->content,
                  opening->make_key);
}
END_TEST

/* The KDF's context as the draft has it, byte by byte; the KDF over it is the judge's own above. */
START_TEST(suit_shared_info_is_that_of_the_draft)
{
    /* [-3, [nil, nil, nil], [nil, nil, nil], [128, h'A101381C', 'SUIT Payload Encryption']] */
    static const uint8_t expected[] = {
        0x84, 0x22, 0x83, 0xf6, 0xf6, 0xf6, 0x83, 0xf6, 0xf6, 0xf6, 0x83, 0x18, 0x80, 0x44,
        0xa1, 0x01, 0x38, 0x1c, 0x57, 'S',  'U',  'I',  'T',  ' ',  'P',  'a',  'y',  'l',
        'o',  'a',  'd',  ' ',  'E',  'n',  'c',  'r',  'y',  'p',  't',  'i',  'o',  'n'};
    static const uint8_t zeros[16];
    const struct license_profile *suit = license_profile_find("suit");
    struct license_agreement agreement;
    const struct license_subject subject = {.product = "p",
                                            .device_key = LICENSE_P256,
                                            .device_serial = "",
                                            .content = license_content_find(suit, "aes-128-gcm"),
                                            .content_iv = bytes_of(zeros, 12),
                                            .content_tag = bytes_of(zeros, 16)};
    ck_assert_int_eq(license_agreement(suit, &subject, &agreement), ERR_OK);
    ck_assert_uint_eq(agreement.shared_info_length, sizeof expected);
    ck_assert_mem_eq(agreement.shared_info, expected, sizeof expected);
    ck_assert_uint_eq(agreement.kek_bytes, 16);
}
END_TEST

/*
 * The bytes in which a changed bit still opens to the same firmware, and those in which it opens to
 * another one; docs/profiles says the same. Profiles whose every bit is protected have none.
 */
static const struct flipping {
    size_t opening;   /* index of OPENINGS */
    const char *same; /* NULL: it depends on the values */
    const char *other;
    const char *opener; /* NULL: the opening's, which can do it */
} FLIPPINGS[] = {
    /* The last byte of the cipher's identifier (CBC and OFB are a bit apart), and the IV. */
    {1, NULL, "other 269 272 273 274 275 276 277 278 279 280 281 282 283 284 285 286 287", FLIP},
    {2, NULL, "other", FLIP},
    {4, NULL, "other", FLIP},
    {7, "same", "other", NULL},
    {9, "same 3", "other 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26", NULL},
    {14, "same", "other", NULL},
    {16, "same 31", "other", NULL},
    {18, "same 31", "other", NULL},
    {13, NULL, "other", NULL},
    {20, "same", "other", NULL},
    {22, "same", "other", NULL},
};

START_TEST(no_changed_bit_opens_to_other_firmware_but_where_it_is_listed)
{
    const struct flipping *flipping = &FLIPPINGS[_i];
    const struct opening *opening = &OPENINGS[flipping->opening];
    char command[COMMAND_MAX];
    char output[OUTPUT_MAX];
    char expected[OUTPUT_MAX];
    (void)make_all(opening);
    command_of(flipping->opener != NULL ? flipping->opener : opening->opener, "DEV", command);
    (void)strncat(command, " --flip", sizeof command - strlen(command) - 1);
    ck_assert_int_eq(run(command, output), 0);
    (void)snprintf(expected, sizeof expected, "%s\n%s\n",
                   flipping->same != NULL ? flipping->same : "", flipping->other);
    if (flipping->same == NULL)
        (void)memmove(output, strchr(output, '\n'), strlen(strchr(output, '\n')) + 1);
    ck_assert_str_eq(output, expected);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("licenses, opened by others");
    TCase *all = tcase_create("openers");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 120);
    tcase_add_loop_test(all, others_open_it_for_this_device_and_no_other, 0, OPENING_COUNT);
    tcase_add_test(all, suit_shared_info_is_that_of_the_draft);
    tcase_add_loop_test(all, no_changed_bit_opens_to_other_firmware_but_where_it_is_listed, 0,
                        sizeof FLIPPINGS / sizeof FLIPPINGS[0]);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
