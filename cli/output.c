/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* JSON on standard output. Owns no state. */
#include "cli/output.h"

#include <stdio.h>

#include "cli/text.h"

#define ESCAPED_MAX 2048
#define WHOLE_MAX   2000 /* what the vault tells of a list without pages */

json_t *output_text(const char *text)
{
    char escaped[ESCAPED_MAX];
    json_t *value = json_string(text);
    if (value != NULL)
        return value;
    text_escape(text, escaped, sizeof escaped);
    return json_string(escaped);
}

json_t *output_digest(const struct sha256 *digest)
{
    char text[IMAGE_REFERENCE_SIZE];
    image_reference_format(digest, text);
    return json_string(text);
}

enum error output_json(json_t *value, struct failure *failure)
{
    if (value == NULL)
        return failure_set_memory(failure);
    int result = json_dumpf(value, stdout, JSON_ENSURE_ASCII);
    json_decref(value);
    if (result != 0 || putchar('\n') == EOF)
        return failure_set_plain(failure, ERR_CONFIG, "Standard output cannot be written");
    return ERR_OK;
}

enum error output_json_body(struct bytes body, struct failure *failure)
{
    json_t *value = json_loadb((const char *)body.data, body.length, JSON_REJECT_DUPLICATES, NULL);
    if (value == NULL)
        return failure_set_plain(failure, ERR_INTERNAL, "The server's answer is not JSON");
    return output_json(value, failure);
}

void output_note_empty(size_t count, const char *things)
{
    if (count == 0)
        (void)fprintf(stderr, "There are no %s yet.\n", things);
}

void output_note_cut(size_t count, const char *things)
{
    if (count >= WHOLE_MAX)
        (void)fprintf(stderr, "Only %d %s are shown: there may be older ones.\n", WHOLE_MAX,
                      things);
}
