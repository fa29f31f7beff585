/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * CMS through libcrypto. The content is taken out once; what is verified is the digest of exactly
 * these bytes. Owned by whoever opened it; immutable.
 */
#include "grant/signed_document.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

/* After pem.h, which makes it declare the PEM functions. */
#include <openssl/cms.h>

#include "grant/authority_x509.h"

#define SIGNERS_MAX 64 /* of a document, members or not */
#define BIO_AUTO    __attribute__((cleanup(free_bio))) BIO

struct signed_document {
    CMS_ContentInfo *cms;
    uint8_t *content;
    size_t content_length;
    struct grant grant;
    struct sha256 digest;
};

static void free_bio(BIO **bio)
{
    BIO_free_all(*bio);
}

static enum error refuse(struct fault *fault, const char *reason, const char *detail)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, 0);
}

/* ---- opening ---- */

static bool begins_with(struct bytes data, const char *text)
{
    size_t length = strlen(text);
    return data.length >= length && memcmp(data.data, text, length) == 0;
}

/* S/MIME gives the content beside the structure when it is multipart/signed. */
static CMS_ContentInfo *read_cms(struct bytes data, BIO **ret_detached)
{
    BIO_AUTO *source = BIO_new_mem_buf(data.data, (int)data.length);
    if (source == NULL)
        return NULL;
    if (begins_with(data, "-----BEGIN"))
        return PEM_read_bio_CMS(source, NULL, NULL, NULL);
    if (data.length > 0 && data.data[0] != 0x30) /* not a DER SEQUENCE */
        return SMIME_read_CMS(source, ret_detached);
    return d2i_CMS_bio(source, NULL);
}

static bool take_bio(BIO *bio, struct signed_document *document)
{
    document->content = malloc(GRANT_JSON_MAX + 1);
    if (document->content == NULL)
        return false;
    size_t length = 0;
    while (length <= GRANT_JSON_MAX) {
        int count = BIO_read(bio, document->content + length, (int)(GRANT_JSON_MAX + 1 - length));
        if (count <= 0)
            break;
        length += (size_t)count;
    }
    document->content_length = length;
    return length <= GRANT_JSON_MAX;
}

static enum error take_content(struct signed_document *document, BIO *detached, struct fault *fault)
{
    ASN1_OCTET_STRING **inner = CMS_get0_content(document->cms);
    bool is_inside = inner != NULL && *inner != NULL;
    BIO_AUTO *source =
        is_inside ? BIO_new_mem_buf(ASN1_STRING_get0_data(*inner), ASN1_STRING_length(*inner))
                  : NULL;
    if (!is_inside && detached == NULL)
        return refuse(fault, "content-detached",
                      "The signed document does not hold its content: sign with -nodetach.");
    if (!take_bio(is_inside ? source : detached, document))
        return fault_set(fault, ERR_TOO_LARGE, "grant-malformed",
                         "A document is at most 88 KiB of JSON.", 0);
    return ERR_OK;
}

static enum error fill(struct signed_document *document, struct bytes data, struct fault *fault)
{
    BIO_AUTO *detached = NULL;
    document->cms = read_cms(data, &detached);
    if (document->cms == NULL || OBJ_obj2nid(CMS_get0_type(document->cms)) != NID_pkcs7_signed ||
        OBJ_obj2nid(CMS_get0_eContentType(document->cms)) != NID_pkcs7_data)
        return refuse(fault, "not-signed-data",
                      "This is no CMS SignedData as openssl cms -sign makes it.");
    enum error e = take_content(document, detached, fault);
    if (e == ERR_OK)
        e = grant_read(bytes_of(document->content, document->content_length), &document->grant,
                       fault);
    document->digest = sha256_of(data);
    return e;
}

enum error signed_document_open(struct bytes data, struct signed_document **ret_document,
                                struct fault *fault)
{
    if (data.length > SIGNED_DOCUMENT_MAX)
        return fault_set(fault, ERR_TOO_LARGE, "not-signed-data",
                         "A signed document is at most 112 KiB.", 0);
    struct signed_document *document = calloc(1, sizeof *document);
    if (document == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    enum error e = fill(document, data, fault);
    ERR_clear_error();
    if (e != ERR_OK) {
        signed_document_free(document);
        return e;
    }
    *ret_document = document;
    return ERR_OK;
}

void signed_document_free(struct signed_document *document)
{
    if (document == NULL)
        return;
    grant_clear(&document->grant);
    CMS_ContentInfo_free(document->cms);
    free(document->content);
    free(document);
}

const struct grant *signed_document_grant(const struct signed_document *document)
{
    return &document->grant;
}

struct sha256 signed_document_digest(const struct signed_document *document)
{
    return document->digest;
}

/* ---- signatures ---- */

static bool digest_is_strong(CMS_SignerInfo *signer)
{
    X509_ALGOR *algorithm = NULL;
    const ASN1_OBJECT *object = NULL;
    CMS_SignerInfo_get0_algs(signer, NULL, NULL, &algorithm, NULL);
    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    int nid = OBJ_obj2nid(object);
    return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512;
}

/* The member whose certificate the signer names; -1 for a stranger. */
static int find_member(CMS_SignerInfo *signer, const struct authority_set *set)
{
    for (size_t i = 0; i < authority_set_count(set); i++) {
        if (CMS_SignerInfo_cert_cmp(signer, authority_set_certificate(set, i)) == 0)
            return (int)i;
    }
    return -1;
}

/* A chain of digests over the content, as CMS_SignerInfo_verify_content wants it. */
static BIO *digest_content(const struct signed_document *document)
{
    uint8_t scratch[4096];
    BIO *source = BIO_new_mem_buf(document->content, (int)document->content_length);
    BIO *chain = source != NULL ? CMS_dataInit(document->cms, source) : NULL;
    if (chain == NULL) {
        BIO_free(source);
        return NULL;
    }
    while (BIO_read(chain, scratch, sizeof scratch) > 0)
        continue;
    return chain;
}

/* With signed attributes the signature covers them, and they cover the content's digest. */
static bool signature_holds(const struct signed_document *document, CMS_SignerInfo *signer,
                            X509 *certificate)
{
    if (CMS_signed_get_attr_count(signer) < 0 || !digest_is_strong(signer))
        return false;
    CMS_SignerInfo_set1_signer_cert(signer, certificate);
    BIO_AUTO *chain = digest_content(document);
    return chain != NULL && CMS_SignerInfo_verify(signer) == 1 &&
           CMS_SignerInfo_verify_content(signer, chain) == 1;
}

static enum error check_signers(const struct signed_document *document,
                                const struct authority_set *set, bool *counted, struct fault *fault)
{
    STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(document->cms);
    int count = signers != NULL ? sk_CMS_SignerInfo_num(signers) : 0;
    if (count > SIGNERS_MAX)
        return fault_set(fault, ERR_GRANT_REFUSED, "signature-invalid",
                         "The document has more than 64 signers.", 0);
    for (int i = 0; i < count; i++) {
        CMS_SignerInfo *signer = sk_CMS_SignerInfo_value(signers, i);
        int member = find_member(signer, set);
        if (member < 0)
            continue;
        if (!signature_holds(document, signer, authority_set_certificate(set, (size_t)member)))
            return fault_set(fault, ERR_GRANT_REFUSED, "signature-invalid",
                             "A signature of one of the product's authorities is wrong: the "
                             "document was altered, or signed with a weak digest.",
                             0);
        counted[member] = true;
    }
    return ERR_OK;
}

enum error signed_document_check(const struct signed_document *document,
                                 const struct authority_set *set, struct signers *ret_signers,
                                 struct fault *fault)
{
    bool counted[AUTHORITY_KEYS_MAX] = {false};
    enum error e = check_signers(document, set, counted, fault);
    ERR_clear_error();
    *ret_signers = (struct signers){.count = 0};
    for (size_t i = 0; i < authority_set_count(set) && e == ERR_OK; i++) {
        if (counted[i])
            ret_signers->keys[ret_signers->count++] = authority_set_key(set, i);
    }
    if (e == ERR_OK && ret_signers->count < authority_set_threshold(set))
        e = fault_set(fault, ERR_GRANT_REFUSED, "too-few-signers",
                      "Fewer of the product's authorities signed than must.", 0);
    return e;
}
