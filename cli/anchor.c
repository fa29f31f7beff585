/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* The words of the anchor, and SIZE:ROOT. Owns no state. */
#include "cli/anchor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/text.h"

static const struct {
    const char *word;
    const char *sentence;
} WORDS[] = {
    {ANCHOR_OK, "ok: the HSM remembers the journal"},
    {"none", "none: this HSM cannot remember the journal; an older ledger would not be noticed"},
    {ANCHOR_MISMATCH,
     "mismatch: the ledger is not the one that the HSM remembers; no new licenses"},
};

const char *anchor_explain(const char *word)
{
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        if (strcmp(word, WORDS[i].word) == 0)
            return WORDS[i].sentence;
    }
    return word;
}

bool head_parse(const char *text, struct journal_head *ret_head)
{
    struct journal_head head;
    char size[NUMBER_TEXT_SIZE];
    const size_t digits = strspn(text, "0123456789");
    if (digits >= sizeof size || text[digits] != ':')
        return false;
    memcpy(size, text, digits);
    size[digits] = '\0';
    if (!text_parse_number(size, 0, INT64_MAX, &head.size) ||
        !hex_decode(text + digits + 1, head.root.bytes, SHA256_SIZE))
        return false;
    *ret_head = head;
    return true;
}

char *head_format(const struct journal_head *head, char out[HEAD_TEXT_SIZE])
{
    const int n = snprintf(out, HEAD_TEXT_SIZE, "%" PRId64 ":", head->size);
    hex_encode(bytes_of(head->root.bytes, SHA256_SIZE), out + n);
    return out;
}

enum error head_read(const Provisiond__JournalHead *message, struct journal_head *ret_head,
                     struct failure *failure)
{
    if (message == NULL || message->size < 0 || message->root.len != SHA256_SIZE)
        return failure_set_plain(failure, ERR_INTERNAL,
                                 "The vault's answer holds a journal head that is none");
    ret_head->size = message->size;
    memcpy(ret_head->root.bytes, message->root.data, SHA256_SIZE);
    return ERR_OK;
}
