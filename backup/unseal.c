/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Parts, read and opened one by one. Owns the bytes of the present part and of its message. */
#include "backup/unseal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "backup/fault.h"

#define READ_BYTES ((size_t)64 * 1024)
#define MESSAGE_MAX                                                              \
    (BACKUP_PART_BYTES + (size_t)64 * 1024) /* of a part, with recipient and tag \
                                             */

struct unseal {
    X509 *certificate;
    EVP_PKEY *key;
    struct archive *in;
    unsigned parts;
    BIO *part;
    uint8_t message[MESSAGE_MAX];
};

/* ---- keys ---- */

/* Nobody is asked for a passphrase: libcrypto would wait at the terminal. */
static int no_passphrase(char *out, int size, int rwflag, void *context)
{
    (void)out;
    (void)size;
    (void)rwflag;
    (void)context;
    return -1;
}

static enum error take_pair(struct unseal *unseal, struct bytes certificate, struct bytes key,
                            struct fault *fault)
{
    BIO *in = BIO_new_mem_buf(certificate.data, (int)certificate.length);
    unseal->certificate = in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
    BIO_free(in);
    in = BIO_new_mem_buf(key.data, (int)key.length);
    unseal->key = in != NULL ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;
    BIO_free(in);
    if (unseal->certificate == NULL)
        return backup_wrong_key(fault, "The certificate is no certificate in PEM.");
    if (unseal->key == NULL)
        return backup_wrong_key(fault, "The key is no private key in PEM, or it is encrypted: "
                                       "openssl pkey -in KEY -out PLAIN takes the passphrase off.");
    if (X509_check_private_key(unseal->certificate, unseal->key) != 1)
        return backup_wrong_key(fault, "Key and certificate do not belong together.");
    return ERR_OK;
}

/* ---- life ---- */

static enum error no_backup(struct fault *fault)
{
    return backup_damaged(fault, "The file is no backup, or it is damaged: it is not a tar file of "
                                 "the parts part-00001.cms and so on.");
}

static enum error open_in(struct unseal *unseal, int in, struct fault *fault)
{
    unseal->in = archive_read_new();
    unseal->part = BIO_new(BIO_s_mem());
    if (unseal->in == NULL || unseal->part == NULL)
        return backup_no_memory(fault);
    if (archive_read_support_format_tar(unseal->in) != ARCHIVE_OK ||
        archive_read_open_fd(unseal->in, in, READ_BYTES) != ARCHIVE_OK)
        return no_backup(fault);
    return ERR_OK;
}

enum error unseal_new(struct bytes certificate, struct bytes key, int in,
                      struct unseal **ret_unseal, struct fault *fault)
{
    UNSEAL_AUTO unseal = calloc(1, sizeof *unseal);
    if (unseal == NULL)
        return backup_no_memory(fault);
    enum error e = take_pair(unseal, certificate, key, fault);
    if (e == ERR_OK)
        e = open_in(unseal, in, fault);
    if (e != ERR_OK)
        return e;
    *ret_unseal = unseal;
    unseal = NULL;
    return ERR_OK;
}

void unseal_free(struct unseal **unseal)
{
    if (*unseal == NULL)
        return;
    if ((*unseal)->in != NULL)
        (void)archive_read_free((*unseal)->in);
    X509_free((*unseal)->certificate);
    EVP_PKEY_free((*unseal)->key);
    BIO_free((*unseal)->part);
    free(*unseal);
    *unseal = NULL;
}

/* ---- one part ---- */

static bool is_next_part(const struct unseal *unseal, struct archive_entry *entry)
{
    char name[BACKUP_NAME_MAX];
    const char *found = archive_entry_pathname(entry);
    (void)snprintf(name, sizeof name, BACKUP_PART_NAME, unseal->parts + 1);
    return unseal->parts < BACKUP_PARTS_MAX && found != NULL && strcmp(found, name) == 0 &&
           archive_entry_filetype(entry) == AE_IFREG;
}

/* Its length, 0 behind the last part, or -1. */
static la_ssize_t read_message(struct unseal *unseal)
{
    struct archive_entry *entry = NULL;
    int rc = archive_read_next_header(unseal->in, &entry);
    if (rc == ARCHIVE_EOF)
        return 0;
    if (rc != ARCHIVE_OK || !is_next_part(unseal, entry))
        return -1;
    la_ssize_t length = archive_read_data(unseal->in, unseal->message, sizeof unseal->message);
    if (length <= 0 || (size_t)length == sizeof unseal->message ||
        length != archive_entry_size(entry))
        return -1;
    unseal->parts++;
    return length;
}

/* Anything but an authenticated message would be believed without a tag. */
static bool is_authenticated(const CMS_ContentInfo *message)
{
    return message != NULL &&
           OBJ_obj2nid(CMS_get0_type(message)) == NID_id_smime_ct_authEnvelopedData;
}

static bool is_one_of(STACK_OF(CMS_RecipientEncryptedKey) * keys, X509 *certificate)
{
    for (int i = 0; i < sk_CMS_RecipientEncryptedKey_num(keys); i++) {
        CMS_RecipientEncryptedKey *key = sk_CMS_RecipientEncryptedKey_value(keys, i);
        if (CMS_RecipientEncryptedKey_cert_cmp(key, certificate) == 0)
            return true;
    }
    return false;
}

/* libcrypto itself decrypts with a key of no use instead of saying so, and the tag is wrong. */
static bool is_recipient(CMS_ContentInfo *message, X509 *certificate)
{
    STACK_OF(CMS_RecipientInfo) *infos = CMS_get0_RecipientInfos(message);
    for (int i = 0; i < sk_CMS_RecipientInfo_num(infos); i++) {
        CMS_RecipientInfo *info = sk_CMS_RecipientInfo_value(infos, i);
        int type = CMS_RecipientInfo_type(info);
        if (type == CMS_RECIPINFO_TRANS && CMS_RecipientInfo_ktri_cert_cmp(info, certificate) == 0)
            return true;
        if (type == CMS_RECIPINFO_AGREE &&
            is_one_of(CMS_RecipientInfo_kari_get0_reks(info), certificate))
            return true;
    }
    return false;
}

static enum error decrypt(struct unseal *unseal, CMS_ContentInfo *message, struct fault *fault)
{
    if (!is_recipient(message, unseal->certificate))
        return backup_wrong_key(fault, "The backup was encrypted to another certificate.");
    (void)BIO_reset(unseal->part);
    if (CMS_decrypt(message, unseal->key, unseal->certificate, NULL, unseal->part, CMS_BINARY) == 1)
        return ERR_OK;
    return backup_damaged(fault, "A part of the backup is damaged: it was changed after it was "
                                 "encrypted.");
}

static enum error open_message(struct unseal *unseal, size_t length, struct fault *fault)
{
    const unsigned char *at = unseal->message;
    CMS_ContentInfo *message = d2i_CMS_ContentInfo(NULL, &at, (long)length);
    enum error e = is_authenticated(message) && at == unseal->message + length
                       ? decrypt(unseal, message, fault)
                       : no_backup(fault);
    CMS_ContentInfo_free(message);
    return e;
}

enum error unseal_next(struct unseal *unseal, struct bytes *ret_part, struct fault *fault)
{
    char *data = NULL;
    la_ssize_t length = read_message(unseal);
    if (length < 0 || (length == 0 && unseal->parts == 0))
        return no_backup(fault);
    if (length == 0) {
        *ret_part = bytes_of(NULL, 0);
        return ERR_OK;
    }
    enum error e = open_message(unseal, (size_t)length, fault);
    if (e != ERR_OK)
        return e;
    long size = BIO_get_mem_data(unseal->part, &data);
    if (size <= 0)
        return no_backup(fault);
    *ret_part = bytes_of(data, (size_t)size);
    return ERR_OK;
}
