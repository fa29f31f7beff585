/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a backup is made of, as descriptors for reading: a copy of the ledger, and the images that
 * it names. What becomes of them is decided by whoever asked. Owns no state.
 */
#include "vault/admin_task.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/copy.h"
#include "vault/vault_client.h"

#define IMAGE_FILE_BYTES 48 /* of a packed ImageFile, at most */

static_assert(LEDGER_COPY_IMAGES_MAX * IMAGE_FILE_BYTES < VAULT_REPLY_MAX_BYTES,
              "the answer names all images");

/* What the answer points into. */
struct copied {
    struct ledger_copy copy; /* its file is the task's */
    Provisiond__ImageFile *rows;
    Provisiond__ImageFile **links;
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

enum error admin_ledger_copy(struct admin_task *task)
{
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
