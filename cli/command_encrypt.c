/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * provctl image encrypt: a firmware goes to the vault as a descriptor, as it is or packed
 * into the records of an image (st-sfi). Owns no state.
 */
#include <stdio.h>
#include <unistd.h>

#include "cli/admin_work.h"
#include "cli/commands.h"
#include "cli/firmware_line.h"
#include "cli/output.h"
#include "cli/progress.h"

static enum error print_encrypted(const Provisiond__ImageEncryptReply *reply, bool is_json,
                                  struct failure *failure)
{
    struct sha256 digest;
    char text[IMAGE_REFERENCE_SIZE];
    enum error e = admin_read_digest(reply->image, &digest, failure);
    if (e != ERR_OK)
        return e;
    if (is_json)
        return output_json(json_pack("{s:o, s:I}", "image", output_digest(&digest), "size",
                                     (json_int_t)reply->size),
                           failure);
    image_reference_format(&digest, text);
    (void)puts(text);
    return ERR_OK;
}

static enum error encrypt(const struct arguments *arguments, const struct firmware_file *file,
                          struct failure *failure)
{
    Provisiond__ImageEncryptRequest encrypt = PROVISIOND__IMAGE_ENCRYPT_REQUEST__INIT;
    Provisiond__AdminRequest request = PROVISIOND__ADMIN_REQUEST__INIT;
    struct admin_work work = {
        .arguments = arguments, .request = &request, .file = file->fd, .failure = failure};
    encrypt.product = (char *)arguments_get(arguments, OPTION_PRODUCT);
    encrypt.label = (char *)arguments_get_or(arguments, OPTION_LABEL, "");
    encrypt.content = (char *)arguments_get_or(arguments, OPTION_CONTENT, "");
    encrypt.format = (char *)firmware_line_format(arguments);
    request.op_case = PROVISIOND__ADMIN_REQUEST__OP_IMAGE_ENCRYPT;
    request.image_encrypt = &encrypt;
    progress_run(admin_work_ask, &work, file->fd, file->size);
    ADMIN_REPLY_AUTO reply = work.reply;
    if (work.result != ERR_OK)
        return work.result;
    return print_encrypted(reply->image_encrypt, arguments_has(arguments, OPTION_JSON), failure);
}

enum error command_image_encrypt(const struct arguments *arguments, struct failure *failure)
{
    struct firmware_file file;
    enum error e = firmware_line_open(arguments, &file, failure);
    if (e != ERR_OK)
        return e;
    e = encrypt(arguments, &file, failure);
    (void)close(file.fd);
    return e;
}
