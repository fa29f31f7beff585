/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* What the checkpoint key signs, and what it does not. */
#include <check.h>
#include <signal.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "hsm/hsm_checkpoint.h"
#include "hsm_rig.h"
#include "note.h"
#include "token.h"

#define CHECKPOINT_ID    "provisiond-chkpt"
#define CHECKPOINT_LABEL "provisiond-checkpoint"

static struct hsm_rig rig;
static struct hsm_spki checkpoint;
static struct note body;

static void set_up(void)
{
    hsm_rig_make(&rig);
    body = note_body(1042, 0x5a);
}

static void tear_down(void)
{
    hsm_rig_remove(&rig);
}

static void serve(void)
{
    hsm_rig_start(&rig);
    hsm_rig_await_workers(&rig, rig.workers);
}

static void init(void)
{
    struct hsm_spki transport;
    struct fault fault = {0};
    ck_assert_msg(hsm_init(rig.client, &checkpoint, &transport, &fault) == ERR_OK, "%s %lx",
                  fault.reason, fault.native);
}

static bool verifies(const struct hsm_spki *spki, struct bytes text,
                     const struct hsm_signature *signature)
{
    const unsigned char *at = spki->der;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)spki->length);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ck_assert_ptr_nonnull(key);
    ck_assert_int_eq(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key), 1);
    bool is_good =
        EVP_DigestVerify(context, signature->der, signature->length, text.data, text.length) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return is_good;
}

static enum error sign(struct hsm_signature *ret_signature, struct fault *fault)
{
    return hsm_sign_checkpoint(rig.client, note_bytes(&body), NULL, ret_signature, fault);
}

static void sign_well(const struct hsm_spki *spki)
{
    struct hsm_signature signature;
    struct fault fault = {0};
    ck_assert_msg(sign(&signature, &fault) == ERR_OK, "%s %lx", fault.reason, fault.native);
    ck_assert(verifies(spki, note_bytes(&body), &signature));
}

START_TEST(signatures_verify_under_the_key_that_the_status_names)
{
    struct hsm_signature signature;
    struct hsm_status status;
    struct fault fault;
    serve();
    init();
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    for (int i = 0; i < 500; i++) { /* r or s are short once in 128 times */
        body = note_body(i, (uint8_t)i);
        sign_well(&status.checkpoint);
    }
    ck_assert_int_eq(sign(&signature, &fault), ERR_OK);
    body.text[0] ^= 1;
    ck_assert(!verifies(&status.checkpoint, note_bytes(&body), &signature));
}
END_TEST

START_TEST(a_body_at_every_limit_is_signed)
{
    serve();
    init();
    body = note_body(9999999999999, 0xff);
    memmove(body.text + 120, strchr(body.text, '\n'), strlen(strchr(body.text, '\n')) + 1);
    memset(body.text, 'o', 120);
    body.length = strlen(body.text);
    sign_well(&checkpoint);
}
END_TEST

START_TEST(a_backups_digests_are_signed)
{
    serve();
    init();
    (void)strcpy(body.text,
                 "provisiond-backup/1 rig/provisiond/5f0cb3e1a7d9c2b4\n2026-11-27T10:00:00.000Z\n"
                 "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
                 "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n");
    body.length = strlen(body.text);
    sign_well(&checkpoint);
}
END_TEST

START_TEST(another_form_is_not_signed)
{
    static const char *const texts[] = {"", "hello\n", "a b\n1\n", "o\n1\nroot\n"};
    struct hsm_signature signature;
    struct fault fault;
    serve();
    init();
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct bytes text = bytes_of(texts[i], strlen(texts[i]));
        ck_assert_int_eq(hsm_sign_checkpoint(rig.client, text, NULL, &signature, &fault),
                         ERR_BAD_REQUEST);
        ck_assert_str_eq(fault.reason, "checkpoint-form");
    }
    body = note_make(1, 1); /* a signed note is no body */
    ck_assert_int_eq(sign(&signature, &fault), ERR_BAD_REQUEST);
    ck_assert_str_eq(fault.reason, "checkpoint-form");
    body.length = HSM_CHECKPOINT_BODY_MAX + 1;
    ck_assert_int_eq(sign(&signature, &fault), ERR_BAD_REQUEST);
}
END_TEST

START_TEST(without_its_key_nothing_is_signed_and_with_it_everything_is)
{
    struct hsm_signature signature;
    struct fault fault;
    serve();
    ck_assert_int_eq(sign(&signature, &fault), ERR_HSM_KEY_MISSING);
    ck_assert_str_eq(fault.reason, "checkpoint-key-missing");
    init();
    sign_well(&checkpoint);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
}
END_TEST

START_TEST(new_workers_and_a_new_master_sign_under_the_same_key)
{
    pid_t workers[RIG_WORKERS_MAX];
    serve();
    init();
    sign_well(&checkpoint);
    size_t count = hsm_rig_workers(&rig, workers);
    for (size_t i = 0; i < count; i++) {
        hsm_rig_await_workers(&rig, rig.workers); /* never while one logs in */
        ck_assert_int_eq(kill(workers[i], SIGKILL), 0);
        hsm_rig_await_end(workers[i]);
        sign_well(&checkpoint);
    }
    hsm_rig_await_workers(&rig, rig.workers);
    hsm_rig_kill_master(&rig);
    serve();
    sign_well(&checkpoint);
}
END_TEST

START_TEST(a_weak_checkpoint_key_signs_nothing_and_is_listed)
{
    struct hsm_signature signature;
    struct hsm_status status;
    struct token token;
    struct fault fault;
    token_open(&token, rig.token.module, rig.token.token, rig.token.pin);
    token_make_weak_pair(&token, CHECKPOINT_ID, CHECKPOINT_LABEL);
    token_close(&token);
    serve();
    ck_assert_int_eq(sign(&signature, &fault), ERR_HSM_KEY_WEAK);
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_uint_eq(status.weak_key_count, 1);
    ck_assert_str_eq(status.weak_keys[0].attribute, "CKA_EXTRACTABLE");
}
END_TEST

/* Deletes the pair under the worker that has its handle. */
static void delete_pair(void)
{
    struct token token;
    token_open(&token, rig.token.module, rig.token.token, rig.token.pin);
    CK_OBJECT_HANDLE private_key = token_find(&token, CKO_PRIVATE_KEY, CHECKPOINT_ID);
    CK_OBJECT_HANDLE public_key = token_find(&token, CKO_PUBLIC_KEY, CHECKPOINT_ID);
    ck_assert_uint_eq(token.call->C_DestroyObject(token.session, private_key), CKR_OK);
    ck_assert_uint_eq(token.call->C_DestroyObject(token.session, public_key), CKR_OK);
    token_close(&token);
}

START_TEST(a_key_that_is_replaced_signs_under_the_new_one)
{
    struct hsm_signature signature;
    struct hsm_spki old;
    struct fault fault;
    rig.workers = 1;
    serve();
    init();
    sign_well(&checkpoint);
    old = checkpoint;
    delete_pair();
    ck_assert_int_eq(sign(&signature, &fault), ERR_HSM_KEY_MISSING);
    init();
    ck_assert_mem_ne(old.der, checkpoint.der, old.length);
    sign_well(&checkpoint);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-worker-lost"), 0);
}
END_TEST

START_TEST(a_signature_that_does_not_verify_never_leaves)
{
    struct hsm_signature signature = {.length = 0};
    struct fault fault;
    rig.module = MODULE_SIGNS_FALSELY;
    serve();
    init();
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(sign(&signature, &fault), ERR_INTERNAL);
        ck_assert_str_eq(fault.reason, "signature");
    }
    ck_assert_uint_eq(signature.length, 0);
}
END_TEST

/* ---- generations ---- */

#define ORIGIN "rig/provisiond/5f0cb3e1a7d9c2b4"

static struct sha256 digest_of(const struct hsm_spki *spki)
{
    return sha256_of(bytes_of(spki->der, spki->length));
}

static void rotate(const struct hsm_spki *old, struct hsm_successor *ret_successor)
{
    struct fault fault = {0};
    const struct sha256 digest = digest_of(old);
    ck_assert_msg(hsm_rotate_checkpoint_key(rig.client, &digest, ORIGIN, ret_successor, &fault) ==
                      ERR_OK,
                  "%s %lx", fault.reason, fault.native);
}

/* The four lines, written here once more. */
static void statement_holds(const struct hsm_spki *old, const struct hsm_successor *successor)
{
    char text[512];
    char digests[2][64];
    const struct sha256 of[] = {digest_of(old), digest_of(&successor->spki)};
    for (size_t i = 0; i < 2; i++)
        EVP_EncodeBlock((unsigned char *)digests[i], of[i].bytes, SHA256_SIZE);
    int length = snprintf(text, sizeof text, "provisiond-key/1 " ORIGIN "\n%u\n%s\n%s\n",
                          successor->generation, digests[0], digests[1]);
    ck_assert(verifies(old, bytes_of(text, (size_t)length), &successor->signature));
    ck_assert(!verifies(&successor->spki, bytes_of(text, (size_t)length), &successor->signature));
    /* It is nothing that the key would be asked to sign. */
    ck_assert(!hsm_checkpoint_is_body(bytes_of(text, (size_t)length)));
    ck_assert(!hsm_checkpoint_is_backup(bytes_of(text, (size_t)length)));
}

static void sign_with(const struct hsm_spki *spki)
{
    const struct sha256 key = digest_of(spki);
    struct hsm_signature signature;
    struct fault fault = {0};
    ck_assert_msg(hsm_sign_checkpoint(rig.client, note_bytes(&body), &key, &signature, &fault) ==
                      ERR_OK,
                  "%s %lx", fault.reason, fault.native);
    ck_assert(verifies(spki, note_bytes(&body), &signature));
}

START_TEST(each_generation_is_signed_for_by_the_one_before_and_signs_when_it_is_named)
{
    struct hsm_successor chain[3];
    struct hsm_status status;
    struct fault fault = {0};
    serve();
    init();
    for (size_t i = 0; i < 3; i++) {
        const struct hsm_spki *old = i == 0 ? &checkpoint : &chain[i - 1].spki;
        rotate(old, &chain[i]);
        ck_assert_uint_eq(chain[i].generation, i + 2);
        statement_holds(old, &chain[i]);
    }
    for (int worker = 0; worker < 8; worker++) { /* whichever one it is */
        sign_with(&checkpoint);
        for (size_t i = 0; i < 3; i++)
            sign_with(&chain[i].spki);
    }
    sign_well(&checkpoint); /* without a name it is the first one, as ever */
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_uint_eq(status.successor_count, 3);
    ck_assert_mem_eq(status.successors[2].der, chain[2].spki.der, chain[2].spki.length);
    ck_assert_mem_eq(status.checkpoint.der, checkpoint.der, checkpoint.length);
}
END_TEST

START_TEST(key_has_one_successor_whoever_asks_and_how_often)
{
    struct hsm_successor first;
    struct hsm_successor again;
    struct hsm_status status;
    struct fault fault = {0};
    serve();
    init();
    rotate(&checkpoint, &first);
    rotate(&checkpoint, &again);
    ck_assert_mem_eq(first.spki.der, again.spki.der, first.spki.length);
    statement_holds(&checkpoint, &again);
    hsm_rig_kill_master(&rig);
    serve();
    rotate(&checkpoint, &again);
    ck_assert_mem_eq(first.spki.der, again.spki.der, first.spki.length);
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_uint_eq(status.successor_count, 1);
}
END_TEST

START_TEST(rotation_of_a_key_that_is_not_there_makes_none)
{
    struct hsm_successor successor;
    struct hsm_status status;
    struct fault fault = {0};
    const struct sha256 foreign = sha256_of(bytes_of("foreign", 7));
    serve();
    init();
    ck_assert_int_eq(hsm_rotate_checkpoint_key(rig.client, &foreign, ORIGIN, &successor, &fault),
                     ERR_HSM_KEY_MISSING);
    const struct sha256 first = digest_of(&checkpoint);
    static const char *const WRONG[] = {"", "a b", "a+b", "a\nb"};
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++)
        ck_assert_int_eq(
            hsm_rotate_checkpoint_key(rig.client, &first, WRONG[i], &successor, &fault),
            ERR_BAD_REQUEST);
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_uint_eq(status.successor_count, 0);
}
END_TEST

START_TEST(sixteen_keys_are_all_that_there_are)
{
    struct hsm_successor successor = {.spki = {.length = 0}};
    struct fault fault = {0};
    rig.workers = 1;
    serve();
    init();
    struct hsm_spki newest = checkpoint;
    for (unsigned i = 2; i <= HSM_CHECKPOINT_KEYS_MAX; i++) {
        rotate(&newest, &successor);
        newest = successor.spki;
    }
    const struct sha256 last = digest_of(&newest);
    ck_assert_int_eq(hsm_rotate_checkpoint_key(rig.client, &last, ORIGIN, &successor, &fault),
                     ERR_CONFLICT);
    ck_assert_str_eq(fault.reason, "checkpoint-keys-many");
    sign_with(&newest);
}
END_TEST

START_TEST(weak_successor_is_never_signed_for)
{
    struct hsm_successor successor;
    struct token token;
    struct fault fault = {0};
    serve();
    init();
    token_open(&token, rig.token.module, rig.token.token, rig.token.pin);
    token_make_weak_pair(&token, "provisiond-ck002", "provisiond-checkpoint-2");
    token_close(&token);
    const struct sha256 first = digest_of(&checkpoint);
    ck_assert_int_eq(hsm_rotate_checkpoint_key(rig.client, &first, ORIGIN, &successor, &fault),
                     ERR_HSM_KEY_WEAK);
    sign_well(&checkpoint);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("checkpoint");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, signatures_verify_under_the_key_that_the_status_names);
    tcase_add_test(tests, a_body_at_every_limit_is_signed);
    tcase_add_test(tests, a_backups_digests_are_signed);
    tcase_add_test(tests, another_form_is_not_signed);
    tcase_add_test(tests, without_its_key_nothing_is_signed_and_with_it_everything_is);
    tcase_add_test(tests, new_workers_and_a_new_master_sign_under_the_same_key);
    tcase_add_test(tests, a_weak_checkpoint_key_signs_nothing_and_is_listed);
    tcase_add_test(tests, a_key_that_is_replaced_signs_under_the_new_one);
    tcase_add_test(tests, a_signature_that_does_not_verify_never_leaves);
    tcase_add_test(tests,
                   each_generation_is_signed_for_by_the_one_before_and_signs_when_it_is_named);
    tcase_add_test(tests, key_has_one_successor_whoever_asks_and_how_often);
    tcase_add_test(tests, rotation_of_a_key_that_is_not_there_makes_none);
    tcase_add_test(tests, sixteen_keys_are_all_that_there_are);
    tcase_add_test(tests, weak_successor_is_never_signed_for);
    return hsm_rig_run_tests(tests);
}
