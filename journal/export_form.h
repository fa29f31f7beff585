/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What reading and writing of an export share. Private to journal/. Threads: constants and pure
 * functions.
 */
#ifndef JOURNAL_EXPORT_FORM_H
#define JOURNAL_EXPORT_FORM_H

#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/error.h"
#include "journal/export.h"

#define EXPORT_MAGIC   "provisiond-journal/1"
#define EXPORT_NUMBERS 13 /* of an account */

/* The name of a number of an account and where it is. */
struct export_number_form {
    const char *name;
    size_t offset;
};

extern const struct export_number_form EXPORT_NUMBER_FORMS[EXPORT_NUMBERS];

int64_t export_number_get(const struct export_account *account, size_t i);
void export_number_set(struct export_account *account, size_t i, int64_t number);

/* Reads line 2; the caller frees ret_header->accounts. ERR_BAD_REQUEST ("export-header"). */
enum error export_header_parse(struct bytes line, struct export_header *ret_header,
                               struct fault *fault) MUST_USE;

#endif
