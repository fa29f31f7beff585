/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The exported journal: one text file with all that an auditor needs beside a public key.
 *
 *     line 1        provisiond-journal/1
 *     line 2        a JSON object: "checkpoint" (the note), "key" (PEM of the checkpoint key),
 *                   "documents" and "leaves" (how many lines of each follow), "accounts" (below),
 *                   "made" (RFC 3339), and "challenge" (hex) when one was given
 *     then          one line per signed document, in order of acceptance: standard base64
 *     then          one line per leaf, from index 0: the entry itself, whose hash is in the tree
 *
 * Every line ends in one newline; nothing follows the last. "accounts" is what the ledger's rows
 * say at that size: an array of objects with "product" and the integers "accepted", "revoked",
 * "scrap_allowance", "scrap_drawn", "granted", "charged", "remaining", "licensed", "succeeded",
 * "proven", "failed", "scrapped", "unreported". It is a claim to compare with the leaves, and is
 * not signed.
 *
 * An open file is mapped, not copied: nobody may change it until it is closed. What changed while
 * its lines were counted is noticed; a file that is cut later ends the process with SIGBUS where
 * its missing lines are read. So verify a copy of your own, not one that its maker can still write.
 *
 * Threads: a writer or a file belongs to one thread; reading lines of an open file is free.
 */
#ifndef JOURNAL_EXPORT_H
#define JOURNAL_EXPORT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/bytes.h"
#include "core/error.h"
#include "journal/checkpoint.h"

#define EXPORT_CHALLENGE_MIN 8 /* bytes of an auditor's nonce */
#define EXPORT_CHALLENGE_MAX 64
#define EXPORT_KEY_PEM_MAX   1024
#define EXPORT_HEADER_MAX    ((size_t)16 * 1024 * 1024)
#define EXPORT_LINE_MAX      ((size_t)256 * 1024)

struct export_account {
    char product[65];
    int64_t accepted;
    int64_t revoked;
    int64_t scrap_allowance;
    int64_t scrap_drawn;
    int64_t granted;
    int64_t charged;
    int64_t remaining;
    int64_t licensed;
    int64_t succeeded;
    int64_t proven;
    int64_t failed;
    int64_t scrapped;
    int64_t unreported;
};

struct export_header {
    char checkpoint[CHECKPOINT_NOTE_MAX];
    char key[EXPORT_KEY_PEM_MAX]; /* PEM, PUBLIC KEY */
    int64_t documents;
    int64_t leaves;
    int64_t made_unix_ms;
    uint8_t challenge[EXPORT_CHALLENGE_MAX];
    size_t challenge_length; /* 0: none */
    struct export_account *accounts;
    size_t account_count;
};

/* ---- writing ---- */

/*
 * Lines 1 and 2; then the caller writes documents and leaves with the two below, as many as the
 * header says. header->accounts is borrowed, no product is in it twice. What the reader would not
 * take is not written: ERR_TOO_LARGE ("export-line"), ERR_INTERNAL ("leaf", an entry of two lines).
 * A failed write is ERR_BAD_REQUEST ("export-file", errno), or shows in ferror(out) at the end.
 */
enum error export_write_header(FILE *out, const struct export_header *header,
                               struct fault *fault) MUST_USE;
enum error export_write_document(FILE *out, struct bytes document, struct fault *fault) MUST_USE;
enum error export_write_leaf(FILE *out, struct bytes entry, struct fault *fault) MUST_USE;

/* ---- reading ---- */

struct export_file;

/*
 * Maps the file (regular, read-only) and finds its lines. ERR_BAD_REQUEST with "not-an-export",
 * "export-header" (line 2 is not exactly as above), "export-cut" (fewer lines than the header
 * says), "export-long" (more), "export-line" (an empty line, or one beyond EXPORT_LINE_MAX);
 * ERR_CONFIG: "file", it cannot be read; "file-changed", it changed meanwhile. Takes time in
 * proportion to the file's size: on_progress (may be NULL) is called now and then, and at the end,
 * with bytes done and all. The texts in the header are of the right length and no more: checkpoint
 * and key are to be opened by whoever needs them.
 */
enum error export_open(const char *path,
                       void (*on_progress)(void *context, uint64_t done, uint64_t all),
                       void *context, struct export_file **ret_file, struct fault *fault) MUST_USE;
/* NULL is allowed. */
void export_close(struct export_file *file);
const struct export_header *export_header(const struct export_file *file);
/* The entry of a leaf, 0 <= index < header->leaves; borrowed from the file. */
struct bytes export_leaf(const struct export_file *file, int64_t index);
/* The decoded document; the caller frees *ret_data. ERR_BAD_REQUEST ("export-document"). */
enum error export_document(const struct export_file *file, int64_t index, uint8_t **ret_data,
                           size_t *ret_length, struct fault *fault) MUST_USE;

#endif
