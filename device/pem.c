/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* A line scanner over hostile text; one scratch buffer per call, no state. */
#include "device/pem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "device/leaf_context.h"

#define BEGIN_CERTIFICATE "-----BEGIN CERTIFICATE-----"
#define END_CERTIFICATE   "-----END CERTIFICATE-----"

/* What `openssl x509`, `pkcs12` and `s_client` write around a block, by its beginning. */
static const char *const COMMENTS[] = {
    " ", "\t", "#", "Certificate:", "Certificate chain", "Bag Attributes", "subject", "issuer",
};

/* The one kind of block that a call takes. */
struct kind {
    const char *begin;
    const char *end;
    /* Puts a block's content into the list; anything but PEM_OK ends the call. */
    enum pem_outcome (*take)(void *list, struct bytes der);
};

struct scanner {
    const struct kind *kind;
    const char *next;
    const char *end;
    char *body;   /* one block's base64 with a NUL */
    uint8_t *der; /* the same block decoded */
    size_t size;  /* of each of the two */
    void *list;
    int count;
};

struct line {
    const char *text;
    size_t length; /* without the line's end and trailing blanks */
};

static bool next_line(struct scanner *scanner, struct line *ret_line)
{
    if (scanner->next == scanner->end)
        return false;
    size_t left = (size_t)(scanner->end - scanner->next);
    const char *newline = memchr(scanner->next, '\n', left);
    size_t length = newline != NULL ? (size_t)(newline - scanner->next) : left;
    ret_line->text = scanner->next;
    scanner->next += length + (newline != NULL ? 1 : 0);
    while (length > 0 && strchr(" \t\r", ret_line->text[length - 1]) != NULL &&
           ret_line->text[length - 1] != '\0')
        length--;
    ret_line->length = length;
    return true;
}

static bool line_is(const struct line *line, const char *text)
{
    return line->length == strlen(text) && memcmp(line->text, text, line->length) == 0;
}

static bool line_begins(const struct line *line, const char *text)
{
    size_t length = strlen(text);
    return line->length >= length && memcmp(line->text, text, length) == 0;
}

static bool line_is_comment(const struct line *line)
{
    if (line->length == 0)
        return true;
    if (memmem(line->text, line->length, "-----", 5) != NULL)
        return false;
    for (size_t i = 0; i < sizeof COMMENTS / sizeof COMMENTS[0]; i++) {
        if (line_begins(line, COMMENTS[i]))
            return true;
    }
    return false;
}

/* Collects the block's base64 up to its END line; false when that is missing. */
static bool body_is_whole(struct scanner *scanner)
{
    struct line line;
    size_t length = 0;
    while (next_line(scanner, &line)) {
        if (line_is(&line, scanner->kind->end)) {
            scanner->body[length] = '\0';
            return true;
        }
        if (memchr(line.text, '\0', line.length) != NULL)
            return false;
        memcpy(scanner->body + length, line.text, line.length);
        length += line.length;
    }
    return false;
}

static enum pem_outcome read_block(struct scanner *scanner)
{
    size_t length = 0;
    if (!body_is_whole(scanner))
        return PEM_MALFORMED;
    enum error e = base64_decode(scanner->body, scanner->der, scanner->size, &length);
    if (e != ERR_OK)
        return e == ERR_INTERNAL ? PEM_NO_MEMORY : PEM_MALFORMED;
    return scanner->kind->take(scanner->list, bytes_of(scanner->der, length));
}

static enum pem_outcome read_blocks(struct scanner *scanner, int max)
{
    struct line line;
    while (next_line(scanner, &line)) {
        if (!line_is(&line, scanner->kind->begin)) {
            if (!line_is_comment(&line))
                return PEM_FOREIGN;
            continue;
        }
        if (scanner->count == max)
            return PEM_TOO_MANY;
        enum pem_outcome outcome = read_block(scanner);
        if (outcome != PEM_OK)
            return outcome;
        scanner->count++;
    }
    return scanner->count > 0 ? PEM_OK : PEM_FOREIGN;
}

/* On failure the list may hold the blocks that came before. */
static enum pem_outcome scan(const struct kind *kind, struct bytes pem, int max, void *list)
{
    struct scanner scanner = {
        .kind = kind, .next = (const char *)pem.data, .size = pem.length + 1, .list = list};
    if (pem.length == 0)
        return PEM_FOREIGN; /* its data may be NULL */
    scanner.end = scanner.next + pem.length;
    scanner.body = malloc(2 * scanner.size);
    if (scanner.body == NULL)
        return PEM_NO_MEMORY;
    scanner.der = (uint8_t *)scanner.body + scanner.size;
    enum pem_outcome outcome = read_blocks(&scanner, max);
    free(scanner.body);
    return outcome;
}

/* ---- certificates ---- */

/* Takes the certificate over, which is then filled or freed. */
static enum pem_outcome parse_certificate(void *list, struct bytes der, X509 *certificate)
{
    const unsigned char *p = der.data;
    if (certificate == NULL)
        return PEM_NO_MEMORY;
    if (d2i_X509(&certificate, &p, (long)der.length) == NULL) {
        X509_free(certificate);
        return PEM_MALFORMED;
    }
    if (p != der.data + der.length || sk_X509_push(list, certificate) == 0) {
        X509_free(certificate);
        return PEM_MALFORMED;
    }
    return PEM_OK;
}

static enum pem_outcome take_certificate(void *list, struct bytes der)
{
    return parse_certificate(list, der, X509_new());
}

static bool is_ec(X509 *certificate)
{
    ASN1_OBJECT *algorithm = NULL;
    (void)X509_PUBKEY_get0_param(&algorithm, NULL, NULL, NULL, X509_get_X509_PUBKEY(certificate));
    return OBJ_obj2nid(algorithm) == NID_X9_62_id_ecPublicKey;
}

/* By what it says of itself; whether that is so, the path's check finds out. */
static bool is_signed_by_ec(X509 *certificate)
{
    int key = NID_undef;
    return OBJ_find_sigid_algs(X509_get_signature_nid(certificate), NULL, &key) == 1 &&
           key == NID_X9_62_id_ecPublicKey;
}

static bool fits_leaf_context(X509 *certificate)
{
    return is_ec(certificate) && is_signed_by_ec(certificate);
}

/* An issuer's, which may be known. One whose digest is not noted is not kept. */
static enum pem_outcome take_issuer(struct pem_chain *chain, struct bytes der)
{
    int index = sk_X509_num(chain->list);
    struct sha256 digest = sha256_of(der);
    X509 *known = issuers_find(chain->issuers, &digest);
    if (known == NULL) {
        chain->is_new[index] = der.length <= ISSUERS_MAX_BYTES;
        chain->digests[index] = digest;
        return parse_certificate(chain->list, der, X509_new());
    }
    if (sk_X509_push(chain->list, known) > 0)
        return PEM_OK;
    X509_free(known);
    return PEM_NO_MEMORY;
}

static enum pem_outcome take_certificate_of_chain(void *list, struct bytes der)
{
    struct pem_chain *chain = list;
    if (sk_X509_num(chain->list) > 0)
        return take_issuer(chain, der);
    enum pem_outcome outcome =
        parse_certificate(chain->list, der, X509_new_ex(leaf_context(), NULL));
    if (outcome != PEM_OK || fits_leaf_context(sk_X509_value(chain->list, 0)))
        return outcome;
    X509_free(sk_X509_pop(chain->list)); /* that context knows no other key */
    return take_certificate(chain->list, der);
}

enum pem_outcome pem_read_certificates(struct bytes pem, int max, STACK_OF(X509) * *ret_list)
{
    static const struct kind kind = {BEGIN_CERTIFICATE, END_CERTIFICATE, take_certificate};
    STACK_OF(X509) *list = sk_X509_new_null();
    enum pem_outcome outcome = list != NULL ? scan(&kind, pem, max, list) : PEM_NO_MEMORY;
    if (outcome == PEM_OK)
        *ret_list = list;
    else
        sk_X509_pop_free(list, X509_free);
    return outcome;
}

enum pem_outcome pem_read_chain(struct bytes pem, struct issuers *issuers,
                                struct pem_chain *ret_chain)
{
    static const struct kind kind = {BEGIN_CERTIFICATE, END_CERTIFICATE, take_certificate_of_chain};
    struct pem_chain chain = {.list = sk_X509_new_null(), .issuers = issuers};
    enum pem_outcome outcome =
        chain.list != NULL ? scan(&kind, pem, DEVICE_CHAIN_MAX_CERTS, &chain) : PEM_NO_MEMORY;
    if (outcome == PEM_OK)
        *ret_chain = chain;
    else
        pem_chain_clear(&chain);
    return outcome;
}

void pem_chain_keep(const struct pem_chain *chain)
{
    for (int i = 0; i < sk_X509_num(chain->list); i++) {
        if (chain->is_new[i])
            issuers_keep(chain->issuers, &chain->digests[i], sk_X509_value(chain->list, i));
    }
}

void pem_chain_clear(struct pem_chain *chain)
{
    sk_X509_pop_free(chain->list, X509_free);
    *chain = (struct pem_chain){0};
}

/* ---- revocation lists ---- */

static enum pem_outcome take_crl(void *list, struct bytes der)
{
    const unsigned char *p = der.data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)der.length);
    if (crl != NULL && p == der.data + der.length && sk_X509_CRL_push(list, crl) > 0)
        return PEM_OK;
    X509_CRL_free(crl);
    return PEM_MALFORMED;
}

enum pem_outcome pem_read_crls(struct bytes pem, int max, STACK_OF(X509_CRL) * *ret_list)
{
    static const struct kind kind = {"-----BEGIN X509 CRL-----", "-----END X509 CRL-----",
                                     take_crl};
    STACK_OF(X509_CRL) *list = sk_X509_CRL_new_null();
    enum pem_outcome outcome = list != NULL ? scan(&kind, pem, max, list) : PEM_NO_MEMORY;
    if (outcome == PEM_OK)
        *ret_list = list;
    else
        sk_X509_CRL_pop_free(list, X509_CRL_free);
    return outcome;
}

/* ---- public keys ---- */

static enum pem_outcome take_public_key(void *list, struct bytes der)
{
    struct pem_keys *keys = list;
    const unsigned char *p = der.data;
    X509_PUBKEY *key = d2i_X509_PUBKEY(NULL, &p, (long)der.length);
    if (key == NULL)
        return PEM_MALFORMED;
    keys->list[keys->count++] = key;
    return p == der.data + der.length ? PEM_OK : PEM_MALFORMED;
}

enum pem_outcome pem_read_public_keys(struct bytes pem, struct pem_keys *ret_keys)
{
    static const struct kind public_keys = {"-----BEGIN PUBLIC KEY-----",
                                            "-----END PUBLIC KEY-----", take_public_key};
    struct pem_keys keys = {0};
    enum pem_outcome outcome = scan(&public_keys, pem, PEM_KEYS_MAX, &keys);
    if (outcome == PEM_OK)
        *ret_keys = keys;
    else
        pem_keys_clear(&keys);
    return outcome;
}

void pem_keys_clear(struct pem_keys *keys)
{
    for (int i = 0; i < keys->count; i++)
        X509_PUBKEY_free(keys->list[i]);
    keys->count = 0;
}
