/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Raw PKCS#11 for tests. One module per test process. */
#include "token.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <check.h>

static void load(struct token *token, const char *module)
{
    CK_C_GetFunctionList get_list = NULL;
    void *library = dlopen(module, RTLD_NOW);
    ck_assert_ptr_nonnull(library);
    void *symbol = dlsym(library, "C_GetFunctionList");
    memcpy(&get_list, &symbol, sizeof get_list);
    ck_assert_ptr_nonnull(get_list);
    ck_assert_uint_eq(get_list(&token->call), CKR_OK);
}

static CK_SLOT_ID find_slot(struct token *token, const char *label)
{
    CK_SLOT_ID slots[16];
    CK_ULONG count = 16;
    CK_TOKEN_INFO info;
    ck_assert_uint_eq(token->call->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    for (CK_ULONG i = 0; i < count; i++) {
        if (token->call->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            memcmp(info.label, label, strlen(label)) == 0)
            return slots[i];
    }
    ck_abort_msg("no token %s", label);
}

void token_open(struct token *token, const char *module, const char *label, const char *pin)
{
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    load(token, module);
    ck_assert_uint_eq(token->call->C_Initialize(&arguments), CKR_OK);
    ck_assert_uint_eq(token->call->C_OpenSession(find_slot(token, label),
                                                 CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                                 &token->session),
                      CKR_OK);
    ck_assert_uint_eq(token->call->C_Login(token->session, CKU_USER,
                                           (unsigned char *)(uintptr_t)pin, strlen(pin)),
                      CKR_OK);
}

void token_make_nss(const char *folder, char *parameters, size_t size)
{
    struct token token;
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK, .pReserved = parameters};
    unsigned char empty[] = "";
    (void)snprintf(parameters, size,
                   "configdir='sql:%s' certPrefix='' keyPrefix='' secmod='' flags=", folder);
    load(&token, TOKEN_NSS_MODULE);
    ck_assert_uint_eq(token.call->C_Initialize(&arguments), CKR_OK);
    ck_assert_uint_eq(token.call->C_OpenSession(find_slot(&token, TOKEN_NSS_LABEL),
                                                CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                                &token.session),
                      CKR_OK);
    ck_assert_uint_eq(token.call->C_Login(token.session, CKU_SO, empty, 0), CKR_OK);
    ck_assert_uint_eq(token.call->C_InitPIN(token.session, empty, 0), CKR_OK);
    token_close(&token);
}

void token_close(struct token *token)
{
    ck_assert_uint_eq(token->call->C_Finalize(NULL), CKR_OK);
}

static size_t find(struct token *token, CK_OBJECT_CLASS class, const void *id,
                   CK_OBJECT_HANDLE found[4])
{
    CK_BBOOL yes = CK_TRUE;
    CK_ULONG count = 0;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_TOKEN, &yes, sizeof yes},
                               {CKA_ID, (void *)(uintptr_t)id, HSM_KEY_ID_BYTES}};
    ck_assert_uint_eq(token->call->C_FindObjectsInit(token->session, template, 3), CKR_OK);
    ck_assert_uint_eq(token->call->C_FindObjects(token->session, found, 4, &count), CKR_OK);
    ck_assert_uint_eq(token->call->C_FindObjectsFinal(token->session), CKR_OK);
    return count;
}

size_t token_count(struct token *token, CK_OBJECT_CLASS class, const void *id)
{
    CK_OBJECT_HANDLE found[4];
    return find(token, class, id, found);
}

CK_OBJECT_HANDLE token_find(struct token *token, CK_OBJECT_CLASS class, const void *id)
{
    CK_OBJECT_HANDLE found[4];
    ck_assert_uint_eq(find(token, class, id, found), 1);
    return found[0];
}

bool token_read_flag(struct token *token, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = 2;
    CK_ATTRIBUTE attribute = {type, &value, sizeof value};
    ck_assert_uint_eq(token->call->C_GetAttributeValue(token->session, key, &attribute, 1), CKR_OK);
    ck_assert_uint_le(value, 1);
    return value != CK_FALSE;
}

void token_import_key(struct token *token, const struct hsm_key_id *id, const char *label)
{
    static uint8_t value[32] = "known to whoever imported it..."; /* 31 letters and a NUL */
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_KEY_TYPE, &type, sizeof type},
                               {CKA_TOKEN, &yes, sizeof yes},
                               {CKA_PRIVATE, &yes, sizeof yes},
                               {CKA_SENSITIVE, &yes, sizeof yes},
                               {CKA_EXTRACTABLE, &no, sizeof no},
                               {CKA_WRAP, &yes, sizeof yes},
                               {CKA_UNWRAP, &yes, sizeof yes},
                               {CKA_VALUE, value, sizeof value},
                               {CKA_ID, (void *)(uintptr_t)id->bytes, sizeof id->bytes},
                               {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
    ck_assert_uint_eq(token->call->C_CreateObject(token->session, template,
                                                  sizeof template / sizeof template[0], &key),
                      CKR_OK);
}

void token_make_weak_key(struct token *token, const struct hsm_key_id *id, const char *label,
                         CK_ATTRIBUTE_TYPE type, bool is_set)
{
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_BBOOL value = is_set;
    CK_ULONG size = 32;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ATTRIBUTE template[] = {{CKA_TOKEN, &yes, sizeof yes},
                               {CKA_PRIVATE, &yes, sizeof yes},
                               {CKA_SENSITIVE, &yes, sizeof yes},
                               {CKA_EXTRACTABLE, &no, sizeof no},
                               {CKA_WRAP, &yes, sizeof yes},
                               {CKA_UNWRAP, &yes, sizeof yes},
                               {CKA_ENCRYPT, &no, sizeof no},
                               {CKA_DECRYPT, &no, sizeof no},
                               {CKA_SIGN, &no, sizeof no},
                               {CKA_VERIFY, &no, sizeof no},
                               {CKA_DERIVE, &no, sizeof no},
                               {CKA_VALUE_LEN, &size, sizeof size},
                               {CKA_ID, (void *)(uintptr_t)id->bytes, sizeof id->bytes},
                               {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
    for (size_t i = 0; i < sizeof template / sizeof template[0]; i++) {
        if (template[i].type == type)
            template[i].pValue = &value;
    }
    ck_assert_uint_eq(token->call->C_GenerateKey(token->session, &mechanism, template,
                                                 sizeof template / sizeof template[0], &key),
                      CKR_OK);
}

void token_make_weak_pair(struct token *token, const char *id, const char *label)
{
    static uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_OBJECT_HANDLE keys[2];
    CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE id_of = {CKA_ID, (void *)(uintptr_t)id, HSM_KEY_ID_BYTES};
    CK_ATTRIBUTE label_of = {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)};
    CK_ATTRIBUTE public[] = {
        {CKA_TOKEN, &yes, 1}, {CKA_EC_PARAMS, p256, sizeof p256}, id_of, label_of};
    CK_ATTRIBUTE private[] = {{CKA_TOKEN, &yes, 1},
                              {CKA_PRIVATE, &yes, 1},
                              {CKA_SENSITIVE, &yes, 1},
                              {CKA_SIGN, &yes, 1},
                              {CKA_EXTRACTABLE, &yes, 1},
                              {CKA_DERIVE, &no, 1},
                              {CKA_DECRYPT, &no, 1},
                              {CKA_UNWRAP, &no, 1},
                              id_of,
                              label_of};
    ck_assert_uint_eq(token->call->C_GenerateKeyPair(
                          token->session, &mechanism, public, sizeof public / sizeof public[0],
                          private, sizeof private / sizeof private[0], &keys[0], &keys[1]),
                      CKR_OK);
}

/* ---- data objects ---- */

void token_make_data(struct token *token, const char *label, struct bytes value, bool is_private)
{
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL private = is_private;
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_TOKEN, &yes, sizeof yes},
                               {CKA_PRIVATE, &private, sizeof private},
                               {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
                               {CKA_VALUE, (void *)(uintptr_t)value.data, value.length}};
    ck_assert_uint_eq(token->call->C_CreateObject(token->session, template,
                                                  sizeof template / sizeof template[0], &made),
                      CKR_OK);
}

static size_t find_data(struct token *token, const char *label, CK_OBJECT_HANDLE found[8])
{
    CK_BBOOL yes = CK_TRUE;
    CK_ULONG count = 0;
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class},
                               {CKA_TOKEN, &yes, sizeof yes},
                               {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
    ck_assert_uint_eq(token->call->C_FindObjectsInit(token->session, template, 3), CKR_OK);
    ck_assert_uint_eq(token->call->C_FindObjects(token->session, found, 8, &count), CKR_OK);
    ck_assert_uint_eq(token->call->C_FindObjectsFinal(token->session), CKR_OK);
    return count;
}

size_t token_count_data(struct token *token, const char *label)
{
    CK_OBJECT_HANDLE found[8];
    return find_data(token, label, found);
}

CK_OBJECT_HANDLE token_find_data(struct token *token, const char *label)
{
    CK_OBJECT_HANDLE found[8];
    ck_assert_uint_eq(find_data(token, label, found), 1);
    return found[0];
}
