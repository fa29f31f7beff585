/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The auditor's public key. Owns no state. */
#include "audit/verify_part.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

static EVP_PKEY *read_pem(const char *pem)
{
    BIO *source = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = source != NULL ? PEM_read_bio_PUBKEY(source, NULL, NULL, NULL) : NULL;
    BIO_free(source);
    ERR_clear_error();
    return key;
}

enum error verify_read_key(struct verification *verification, struct fault *fault)
{
    EVP_PKEY *key = read_pem(verification->request->key_pem);
    int length = key != NULL ? i2d_PUBKEY(key, NULL) : 0;
    if (length > 0 && length <= VERIFY_SPKI_MAX) {
        uint8_t *at = verification->spki;
        verification->spki_length = (size_t)i2d_PUBKEY(key, &at);
    }
    EVP_PKEY_free(key);
    if (verification->spki_length > 0)
        return ERR_OK;
    return fault_set(
        fault, ERR_BAD_REQUEST, "key-malformed",
        "The key is no public P-256 key in PEM: take the one that provctl hsm init wrote.", 0);
}

struct bytes verify_spki(const struct verification *verification)
{
    return bytes_of(verification->spki, verification->spki_length);
}

/* ---- which key signs what ---- */

static bool is_other_key(enum error e, const struct fault *fault)
{
    return e == ERR_BAD_REQUEST && strcmp(fault->reason, "checkpoint-other-key") == 0;
}

/* By any key of the journal that is known. */
static bool is_by_another(const struct key_chain *keys, struct bytes note)
{
    struct checkpoint ignored;
    struct fault fault;
    for (size_t i = 0; i < keys->count; i++) {
        if (keys->keys[i].is_known &&
            checkpoint_open(note, key_chain_spki(&keys->keys[i]), &ignored, &fault) == ERR_OK)
            return true;
    }
    return false;
}

enum error verify_open_head(struct verification *verification, struct bytes note,
                            struct checkpoint *ret_checkpoint, struct fault *fault)
{
    const struct audit_report *report = verification->report;
    const struct key_chain_key *key = NULL;
    struct checkpoint head;
    if (report->key_given > 0 && checkpoint_read(note, &head, fault) == ERR_OK)
        key = key_chain_at(&report->keys, head.size);
    /* The leaves of a stranger name no key that counts. */
    bool has_key = key != NULL && key->is_known;
    enum error e = checkpoint_open(note, has_key ? key_chain_spki(key) : verify_spki(verification),
                                   ret_checkpoint, fault);
    if (!has_key || !is_other_key(e, fault) || !is_by_another(&report->keys, note))
        return e;
    *ret_checkpoint = head;
    return fault_set(fault, ERR_BAD_REQUEST, "checkpoint-retired-key",
                     "A checkpoint key has signed it that does not sign heads of that size.", 0);
}
