/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The token seen from the test's own process, through raw PKCS#11. */
#ifndef TESTS_UNIT_HSM_TOKEN_H
#define TESTS_UNIT_HSM_TOKEN_H

#include <stdbool.h>

#include <p11-kit/pkcs11.h>

#include "hsm/hsm_client.h"

struct token {
    CK_FUNCTION_LIST *call;
    CK_SESSION_HANDLE session;
};

/* Loads the module and logs in. */
void token_open(struct token *token, const char *module, const char *label, const char *pin);
/*
 * NSS's software token, in a database of its own under folder, with the empty password: it asks
 * for no PIN. parameters is what C_Initialize wants.
 */
#define TOKEN_NSS_MODULE "/usr/lib/x86_64-linux-gnu/libsoftokn3.so"
#define TOKEN_NSS_LABEL  "NSS Certificate DB"
void token_make_nss(const char *folder, char *parameters, size_t size);
void token_close(struct token *token);

/* The one object of a class with this CKA_ID. */
CK_OBJECT_HANDLE token_find(struct token *token, CK_OBJECT_CLASS class, const void *id);
size_t token_count(struct token *token, CK_OBJECT_CLASS class, const void *id);
bool token_read_flag(struct token *token, CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type);

/* An AES-256 key that a firmware key must not be like: `type` has the value `is_set`. */
void token_make_weak_key(struct token *token, const struct hsm_key_id *id, const char *label,
                         CK_ATTRIBUTE_TYPE type, bool is_set);

/* A key that was imported: perfect but for its origin. */
void token_import_key(struct token *token, const struct hsm_key_id *id, const char *label);

/* The checkpoint pair, but extractable. */
void token_make_weak_pair(struct token *token, const char *id, const char *label);

/* ---- data objects ---- */

void token_make_data(struct token *token, const char *label, struct bytes value, bool is_private);
size_t token_count_data(struct token *token, const char *label);
/* The one data object with this label. */
CK_OBJECT_HANDLE token_find_data(struct token *token, const char *label);

#endif
