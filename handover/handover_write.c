/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Writing the file, line by line. Owns no state. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "handover/form.h"

static enum error out_of_memory(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "memory",
                     "There is not enough memory for the file of session keys.", 0);
}

static enum error write_line(struct handover_file *file, const char *line, struct fault *fault)
{
    if (line == NULL || strlen(line) > HANDOVER_LINE_MAX || !form_hash_line(file, line))
        return out_of_memory(fault);
    file->lines++;
    if (fputs(line, file->stream) >= 0 && fputc('\n', file->stream) != EOF)
        return ERR_OK;
    return fault_set(fault, ERR_BAD_REQUEST, "keys-file",
                     "The file of session keys cannot be written: see the number; 28 is a full "
                     "disk.",
                     errno);
}

enum error handover_write_header(struct handover_file *file, const struct handover_header *header,
                                 struct fault *fault)
{
    if (header->images > HANDOVER_IMAGES_MAX)
        return fault_set(fault, ERR_TOO_LARGE, "keys-file-images",
                         "The session keys of at most 16384 images go into one file.", 0);
    char *line = form_of_header(header);
    enum error e = write_line(file, HANDOVER_MAGIC, fault);
    if (e == ERR_OK)
        e = write_line(file, line, fault);
    free(line);
    return e;
}

enum error handover_write_image(struct handover_file *file, const struct handover_image *image,
                                struct fault *fault)
{
    char *line = form_of_image(image);
    enum error e = write_line(file, line, fault);
    free(line);
    return e;
}

enum error handover_write_end(struct handover_file *file, struct sha256 *ret_digest,
                              struct fault *fault)
{
    struct sha256 digest;
    char hex[SHA256_HEX_SIZE];
    if (!form_hash_so_far(file, &digest))
        return out_of_memory(fault);
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), hex);
    enum error e = write_line(file, hex, fault);
    if (e == ERR_OK && !form_hash_so_far(file, ret_digest))
        e = out_of_memory(fault);
    return e;
}
