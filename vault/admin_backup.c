/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a backup is made of, as descriptors for reading: a copy of the ledger, and the images that
 * it names; and the HSM's word that the copy was made here. What becomes of them is decided by
 * whoever asked. Owns no state.
 */
#include "vault/admin_task.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "core/clock.h"
#include "ledger/copy.h"
#include "vault/notary.h"
#include "vault/vault_client.h"

#define READ_BYTES       ((size_t)64 * 1024)
#define IMAGE_FILE_BYTES 48 /* of a packed ImageFile, at most */

static_assert(LEDGER_COPY_IMAGES_MAX * IMAGE_FILE_BYTES < VAULT_REPLY_MAX_BYTES,
              "the answer names all images");

/* What the answer points into. */
struct copied {
    struct ledger_copy copy; /* its file is the task's */
    Provisiond__ImageFile *rows;
    Provisiond__ImageFile **links;
    char note[CHECKPOINT_NOTE_MAX];
    struct fault not_signed;
};

static void copied_free(void *memory)
{
    struct copied *copied = memory;
    ledger_copy_clear(&copied->copy);
    free(copied->rows);
    free(copied->links);
    free(copied);
}

static struct copied *copied_new(struct admin_task *task)
{
    struct copied *copied = calloc(1, sizeof *copied);
    if (copied == NULL)
        return NULL;
    copied->copy.file = -1;
    task->memory = copied;
    task->free_memory = copied_free;
    return copied;
}

static enum error out_of_memory(struct admin_task *task)
{
    return fault_set(&task->fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
}

static bool link_images(struct copied *copied)
{
    size_t count = copied->copy.image_count;
    copied->rows = calloc(count + 1, sizeof *copied->rows);
    copied->links = calloc(count + 1, sizeof(Provisiond__ImageFile *));
    if (copied->rows == NULL || copied->links == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct ledger_copy_image *image = &copied->copy.images[i];
        provisiond__image_file__init(&copied->rows[i]);
        copied->rows[i].digest =
            (ProtobufCBinaryData){.len = SHA256_SIZE, .data = image->digest.bytes};
        copied->rows[i].size = image->size;
        copied->links[i] = &copied->rows[i];
    }
    return true;
}

/* ---- the HSM's word ---- */

static bool hash_content(int file, EVP_MD_CTX *hash)
{
    uint8_t block[READ_BYTES];
    ssize_t n = 0;
    for (off_t at = 0; (n = pread(file, block, sizeof block, at)) > 0; at += n) {
        if (EVP_DigestUpdate(hash, block, (size_t)n) != 1)
            return false;
    }
    return n == 0;
}

static enum error digest_file(int file, struct sha256 *ret_digest, struct fault *fault)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool is_done = hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 &&
                   hash_content(file, hash) &&
                   EVP_DigestFinal_ex(hash, ret_digest->bytes, NULL) == 1;
    EVP_MD_CTX_free(hash);
    return is_done ? ERR_OK
                   : fault_set(fault, ERR_LEDGER_UNAVAILABLE, "ledger-copy",
                               "The copy of the ledger cannot be read back.", errno);
}

/*
 * A backup without a note is better than none: it is made on the day when the HSM is broken, too.
 * So that there is none is an answer, with the reason in it.
 */
static enum error sign_copy(struct admin_task *task, struct copied *copied,
                            const struct sha256 *config)
{
    Provisiond__LedgerCopyReply *reply = &task->result.ledger_copy;
    struct backup_note backup = {.made_unix_ms = reply->made_unix_ms, .config = *config};
    enum error e = digest_file(copied->copy.file, &backup.ledger, &task->fault);
    if (e != ERR_OK)
        return e;
    if (notary_sign_backup(task->vault->notary, copied->copy.journal_size, &backup, copied->note,
                           &copied->not_signed) == ERR_OK)
        reply->note = copied->note;
    else
        reply->not_signed = copied->not_signed.detail;
    return ERR_OK;
}

/* ---- the answers ---- */

enum error admin_ledger_copy(struct admin_task *task)
{
    const ProtobufCBinaryData *asked = &task->request->ledger_copy->config_sha256;
    struct sha256 config;
    bool is_signed = asked->len > 0;
    if (is_signed && !admin_read_digest(asked, &config))
        return admin_refuse_field(task, "config_sha256", "A SHA-256 has 32 bytes.");
    Provisiond__LedgerCopyReply *reply = &task->result.ledger_copy;
    struct copied *copied = copied_new(task);
    if (copied == NULL)
        return out_of_memory(task);
    enum error e = ledger_copy(task->vault->ledger, &copied->copy, &task->fault);
    if (e != ERR_OK)
        return e;
    if (!link_images(copied))
        return out_of_memory(task);
    provisiond__ledger_copy_reply__init(reply);
    reply->size = copied->copy.size;
    reply->journal_size = copied->copy.journal_size;
    reply->n_images = copied->copy.image_count;
    reply->images = copied->links;
    reply->made_unix_ms = clock_unix_ms();
    if (is_signed)
        e = sign_copy(task, copied, &config);
    if (e != ERR_OK)
        return e;
    task->answer_file = copied->copy.file;
    copied->copy.file = -1;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_LEDGER_COPY;
    task->reply.ledger_copy = reply;
    return ERR_OK;
}

enum error admin_image_file(struct admin_task *task)
{
    Provisiond__ImageFileReply *reply = &task->result.image_file;
    struct sha256 digest;
    uint64_t size = 0;
    if (!admin_read_digest(&task->request->image_file->digest, &digest))
        return admin_refuse_field(task, "digest", "An image is named by 32 bytes.");
    enum error e = image_store_open_image(task->vault->images, &digest, &task->answer_file, &size,
                                          &task->fault);
    if (e != ERR_OK)
        return e;
    provisiond__image_file_reply__init(reply);
    reply->size = (int64_t)size;
    task->reply.result_case = PROVISIOND__ADMIN_REPLY__RESULT_IMAGE_FILE;
    task->reply.image_file = reply;
    return ERR_OK;
}
