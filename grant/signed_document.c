/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A document keeps the bytes it was made from, and the content that was read as the grant. What
 * libcrypto changes while it verifies is parsed anew for each check, so that a document is
 * immutable; that content must be the same again. Owned by whoever opened it.
 */
#include "grant/signed_document.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "grant/authority_x509.h"
#include "grant/cms.h"
#include "grant/signature.h"

#define CMS_AUTO __attribute__((cleanup(cms_clear))) struct cms

struct signed_document {
    uint8_t *data;
    size_t length;
    uint8_t *content;
    size_t content_length;
    struct grant grant;
    struct sha256 digest;
};

/* ---- opening ---- */

static enum error fill(struct signed_document *document, struct bytes data, struct fault *fault)
{
    CMS_AUTO cms = {.info = NULL};
    enum error e = cms_read(data, &cms, fault);
    if (e != ERR_OK)
        return e;
    document->data = malloc(data.length);
    if (document->data == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    memcpy(document->data, data.data, data.length);
    document->length = data.length;
    document->digest = sha256_of(data);
    document->content = cms.content;
    document->content_length = cms.content_length;
    cms.content = NULL;
    return grant_read(bytes_of(document->content, document->content_length), &document->grant,
                      fault);
}

enum error signed_document_open(struct bytes data, struct signed_document **ret_document,
                                struct fault *fault)
{
    struct signed_document *document = calloc(1, sizeof *document);
    if (document == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    enum error e = fill(document, data, fault);
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
    free(document->content);
    free(document->data);
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

/* What was opened, parsed once more. */
static enum error reopen(const struct signed_document *document, struct cms *ret_cms,
                         struct fault *fault)
{
    enum error e = cms_read(bytes_of(document->data, document->length), ret_cms, fault);
    if (e == ERR_OK && !bytes_equal(bytes_of(ret_cms->content, ret_cms->content_length),
                                    bytes_of(document->content, document->content_length)))
        return fault_set(fault, ERR_INTERNAL, "content",
                         "The signed document reads differently a second time.", 0);
    return e;
}

/* ---- signatures ---- */

struct verdict {
    bool is_member; /* of the set, or says so */
    size_t member;
    const char *complaint; /* NULL when the member's signature holds */
};

/*
 * A signature names its certificate by issuer and serial number. Two members may agree in both: it
 * is enough that it holds for one of them.
 */
static struct verdict judge(CMS_SignerInfo *signer, const struct authority_set *set,
                            struct bytes content)
{
    struct verdict verdict = {.is_member = false};
    for (size_t i = 0; i < authority_set_count(set); i++) {
        X509 *certificate = authority_set_certificate(set, i);
        if (CMS_SignerInfo_cert_cmp(signer, certificate) != 0)
            continue;
        verdict = (struct verdict){.is_member = true,
                                   .member = i,
                                   .complaint = signature_check(signer, certificate, content)};
        if (verdict.complaint == NULL)
            break;
    }
    return verdict;
}

/* Notes whose signatures hold; returns what is wrong with a member's, or NULL. */
static const char *judge_all(const struct cms *cms, const struct authority_set *set,
                             bool holds[AUTHORITY_KEYS_MAX])
{
    const char *complaint = NULL;
    STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms->info);
    for (int i = 0; i < sk_CMS_SignerInfo_num(signers); i++) {
        struct verdict verdict = judge(sk_CMS_SignerInfo_value(signers, i), set,
                                       bytes_of(cms->content, cms->content_length));
        if (verdict.is_member && verdict.complaint == NULL)
            holds[verdict.member] = true;
        else if (verdict.is_member)
            complaint = verdict.complaint;
    }
    ERR_clear_error();
    return complaint;
}

static struct signers list_signers(const struct authority_set *set,
                                   const bool holds[AUTHORITY_KEYS_MAX])
{
    struct signers signers = {.count = 0};
    for (size_t i = 0; i < authority_set_count(set); i++) {
        if (holds[i])
            signers.keys[signers.count++] = authority_set_key(set, i);
    }
    return signers;
}

enum error signed_document_check(const struct signed_document *document,
                                 const struct authority_set *set, struct signers *ret_signers,
                                 struct fault *fault)
{
    CMS_AUTO cms = {.info = NULL};
    bool holds[AUTHORITY_KEYS_MAX] = {false};
    *ret_signers = (struct signers){.count = 0};
    enum error e = reopen(document, &cms, fault);
    if (e != ERR_OK)
        return e;
    const char *complaint = judge_all(&cms, set, holds);
    *ret_signers = list_signers(set, holds);
    if (complaint != NULL)
        return fault_set(fault, ERR_GRANT_REFUSED, "signature-invalid", complaint, 0);
    if (ret_signers->count < authority_set_threshold(set))
        return fault_set(fault, ERR_GRANT_REFUSED, "too-few-signers",
                         "Fewer of the product's authorities signed than must.", 0);
    return ERR_OK;
}

/* ---- for people ---- */

static void describe_member(const struct authority_set *set, const struct verdict *verdict,
                            struct document_signer *out)
{
    out->state = verdict->complaint == NULL ? SIGNER_HOLDS : SIGNER_WRONG;
    out->has_key = true;
    out->key = authority_set_key(set, verdict->member);
    authority_set_name(set, verdict->member, out->name);
}

static void describe_other(CMS_SignerInfo *signer, STACK_OF(X509) * certificates,
                           struct document_signer *out)
{
    for (int i = 0; i < sk_X509_num(certificates) && !out->has_key; i++) {
        X509 *certificate = sk_X509_value(certificates, i);
        if (CMS_SignerInfo_cert_cmp(signer, certificate) != 0)
            continue;
        out->has_key = certificate_key(certificate, &out->key);
        certificate_name(X509_get_subject_name(certificate), out->name);
    }
}

static struct document_signer describe(CMS_SignerInfo *signer, STACK_OF(X509) * certificates,
                                       const struct authority_set *set, struct bytes content)
{
    struct verdict verdict = {.is_member = false};
    struct document_signer described = {.state = set != NULL ? SIGNER_STRANGER : SIGNER_UNCHECKED};
    if (set != NULL)
        verdict = judge(signer, set, content);
    if (verdict.is_member)
        describe_member(set, &verdict, &described);
    else
        describe_other(signer, certificates, &described);
    return described;
}

size_t signed_document_signers(const struct signed_document *document,
                               const struct authority_set *set,
                               struct document_signer out[SIGNED_DOCUMENT_SIGNERS_MAX])
{
    CMS_AUTO cms = {.info = NULL};
    size_t count = 0;
    if (reopen(document, &cms, NULL) != ERR_OK)
        return 0;
    STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms.info);
    STACK_OF(X509) *certificates = CMS_get1_certs(cms.info);
    for (int i = 0; i < sk_CMS_SignerInfo_num(signers); i++)
        out[count++] = describe(sk_CMS_SignerInfo_value(signers, i), certificates, set,
                                bytes_of(cms.content, cms.content_length));
    sk_X509_pop_free(certificates, X509_free);
    ERR_clear_error();
    return count;
}
