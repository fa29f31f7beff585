/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Parts, one CMS message each, in a tar file. Owns the buffer of the part that is being filled. */
#include "backup/seal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "backup/fault.h"
#include "core/crash_point.h"

#define RSA_MIN_BITS 2048
#define PART_MODE    0600

struct seal {
    X509 *recipient;
    struct archive *tar;
    EVP_MD_CTX *hash; /* of what is in out */
    int out;          /* borrowed */
    unsigned parts;
    size_t length;
    uint8_t part[BACKUP_PART_BYTES];
};

/* ---- whose it is ---- */

static X509 *read_certificate(struct bytes pem)
{
    BIO *in = BIO_new_mem_buf(pem.data, (int)pem.length);
    X509 *certificate = in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
    BIO_free(in);
    return certificate;
}

static enum error check_key(const EVP_PKEY *key, struct fault *fault)
{
    if (key != NULL && EVP_PKEY_is_a(key, "EC"))
        return ERR_OK;
    if (key != NULL && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= RSA_MIN_BITS)
        return ERR_OK;
    return backup_wrong_key(fault, "The recipient's certificate must have an EC key, or an RSA key "
                                   "of 2048 bits or more: others cannot be encrypted to.");
}

static enum error take_recipient(struct seal *seal, struct bytes pem, struct fault *fault)
{
    seal->recipient = read_certificate(pem);
    if (seal->recipient == NULL)
        return backup_wrong_key(fault, "The recipient's certificate is no certificate in PEM.");
    return check_key(X509_get0_pubkey(seal->recipient), fault);
}

/* ---- life ---- */

static la_ssize_t write_out(struct archive *tar, void *context, const void *data, size_t length)
{
    struct seal *seal = context;
    ssize_t n = 0;
    (void)tar;
    do
        n = write(seal->out, data, length);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        (void)EVP_DigestUpdate(seal->hash, data, (size_t)n);
    return n;
}

static enum error open_out(struct seal *seal, int out, struct fault *fault)
{
    seal->out = out;
    seal->tar = archive_write_new();
    seal->hash = EVP_MD_CTX_new();
    if (seal->tar == NULL || seal->hash == NULL ||
        EVP_DigestInit_ex(seal->hash, EVP_sha256(), NULL) != 1)
        return backup_no_memory(fault);
    if (archive_write_set_format_pax_restricted(seal->tar) == ARCHIVE_OK &&
        archive_write_set_bytes_in_last_block(seal->tar, 1) == ARCHIVE_OK &&
        archive_write_open(seal->tar, seal, NULL, write_out, NULL) == ARCHIVE_OK)
        return ERR_OK;
    return backup_cannot_write(fault);
}

enum error seal_new(struct bytes certificate, int out, struct seal **ret_seal, struct fault *fault)
{
    SEAL_AUTO seal = calloc(1, sizeof *seal);
    if (seal == NULL)
        return backup_no_memory(fault);
    enum error e = take_recipient(seal, certificate, fault);
    if (e == ERR_OK)
        e = open_out(seal, out, fault);
    if (e != ERR_OK)
        return e;
    *ret_seal = seal;
    seal = NULL;
    return ERR_OK;
}

void seal_free(struct seal **seal)
{
    if (*seal == NULL)
        return;
    if ((*seal)->tar != NULL) {
        (void)archive_write_fail((*seal)->tar); /* no end is written */
        (void)archive_write_free((*seal)->tar);
    }
    EVP_MD_CTX_free((*seal)->hash);
    X509_free((*seal)->recipient);
    free(*seal);
    *seal = NULL;
}

unsigned seal_parts(const struct seal *seal)
{
    return seal->parts;
}

void seal_digest(struct seal *seal, struct sha256 *ret_digest)
{
    (void)EVP_DigestFinal_ex(seal->hash, ret_digest->bytes, NULL);
}

/* ---- one part ---- */

/* OAEP, and SHA-256 in the key derivation, instead of what CMS takes by itself for old readers. */
static bool set_recipient(CMS_ContentInfo *message, X509 *recipient)
{
    CMS_RecipientInfo *info = CMS_add1_recipient_cert(message, recipient, CMS_KEY_PARAM);
    EVP_PKEY_CTX *context = info != NULL ? CMS_RecipientInfo_get0_pkey_ctx(info) : NULL;
    if (context == NULL)
        return false;
    if (CMS_RecipientInfo_type(info) == CMS_RECIPINFO_AGREE)
        return EVP_PKEY_CTX_set_ecdh_kdf_md(context, EVP_sha256()) > 0;
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) > 0;
}

static int encrypt(const struct seal *seal, unsigned char **ret_der)
{
    int length = -1;
    BIO *in = BIO_new_mem_buf(seal->part, (int)seal->length);
    CMS_ContentInfo *message = CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), CMS_BINARY | CMS_PARTIAL);
    if (in != NULL && message != NULL && set_recipient(message, seal->recipient) &&
        CMS_final(message, in, NULL, CMS_BINARY) == 1)
        length = i2d_CMS_ContentInfo(message, ret_der);
    CMS_ContentInfo_free(message);
    BIO_free(in);
    return length;
}

static bool put_entry(struct seal *seal, const unsigned char *der, size_t length)
{
    char name[BACKUP_NAME_MAX];
    struct archive_entry *entry = archive_entry_new();
    if (entry == NULL)
        return false;
    (void)snprintf(name, sizeof name, BACKUP_PART_NAME, seal->parts);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, PART_MODE);
    archive_entry_set_size(entry, (la_int64_t)length);
    archive_entry_set_mtime(entry, time(NULL), 0);
    bool is_written = archive_write_header(seal->tar, entry) == ARCHIVE_OK &&
                      archive_write_data(seal->tar, der, length) == (la_ssize_t)length;
    archive_entry_free(entry);
    return is_written;
}

static enum error write_part(struct seal *seal, struct fault *fault)
{
    unsigned char *der = NULL;
    if (seal->parts == BACKUP_PARTS_MAX)
        return fault_set(fault, ERR_TOO_LARGE, "backup-size", "The backup is too large.", 0);
    int length = encrypt(seal, &der);
    if (length <= 0)
        return fault_set(fault, ERR_INTERNAL, "backup-encryption",
                         "The backup cannot be encrypted to this certificate.", 0);
    seal->parts++;
    errno = 0;
    bool is_written = put_entry(seal, der, (size_t)length);
    OPENSSL_free(der);
    seal->length = 0;
    crash_point("backup.part-written");
    return is_written ? ERR_OK : backup_cannot_write(fault);
}

/* ---- all of them ---- */

enum error seal_write(struct seal *seal, struct bytes data, struct fault *fault)
{
    while (data.length > 0) {
        size_t room = BACKUP_PART_BYTES - seal->length;
        size_t n = data.length < room ? data.length : room;
        memcpy(seal->part + seal->length, data.data, n);
        seal->length += n;
        data = bytes_of(data.data + n, data.length - n);
        enum error e = seal->length == BACKUP_PART_BYTES ? write_part(seal, fault) : ERR_OK;
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

enum error seal_finish(struct seal *seal, struct fault *fault)
{
    enum error e = seal->length > 0 ? write_part(seal, fault) : ERR_OK;
    errno = 0;
    if (e == ERR_OK && archive_write_close(seal->tar) != ARCHIVE_OK)
        e = backup_cannot_write(fault);
    return e;
}
