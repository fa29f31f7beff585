/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The attributes of every key in the token, and what the audit refuses. */
#include <check.h>
#include <string.h>

#include <openssl/x509.h>

#include "hsm_rig.h"
#include "token.h"

static struct hsm_rig rig;
static struct token token;
static const struct hsm_key_id key_id = {"0123456789abcdef"};

static void set_up(void)
{
    hsm_rig_make(&rig);
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

static void open_token(void)
{
    token_open(&token, rig.token.module, rig.token.token, rig.token.pin);
}

static void make_firmware_key(void)
{
    struct fault fault = {0};
    ck_assert_msg(hsm_generate_firmware_key(rig.client, &key_id, "provisiond-fk:p", &fault) ==
                      ERR_OK,
                  "%s %lx", fault.reason, fault.native);
}

static void check_flags(CK_OBJECT_HANDLE key, const CK_ATTRIBUTE_TYPE *set, size_t set_count,
                        const CK_ATTRIBUTE_TYPE *unset, size_t unset_count)
{
    for (size_t i = 0; i < set_count; i++)
        ck_assert_msg(token_read_flag(&token, key, set[i]), "%lx is false", set[i]);
    for (size_t i = 0; i < unset_count; i++)
        ck_assert_msg(!token_read_flag(&token, key, unset[i]), "%lx is true", unset[i]);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

START_TEST(a_firmware_key_wraps_and_unwraps_and_nothing_else)
{
    static const CK_ATTRIBUTE_TYPE set[] = {
        CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_ALWAYS_SENSITIVE,
        CKA_WRAP,  CKA_UNWRAP,  CKA_LOCAL};
    static const CK_ATTRIBUTE_TYPE unset[] = {CKA_EXTRACTABLE, CKA_ENCRYPT, CKA_DECRYPT,   CKA_SIGN,
                                              CKA_VERIFY,      CKA_DERIVE,  CKA_MODIFIABLE};
    CK_MECHANISM_TYPE allowed[2] = {0};
    CK_ATTRIBUTE mechanisms = {CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed};
    serve();
    make_firmware_key();
    open_token();
    CK_OBJECT_HANDLE key = token_find(&token, CKO_SECRET_KEY, key_id.bytes);
    check_flags(key, set, COUNT(set), unset, COUNT(unset));
    ck_assert_uint_eq(token.call->C_GetAttributeValue(token.session, key, &mechanisms, 1), CKR_OK);
    ck_assert_uint_eq(mechanisms.ulValueLen, sizeof allowed[0]);
    ck_assert_uint_eq(allowed[0], CKM_AES_KEY_WRAP);
    token_close(&token);
}
END_TEST

START_TEST(a_firmware_keys_value_cannot_be_read)
{
    uint8_t value[64];
    CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof value};
    serve();
    make_firmware_key();
    open_token();
    CK_OBJECT_HANDLE key = token_find(&token, CKO_SECRET_KEY, key_id.bytes);
    ck_assert_uint_eq(token.call->C_GetAttributeValue(token.session, key, &attribute, 1),
                      CKR_ATTRIBUTE_SENSITIVE);
    token_close(&token);
}
END_TEST

START_TEST(a_firmware_key_unwraps_only_into_sensitive_session_keys)
{
    struct fault fault;
    struct hsm_wrapped_key wrapped;
    CK_BBOOL no = CK_FALSE;
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_OBJECT_HANDLE opened = CK_INVALID_HANDLE;
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP, NULL, 0};
    CK_ATTRIBUTE readable[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_KEY_TYPE, &type, sizeof type},
                               {CKA_TOKEN, &no, 1},
                               {CKA_SENSITIVE, &no, 1},
                               {CKA_EXTRACTABLE, &yes, 1}};
    serve();
    make_firmware_key();
    ck_assert_int_eq(hsm_generate_session_key(rig.client, &key_id, 32, &wrapped, &fault), ERR_OK);
    open_token();
    CK_OBJECT_HANDLE key = token_find(&token, CKO_SECRET_KEY, key_id.bytes);
    ck_assert_uint_ne(token.call->C_UnwrapKey(token.session, &mechanism, key, wrapped.bytes,
                                              wrapped.length, readable, 5, &opened),
                      CKR_OK);
    token_close(&token);
}
END_TEST

START_TEST(generating_a_firmware_key_again_finds_the_same_key)
{
    struct fault fault;
    serve();
    make_firmware_key();
    make_firmware_key();
    ck_assert_int_eq(hsm_generate_firmware_key(rig.client, &key_id, "provisiond-fk:q", &fault),
                     ERR_CONFLICT);
    open_token();
    ck_assert_uint_eq(token_count(&token, CKO_SECRET_KEY, key_id.bytes), 1);
    token_close(&token);
}
END_TEST

static void check_spki(const struct hsm_spki *spki)
{
    const uint8_t *der = spki->der;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &der, (long)spki->length);
    ck_assert_ptr_nonnull(key);
    ck_assert_int_eq(EVP_PKEY_get_bits(key), 256);
    EVP_PKEY_free(key);
}

START_TEST(init_makes_both_keys_once_and_the_status_shows_them)
{
    struct hsm_spki checkpoint[2];
    struct hsm_spki transport[2];
    struct hsm_status status;
    struct fault fault;
    serve();
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_uint_eq(status.checkpoint.length, 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(hsm_init(rig.client, &checkpoint[i], &transport[i], &fault), ERR_OK);
    check_spki(&checkpoint[0]);
    check_spki(&transport[0]);
    ck_assert_mem_eq(checkpoint[0].der, checkpoint[1].der, checkpoint[0].length);
    ck_assert_mem_eq(transport[0].der, transport[1].der, transport[0].length);
    ck_assert_mem_ne(checkpoint[0].der, transport[0].der, transport[0].length);
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_mem_eq(status.checkpoint.der, checkpoint[0].der, checkpoint[0].length);
    ck_assert_mem_eq(status.transport.der, transport[0].der, transport[0].length);
}
END_TEST

START_TEST(the_keys_of_init_do_one_thing_each_and_survive_a_restart)
{
    static const CK_ATTRIBUTE_TYPE set[] = {
        CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_ALWAYS_SENSITIVE,
        CKA_LOCAL};
    static const CK_ATTRIBUTE_TYPE unset[] = {CKA_EXTRACTABLE, CKA_DECRYPT, CKA_UNWRAP};
    struct hsm_spki checkpoint;
    struct hsm_spki transport;
    struct hsm_status status;
    struct fault fault;
    serve();
    ck_assert_int_eq(hsm_init(rig.client, &checkpoint, &transport, &fault), ERR_OK);
    hsm_rig_kill_master(&rig);
    serve();
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_mem_eq(status.checkpoint.der, checkpoint.der, checkpoint.length);
    open_token();
    CK_OBJECT_HANDLE signer = token_find(&token, CKO_PRIVATE_KEY, "provisiond-chkpt");
    CK_OBJECT_HANDLE deriver = token_find(&token, CKO_PRIVATE_KEY, "provisiond-trnsp");
    check_flags(signer, set, COUNT(set), unset, COUNT(unset));
    check_flags(deriver, set, COUNT(set), unset, COUNT(unset));
    ck_assert(token_read_flag(&token, signer, CKA_SIGN));
    ck_assert(!token_read_flag(&token, signer, CKA_DERIVE));
    ck_assert(!token_read_flag(&token, deriver, CKA_SIGN));
    ck_assert(token_read_flag(&token, deriver, CKA_DERIVE));
    token_close(&token);
}
END_TEST

/* One weakness each, and the attribute that the status must name. */
static const struct weakness {
    CK_ATTRIBUTE_TYPE type;
    bool is_set;
    const char *attribute;
} weaknesses[] = {
    {CKA_EXTRACTABLE, true, "CKA_EXTRACTABLE"},
    {CKA_SENSITIVE, false, "CKA_SENSITIVE"},
    {CKA_ENCRYPT, true, "CKA_ENCRYPT"},
    {CKA_DECRYPT, true, "CKA_DECRYPT"},
    {CKA_SIGN, true, "CKA_SIGN"},
    {CKA_VERIFY, true, "CKA_VERIFY"},
    {CKA_DERIVE, true, "CKA_DERIVE"},
    {CKA_WRAP, false, "CKA_WRAP"},
    {CKA_UNWRAP, false, "CKA_UNWRAP"},
    {CKA_PRIVATE, false, "CKA_PRIVATE"},
};

static void make_weak_key(const struct weakness *weakness, const char *label)
{
    open_token();
    token_make_weak_key(&token, &key_id, label, weakness->type, weakness->is_set);
    token_close(&token);
}

START_TEST(a_weak_firmware_key_is_refused_and_listed)
{
    struct hsm_wrapped_key wrapped;
    struct hsm_status status;
    struct fault fault;
    make_weak_key(&weaknesses[_i], "provisiond-fk:weak");
    serve();
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_uint_eq(status.weak_key_count, 1);
    ck_assert_str_eq(status.weak_keys[0].attribute, weaknesses[_i].attribute);
    ck_assert_str_eq(status.weak_keys[0].label, "provisiond-fk:weak");
    ck_assert_mem_eq(&status.weak_keys[0].id, &key_id, sizeof key_id);
    ck_assert_int_eq(hsm_generate_session_key(rig.client, &key_id, 32, &wrapped, &fault),
                     ERR_HSM_KEY_WEAK);
    ck_assert_int_eq(hsm_generate_firmware_key(rig.client, &key_id, "provisiond-fk:weak", &fault),
                     ERR_HSM_KEY_WEAK);
}
END_TEST

START_TEST(a_weak_key_under_another_label_is_refused_and_listed_when_asked_for)
{
    struct hsm_wrapped_key wrapped;
    struct hsm_status status;
    struct fault fault;
    make_weak_key(&weaknesses[0], "some other key");
    serve();
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_uint_eq(status.weak_key_count, 0);
    ck_assert_int_eq(hsm_generate_session_key(rig.client, &key_id, 32, &wrapped, &fault),
                     ERR_HSM_KEY_WEAK);
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_uint_eq(status.weak_key_count, 1);
    ck_assert_str_eq(status.weak_keys[0].attribute, "CKA_EXTRACTABLE");
}
END_TEST

START_TEST(an_imported_firmware_key_is_refused_and_listed)
{
    struct hsm_wrapped_key wrapped;
    struct hsm_status status;
    struct fault fault;
    open_token();
    token_import_key(&token, &key_id, "provisiond-fk:imported");
    token_close(&token);
    serve();
    ck_assert_int_eq(hsm_generate_session_key(rig.client, &key_id, 32, &wrapped, &fault),
                     ERR_HSM_KEY_WEAK);
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_uint_eq(status.weak_key_count, 1);
    ck_assert_str_eq(status.weak_keys[0].attribute, "CKA_NEVER_EXTRACTABLE");
}
END_TEST

/* Each kind of key, and what the log must say follows. */
static const struct role {
    const char *id; /* of a pair; NULL: a firmware key */
    const char *label;
    const char *consequence;
} roles[] = {
    {NULL, "provisiond-fk:meter", "its product gets no license and no image"},
    {"provisiond-chkpt", HSM_CHECKPOINT_LABEL, "no new license is issued"},
    {"provisiond-trnsp", HSM_TRANSPORT_LABEL, "Licenses go on"},
};

START_TEST(the_start_says_once_of_a_weak_key_of_each_kind_what_follows_and_what_to_do)
{
    const struct role *role = &roles[_i];
    struct hsm_status status;
    struct fault fault;
    open_token();
    if (role->id == NULL)
        token_make_weak_key(&token, &key_id, role->label, CKA_EXTRACTABLE, true);
    else
        token_make_weak_pair(&token, role->id, role->label);
    token_close(&token);
    serve();
    hsm_rig_await_workers(&rig, rig.workers);
    ck_assert_int_eq(hsm_status(rig.client, &status, &fault), ERR_OK);
    ck_assert_uint_eq(status.weak_key_count, 1);
    ck_assert_str_eq(status.weak_keys[0].label, role->label);
    ck_assert_str_eq(status.weak_keys[0].attribute, "CKA_EXTRACTABLE");
    ck_assert_uint_eq(status.checkpoint.length + status.transport.length, 0);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "hsm-key-weak"), 1);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "It may be taken out of the HSM."), 1);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, role->consequence), 1);
    ck_assert_uint_eq(hsm_rig_count_events(&rig, "Destroy nothing"), 1);
}
END_TEST

START_TEST(two_keys_under_one_id_are_refused)
{
    static const struct weakness none = {CKA_MODIFIABLE, false, ""};
    struct hsm_wrapped_key wrapped;
    struct fault fault;
    make_weak_key(&none, "provisiond-fk:a");
    make_weak_key(&none, "provisiond-fk:b");
    serve();
    ck_assert_int_eq(hsm_generate_session_key(rig.client, &key_id, 32, &wrapped, &fault),
                     ERR_HSM_KEY_WEAK);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("keys");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_firmware_key_wraps_and_unwraps_and_nothing_else);
    tcase_add_test(tests, a_firmware_keys_value_cannot_be_read);
    tcase_add_test(tests, a_firmware_key_unwraps_only_into_sensitive_session_keys);
    tcase_add_test(tests, generating_a_firmware_key_again_finds_the_same_key);
    tcase_add_test(tests, init_makes_both_keys_once_and_the_status_shows_them);
    tcase_add_test(tests, the_keys_of_init_do_one_thing_each_and_survive_a_restart);
    tcase_add_loop_test(tests, a_weak_firmware_key_is_refused_and_listed, 0,
                        (int)COUNT(weaknesses));
    tcase_add_test(tests, a_weak_key_under_another_label_is_refused_and_listed_when_asked_for);
    tcase_add_test(tests, an_imported_firmware_key_is_refused_and_listed);
    tcase_add_loop_test(tests,
                        the_start_says_once_of_a_weak_key_of_each_kind_what_follows_and_what_to_do,
                        0, (int)COUNT(roles));
    tcase_add_test(tests, two_keys_under_one_id_are_refused);
    return hsm_rig_run_tests(tests);
}
