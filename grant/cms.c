/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Reading CMS through libcrypto. Owns no state. */
#include "grant/cms.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "grant/grant.h"
#include "grant/pem.h"
#include "grant/signature.h"
#include "grant/signed_document.h"

#define BIO_AUTO         __attribute__((cleanup(free_bio))) BIO
#define ASN1_SEQUENCE    0x30 /* how DER begins; no text does */
#define PEM_BEGIN        "-----BEGIN"
#define PEM_BEGIN_LENGTH (sizeof PEM_BEGIN - 1)

static void free_bio(BIO **bio)
{
    BIO_free_all(*bio);
}

/* ---- forms ---- */

static CMS_ContentInfo *read_der(struct bytes der)
{
    const uint8_t *at = der.data;
    CMS_ContentInfo *info = d2i_CMS_ContentInfo(NULL, &at, (long)der.length);
    if (info != NULL && at != der.data + der.length) {
        CMS_ContentInfo_free(info);
        info = NULL;
    }
    return info;
}

static CMS_ContentInfo *read_pem(struct bytes text)
{
    uint8_t *der = NULL;
    size_t length = 0;
    if (!pem_read(text, "CMS", &der, &length) && !pem_read(text, "PKCS7", &der, &length))
        return NULL;
    CMS_ContentInfo *info = read_der(bytes_of(der, length));
    OPENSSL_free(der);
    return info;
}

/* multipart/signed has the content beside the structure. */
static CMS_ContentInfo *read_smime(struct bytes text, BIO **ret_detached)
{
    BIO_AUTO *source = BIO_new_mem_buf(text.data, (int)text.length);
    return source != NULL ? SMIME_read_CMS(source, ret_detached) : NULL;
}

static CMS_ContentInfo *read_form(struct bytes data, BIO **ret_detached)
{
    if (data.length == 0)
        return NULL;
    if (data.data[0] == ASN1_SEQUENCE)
        return read_der(data);
    if (data.length > PEM_BEGIN_LENGTH && memcmp(data.data, PEM_BEGIN, PEM_BEGIN_LENGTH) == 0)
        return read_pem(data);
    return read_smime(data, ret_detached);
}

static bool is_signed_data(CMS_ContentInfo *info)
{
    return OBJ_obj2nid(CMS_get0_type(info)) == NID_pkcs7_signed &&
           OBJ_obj2nid(CMS_get0_eContentType(info)) == NID_pkcs7_data &&
           sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(info)) <= SIGNED_DOCUMENT_SIGNERS_MAX;
}

/* ---- the content ---- */

static enum error copy_content(struct cms *cms, struct bytes content, struct fault *fault)
{
    cms->content = malloc(content.length + 1);
    if (cms->content == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    if (content.length > 0)
        memcpy(cms->content, content.data, content.length);
    cms->content_length = content.length;
    return ERR_OK;
}

static bool any_signer_covers(const struct cms *cms, struct bytes content)
{
    STACK_OF(CMS_SignerInfo) *signers = CMS_get0_SignerInfos(cms->info);
    for (int i = 0; i < sk_CMS_SignerInfo_num(signers); i++) {
        if (signature_covers(sk_CMS_SignerInfo_value(signers, i), content))
            return true;
    }
    return false;
}

/* Drops each CR before a LF, in place; returns the new length. */
static size_t to_line_feeds(uint8_t *text, size_t length)
{
    size_t kept = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '\r' || i + 1 == length || text[i + 1] != '\n')
            text[kept++] = text[i];
    }
    return kept;
}

/*
 * libcrypto gives the content of multipart/signed with CR LF, as RFC 8551 §3.1.1 wants it signed;
 * openssl cms -sign -binary signs what it was given instead.
 */
static enum error settle_line_ends(struct cms *cms, struct fault *fault)
{
    struct bytes content = bytes_of(cms->content, cms->content_length);
    if (any_signer_covers(cms, content))
        return ERR_OK;
    uint8_t *other = malloc(content.length + 1);
    if (other == NULL)
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    memcpy(other, content.data, content.length);
    size_t length = to_line_feeds(other, content.length);
    if (!any_signer_covers(cms, bytes_of(other, length))) {
        free(other);
        return ERR_OK;
    }
    free(cms->content);
    cms->content = other;
    cms->content_length = length;
    return ERR_OK;
}

static enum error take_detached(struct cms *cms, BIO *detached, struct fault *fault)
{
    char *text = NULL;
    long length = BIO_get_mem_data(detached, &text);
    enum error e = copy_content(cms, bytes_of(text, length > 0 ? (size_t)length : 0), fault);
    return e == ERR_OK ? settle_line_ends(cms, fault) : e;
}

static enum error find_content(struct cms *cms, BIO *detached, struct fault *fault)
{
    ASN1_OCTET_STRING **inside = CMS_get0_content(cms->info);
    if (inside != NULL && *inside != NULL)
        return copy_content(
            cms, bytes_of(ASN1_STRING_get0_data(*inside), (size_t)ASN1_STRING_length(*inside)),
            fault);
    if (detached != NULL)
        return take_detached(cms, detached, fault);
    return fault_set(fault, ERR_BAD_REQUEST, "content-detached",
                     "The signed document does not hold its content: sign with -nodetach.", 0);
}

static enum error take_content(struct cms *cms, BIO *detached, struct fault *fault)
{
    enum error e = find_content(cms, detached, fault);
    if (e == ERR_OK && cms->content_length > GRANT_JSON_MAX)
        return fault_set(fault, ERR_TOO_LARGE, "grant-malformed",
                         "A document is at most 88 KiB of JSON.", 0);
    return e;
}

enum error cms_read(struct bytes data, struct cms *ret_cms, struct fault *fault)
{
    BIO_AUTO *detached = NULL;
    *ret_cms = (struct cms){.info = NULL};
    if (data.length > SIGNED_DOCUMENT_MAX)
        return fault_set(fault, ERR_TOO_LARGE, "not-signed-data",
                         "A signed document is at most 112 KiB.", 0);
    ret_cms->info = read_form(data, &detached);
    enum error e = ERR_OK;
    if (ret_cms->info == NULL || !is_signed_data(ret_cms->info))
        e = fault_set(fault, ERR_BAD_REQUEST, "not-signed-data",
                      "This is no CMS SignedData as openssl cms -sign makes it.", 0);
    else
        e = take_content(ret_cms, detached, fault);
    ERR_clear_error();
    return e;
}

void cms_clear(struct cms *cms)
{
    CMS_ContentInfo_free(cms->info);
    free(cms->content);
    *cms = (struct cms){.info = NULL};
}
