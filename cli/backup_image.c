/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Images, asked for and packed one by one. Owns no state. */
#include "cli/backup_image.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct packing {
    const struct arguments *arguments;
    struct pack *pack;
    const Provisiond__ImageFile *image;
    struct sha256 digest; /* of the image */
    struct failure *failure;
};

enum error backup_fail(struct failure *failure, const char *path, const struct fault *fault)
{
    return failure_set_plain(failure, fault->code, "%s: %s%s%s", path, fault->detail,
                             fault->native != 0 ? " " : "",
                             fault->native != 0 ? strerror((int)fault->native) : "");
}

void backup_lacks_clear(struct backup_lacks *lacks)
{
    free(lacks->rows);
    *lacks = (struct backup_lacks){.rows = NULL};
}

static enum error note_lack(const struct packing *packing, struct backup_lacks *lacks,
                            const char *why)
{
    struct fault fault = {0};
    struct backup_lack *rows = realloc(lacks->rows, (lacks->count + 1) * sizeof *rows);
    if (rows == NULL)
        return failure_set_memory(packing->failure);
    lacks->rows = rows;
    rows[lacks->count++] =
        (struct backup_lack){.image = packing->digest, .size = packing->image->size, .why = why};
    if (pack_without(packing->pack, &packing->digest, &fault) == ERR_OK)
        return ERR_OK;
    return backup_fail(packing->failure, BACKUP_MANIFEST, &fault);
}

static enum error fetch(const struct packing *packing, int *ret_file, struct failure *failure)
{
    ADMIN_REPLY_AUTO reply = NULL;
    Provisiond__ImageFileRequest wanted = PROVISIOND__IMAGE_FILE_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_IMAGE_FILE;
    request.image_file = &wanted;
    wanted.digest = packing->image->digest;
    return admin_fetch(packing->arguments, &request, &reply, ret_file, failure);
}

/* Read before it is packed: what is in the backup's stream cannot be taken back. */
static bool is_good(const struct packing *packing, int file)
{
    struct fault fault = {0};
    struct sha256 found;
    return pack_digest(file, packing->image->size, &found, &fault) == ERR_OK &&
           sha256_equal(&packing->digest, &found);
}

/* *ret_file stays -1 and *ret_why says why when the store does not have it as it should be. */
static enum error open_image(const struct packing *packing, int *ret_file, const char **ret_why)
{
    struct failure failure = {.code = ERR_OK};
    int file = -1;
    enum error e = fetch(packing, &file, &failure);
    if (e == ERR_IMAGE_UNKNOWN) {
        *ret_why = "its stored file is gone";
    } else if (e == ERR_LEDGER_UNAVAILABLE) {
        *ret_why = "its stored file cannot be opened";
    } else if (e != ERR_OK) {
        *packing->failure = failure;
        return e;
    } else if (is_good(packing, file)) {
        *ret_file = file;
        return ERR_OK;
    } else {
        *ret_why = "its stored file is damaged";
    }
    if (file >= 0)
        (void)close(file);
    return ERR_OK;
}

static enum error pack_good(const struct packing *packing, int file)
{
    char name[BACKUP_NAME_MAX] = BACKUP_IMAGES "/";
    struct fault fault = {0};
    struct sha256 packed;
    hex_encode(bytes_of(packing->digest.bytes, SHA256_SIZE), name + strlen(name));
    if (pack_file(packing->pack, name, file, packing->image->size, &packed, &fault) != ERR_OK)
        return backup_fail(packing->failure, name, &fault);
    if (sha256_equal(&packing->digest, &packed))
        return ERR_OK;
    return failure_set_plain(packing->failure, ERR_CONFLICT,
                             "The stored file of %s was changed while it was packed. Repeat the "
                             "backup",
                             name);
}

enum error backup_image_pack(const struct arguments *arguments, struct pack *pack,
                             const Provisiond__ImageFile *image, struct backup_lacks *lacks,
                             struct failure *failure)
{
    struct packing packing = {
        .arguments = arguments, .pack = pack, .image = image, .failure = failure};
    const char *why = NULL;
    int file = -1;
    enum error e = admin_read_digest(image->digest, &packing.digest, failure);
    if (e == ERR_OK)
        e = open_image(&packing, &file, &why);
    if (e == ERR_OK && file < 0)
        return note_lack(&packing, lacks, why);
    if (e == ERR_OK)
        e = pack_good(&packing, file);
    if (file >= 0)
        (void)close(file);
    return e;
}
