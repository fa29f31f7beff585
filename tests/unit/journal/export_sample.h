/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An export of a log of leaves with a checkpoint that holds, in a file. Whatever cannot be made
 * fails the test. Threads: one.
 */
#ifndef TESTS_UNIT_JOURNAL_EXPORT_SAMPLE_H
#define TESTS_UNIT_JOURNAL_EXPORT_SAMPLE_H

#include <stdint.h>
#include <stdio.h>

#include "journal/export.h"
#include "signer.h"

#define SAMPLE_ACCOUNTS 2

/* The entry of a leaf: a JSON object of the usual length. Returns it with its length. */
struct bytes export_sample_leaf(int64_t index, char out[512]);
/* The document of an index: its bytes and some more, of every length from 1 on. */
struct bytes export_sample_document(int64_t index, uint8_t out[512]);

/*
 * A header over so many documents and leaves, with that key's checkpoint of the leaves. accounts is
 * where the header's accounts are.
 */
void export_sample_header(const struct signer *signer, int64_t documents, int64_t leaves,
                          struct export_account accounts[SAMPLE_ACCOUNTS],
                          struct export_header *ret_header);
/* The whole export. */
void export_sample_write(FILE *out, const struct signer *signer, int64_t documents, int64_t leaves);
/* The same into a file. */
void export_sample_file(const char *path, const struct signer *signer, int64_t documents,
                        int64_t leaves);

#endif
