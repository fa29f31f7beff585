/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Signed lists at their edges: what is cut, changed, too long or nested is refused and never taken.
 * The lists are signed here by libcrypto; others' tools make them in tests/e2e/test_lists.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "device/allow_list.h"
#include "device/raw_key.h"
#include "fixture.h"
#include "support/run.h"

#define TEXT_MAX      ((size_t)256 * 1024)
#define SIGNATURE_MAX 128

static EVP_PKEY *signer;
static struct list_signers *signers;
static struct allow_list list;
static char *text;
static size_t length;
static uint8_t signature[SIGNATURE_MAX];
static size_t signature_length;
static int taken;
static struct listed_device newest;

static char *public_pem(EVP_PKEY *key)
{
    char *pem = NULL;
    BIO *memory = BIO_new(BIO_s_mem());
    ck_assert_int_eq(PEM_write_bio_PUBKEY(memory, key), 1);
    long size = BIO_get_mem_data(memory, &pem);
    char *copy = strndup(pem, (size_t)size);
    BIO_free(memory);
    return copy;
}

static void set_up(void)
{
    signer = EVP_EC_gen("P-256");
    char *pem = public_pem(signer);
    ck_assert_int_eq(list_signers_new(text_bytes(pem), &signers, &fault), ERR_OK);
    free(pem);
    text = malloc(TEXT_MAX);
    length = 0;
    taken = 0;
    signature_length = 0;
}

static void tear_down(void)
{
    list_signers_free(signers);
    EVP_PKEY_free(signer);
    free(text);
}

/* ---- making ---- */

static void add(const char *more)
{
    const size_t size = strlen(more);
    ck_assert_uint_lt(length + size, TEXT_MAX);
    memcpy(text + length, more, size + 1);
    length += size;
}

static void add_device(const char *serial)
{
    unsigned char *der = NULL;
    char *base64 = NULL;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    int size = i2d_PUBKEY(key, &der);
    ck_assert_int_gt(size, 0);
    ck_assert_int_eq(base64_encode(bytes_of(der, (size_t)size), &base64), ERR_OK);
    add(serial);
    add(" ");
    add(base64);
    add("\n");
    OPENSSL_free(der);
    free(base64);
    EVP_PKEY_free(key);
}

static void sign_text(void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    signature_length = sizeof signature;
    ck_assert_int_eq(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, signer), 1);
    ck_assert_int_eq(
        EVP_DigestSign(context, signature, &signature_length, (const unsigned char *)text, length),
        1);
    EVP_MD_CTX_free(context);
}

static enum error take(void *context, const struct listed_device *one, struct fault *ret_fault)
{
    (void)context;
    (void)ret_fault;
    taken++;
    newest = *one;
    return ERR_OK;
}

static enum error read_text(void)
{
    static const struct device_policy policy = {.keys = DEVICE_KEY_BIT(DEVICE_KEY_P256)};
    const struct allow_list_question question = {
        .signers = signers,
        .policy = &policy,
        .product = "boards",
        .key_id = ALLOW_LIST_KEY_ID_DEFAULT,
        .signature = bytes_of(signature, signature_length),
        .take = take,
    };
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, length, file), length);
    ck_assert_int_eq(fflush(file), 0);
    ck_assert_int_eq(lseek(fileno(file), 0, SEEK_SET), 0);
    taken = 0;
    fault = (struct fault){0};
    enum error e = allow_list_read(&question, fileno(file), &list, &fault);
    (void)fclose(file);
    return e;
}

static void is_refused(const char *reason, long place)
{
    ck_assert_int_eq(read_text(), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, reason);
    ck_assert_int_eq(fault.native, place);
}

static void begin_plain(void)
{
    length = 0;
    add("provisiond-devices 1 boards\n");
}

/* ---- plain ---- */

START_TEST(a_signed_list_gives_its_devices)
{
    begin_plain();
    add_device("A-1");
    add_device("B-2");
    sign_text();
    const struct sha256 digest = sha256_of(bytes_of(text, length));
    ck_assert_int_eq(read_text(), ERR_OK);
    ck_assert_int_eq(list.count, 2);
    ck_assert_int_eq(taken, 2);
    ck_assert_str_eq(newest.serial, "B-2");
    ck_assert(sha256_equal(&list.digest, &digest));
    ck_assert(list_signers_have(signers, &list.signer));
}
END_TEST

START_TEST(each_changed_byte_is_noticed)
{
    begin_plain();
    add_device("A-1");
    sign_text();
    for (size_t i = 0; i < length; i++) {
        text[i] ^= 1;
        ck_assert_int_ne(read_text(), ERR_OK);
        text[i] ^= 1;
    }
    for (size_t i = 0; i < signature_length; i++) {
        signature[i] ^= 1;
        is_refused("list-signer", 0);
        signature[i] ^= 1;
    }
    ck_assert_int_eq(read_text(), ERR_OK);
}
END_TEST

START_TEST(each_cut_is_noticed)
{
    begin_plain();
    add_device("A-1");
    sign_text();
    for (const size_t whole = length; length > 0;) {
        length--;
        ck_assert_int_ne(read_text(), ERR_OK);
        ck_assert_uint_lt(length, whole);
    }
}
END_TEST

START_TEST(a_bad_line_is_named)
{
    static const struct {
        const char *line;
        const char *reason;
    } bad[] = {
        {"SN", "list-entry"},           {"", "list-entry"},       {"SN AAAA", "list-key-type"},
        {"SN AAA", "list-entry"},       {" AAAA", "list-serial"}, {"S\tN AAAA", "list-serial"},
        {"SN AAAA AAAA", "list-entry"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        begin_plain();
        add_device("A-1");
        add(bad[i].line);
        add("\n");
        sign_text();
        is_refused(bad[i].reason, 2);
    }
}
END_TEST

START_TEST(a_line_has_an_end)
{
    begin_plain();
    for (size_t i = 0; i < ALLOW_LIST_ENTRY_MAX_BYTES; i++)
        add("A");
    is_refused("list-entry", 1);
    add("A");
    is_refused("list-entry", 1);
}
END_TEST

START_TEST(a_list_is_of_one_product_and_not_empty)
{
    begin_plain();
    sign_text();
    is_refused("list-empty", 0);
    length = 0;
    add("provisiond-devices 1 boards2\n");
    add_device("A-1");
    sign_text();
    is_refused("list-product", 0);
    length = 0;
    add("provisiond-devices 2 boards\n");
    is_refused("list-form", 0);
}
END_TEST

/* ---- manifest ---- */

static char *url_of(const void *data, size_t size)
{
    char *made = NULL;
    ck_assert_int_eq(base64url_encode(bytes_of(data, size), &made), ERR_OK);
    return made;
}

/* r and s of the DER signature, 32 bytes each. */
static void raw_signature(uint8_t raw[64])
{
    const unsigned char *p = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &p, (long)signature_length);
    ck_assert_ptr_nonnull(pair);
    ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, 32), 32);
    ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + 32, 32), 32);
    ECDSA_SIG_free(pair);
}

static char *jwk_of(EVP_PKEY *key, const char *kid)
{
    char *jwk = NULL;
    uint8_t point[65];
    size_t size = 0;
    ck_assert_int_eq(EVP_PKEY_get_octet_string_param(key, "pub", point, sizeof point, &size), 1);
    char *x = url_of(point + 1, 32);
    char *y = url_of(point + 33, 32);
    ck_assert_int_gt(asprintf(&jwk,
                              "{\"kid\":\"%s\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\","
                              "\"y\":\"%s\"}",
                              kid, x, y),
                     0);
    free(x);
    free(y);
    return jwk;
}

/* One object over the payload; with the header that is given. */
static void add_jws(const char *header, const char *payload)
{
    uint8_t raw[64];
    char *whole = NULL;
    char *protected = url_of(header, strlen(header));
    char *body = url_of(payload, strlen(payload));
    length = 0;
    add(protected);
    add(".");
    add(body);
    sign_text();
    raw_signature(raw);
    char *made = url_of(raw, sizeof raw);
    ck_assert_int_gt(asprintf(&whole,
                              "[{\"payload\":\"%s\",\"protected\":\"%s\",\"signature\":\"%s\"}]",
                              body, protected, made),
                     0);
    length = 0;
    add(whole);
    free(whole);
    free(made);
    free(protected);
    free(body);
}

static void add_entry(const char *header, const char *form)
{
    char *payload = NULL;
    char *first = jwk_of(signer, "0");
    char *second = jwk_of(signer, "1");
    ck_assert_int_gt(asprintf(&payload,
                              "{\"uniqueId\":\"01A\",\"publicKeySet\":{\"keys\":[%s,%s%s]}}", first,
                              form, second),
                     0);
    add_jws(header, payload);
    free(payload);
    free(first);
    free(second);
}

START_TEST(a_manifest_gives_the_key_of_that_name)
{
    add_entry("{\"alg\":\"ES256\",\"kid\":\"any\"}", "");
    ck_assert_int_eq(read_text(), ERR_OK);
    ck_assert_int_eq(list.count, 1);
    ck_assert_str_eq(newest.serial, "01A");
    ck_assert(sha256_equal(&newest.spki, &list.signer)); /* its key is the signer's here */
    add_entry("{\"alg\":\"ES256\"}", "{\"kid\":\"0\"},");
    is_refused("list-key", 1);
    add_entry("{\"alg\":\"HS256\"}", "");
    is_refused("list-entry", 1);
    add_entry("{\"alg\":\"ES256\",\"crit\":[\"b64\"]}", "");
    is_refused("list-entry", 1);
}
END_TEST

START_TEST(each_changed_byte_of_a_manifest_is_noticed)
{
    add_entry("{\"alg\":\"ES256\"}", "");
    for (size_t i = 0; i < length; i++) {
        for (int bit = 0; bit < 8; bit++) {
            text[i] = (char)(text[i] ^ (1 << bit));
            /* What still reads is the same device: spare bits of the last digit of a base64 text.
             */
            if (read_text() == ERR_OK)
                ck_assert(strcmp(newest.serial, "01A") == 0 &&
                          sha256_equal(&newest.spki, &list.signer));
            text[i] = (char)(text[i] ^ (1 << bit));
        }
    }
    ck_assert_int_eq(read_text(), ERR_OK);
}
END_TEST

START_TEST(what_is_no_array_of_objects_is_refused)
{
    static const struct {
        const char *text;
        const char *reason;
        long place;
    } bad[] = {
        {"", "list-form", 0},
        {"x[", "list-form", 0},
        {"{}", "list-form", 0},
        {"[", "list-form", 1},
        {"[1]", "list-form", 1},
        {"[[]]", "list-form", 1},
        {"[{", "list-form", 1},
        {"[{}", "list-entry", 1},
        {"[{}]", "list-entry", 1},
        {"[{\"a\":\"}\\\"{\"}]", "list-entry", 1},
        {"[{\"a\":1,\"a\":2}]", "list-entry", 1},
        {" \n [ ] ", "list-empty", 0},
        {"[] x", "list-form", 0},
        {"[{\"protected\":\"!\",\"payload\":\"\",\"signature\":\"\"}]", "list-entry", 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        length = 0;
        add(bad[i].text);
        is_refused(bad[i].reason, bad[i].place);
    }
}
END_TEST

START_TEST(an_object_has_an_end)
{
    add("[{\"a\":\"");
    for (size_t i = 0; i < 2 * ALLOW_LIST_ENTRY_MAX_BYTES; i++)
        add("A");
    is_refused("list-entry", 1);
    length = 0;
    add("[");
    for (size_t i = 0; i < ALLOW_LIST_ENTRY_MAX_BYTES; i++)
        add("{");
    is_refused("list-form", 1);
}
END_TEST

/* ---- keys ---- */

START_TEST(a_raw_key_is_one_public_key_that_the_product_takes)
{
    static const struct device_policy policy = {.keys = DEVICE_KEY_BIT(DEVICE_KEY_P256)};
    EVP_PKEY *other = EVP_EC_gen("P-384");
    char *good = public_pem(signer);
    char *large = public_pem(other);
    char two[4096];
    ck_assert_int_eq(raw_key_check(&policy, text_bytes(good), &device, &fault), ERR_OK);
    ck_assert_uint_eq(device.point_length, 65);
    ck_assert_str_eq(device.serial, "");
    ck_assert_int_eq(raw_key_check(&policy, text_bytes(large), &device, &fault),
                     ERR_DEVICE_NOT_GENUINE);
    ck_assert_str_eq(fault.reason, "curve");
    (void)snprintf(two, sizeof two, "%s%s", good, good);
    ck_assert_int_eq(raw_key_check(&policy, text_bytes(two), &device, &fault), ERR_TOO_LARGE);
    good[40] ^= 1;
    ck_assert_int_ne(raw_key_check(&policy, text_bytes(good), &device, &fault), ERR_OK);
    ck_assert_int_eq(raw_key_check(&policy, text_bytes("PEM"), &device, &fault), ERR_BAD_REQUEST);
    EVP_PKEY_free(other);
    free(good);
    free(large);
}
END_TEST

START_TEST(a_signer_has_a_strong_key)
{
    struct list_signers *made = NULL;
    EVP_PKEY *weak = EVP_RSA_gen(1024);
    char *pem = public_pem(weak);
    ck_assert_int_eq(list_signers_new(text_bytes(pem), &made, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "signer-key");
    ck_assert_int_eq(list_signers_new(text_bytes("nothing"), &made, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "not-a-signer");
    free(pem);
    EVP_PKEY_free(weak);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_signed_list_gives_its_devices,
        each_changed_byte_is_noticed,
        each_cut_is_noticed,
        a_bad_line_is_named,
        a_line_has_an_end,
        a_list_is_of_one_product_and_not_empty,
        a_manifest_gives_the_key_of_that_name,
        each_changed_byte_of_a_manifest_is_noticed,
        what_is_no_array_of_objects_is_refused,
        an_object_has_an_end,
        a_raw_key_is_one_public_key_that_the_product_takes,
        a_signer_has_a_strong_key,
        NULL,
    };
    return run_suite(&(struct run_case){.name = "allow_list",
                                        .timeout_s = 60,
                                        .set_up = set_up,
                                        .tear_down = tear_down,
                                        .tests = tests});
}
