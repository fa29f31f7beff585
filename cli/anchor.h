/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What provctl says about the anchor, the head of the journal that the HSM remembers, and how the
 * heads of a journal are written: SIZE:ROOT, the number of leaves in decimal and the root in hex.
 * Threads: pure functions.
 */
#ifndef CLI_ANCHOR_H
#define CLI_ANCHOR_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/failure.h"
#include "core/bytes.h"
#include "vault.pb-c.h"

#define ANCHOR_OK       "ok"
#define ANCHOR_MISMATCH "mismatch"
#define HEAD_TEXT_SIZE  (20 + SHA256_HEX_SIZE) /* 19 digits, ":", 64 digits, NUL */

struct journal_head {
    int64_t size; /* leaves */
    struct sha256 root;
};

/* The word of a usage or a status in a sentence; the word itself when it is not known. */
const char *anchor_explain(const char *word);

/* False unless text is exactly SIZE:ROOT. */
bool head_parse(const char *text, struct journal_head *ret_head);
/* size must not be negative. Returns out. */
char *head_format(const struct journal_head *head, char out[HEAD_TEXT_SIZE]);
/* A head of the vault's answer; ERR_INTERNAL unless it is one. */
enum error head_read(const Provisiond__JournalHead *message, struct journal_head *ret_head,
                     struct failure *failure) MUST_USE;

#endif
