/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Reading the file, line by line, each at most HANDOVER_LINE_MAX bytes. Owns no state. */
#include <string.h>

#include "handover/form.h"

static enum error refuse(const struct handover_file *file, const char *reason, const char *detail,
                         struct fault *fault)
{
    return fault_set(fault, ERR_BAD_REQUEST, reason, detail, (long)file->lines);
}

static enum error refuse_form(const struct handover_file *file, struct fault *fault)
{
    return refuse(file, "keys-file-form",
                  "This is no file of session keys, or somebody changed it: provctl standby export "
                  "writes them.",
                  fault);
}

/* Without its end. A NUL in it ends the text, which is then another one than was hashed. */
static enum error read_line(struct handover_file *file, char line[HANDOVER_LINE_MAX + 1],
                            struct fault *fault)
{
    size_t length = 0;
    int c = getc(file->stream);
    file->lines++;
    while (c != EOF && c != '\n' && c != '\0' && length < HANDOVER_LINE_MAX) {
        line[length++] = (char)c;
        c = getc(file->stream);
    }
    line[length] = '\0';
    if (c == EOF)
        return refuse(file, "keys-file-cut", "The file of session keys is cut off: copy it again.",
                      fault);
    return c == '\n' ? ERR_OK : refuse_form(file, fault);
}

static enum error hash_line(struct handover_file *file, const char *line, struct fault *fault)
{
    if (form_hash_line(file, line))
        return ERR_OK;
    return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
}

enum error handover_read_header(struct handover_file *file, struct handover_header *ret_header,
                                struct fault *fault)
{
    char line[HANDOVER_LINE_MAX + 1];
    struct handover_header header;
    enum error e = read_line(file, line, fault);
    if (e == ERR_OK && strcmp(line, HANDOVER_MAGIC) != 0)
        e = refuse_form(file, fault);
    if (e == ERR_OK)
        e = hash_line(file, line, fault);
    if (e == ERR_OK)
        e = read_line(file, line, fault);
    if (e == ERR_OK && !form_read_header(line, &header))
        e = refuse_form(file, fault);
    if (e == ERR_OK)
        e = hash_line(file, line, fault);
    if (e != ERR_OK)
        return e;
    if (header.images > HANDOVER_IMAGES_MAX)
        return fault_set(fault, ERR_TOO_LARGE, "keys-file-images",
                         "A file of session keys is of at most 16384 images.", 0);
    file->images = header.images;
    *ret_header = header;
    return ERR_OK;
}

enum error handover_read_image(struct handover_file *file, struct handover_image *ret_image,
                               struct fault *fault)
{
    char line[HANDOVER_LINE_MAX + 1];
    enum error e = read_line(file, line, fault);
    if (e == ERR_OK && !form_read_image(line, ret_image))
        e = refuse_form(file, fault);
    return e == ERR_OK ? hash_line(file, line, fault) : e;
}

enum error handover_read_end(struct handover_file *file, struct sha256 *ret_digest,
                             struct fault *fault)
{
    char line[HANDOVER_LINE_MAX + 1];
    char hex[SHA256_HEX_SIZE];
    struct sha256 digest;
    if (!form_hash_so_far(file, &digest))
        return fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    hex_encode(bytes_of(digest.bytes, SHA256_SIZE), hex);
    enum error e = read_line(file, line, fault);
    if (e == ERR_OK && strcmp(line, hex) != 0)
        e = refuse(file, "keys-file-damaged",
                   "The file of session keys is not as it was written: copy it again.", fault);
    if (e == ERR_OK && getc(file->stream) != EOF)
        e = refuse(file, "keys-file-long", "The file of session keys goes on behind its end.",
                   fault);
    if (e == ERR_OK)
        e = hash_line(file, line, fault);
    if (e == ERR_OK && !form_hash_so_far(file, ret_digest))
        e = fault_set(fault, ERR_INTERNAL, "memory", "Out of memory.", 0);
    return e;
}
