/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Writing an export, line by line, within the limits of the reader. Owns no state. */
#include "journal/export.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/clock.h"
#include "journal/export_form.h"

static enum error too_large(struct fault *fault, const char *detail)
{
    return fault_set(fault, ERR_TOO_LARGE, "export-line", detail, 0);
}

static enum error out_of_memory(struct fault *fault)
{
    return fault_set(fault, ERR_INTERNAL, "memory", "There is not enough memory for the export.",
                     0);
}

static enum error write_line(FILE *out, struct bytes line, struct fault *fault)
{
    if (fwrite(line.data, 1, line.length, out) == line.length && fputc('\n', out) != EOF)
        return ERR_OK;
    return fault_set(fault, ERR_BAD_REQUEST, "export-file",
                     "The export cannot be written: see the number; 28 is a full disk.", errno);
}

/* ---- the header ---- */

static json_t *account_json(const struct export_account *account)
{
    json_t *object = json_pack("{s:s}", "product", account->product);
    for (size_t i = 0; i < EXPORT_NUMBERS && object != NULL; i++) {
        if (json_object_set_new(object, EXPORT_NUMBER_FORMS[i].name,
                                json_integer(export_number_get(account, i))) != 0) {
            json_decref(object);
            object = NULL;
        }
    }
    return object;
}

static json_t *accounts_json(const struct export_header *header)
{
    json_t *array = json_array();
    for (size_t i = 0; i < header->account_count; i++) {
        if (json_array_append_new(array, account_json(&header->accounts[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *header_json(const struct export_header *header)
{
    char time[TIMESTAMP_SIZE];
    char challenge[2 * EXPORT_CHALLENGE_MAX + 1];
    timestamp_format(header->made_unix_ms, time);
    json_t *object =
        json_pack("{s:s, s:s, s:I, s:I, s:s, s:o}", "checkpoint", header->checkpoint, "key",
                  header->key, "documents", (json_int_t)header->documents, "leaves",
                  (json_int_t)header->leaves, "made", time, "accounts", accounts_json(header));
    if (header->challenge_length == 0 || object == NULL)
        return object;
    hex_encode(bytes_of(header->challenge, header->challenge_length), challenge);
    if (json_object_set_new(object, "challenge", json_string(challenge)) == 0)
        return object;
    json_decref(object);
    return NULL;
}

enum error export_write_header(FILE *out, const struct export_header *header, struct fault *fault)
{
    json_t *object = header_json(header);
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    json_decref(object);
    if (text == NULL)
        return out_of_memory(fault);
    size_t length = strlen(text);
    enum error e = length > EXPORT_HEADER_MAX
                       ? too_large(fault, "The accounts are too many for the export's header.")
                       : write_line(out, bytes_of(EXPORT_MAGIC, strlen(EXPORT_MAGIC)), fault);
    if (e == ERR_OK)
        e = write_line(out, bytes_of(text, length), fault);
    free(text);
    return e;
}

/* ---- the lines ---- */

enum error export_write_document(FILE *out, struct bytes document, struct fault *fault)
{
    char *text = NULL;
    if (document.length == 0 || document.length > EXPORT_LINE_MAX / 4 * 3)
        return too_large(fault, "A document is empty or longer than a line of an export may be.");
    if (base64_encode(document, &text) != ERR_OK)
        return out_of_memory(fault);
    enum error e = write_line(out, bytes_of(text, strlen(text)), fault);
    free(text);
    return e;
}

enum error export_write_leaf(FILE *out, struct bytes entry, struct fault *fault)
{
    if (entry.length == 0 || entry.length > EXPORT_LINE_MAX)
        return too_large(fault, "A leaf is empty or longer than a line of an export may be.");
    if (memchr(entry.data, '\n', entry.length) != NULL)
        return fault_set(fault, ERR_INTERNAL, "leaf", "A leaf is not one line of text.", 0);
    return write_line(out, entry, fault);
}
