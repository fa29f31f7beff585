/* SPDX-FileCopyrightText: The provisiond authors */
/* SPDX-License-Identifier: Apache-2.0 */

/* Checkpoints for tests. Their signature lines have the form alone: nobody here checks them. */
#ifndef TESTS_UNIT_HSM_NOTE_H
#define TESTS_UNIT_HSM_NOTE_H

#include <stdint.h>

#include "core/bytes.h"
#include "hsm/hsm_client.h"

struct note {
    char text[8192];
    size_t length;
};

/* The three lines: this many leaves, a root whose bytes are all `root`. */
struct note note_body(int64_t size, uint8_t root);
/* The same with a signature. */
struct note note_make(int64_t size, uint8_t root);
/* A note of exactly this many bytes, by one long signature line. */
struct note note_of_length(int64_t size, size_t length);
struct bytes note_bytes(const struct note *note);

/* Writes it in the place of what the token holds at that moment, whoever wrote that. */
enum error note_put(struct hsm_client *client, const struct note *note, bool replaces_larger,
                    struct fault *fault);

#endif
