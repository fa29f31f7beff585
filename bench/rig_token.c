/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

#include "rig_token.h"

#include <stdio.h>
#include <stdlib.h>

#include <check.h>

#define KEY_BYTES 32

CK_OBJECT_HANDLE rig_token_make_key(struct token *token, CK_ATTRIBUTE_TYPE use, bool is_extractable)
{
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_BBOOL extractable = is_extractable ? CK_TRUE : CK_FALSE;
    CK_ULONG length = KEY_BYTES;
    CK_ATTRIBUTE template[] = {
        {CKA_TOKEN, &no, sizeof no},
        {use, &yes, sizeof yes},
        {CKA_EXTRACTABLE, &extractable, sizeof extractable},
        {CKA_VALUE_LEN, &length, sizeof length},
    };
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    ck_assert_uint_eq(token->call->C_GenerateKey(token->session, &mechanism, template, 4, &key),
                      CKR_OK);
    return key;
}

void rig_token_prepare(const struct rig *rig, char ret_pin[RIG_TOKEN_PIN_MAX])
{
    char path[RIG_VALUE_MAX];
    rig_value(rig, "RIG_SOFTHSM2_CONF", path);
    ck_assert_int_eq(setenv("SOFTHSM2_CONF", path, 1), 0);
    rig_value(rig, "RIG_PIN_FILE", path);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(ret_pin, RIG_TOKEN_PIN_MAX, file));
    (void)fclose(file);
}

void rig_token_open(const struct rig *rig, struct token *token)
{
    char module[RIG_VALUE_MAX];
    char label[RIG_VALUE_MAX];
    char pin[RIG_TOKEN_PIN_MAX];
    rig_value(rig, "RIG_HSM_MODULE", module);
    rig_value(rig, "RIG_TOKEN", label);
    rig_token_prepare(rig, pin);
    token_open(token, module, label, pin);
}
